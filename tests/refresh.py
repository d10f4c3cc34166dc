"""Execute every notebook of the book and store its outputs (`make refresh`).

A cell keeps its stored output where the new one says the same: where they differ in
nothing but masked wall-clock figures, or where the output is only measured time
(tag nbval-ignore-output) and the code up to that cell is the code it was measured
with, which a digest in the cell's metadata tells. So a second run leaves no
difference in git. With --times all times are measured anew. When, with which versions
and in what time a notebook was executed is kept in chapters/executions.json. Files are
written aside and renamed.

    python tests/refresh.py [--times] [NOTEBOOK ...]
"""

import argparse
import copy
import hashlib
import json
import os
import time
from pathlib import Path

import executions
import nbformat
import notebooks
from nbclient import NotebookClient

METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def same_but_for_time(old, new):
    """Tell whether two lists of outputs agree once wall-clock figures are masked."""
    texts = (
        notebooks.mask(json.dumps(o, sort_keys=True, ensure_ascii=False))
        for o in (old, new)
    )
    return len(set(texts)) == 1


def refresh(path, measure_times=False):
    """Execute one notebook in place; return whether it or its record changed."""
    before = notebooks.read(path)
    after = copy.deepcopy(before)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(after, timeout=600, resources=folder, coalesce_streams=True)
    started = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - started
    after.metadata = nbformat.from_dict(METADATA)
    code_so_far = hashlib.sha1()
    for old, new in zip(before.cells, after.cells):
        new.metadata.pop("execution", None)
        if new.cell_type != "code":
            continue
        if not notebooks.is_setup(new):  # it may name another revision any day
            code_so_far.update(new.source.encode())
        keep = same_but_for_time(old.outputs, new.outputs)
        if "nbval-ignore-output" in notebooks.tags(new):
            new.metadata["measured_with"] = code_so_far.hexdigest()
            keep = old.metadata.get("measured_with") == code_so_far.hexdigest()
        if keep and not measure_times:
            new.outputs = old.outputs
    recorded = executions.record(path, after, seconds, measure_times)
    text = nbformat.writes(after) + "\n"
    if text == path.read_text(encoding="utf-8"):
        return recorded
    aside = path.with_suffix(".ipynb.new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", action="store_true", help="measure times anew")
    parser.add_argument("notebook", nargs="*", type=Path, help="all, if none is named")
    options = parser.parse_args()
    notebooks.pin_environment()
    for path in options.notebook or notebooks.paths():
        changed = refresh(path.resolve(), options.times)
        print("changed  " if changed else "unchanged", path)


if __name__ == "__main__":
    main()
