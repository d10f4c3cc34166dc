"""What guards the notebooks beside their execution: order, form, links, numbers."""

import json
import re

import notebooks
import pytest
import yaml

PATHS = notebooks.paths()
each_notebook = pytest.mark.parametrize("path", PATHS, ids=notebooks.name)
# Notation is a notebook without code, so that links to it work in Colab.
TEXTS = [*PATHS, notebooks.ROOT / "notation.ipynb"]
each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)

MYST = re.compile(
    r"^\s*(?:```+|:::+)\{|^\s*%%? |"  # directives, comments
    r"\{(?:[a-z]+:)?(?:eq|ref|cite\S*|numref|doc|term|math|abbr|kbd|download)\}`|"
    r"^\([\w-]+\)=$|\{\{.*\}\}",  # targets, substitutions
    re.MULTILINE,
)


def markdown(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def figures_of(cell):
    return [o for o in cell.outputs if "image/svg+xml" in o.get("data", {})]


def plain(text):
    """Markdown without code, link targets and their texts' addresses."""
    text = re.sub(r"```.*?```|`[^`]*`", " ", text, flags=re.DOTALL)
    return re.sub(r"\]\((?:[^()]|\([^()]*\))*\)", "] ", text)


def without_mathematics(text):
    return re.sub(r"\$\$.*?\$\$|\$[^$]*\$", " ", text, flags=re.DOTALL)


def test_there_are_notebooks():
    assert {"sgd", "minibatch-sgd"} <= {path.stem for path in PATHS}


@each_notebook
def test_every_code_cell_was_executed_in_order(path):
    counts = [c.execution_count for c in notebooks.code_cells(notebooks.read(path))]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_error_was_committed(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        kinds = [output.output_type for output in cell.outputs]
        assert "error" not in kinds, cell.source
        streams = [o.get("name") for o in cell.outputs if o.output_type == "stream"]
        assert "stderr" not in streams, cell.source


@each_text
def test_no_myst_only_syntax(path):
    for text in markdown(notebooks.read(path)):
        found = MYST.search(text)
        assert not found, f"{found[0]!r} shows as raw text in Colab and on GitHub"


@each_notebook
def test_every_figure_is_svg_with_alternative_text(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        kinds = [set(output.get("data", {})) for output in cell.outputs]
        assert not any(k & {"image/png", "image/jpeg"} for k in kinds), cell.source
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        drawn = figures_of(cell)
        assert len(drawn) <= 1, f"one figure a cell:\n{cell.source}"
        if drawn:
            assert len(alt.split()) >= 8, f"says too little: {alt!r}\n{cell.source}"
            # a playground's long paths are many points; they load when they are seen
            limit = 150_000 if "playground" in notebooks.tags(cell) else 100_000
            assert len(drawn[0].data["image/svg+xml"]) < limit, cell.source
        else:
            assert not alt, f"alternative text without a figure: {alt!r}"


@each_notebook
def test_every_figure_brings_its_own_white_ground(path):
    """So that black text is legible on the dark theme of Colab or an editor, too."""
    for cell in notebooks.code_cells(notebooks.read(path)):
        for output in figures_of(cell):
            svg = output.data["image/svg+xml"]
            size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
            width, height = map(float, size)
            first = re.search(r"<path .*?/>", svg.partition("</defs>")[2], re.DOTALL)[0]
            assert first.endswith('style="fill: #ffffff"/>'), cell.source
            numbers = [float(n) for n in re.findall(r"-?[\d.]+(?= |\b)", first)[:8]]
            corners = [0, height, width, height, width, 0, 0, 0]
            assert numbers == pytest.approx(corners), cell.source


@each_notebook
def test_outputs_are_text_or_figures(path):
    """No repr of an object slips into the page beside or instead of a figure."""
    for cell in notebooks.code_cells(notebooks.read(path)):
        for output in cell.outputs:
            assert output.output_type in ("stream", "display_data"), cell.source


@each_notebook
def test_cells_fit_on_a_screen(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        lines = cell.source.splitlines()
        assert len(lines) <= 25, f"{len(lines)} lines:\n{cell.source}"


@each_notebook
def test_set_up_comes_first(path):
    """Directly behind the title; test_repository_address tests what it says."""
    notebook = notebooks.read(path)
    cells = notebook.cells
    found = [i for i, cell in enumerate(cells) if notebooks.is_setup(cell)]
    assert found == [1] and cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ") and "\n## " not in cells[0].source
    setup = cells[1]
    assert setup.outputs == [] and setup is notebooks.code_cells(notebook)[0]
    assert set(notebooks.tags(setup)) == {"remove-cell", "setup"}, "hidden in the book"


@each_notebook
def test_chapter_is_no_longer_than_it_may_be(path):
    """From behind its title and set-up cell up to its exercises.

    The playground's section comes on top: its cell, and the text that this divides.
    """
    notebook = notebooks.read(path)
    cells = notebook.cells[2:]
    exercises = [i for i, cell in enumerate(cells) if "## Exercises" in cell.source]
    played = sum("playground" in notebooks.tags(cell) for cell in cells)
    assert (exercises or [len(cells)])[0] <= 40 + 2 * played
    words = sum(len(text.split()) for text in markdown(notebook))
    assert words <= 5500 + 250 * played


def test_outputs_are_ignored_only_where_they_are_measured_time():
    """At most four cells in the two chapters, each of which plots measured times."""
    allowed = {"chapters/minibatch-sgd.ipynb": ["time (s)"]}
    for path in PATHS:
        cells = notebooks.code_cells(notebooks.read(path))
        tags = [tag for cell in cells for tag in notebooks.tags(cell)]
        assert not {"nbval-skip", "skip-execution"} & set(tags)
        ignored = [c for c in cells if "nbval-ignore-output" in notebooks.tags(c)]
        expected = allowed.get(path.relative_to(notebooks.ROOT).as_posix(), [])
        assert len(ignored) == len(expected), path
        for cell, axis in zip(ignored, expected):
            assert axis in cell.source, cell.source


@each_text
def test_links_lead_somewhere(path):
    anchors = r"\]\(([^)#\s]+)(?:#[^)]*)?\)"
    for text in map(without_mathematics, markdown(notebooks.read(path))):
        for target in re.findall(anchors, text):
            if not re.match(r"https?://", target):
                assert (path.parent / target).exists(), target
                assert target.endswith(".ipynb"), f"Colab cannot open {target}"


WORK = r"(?:doi\.org|arxiv\.org/abs)/((?:[^()\s]|\([^()]*\))+)\)"


def bibliography():
    return (notebooks.ROOT / "references.bib").read_text(encoding="utf-8")


@each_notebook
def test_every_citation_is_in_the_bibliography(path):
    """A work linked by DOI or arXiv number has an entry in references.bib."""
    known = bibliography().lower()
    for text in markdown(notebooks.read(path)):
        for work in re.findall(WORK, text):
            assert work.lower() in known, work


def test_bibliography_entries_can_be_found():
    entries = re.split(r"\n(?=@)", bibliography().strip())
    keys = [re.match(r"@\w+\{([^,]+),", entry)[1] for entry in entries]
    assert len(keys) == len(set(keys))
    for key, entry in zip(keys, entries):
        old = int(re.search(r"year\s*=\s*\{?(\d{4})", entry)[1]) < 1950
        where = r"\b(doi|url|eprint|pages)\s*=" if old else r"\b(doi|url|eprint)\s*="
        assert re.search(where, entry), f"{key} has no address"


def numbers_in(text):
    text = text.replace("−", "-").replace("\u202f", "").replace("_", "")
    found = re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?", text)
    return {abs(float(number.replace(",", ""))) for number in found}


def claims_in(text):
    """Decimals of prose with two places or more that state a measurement."""
    found = re.findall(r"(?<![\w.,])\d+\.\d{2,}(?![\w.]*\d)", plain(text))
    return [n for n in found if len(n.replace(".", "").strip("0")) >= 2]


@each_notebook
def test_numbers_in_prose_are_in_an_output(path):
    """A decimal that the text states is printed or set by a cell (rounded is fine)."""
    notebook = notebooks.read(path)
    known = set()
    for cell in notebooks.code_cells(notebook):
        known |= numbers_in(cell.source)
        for output in cell.outputs:
            known |= numbers_in(output.get("text", ""))
    for text in markdown(notebook):
        for claim in claims_in(text):
            places = len(claim.partition(".")[2])
            fits = [n for n in known if abs(n - float(claim)) <= 0.5001 * 10**-places]
            assert fits, f"{claim} is in no output:\n{text[:400]}"


def test_a_stale_number_would_be_found():
    assert claims_in("It ends at 0.2428, `0.9999` and [x](0.77) at η = 0.05.") == [
        "0.2428"
    ]
    assert 0.2428 in numbers_in("last loss 0.2428") and 1500 in numbers_in("1,500")


def test_toc_lists_every_notebook_and_every_page_exists():
    toc = yaml.safe_load((notebooks.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [toc["root"]]
    pending = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    while pending:
        entry = pending.pop()
        listed.append(entry["file"])
        pending += entry.get("sections", [])
    assert len(listed) == len(set(listed))
    for page in listed:
        candidates = [notebooks.ROOT / f"{page}{end}" for end in (".md", ".ipynb")]
        assert any(candidate.exists() for candidate in candidates), page
    for path in PATHS:
        name = path.relative_to(notebooks.ROOT).with_suffix("").as_posix()
        assert name in listed, f"{name} is not in _toc.yml"


@each_notebook
def test_file_is_stored_as_refresh_writes_it(path):
    text = path.read_text(encoding="utf-8")
    stored = json.loads(text)
    assert stored["nbformat"] == 4 and text.endswith("}\n")
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    for cell in stored["cells"]:
        assert "execution" not in cell["metadata"], "timestamps change at every run"


def test_the_mask_hides_wall_clock_figures_only():
    mask = notebooks.mask
    assert mask("loss: 0.243, 0.015 sec/epoch") == "loss: 0.243,TIME sec/epoch"
    assert mask("by_block:   1.013 ms,  33.14 GFLOP/s") == mask(
        "by_block:  11.000 ms,   3.10 GFLOP/s"
    )
    for kept in (
        "loss: 0.243",
        "largest eigenvalue 2.0985, limit 0.9531",
        "step 60: 46.495",
        "0.5 m/s and 12 messages",
        "x1: -0.320964, x2: 0.106672",
    ):
        assert mask(kept) == kept
