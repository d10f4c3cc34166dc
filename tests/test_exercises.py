"""Every exercise is stated in one form, has its checks, and has a solution.

What the checks say to wrong answers is tested in test_checks_<chapter>.py.
"""

import math
import re

import notebooks
import numpy as np
import pytest
import torch

import descent
from descent import checks

CHAPTERS = [
    path
    for path in notebooks.paths()
    if path.parent.name == "chapters" and path.stem != "playground"
]
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
# From the chapters this book follows: 31. The others have at least three of our own.
FOLLOWED = {
    "sgd": 5,
    "minibatch-sgd": 4,
    "momentum": 4,
    "adagrad": 6,
    "rmsprop": 4,
    "adadelta": 4,
    "adam": 4,
}
STATEMENT = re.compile(
    r"### Exercise (?P<number>\d+): (?P<title>.+)\n+"
    r"\*Kind: (?P<kind>prove|compute|experiment|construct)\. "
    r"Difficulty: (?P<stars>★☆☆|★★☆|★★★)\.\*\n+"
)


def solutions_of(path):
    return path.parent / "solutions" / path.name


def text_of(path):
    """All Markdown of a notebook, with a line for each tagged code cell."""
    parts = []
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts += [f"<{tag}>" for tag in notebooks.tags(cell)]
    return "\n\n".join(parts)


def exercises_of(path):
    """(number, title, kind, text) of every exercise of a chapter."""
    section = text_of(path).partition("\n## Exercises")[2].partition("\n## ")[0]
    found = list(STATEMENT.finditer(section))
    assert len(found) == section.count("### Exercise"), "an exercise in another form"
    ends = [match.start() for match in found[1:]] + [len(section)]
    return [
        (int(m["number"]), m["title"].strip(), m["kind"], section[m.end() : end])
        for m, end in zip(found, ends)
    ]


@each_chapter
def test_exercises_are_numbered_and_enough(path):
    numbers = [number for number, *_ in exercises_of(path)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= FOLLOWED.get(path.stem, 3)


@each_chapter
def test_every_exercise_has_one_hint_and_a_link_to_its_solution(path):
    for number, title, _, text in exercises_of(path):
        assert len(re.findall(r"\*Hint: ", text)) == 1, (number, title)
        assert f"](solutions/{path.name})" in text, (number, title)


@each_chapter
def test_code_is_asked_for_with_a_starter_and_a_check(path):
    """At least half the exercises, and all that compute or construct, ask for code."""
    exercises = exercises_of(path)
    asking = 0
    for number, title, kind, text in exercises:
        assert text.count("<exercise>") == text.count("<check>"), (number, title)
        asking += "<exercise>" in text
        if kind in ("compute", "construct"):
            assert "<exercise>" in text, (number, title)
    assert asking >= len(exercises) / 2


@each_chapter
def test_an_unsolved_chapter_runs_and_says_so(path):
    """The committed chapters are unsolved, and their outputs are executed again."""
    for cell in notebooks.code_cells(notebooks.read(path)):
        if "exercise" in notebooks.tags(cell):
            assert "raise NotImplementedError" in cell.source
        if "check" in notebooks.tags(cell):
            said = "".join(output.text for output in cell.outputs)
            assert set(said.splitlines()) == {"Not attempted yet."}, cell.source


@each_chapter
def test_every_exercise_has_a_solution_and_every_solution_an_exercise(path):
    asked = [(number, title) for number, title, *_ in exercises_of(path)]
    text = text_of(solutions_of(path))
    solved = re.findall(r"^## Exercise (\d+): (.+)$", text, re.MULTILINE)
    assert [(int(number), title.strip()) for number, title in solved] == asked
    assert f"](../{path.name})" in text, "no link back to the chapter"


def check_names(path):
    source = "\n".join(c.source for c in notebooks.code_cells(notebooks.read(path)))
    return set(re.findall(r"descent\.checks\.(check_\w+)", source))


@each_chapter
def test_solutions_pass_the_checks_of_their_chapter(path):
    assert check_names(path) == check_names(solutions_of(path))
    for cell in notebooks.code_cells(notebooks.read(solutions_of(path))):
        if "descent.checks." in cell.source:
            said = "".join(o.text for o in cell.outputs if o.output_type == "stream")
            rights = [line for line in said.splitlines() if line.startswith("Right: ")]
            assert len(rights) == cell.source.count("descent.checks.check_")


def verdicts(path, tag):
    """Verdicts on the functions in the cells of a notebook with this tag."""
    code = {"math": math, "np": np, "torch": torch, "descent": descent}
    name = path.relative_to(notebooks.ROOT / "chapters").with_suffix("").as_posix()
    cells = notebooks.code_cells(notebooks.read(path))
    if tag == "solution":
        # behind the set-up cell: imports, and data where a solution needs them
        exec(cells[1].source, code)
    exec(notebooks.tagged_source(name, tag), code)
    source = "\n".join(cell.source for cell in cells)
    calls = re.findall(r"descent\.checks\.(check_\w+)\(([\w, ]+)\)", source)
    assert {check for check, _ in calls} == check_names(path)
    return {
        check: getattr(checks, check).judge(*(code[a] for a in answers.split(", ")))
        for check, answers in calls
    }


@each_chapter
def test_every_solution_is_right(path):
    for check, verdict in verdicts(solutions_of(path), "solution").items():
        assert verdict.right is True, f"{check}: {verdict.sentence}"
        assert verdict.sentence.startswith("Right: ")


@each_chapter
def test_every_starter_is_not_attempted(path):
    for check, verdict in verdicts(path, "exercise").items():
        assert verdict.right is None, f"{check}: {verdict.sentence}"
        assert verdict.sentence == "Not attempted yet."


def test_every_check_belongs_to_an_exercise():
    used = set().union(*(check_names(path) for path in CHAPTERS))
    assert used == {name for name in dir(checks) if name.startswith("check_")}


def test_solutions_are_no_chapter_s_neighbours_in_the_contents():
    """Whoever does not want to see them meets them only in a part of their own."""
    toc = (notebooks.ROOT / "_toc.yml").read_text(encoding="utf-8")
    chapters, _, solutions = toc.partition("caption: Solutions")
    assert "solutions/" not in chapters
    listed = re.findall(r"file: chapters/solutions/(\S+)", solutions)
    assert sorted(listed) == sorted(path.stem for path in CHAPTERS)


@each_chapter
def test_a_chapter_holds_no_solution(path):
    tags = [
        tag
        for c in notebooks.code_cells(notebooks.read(path))
        for tag in c.metadata.get("tags", [])
    ]
    assert "solution" not in tags
