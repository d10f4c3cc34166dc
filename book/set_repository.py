"""Write the repository's address everywhere it must stand (`make repository`).

    python book/set_repository.py --url https://github.com/owner/name
    python book/set_repository.py                 the same address, today's package
    python book/set_repository.py --url ''        no address

That is in `_config.yml`, in the set-up cell of every notebook and in CITATION.cff. The
revision is the commit that notebooks install the package from. It has to be one that
has the package as it is now, which the notebooks are tested with.
"""

import argparse
import os
import re
import subprocess
import tomllib
from pathlib import Path

import nbformat

import setup_cell
from repository import ROOT, Repository, checked, checked_url, read

PACKAGE = ("code", "data/airfoil_self_noise.dat")  # and its part of pyproject.toml


def write(repository, root=ROOT):
    """Write a repository everywhere; return the files that changed.

    Every file is written aside and renamed, and left alone when it is right already.
    """
    root = Path(root)
    config, citation = root / "_config.yml", root / "CITATION.cff"
    new = {
        config: _with_config(config.read_text(encoding="utf-8"), repository),
        citation: _with_citation(citation.read_text(encoding="utf-8"), repository),
    }
    cell = setup_cell.source(repository.url, repository.revision)
    for path in sorted((root / "chapters").rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        setup_cell.put(notebook, cell)
        new[path] = nbformat.writes(notebook) + "\n"
    return [path for path, text in new.items() if _replace(path, text)]


def _with_config(text, repository):
    """Return `_config.yml` with another repository; its comments stay."""
    block = re.search(r"^repository:.*\n(?:[ \t]+\S.*\n)+", text, re.MULTILINE)
    if not block:
        raise ValueError("_config.yml has no block `repository:` with a url in it.")
    new = block[0]
    for key in ("url", "branch", "revision"):
        line = rf'^([ \t]+{key}:)[ \t]*(?:"[^"]*"|[^\s#"]*)'
        value = rf'\1 "{getattr(repository, key)}"'
        new, found = re.subn(line, value, new, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f"_config.yml: repository has {found} lines for {key}.")
    return text.replace(block[0], new)


def _with_citation(text, repository):
    """Return CITATION.cff with the repository's address, or without one."""
    text = re.sub(r"^repository-code:.*\n", "", text, flags=re.MULTILINE)
    return text + f'repository-code: "{repository.url}"\n' if repository.url else text


def _replace(path, text):
    """Write a file aside and rename it; return whether it changed."""
    if text == path.read_text(encoding="utf-8"):
        return False
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)
    return True


def git(*arguments, root=ROOT):
    """Return what git prints.

    Raises: ValueError with git's own words when it fails.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        raise ValueError("git is not installed; install it and try again.") from None
    if done.returncode:
        raise ValueError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def changed_since(revision, root=ROOT):
    """Return the parts of the package that differ from a revision, or are not in git.

    Args:
        revision: a commit that this clone has.
    Returns: list of paths, empty when the package is the one of that revision. Of
        pyproject.toml only what pip and the build read counts.
    """
    changed = git("diff", "--name-only", revision, "--", *PACKAGE, root=root)
    new = git("ls-files", "--others", "--exclude-standard", "--", *PACKAGE, root=root)
    paths = [*changed.splitlines(), *new.splitlines()]
    then = git("show", f"{revision}:pyproject.toml", root=root)
    now = (Path(root) / "pyproject.toml").read_text(encoding="utf-8")
    if _packaging(then) != _packaging(now):
        paths.append("pyproject.toml")
    return paths


def _packaging(text):
    """Return what of a pyproject.toml decides what is installed."""
    tables = tomllib.loads(text)
    hatch = tables.get("tool", {}).get("hatch", {})
    return tables.get("build-system"), tables.get("project"), hatch


def checked_revision(name, root=ROOT):
    """Return the 40 digits of a commit that has the package as it is now.

    Args:
        name: a commit's digits, or a tag; empty for the current commit.
    Raises: ValueError, in a sentence, when it is not in the history of the current
        commit, or when the package has changed since.
    """
    try:
        commit = f"{name or 'HEAD'}^{{commit}}"
        revision = git("rev-parse", "--verify", commit, root=root).strip()
        git("merge-base", "--is-ancestor", revision, "HEAD", root=root)
    except ValueError as error:
        raise ValueError(
            f"the revision {name or 'HEAD'!r} is not in the history of the current "
            f"commit; name one that `git log` lists, or leave it out to take the "
            f"current commit. {error}"
        ) from error
    changed = changed_since(revision, root)
    if changed:
        raise ValueError(
            f"the package is not that of revision {revision}: {', '.join(changed)} "
            f"changed since; commit it and leave the revision out."
        )
    return revision


def chosen(given):
    """Return the Repository that the command line asks for."""
    before = read(given.root)
    url = before.url if given.url is None else given.url
    branch = given.branch or before.branch
    if url:
        url = checked_url(url)
        revision = checked_revision(given.revision, given.root)
        return checked(Repository(url, branch, revision))
    if given.url is None:
        raise ValueError("no address is set; name it by URL=https://host/owner/name.")
    return checked(Repository(branch=branch))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="https://host/owner/name; empty: no address")
    parser.add_argument("--revision", default="", help="default: the current commit")
    parser.add_argument("--branch", default="", help="the branch that is published")
    parser.add_argument("--root", type=Path, default=ROOT, help="another clone")
    given = parser.parse_args(arguments)
    try:
        repository = chosen(given)
        changed = write(repository, given.root)
    except ValueError as error:
        parser.exit(1, f"Nothing was changed: {error}\n")
    for path in changed:
        print("changed", path.relative_to(given.root))
    if repository.url:
        print(f"The repository is {repository.url}.")
        print(f"Notebooks install revision {repository.revision}: push it before you")
        print("publish the book.")
    else:
        print("The repository has no address.")


if __name__ == "__main__":
    main()
