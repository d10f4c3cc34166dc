"""The repository's address: one place, and all that quote it agree."""

import re
import shutil
import subprocess
import sys

import notebooks
import pytest
import yaml

import repository
import set_repository
import setup_cell
from repository import Repository

ROOT = notebooks.ROOT
URL = "https://github.com/Some-One/a.book"
REVISION = "0123456789abcdef" * 2 + "01234567"


def test_all_places_agree():
    stored = repository.read(ROOT)
    assert set_repository.write(stored, ROOT) == []
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.get("repository-code", "") == stored.url
    cell = setup_cell.source(stored.url, stored.revision)
    assert (stored.url in cell and stored.revision in cell) or not stored.url
    for path in notebooks.paths():
        sources = [
            cell.source
            for cell in notebooks.read(path).cells
            if setup_cell.is_setup(cell)
        ]
        assert sources == [cell], path


def test_the_package_that_is_installed_is_the_one_that_is_tested():
    """That of the revision in the notebooks, and that of this clone, are the same."""
    stored = repository.read(ROOT)
    if not stored.url:
        pytest.skip("no address is set, so no revision is installed")
    known = ["git", "cat-file", "-e", f"{stored.revision}^{{commit}}"]
    if subprocess.run(known, cwd=ROOT, capture_output=True).returncode:
        pytest.skip("this clone does not have the history")
    changed = set_repository.changed_since(stored.revision, ROOT)
    assert not changed, f"commit and run `make repository`: {changed} changed since"


def test_nothing_is_offered_while_no_address_is_set():
    nowhere = Repository()
    for link in (nowhere.source, nowhere.colab, nowhere.binder):
        assert link("chapters/sgd.ipynb") is None
    assert nowhere.site is None


def test_links_of_a_repository_on_github():
    there = Repository(URL, "some/branch", REVISION)
    path = "chapters/sgd.ipynb"
    assert there.source(path) == f"{URL}/blob/some/branch/{path}"
    assert there.colab(path) == (
        "https://colab.research.google.com/github/"
        "Some-One/a.book/blob/some/branch/chapters/sgd.ipynb"
    )
    assert there.binder(path) == (
        "https://mybinder.org/v2/gh/Some-One/a.book/some%2Fbranch"
        "?urlpath=lab%2Ftree%2Fchapters%2Fsgd.ipynb"
    )
    assert there.site == "https://some-one.github.io/a.book/"
    own_site = Repository("https://github.com/Some-One/some-one.github.io", "main")
    assert own_site.site == "https://some-one.github.io/"


@pytest.mark.parametrize(
    "url, source",
    [
        ("https://gitlab.com/a/b", "https://gitlab.com/a/b/-/blob/main/index.md"),
        ("https://example.org/a/b", "https://example.org/a/b"),
    ],
)
def test_elsewhere_only_the_source_is_offered(url, source):
    there = Repository(url, "main", REVISION)
    assert there.source("index.md") == source
    assert there.colab("chapters/sgd.ipynb") is None
    assert there.binder("chapters/sgd.ipynb") is None
    assert there.site is None


def test_an_address_is_written_in_one_way():
    for text in (URL, f"{URL}/", f"{URL}.git", f" {URL}.git/"):
        assert repository.checked_url(text) == URL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "github.com/owner/name",
        "http://github.com/owner/name",
        "git@github.com:owner/name.git",
        "file:///owner/name",
        "https://github.com/owner",
        "https://github.com/owner/name/tree/main",
        "https://someone:secret@github.com/owner/name",
        "https://github.com/owner/name?x=1",
        "https://github.com/owner/na me",
        "https://github.com/owner/name'; rm x",
        "https://github/owner/name",
    ],
)
def test_another_address_is_refused(text):
    with pytest.raises(ValueError, match="expected the form https://github.com/owner/"):
        repository.checked_url(text)


@pytest.mark.parametrize(
    "parts",
    [
        (URL, "main", ""),
        (URL, "main", REVISION[:12]),
        ("", "main", REVISION),
        (URL, "", REVISION),
        (URL, "-x", REVISION),
        (URL + ".git", "main", REVISION),
    ],
)
def test_half_an_address_is_refused(parts):
    with pytest.raises(ValueError, match="expected|write it as"):
        repository.checked(Repository(*parts))


