"""The record of executions is that of the committed notebooks; the page shows it."""

import datetime
import json
import re
from importlib.metadata import requires

import executions
import nbformat
import notebooks
import pytest
import yaml
from sphinx.application import Sphinx

import status

RECORD = executions.read()
PATHS = notebooks.paths()


def test_every_notebook_has_a_record_and_every_record_a_notebook():
    assert set(RECORD) == {executions.name(path) for path in PATHS}


@pytest.mark.parametrize("path", PATHS, ids=notebooks.name)
def test_the_record_is_that_of_the_committed_outputs(path):
    entry = RECORD[executions.name(path)]
    assert entry["sha256"] == executions.digest(notebooks.read(path)), "make refresh"
    assert datetime.date.fromisoformat(entry["date"]) >= datetime.date(2026, 11, 30)
    assert 0 < entry["seconds"] < 600


def test_all_were_executed_with_the_locked_versions():
    text = (notebooks.ROOT / "requirements.lock").read_text(encoding="utf-8")
    lock = dict(re.findall(r"^(\S+)==(\S+)$", text, re.MULTILINE))
    for entry in RECORD.values():
        versions = entry["versions"]
        assert set(versions) == set(status.PACKAGES)
        for package in executions.PACKAGES:
            assert versions[package] == lock[package]
            assert any(line.startswith(package) for line in requires("descent-book"))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A record of its own; returns a function that records one of its two versions."""
    monkeypatch.setattr(executions, "PATH", tmp_path / "executions.json")
    cell = nbformat.v4.new_code_cell("print(1)")
    notebook = nbformat.v4.new_notebook(cells=[cell])

    def record(source, seconds, **options):
        cell.source = source
        return executions.record(PATHS[0], notebook, seconds, **options)

    record.notebook = notebook
    return record


def entry():
    return executions.read()[executions.name(PATHS[0])]


def test_an_entry_is_renewed_only_when_something_changed(kept, monkeypatch):
    assert kept("print(1)", 3.21) and entry()["seconds"] == 3.2
    assert not kept("print(1)", 9)
    text = nbformat.v4.new_markdown_cell("text")
    setup = nbformat.v4.new_code_cell("1", metadata={"tags": ["setup"]})
    kept.notebook.cells += [text, setup]
    assert not kept("print(1)", 9) and entry()["seconds"] == 3.2
    assert kept("print(2)", 4) and entry()["seconds"] == 4
    assert kept("print(2)", 5, anew=True) and entry()["seconds"] == 5
    others = executions.versions() | {"torch": "9.9"}
    monkeypatch.setattr(executions, "versions", lambda: others)
    assert kept("print(2)", 6) and entry()["versions"]["torch"] == "9.9"


def test_an_entry_without_a_notebook_is_dropped(kept):
    executions.PATH.write_text(json.dumps({"chapters/gone": {}}), encoding="utf-8")
    assert kept("print(1)", 1)
    assert set(executions.read()) == {executions.name(PATHS[0])}


def test_rows_are_in_the_order_of_the_book():
    toc = yaml.safe_load((notebooks.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [page for page, *_ in status.rows(RECORD, toc)]
    assert sorted(pages) == sorted(RECORD)
    assert pages[0] == "chapters/empirical-risk"
    assert pages.index("chapters/yogi") < pages.index("chapters/solutions/sgd")


def build(folder, record):
    """Build a book of one page with the directive; return (page, warnings)."""
    source = folder / "source"
    (source / "chapters").mkdir(parents=True)
    (source / "_toc.yml").write_text("root: index\nchapters:\n- file: chapters/sgd\n")
    (source / "index.rst").write_text("Status\n======\n\n.. executions::\n")
    chapter = ":orphan:\n\nDescent\n=======\n"
    (source / "chapters" / "sgd.ipynb").write_text(chapter)
    (source / "chapters" / "executions.json").write_text(json.dumps(record))
    warnings = (folder / "warnings").open("w+")
    settings = {
        "extensions": ["status"],
        "source_suffix": {".rst": "restructuredtext", ".ipynb": "restructuredtext"},
    }
    folders = (str(source), None, str(folder / "out"), str(folder / "trees"))
    Sphinx(
        *folders, "html", settings, status=None, warning=warnings, freshenv=True
    ).build()
    warnings.seek(0)
    return (folder / "out" / "index.html").read_text("utf-8"), warnings.read()


def test_the_page_lists_the_record(tmp_path):
    one = {"chapters/sgd": RECORD["chapters/sgd"]}
    page, warnings = build(tmp_path, one)
    assert not warnings
    entry = one["chapters/sgd"]
    cells = re.findall(r"<td><p>(.*?)</p></td>", page)
    assert 'href="chapters/sgd.html"' in cells[0] and "Descent" in cells[0]
    seconds = f"{entry['seconds']:.0f}"
    versions = [entry["versions"][package] for package in status.PACKAGES]
    assert cells[1:] == [entry["date"], seconds, *versions]


def test_a_record_that_is_missing_is_warned_of(tmp_path):
    _, warnings = build(tmp_path, {})
    assert "there is no record of the name chapters/sgd; run `make refresh`" in warnings
