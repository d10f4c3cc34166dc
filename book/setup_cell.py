"""The set-up cell, the first code cell of every notebook and the same in all of them.

It does nothing where the package descent is there. Elsewhere, as in Colab, it installs
it from the book's repository, or says how to, while that has no address.
"""

import nbformat

TAG = "setup"

# Both forms ask for descent.checks, which no other package called descent has; a mere
# folder of that name has no origin. --no-deps is what keeps all that is installed as it
# is: with dependencies, pip would also complete or replace what torch asks for.
INSTALLING = """\
# Where the book's package is missing, as in Colab, install it and nothing else.
from importlib import import_module, invalidate_caches, util

if not getattr(util.find_spec("descent"), "origin", None):
    %pip install -q --no-deps git+{url}@{revision}
    invalidate_caches()
try:
    import_module("descent.checks")
except ImportError as error:
    raise ImportError(
        f"{{error}}. If pip failed above, connect to the network and run this "
        "cell again; otherwise `%pip install` the module that is missing, or "
        "uninstall another package called descent."
    ) from None"""
ASKING = """\
# The notebook needs the book's package, which a clone of the book installs.
from importlib import import_module

try:
    import_module("descent.checks")
except ImportError as error:
    raise ImportError(
        f"{error}. Type `pip install .` in a clone of the book, restart the "
        "kernel and run this cell again; if another package called descent "
        "is installed, uninstall it first."
    ) from None"""


def source(url, revision):
    """Return the cell's source.

    Args:
        url: an address that git can clone, or an empty string.
        revision: the commit to install from.
    """
    return INSTALLING.format(url=url, revision=revision) if url else ASKING


def put(notebook, text):
    """Put the cell behind a notebook's title, or renew its source in place."""
    cells = [cell for cell in notebook.cells if is_setup(cell)]
    if cells:
        cells[0].source = text
        return
    metadata = {"tags": ["remove-cell", TAG]}  # the book's pages do not show it
    cell = nbformat.v4.new_code_cell(text, id=TAG, metadata=metadata)
    notebook.cells.insert(1, cell)


def is_setup(cell):
    """Tell whether a cell is the set-up cell."""
    return TAG in cell.metadata.get("tags", [])
