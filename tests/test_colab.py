"""Notebooks run in an environment like Colab's, from an empty folder, alone.

`make colab` runs all of them, and `make bounds` in the lowest versions accepted.
"""

import nbformat
import notebooks
import pytest
import stranger
from nbclient.exceptions import CellExecutionError

import set_repository
import setup_cell

CHAPTERS = notebooks.ROOT / "chapters"
pytestmark = pytest.mark.skipif(
    not (notebooks.ROOT / ".git").exists(), reason="this folder is no clone"
)


@pytest.fixture(scope="module")
def python():
    return stranger.python_of("colab")


@pytest.fixture(scope="module")
def address():
    with stranger.repository() as address:
        yield address


def figures(cell):
    return sum("image/svg+xml" in output.get("data", {}) for output in cell.outputs)


@pytest.mark.parametrize("name", ["playground", "solutions/newton", "momentum"])
def test_a_notebook_alone_in_an_empty_folder(name, python, address):
    path = CHAPTERS / f"{name}.ipynb"
    executed = stranger.run(path, python, address)
    for stored, cell in zip(notebooks.read(path).cells, executed.cells):
        if cell.cell_type == "code":
            assert figures(cell) == figures(stored), cell.source
    assert stranger.complaints(executed) == []


def test_every_pin_is_exact():
    for pin in stranger.colab_pins() + stranger.lowest_pins():
        name, version = pin.split("==")
        assert name and version
    colab = dict(pin.split("==") for pin in stranger.colab_pins())
    for name, version in {
        "ipython": "7.34.", "ipykernel": "6.17.", "ipywidgets": "7.7.",
        "numpy": "2.0.", "matplotlib": "3.10.",
    }.items():  # fmt: skip
        assert colab[name].startswith(version)
    assert not {"descent-book", "jupyter-book", "d2l"} & set(colab)


def run_setup(source, python, folder):
    """Run a set-up cell on its own; return what it prints, or raise what it raises."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    stranger.execute(notebook, python, folder)
    return "".join(output.get("text", "") for output in notebook.cells[0].outputs)


def complaint(source, python, folder):
    """What a set-up cell that fails says in the end."""
    with pytest.raises(CellExecutionError) as failure:
        run_setup(source, python, folder)
    assert failure.value.ename == "ImportError"
    return failure.value.evalue


def test_a_failed_install_says_what_to_do(python, tmp_path):
    source = setup_cell.source(f"file://{tmp_path}/nowhere", "0" * 40)
    said = complaint(source, python, tmp_path)
    assert said.startswith("No module named 'descent'. If pip failed above, connect")


def test_without_an_address_the_cell_says_what_to_do(python, tmp_path):
    said = complaint(setup_cell.source("", ""), python, tmp_path)
    assert said.startswith("No module named 'descent'. Type `pip install .` in a clone")


@pytest.mark.parametrize("url", ["", "file:///nowhere"])
def test_another_package_of_that_name_is_left_alone(url, python, tmp_path):
    (tmp_path / "descent").mkdir()
    (tmp_path / "descent" / "__init__.py").write_text("")
    said = complaint(setup_cell.source(url, "0" * 40), python, tmp_path)
    assert said.startswith("No module named 'descent.checks'. ")
    assert "another package called descent" in said


@pytest.mark.parametrize("url", ["", "file:///nowhere"])
def test_where_the_package_is_the_cell_does_nothing(url, python, tmp_path):
    """Not even pip runs, which would fail; and nothing is printed."""
    (tmp_path / "descent" / "checks").mkdir(parents=True)
    for folder in ("descent", "descent/checks"):
        (tmp_path / folder / "__init__.py").write_text("")
    assert run_setup(setup_cell.source(url, "0" * 40), python, tmp_path) == ""


def test_a_folder_of_that_name_does_not_stop_the_install(python, tmp_path):
    """A clone in the working folder, say. The package here is as small as can be."""
    clone, work = tmp_path / "clone", tmp_path / "work"
    (clone / "descent").mkdir(parents=True)
    (work / "descent" / "chapters").mkdir(parents=True)
    for name, text in {
        "descent/__init__.py": "", "descent/checks.py": "",
        "pyproject.toml": '[project]\nname = "descent-book"\nversion = "0"\n',
    }.items():  # fmt: skip
        (clone / name).write_text(text)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        set_repository.git(*identity, *arguments, root=clone)
    revision = set_repository.git("rev-parse", "HEAD", root=clone).strip()
    source = setup_cell.source(f"file://{clone}", revision)
    with stranger.alone_in(python):
        try:
            run_setup(source, python, work)
        finally:
            stranger.forget_the_book(python)
