"""Run notebooks as a stranger meets them: alone, in an empty folder, without the book.

    python tests/stranger.py colab  [NOTEBOOK ...]    an environment like Colab's
    python tests/stranger.py bounds [NOTEBOOK ...]    the lowest versions accepted

Each environment lies under _build/ and is made anew only when its pins change. It does
not have the package: the notebook's own set-up cell installs it, with pip, from a git
address on this machine. What pip lists before and after tells that nothing else was
touched. Then the package is taken out again for the next notebook.
"""

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path

import nbformat
import notebooks
from nbclient import NotebookClient

import set_repository
import setup_cell

ROOT = notebooks.ROOT
BOOK = "descent-book"
PACKAGE_FILES = ("code", "data", "pyproject.toml", "README.md", "LICENSE")
# What a notebook's last cell here asks for: the package and the data file that it has
# read lie in this environment, not in a clone that happens to be near.
WHENCE = """\
import sys
import descent
assert descent.__file__.startswith(sys.prefix), descent.__file__
assert str(descent.data.airfoil_path()).startswith(sys.prefix)"""


def colab_pins():
    """Return the requirements of an environment like Colab's, all of them."""
    return _lines(ROOT / "requirements-colab.txt")


def lowest_pins():
    """Return exactly the lowest versions that pyproject.toml accepts, and a kernel.

    The kernel, which the book does not bring, is that of the environment like Colab's.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lowest = [bound.replace(">=", "==") for bound in project["project"]["dependencies"]]
    return lowest + [pin for pin in colab_pins() if pin.startswith("ipykernel==")]


def _lines(path):
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def environment(name, pins, complete):
    """Make the environment `name` under _build/, unless it is there with these pins.

    Args:
        pins: requirements, NAME==VERSION.
        complete: whether `pins` names everything, so that pip looks for nothing else.
    Returns: the path of its Python.
    """
    folder = ROOT / "_build" / name
    python, stamp = folder / "bin" / "python", folder / "pins.txt"
    wanted = "\n".join([f"Python {sys.version}", *pins])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    only = ["--no-deps"] if complete else []
    pip(python, "install", "--quiet", *only, *pins)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def pip(python, *arguments):
    """Run pip in another environment and return what it prints."""
    command = [python, "-m", "pip", *arguments]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout


@contextmanager
def repository():
    """Yield (url, revision) of a git repository that has the package as it is now.

    That is this clone, or, when the package has changes that are not committed, a clone
    of it with those changes.
    """
    url, revision = f"file://{ROOT}", set_repository.git("rev-parse", "HEAD").strip()
    if not set_repository.changed_since(revision):
        yield url, revision
        return
    listed = ("ls-files", "--cached", "--others", "--exclude-standard", "--")
    files = set_repository.git(*listed, *PACKAGE_FILES).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        set_repository.git("clone", "--quiet", "--no-checkout", url, folder)
        for file in filter(lambda file: (ROOT / file).is_file(), files):
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder) / file)
        set_repository.git("add", "--all", root=folder)
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        commit = ("commit", "--quiet", "--message", "the package as it is now")
        set_repository.git(*identity, *commit, root=folder)
        yield (
            f"file://{folder}",
            set_repository.git("rev-parse", "HEAD", root=folder).strip(),
        )


def execute(notebook, python, folder):
    """Execute a notebook from top to bottom, in place, with another Python's kernel.

    Args:
        folder: the kernel's working folder.
    Raises: nbclient's CellExecutionError for the first cell that fails.
    """
    with tempfile.TemporaryDirectory() as kernels:
        arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": arguments, "display_name": "a stranger", "language": "python"}
        place = Path(kernels) / "kernels" / "python3" / "kernel.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(spec), encoding="utf-8")
        own = ("PYTHONPATH", "VIRTUAL_ENV", "DESCENT_DATA", "DESCENT_PLAYGROUND")
        variables = {k: v for k, v in os.environ.items() if k not in own}
        variables["IPYTHONDIR"] = kernels
        client = NotebookClient(
            notebook,
            timeout=900,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.create_kernel_manager()
        client.km.kernel_spec_manager.kernel_dirs.insert(0, str(place.parents[1]))
        client.execute(env=variables)


@contextmanager
def alone_in(python):
    """Wait until no other process uses an environment; hold it, without the book."""
    with open(python.parents[1] / "in-use", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(line.startswith(f"{BOOK}==") for line in installed(python)):
            forget_the_book(python)  # a run was killed
        yield


def installed(python):
    """Return what pip lists in an environment, NAME==VERSION."""
    return pip(python, "list", "--format=freeze").splitlines()


def forget_the_book(python):
    """Uninstall the book's package."""
    pip(python, "uninstall", "--quiet", "--yes", BOOK)


def run(path, python, address):
    """Execute one notebook of the book, alone in an empty folder, in an environment.

    Args:
        path: the notebook.
        python: the environment's Python; the package is not in it, before or after.
        address: (url, revision) that its set-up cell installs the package from.
    Returns: the executed notebook.
    Raises: AssertionError when anything but the package was installed or changed.
    """
    notebook = notebooks.read(path)
    setup_cell.put(notebook, setup_cell.source(*address))
    notebook.cells.append(nbformat.v4.new_code_cell(WHENCE))
    with tempfile.TemporaryDirectory() as folder, alone_in(python):
        before = installed(python)
        try:
            execute(notebook, python, folder)
            after = installed(python)
        finally:
            forget_the_book(python)
    new = [line for line in after if line not in before]
    gone = [line for line in before if line not in after]
    assert not gone and len(new) == 1 and new[0].startswith(f"{BOOK}=="), (
        f"{path.name}: pip had {gone or 'nothing'} removed and {new} added"
    )
    return notebook


def complaints(notebook):
    """Return what the cells of an executed notebook said on stderr, but the set-up."""
    return [
        output.text
        for cell in notebooks.code_cells(notebook)
        if not notebooks.is_setup(cell)
        for output in cell.outputs
        if output.get("name") == "stderr"
    ]


ENVIRONMENTS = {"colab": (colab_pins, True), "bounds": (lowest_pins, False)}


def python_of(name):
    """Return the Python of an environment, made if need be."""
    pins, complete = ENVIRONMENTS[name]
    return environment(name, pins(), complete)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("notebook", nargs="*", type=Path, help="all, if none is named")
    options = parser.parse_args()
    python = python_of(options.environment)
    failed = []
    with repository() as address:
        print(f"set-up cells install from {address[0]} at {address[1]}", flush=True)
        for path in options.notebook or notebooks.paths():
            started = time.perf_counter()
            try:
                said = complaints(run(path.resolve(), python, address))
                verdict = " ".join(["passed", *said])
            except Exception as error:
                verdict = f"FAILED\n{error}"
                failed.append(path.name)
            print(
                f"{path} ({time.perf_counter() - started:.0f} s) {verdict}", flush=True
            )
    sys.exit(f"{len(failed)} failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
