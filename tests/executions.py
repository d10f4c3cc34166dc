"""The record of when and how each notebook was executed, chapters/executions.json.

`make refresh` keeps it; the book's page `status` shows it. A notebook's entry is
renewed only when the notebook's code or outputs, or the versions it ran with, are
others than those it was written for. So a second refresh leaves no difference in git.
"""

import datetime
import hashlib
import json
import os
import platform
from importlib.metadata import version

import notebooks

PATH = notebooks.ROOT / "chapters" / "executions.json"
PACKAGES = ("torch", "numpy", "matplotlib")


def name(path):
    """Return the key of a notebook: its path in the repository, without the end."""
    return path.relative_to(notebooks.ROOT).with_suffix("").as_posix()


def digest(notebook):
    """Return the SHA-256 of a notebook's code cells and outputs.

    Text cells may change without an execution, and so may the set-up cell, which
    names a revision and prints nothing.
    """
    cells = [
        (cell.source, notebooks.tags(cell), cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code" and not notebooks.is_setup(cell)
    ]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def versions():
    """Return the versions that decide what is computed and drawn, by name."""
    of_packages = {package: version(package) for package in PACKAGES}
    public = {name: text.partition("+")[0] for name, text in of_packages.items()}
    return {"Python": platform.python_version(), **public}


def read():
    """Return the record: a dict from a notebook's name to its entry."""
    if not PATH.exists():
        return {}
    return json.loads(PATH.read_text(encoding="utf-8"))


def record(path, notebook, seconds, anew=False):
    """Note that a notebook was executed in so many seconds; tell whether that is new.

    Entries of notebooks that are gone are dropped. Written aside and renamed.

    Args:
        anew: renew the entry also where nothing but the time is another.
    """
    entries = {key: entry for key, entry in read().items() if _exists(key)}
    old, code = entries.get(name(path), {}), digest(notebook)
    same = old.get("sha256") == code and old.get("versions") == versions()
    if same and not anew:
        return False
    entries[name(path)] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(seconds, 1),
        "sha256": code,
        "versions": versions(),
    }
    text = json.dumps(entries, indent=1, sort_keys=True) + "\n"
    aside = PATH.with_suffix(".json.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, PATH)
    return True


def _exists(key):
    return (notebooks.ROOT / f"{key}.ipynb").is_file()
