"""The gate itself: whatever changes in a chapter, comparing the outputs finds it.

Each case changes one thing in a copy of a chapter, cut off behind the changed cell.
One run of nbval compares all copies, as `make test` compares the originals.
"""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import nbformat
import notebooks
import pytest


def cell_with(notebook, text):
    """The one code cell whose source contains `text`, and its position."""
    found = [
        (position, cell)
        for position, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and text in cell.source
    ]
    assert len(found) == 1, f"{text!r} is in {len(found)} cells"
    return found[0]


SOURCE_CHANGES = {
    "a learning rate, by text": (
        "sgd", "for rate in (0.1, 0.05, 0.025)", "(0.1, 0.05", "(0.1, 0.0501",
    ),
    "a learning rate, by figure": (
        "sgd", "descent.train_2d(sgd_2d, steps=50", "eta = 0.1", "eta = 0.101",
    ),
    "a seed": ("sgd", "picked = each[", "manual_seed(0)", "manual_seed(1)"),
    "a curve drawn": ("sgd", "exponential = torch.exp", "-1.0 * t", "-1.001 * t"),
    "a colour": ("minibatch-sgd", "sizes = [1, 3, 10", "#00875F", "#00875E"),
    "a batch size": ("minibatch-sgd", "sizes = [1, 3, 10", "[1, 3,", "[1, 4,"),
    "a sign": ("minibatch-sgd", "sizes = [1, 3, 10", "(N - b)", "(N + b)"),
}  # fmt: skip


def change_last_digit(text, pattern):
    """Change the last digit of the first match of `pattern`."""
    match = re.search(pattern, text)
    end = match.end()
    digit = str((int(text[end - 1]) + 1) % 10)
    return text[: end - 1] + digit + text[end:]


def change_number(outputs):
    outputs[0].text = change_last_digit(outputs[0].text, r"distance \d\.\d+")


def change_point(outputs):
    (data,) = (output.data for output in outputs if "data" in output)
    data["image/svg+xml"] = change_last_digit(data["image/svg+xml"], r"\nL [\d.]+")


OUTPUT_CHANGES = {
    "a number of the output": ("sgd", "picked = each[", change_number),
    "a point of a figure": ("sgd", "exponential = torch.exp", change_point),
}
BAD = ("failure", "error")  # a test case's outcomes in pytest's report
UNCHANGED = {  # the control: without a change the same copies pass
    "nothing, in SGD": ("sgd", "exponential = torch.exp"),
    "nothing, in minibatch SGD": ("minibatch-sgd", "sizes = [1, 3, 10"),
}


def copies():
    """Yield (name, notebook) of every case: a copy of a chapter with its change."""
    for name, (chapter, marker, *change) in (
        SOURCE_CHANGES | OUTPUT_CHANGES | UNCHANGED
    ).items():
        notebook = notebooks.read(notebooks.ROOT / "chapters" / f"{chapter}.ipynb")
        position, cell = cell_with(notebook, marker)
        if name in SOURCE_CHANGES:
            old, new = change
            assert old in cell.source
            cell.source = cell.source.replace(old, new, 1)
        elif name in OUTPUT_CHANGES:
            change[0](cell.outputs)
        notebook.cells = notebook.cells[: position + 1]
        yield name, notebook


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What nbval finds in each copy: {name: [what it says of a cell that fails]}."""
    folder = tmp_path_factory.mktemp("copies")
    names = {}
    for number, (name, notebook) in enumerate(copies()):
        names[f"copy{number}"] = name
        nbformat.write(notebook, folder / f"copy{number}.ipynb")
    (folder / "none.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:xdist"]
    command += ["-c", str(folder / "none.ini"), f"--rootdir={folder}"]
    command += ["--nbval-sanitize-with", str(notebooks.SANITIZE)]
    command += ["--junit-xml", str(folder / "report.xml"), str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    found = {name: [] for name in names.values()}
    cells = 0
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        copy = re.search(r"copy\d+", f"{case.get('classname')} {case.get('name')}")[0]
        cells += 1
        found[names[copy]] += [bad.text for bad in case if bad.tag in BAD]
    assert cells > 5 * len(names), result.stdout
    return found


@pytest.mark.parametrize("name", SOURCE_CHANGES | OUTPUT_CHANGES)
def test_a_change_fails(name, failures):
    (said,) = failures[name]
    assert "outputs differ" in said


@pytest.mark.parametrize("name", UNCHANGED)
def test_an_unchanged_copy_passes(name, failures):
    assert failures[name] == []
