"""The gate itself: whatever changes in a chapter, comparing the outputs finds it.

Each case changes one thing in a copy of a chapter, cut off behind the changed cell,
and runs nbval on the copy as `make test` runs it on the original.
"""

import re
import subprocess
import sys

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


def run_copy(notebook, position, folder):
    """Run nbval on the notebook up to and including `position`."""
    notebook.cells = notebook.cells[: position + 1]
    copy = folder / "copy.ipynb"
    nbformat.write(notebook, copy)
    command = [sys.executable, "-m", "pytest", "--nbval", "-x", "-q", "-p", "no:xdist"]
    command += ["-c", str(folder / "none.ini"), f"--rootdir={folder}"]
    command += ["--nbval-sanitize-with", str(notebooks.SANITIZE), str(copy)]
    (folder / "none.ini").write_text("[pytest]\n")
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


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


@pytest.mark.parametrize("name", SOURCE_CHANGES)
def test_a_changed_source_fails(name, tmp_path):
    chapter, marker, old, new = SOURCE_CHANGES[name]
    notebook = notebooks.read(notebooks.ROOT / "chapters" / f"{chapter}.ipynb")
    position, cell = cell_with(notebook, marker)
    assert old in cell.source
    cell.source = cell.source.replace(old, new, 1)
    result = run_copy(notebook, position, tmp_path)
    assert result.returncode == 1 and "outputs differ" in result.stdout, result.stdout


def change_last_digit(text, pattern):
    """Change the last digit of the first match of `pattern`."""
    match = re.search(pattern, text)
    end = match.end()
    digit = str((int(text[end - 1]) + 1) % 10)
    return text[: end - 1] + digit + text[end:]


def test_a_changed_number_in_the_output_fails(tmp_path):
    notebook = notebooks.read(notebooks.ROOT / "chapters" / "sgd.ipynb")
    position, cell = cell_with(notebook, "picked = each[")
    cell.outputs[0].text = change_last_digit(cell.outputs[0].text, r"distance \d\.\d+")
    result = run_copy(notebook, position, tmp_path)
    assert result.returncode == 1 and "outputs differ" in result.stdout, result.stdout


def test_a_changed_point_in_a_figure_fails(tmp_path):
    notebook = notebooks.read(notebooks.ROOT / "chapters" / "sgd.ipynb")
    position, cell = cell_with(notebook, "exponential = torch.exp")
    (data,) = (o.data for o in cell.outputs if "data" in o)
    data["image/svg+xml"] = change_last_digit(data["image/svg+xml"], r"\nL [\d.]+")
    result = run_copy(notebook, position, tmp_path)
    assert result.returncode == 1 and "outputs differ" in result.stdout, result.stdout


@pytest.mark.parametrize(
    "chapter, marker",
    [("sgd", "exponential = torch.exp"), ("minibatch-sgd", "sizes = [1, 3, 10")],
)
def test_an_unchanged_copy_passes(chapter, marker, tmp_path):
    """The control: without a change the same copies pass."""
    notebook = notebooks.read(notebooks.ROOT / "chapters" / f"{chapter}.ipynb")
    position, _ = cell_with(notebook, marker)
    result = run_copy(notebook, position, tmp_path)
    assert result.returncode == 0, result.stdout