@pytest.fixture
def clone(tmp_path):
    """A small repository of its own, with this book's files as they are now."""
    root = tmp_path / "clone"
    for name in ("chapters", "code"):
        skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    (root / "data").mkdir()
    for name in (
        "_config.yml", "CITATION.cff", "pyproject.toml", ".gitignore",
        "data/airfoil_self_noise.dat",
    ):  # fmt: skip
        shutil.copy(ROOT / name, root / name)
    git(root, "init", "-q")
    commit(root)
    assert set_url(root, "").returncode == 0
    git(root, "commit", "-q", "--allow-empty", "-am", "no address")
    return root


def git(root, *arguments):
    identity = ["-c", "user.name=A Reader", "-c", "user.email=reader@example.org"]
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "a change")
    return git(root, "rev-parse", "HEAD")


def set_url(root, url, *options):
    """What `make repository` does, in another clone."""
    command = [sys.executable, set_repository.__file__, "--root", root, *options]
    command += [] if url is None else ["--url", url]
    return subprocess.run(command, capture_output=True, text=True)


def files(root):
    found = (p for p in root.rglob("*") if p.is_file() and ".git" not in p.parts)
    return {path: path.read_bytes() for path in found}


def test_set_and_unset(clone):
    before, head = files(clone), git(clone, "rev-parse", "HEAD")
    result = set_url(clone, f"{URL}.git")
    assert result.returncode == 0, result.stderr
    assert repository.read(clone) == Repository(URL, "main", head)
    config = (clone / "_config.yml").read_text(encoding="utf-8")
    old = before[clone / "_config.yml"].decode()
    assert re.findall("#.*", config) == re.findall("#.*", old), "comments are lost"
    assert {**yaml.safe_load(config), "repository": 0} == {
        **yaml.safe_load(old), "repository": 0,
    }  # fmt: skip
    changed = {
        path for path, content in files(clone).items() if content != before[path]
    }
    cells = set((clone / "chapters").rglob("*.ipynb"))
    assert changed == cells | {clone / "_config.yml", clone / "CITATION.cff"}
    for path in cells:
        assert f"git+{URL}@{head}" in path.read_text(encoding="utf-8")

    again = files(clone)
    assert set_url(clone, URL).returncode == 0
    assert files(clone) == again
    assert set_url(clone, "").returncode == 0
    assert files(clone) == before


def test_a_later_package_needs_a_later_revision(clone):
    first = git(clone, "rev-parse", "HEAD")
    assert set_url(clone, URL).returncode == 0
    commit(clone)
    assert set_repository.changed_since(first, clone) == []
    source = clone / "code" / "descent" / "optimizers.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# a change\n")
    assert set_repository.changed_since(first, clone)
    second = commit(clone)
    result = set_url(clone, None)
    assert result.returncode == 0, result.stderr
    assert repository.read(clone) == Repository(URL, "main", second)
    assert set_url(clone, URL, "--branch", "released").returncode == 0
    assert repository.read(clone).branch == "released"


def test_only_what_is_installed_counts_as_a_change(clone):
    first = git(clone, "rev-parse", "HEAD")
    settings = clone / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("line-length = 88", "line-length = 99"))
    assert set_repository.changed_since(first, clone) == []
    settings.write_text(text.replace('"tqdm>=', '"tqdm>=9'))
    assert set_repository.changed_since(first, clone) == ["pyproject.toml"]


def refused(clone, words, *arguments):
    before = files(clone)
    result = set_url(clone, *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("Nothing was changed: ")
    assert words in result.stderr, result.stderr
    assert files(clone) == before


def test_what_cannot_be_set_is_refused_and_changes_nothing(clone):
    refused(clone, "expected the form", "github.com/owner/name")
    refused(clone, "no address is set", None)
    refused(clone, "not in the history", URL, "--revision", REVISION)
    refused(clone, "not in the history", URL, "--revision", "no-such-tag")
    refused(clone, "expected a name such as", URL, "--branch", "two words")
    source = clone / "code" / "descent" / "new.py"
    source.write_text("x = 1\n")
    refused(clone, "code/descent/new.py changed since; commit it", URL)
    first = git(clone, "rev-parse", "HEAD")
    commit(clone)
    refused(clone, "code/descent/new.py changed since", URL, "--revision", first)
    git(clone, "checkout", "-q", "--orphan", "another", first)
    git(clone, "commit", "-q", "-m", "no common history")
    refused(clone, "not in the history", URL, "--revision", first)


def test_a_clone_without_the_block_is_refused(clone):
    config = clone / "_config.yml"
    config.write_text("title: Descent\n")
    refused(clone, "no block `repository:`", URL)
