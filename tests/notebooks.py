"""What the tests and `make refresh` share: the book's notebooks and how they run.

ENVIRONMENT pins one processor path and one thread, so that another machine computes
the same last bits; it has to be in force before torch is imported.
"""

import configparser
import os
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"
ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "PYTHONHASHSEED": "0",
    "DESCENT_PLAYGROUND": "static",  # a figure in the stored output, not a widget
}


def pin_environment():
    """Put ENVIRONMENT in force for this process and its children."""
    os.environ.update(ENVIRONMENT)


def paths():
    """Return the paths of all notebooks of the book, sorted."""
    return sorted((ROOT / "chapters").rglob("*.ipynb"))


def name(path):
    """Return a notebook's name for reports: its path below chapters/."""
    return path.relative_to(ROOT / "chapters").with_suffix("").as_posix()


def read(path):
    """Return a notebook as an nbformat 4 node."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Return the code cells that hold code."""
    cells = notebook.cells
    return [c for c in cells if c.cell_type == "code" and c.source.strip()]


def tags(cell):
    """Return a cell's tags."""
    return cell.metadata.get("tags", [])


def is_setup(cell):
    """Tell whether a cell is the set-up cell, which every notebook begins with."""
    return "setup" in tags(cell)


def tagged_source(chapter, tag):
    """Return the source of the cells of a chapter that carry `tag`, joined.

    Raises: LookupError naming the chapter and the tag where no cell carries it.
    """
    notebook = read(ROOT / "chapters" / f"{chapter}.ipynb")
    sources = [cell.source for cell in code_cells(notebook) if tag in tags(cell)]
    if not sources:
        raise LookupError(f"chapters/{chapter}.ipynb has no cell tagged {tag!r}")
    return "\n\n".join(sources)


def masks():
    """Return the (pattern, replacement) pairs that nbval applies to outputs."""
    config = configparser.RawConfigParser()
    config.read(SANITIZE, encoding="utf-8")
    return [(config[s]["regex"], config[s]["replace"]) for s in config.sections()]


def mask(text):
    """Return `text` with its wall-clock figures replaced, as nbval sees it."""
    for pattern, replacement in masks():
        text = re.sub(pattern, replacement, text)
    return text
