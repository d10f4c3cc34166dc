"""The house rules: what has to be where, and what has to agree with what."""

import hashlib
import os
import re
import subprocess
import tomllib

import notebooks
import yaml

from descent import data

ROOT = notebooks.ROOT


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_code_is_no_package():
    """An __init__.py there would shadow the standard library's `code`."""
    assert not (ROOT / "code" / "__init__.py").exists()


def test_data_file_is_kept_byte_for_byte():
    content = (ROOT / "data" / data.AIRFOIL_FILE).read_bytes()
    assert hashlib.sha1(content).hexdigest() == data.AIRFOIL_SHA1
    command = ["git", "check-attr", "text", f"data/{data.AIRFOIL_FILE}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert answer.endswith("text: unset\n")


def test_data_sheet_says_what_the_code_says():
    sheet = read("data/README.md")
    assert data.AIRFOIL_SHA1 in sheet and str(data.AIRFOIL_ROWS) in sheet
    for column in data.AIRFOIL_COLUMNS:
        assert column.partition(" (")[0] in sheet, column


def test_package_has_lower_bounds_only():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["name"] == "descent-book"
    assert project["requires-python"] == ">=3.11"
    for requirement in project["dependencies"]:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement), requirement


def pins(name):
    lines = (line.partition("#")[0].strip() for line in read(name).splitlines())
    return [line for line in lines if line and not line.startswith("-r ")]


def test_requirements_are_exact_and_agree_with_the_lock():
    lock = dict(line.lower().split("==") for line in pins("requirements.lock"))
    named = pins("requirements.txt") + pins("requirements-book.txt")
    for pin in named:
        assert re.fullmatch(r"[\w-]+==[\w.]+", pin), pin
        name, version = pin.lower().split("==")
        assert lock[name] == version, pin
    assert pins("requirements-d2l.txt") == ["d2l==1.0.3"]


def test_binder_gets_what_the_package_needs():
    """It reads requirements.txt and runtime.txt, then runs postBuild."""
    pinned = {line.partition("==")[0] for line in pins("requirements.txt")}
    project = tomllib.loads(read("pyproject.toml"))
    needed = project["project"]["dependencies"] + project["build-system"]["requires"]
    assert {line.partition(">=")[0] for line in needed} <= pinned
    version = re.fullmatch(r"python-(3\.\d+)\n", read("runtime.txt"))[1]
    workflow = read(".github/workflows/test.yml")
    assert f'python-version: "{version}"' in workflow
    assert os.access(ROOT / "postBuild", os.X_OK)
    assert "pip install --no-deps --no-build-isolation ." in read("postBuild")


def test_every_make_target_is_explained():
    targets = re.findall(r"^([a-z]+):.*##", read("Makefile"), re.MULTILINE)
    assert {"book", "test", "serve", "refresh", "bench", "lint", "help"} <= set(targets)
    guide = read("CONTRIBUTING.md")
    for target in targets:
        assert f"`make {target}" in guide, target


def test_readme_names_the_two_commands_and_ci_runs_them():
    readme, ci = read("README.md"), read(".ci/run")
    for command in ("make book", "make test"):
        assert command in readme and command in ci
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert re.search(r"run: make (test|book)", workflow.read_text()), workflow


def test_versions_agree():
    from descent import __version__

    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == __version__
    assert f"## {__version__}" in read("CHANGELOG.md")


def test_no_notebook_is_executed_by_the_build():
    config = yaml.safe_load(read("_config.yml"))
    assert config["execute"]["execute_notebooks"] == "off"
