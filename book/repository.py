"""The address of the book's repository, and the addresses that follow from it.

`_config.yml` is the one place where it stands; `set_repository.py` writes it there.
Everything here is empty, or None, while no address is set.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Repository:
    """Where the book's repository is.

    Attributes: `url`, https://host/owner/name or empty; `branch`, the published one;
    `revision`, the commit that notebooks install the package from, 40 hexadecimal
    digits or empty.
    """

    url: str = ""
    branch: str = "main"
    revision: str = ""

    @property
    def host(self):
        """The host's name, or an empty string."""
        return urlsplit(self.url).netloc

    @property
    def name(self):
        """The repository's path on its host, owner/name, or an empty string."""
        return urlsplit(self.url).path.strip("/")

    @property
    def on_github(self):
        """Whether GitHub has the repository: Colab and Binder open it from there."""
        return self.host == "github.com"

    def source(self, path):
        """Return the address of a file at its host, or of the repository, or None.

        Args:
            path: the file's path in the repository, with slashes.
        """
        if not self.url:
            return None
        if self.on_github or self.host.startswith("gitlab."):
            blob = "blob" if self.on_github else "-/blob"
            return f"{self.url}/{blob}/{quote(self.branch)}/{quote(path)}"
        return self.url

    def colab(self, path):
        """Return the address that opens a notebook in Colab, or None."""
        if not self.on_github:
            return None
        where = f"{self.name}/blob/{quote(self.branch)}/{quote(path)}"
        return f"https://colab.research.google.com/github/{where}"

    def binder(self, path):
        """Return the address that opens a notebook on Binder, or None."""
        if not self.on_github:
            return None
        where = f"{self.name}/{quote(self.branch, safe='')}"
        opened = quote(f"lab/tree/{path}", safe="")
        return f"https://mybinder.org/v2/gh/{where}?urlpath={opened}"

    @property
    def site(self):
        """The address at which GitHub Pages serves the book, with a last /, or None."""
        if not self.on_github:
            return None
        owner, _, name = self.name.partition("/")
        host = f"{owner.lower()}.github.io"
        return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def checked_url(text):
    """Return an address as https://host/owner/name, without .git or a last slash.

    Raises: ValueError, in a sentence, for anything else.
    """
    url = text.strip().removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://[\w-]+(\.[\w-]+)+/[\w.-]+/[\w.-]+", url, re.ASCII):
        raise ValueError(
            f"the address {text!r} is not that of a repository; expected the form "
            f"https://github.com/owner/name."
        )
    return url


def checked(repository):
    """Return a repository whose parts fit together.

    Raises: ValueError, in a sentence, for one that is half set or mistyped.
    """
    url, branch, revision = repository.url, repository.branch, repository.revision
    if url and checked_url(url) != url:
        raise ValueError(f"the address is {url!r}; write it as {checked_url(url)!r}.")
    if not re.fullmatch(r"\w[\w./-]*", branch, re.ASCII):
        raise ValueError(f"the branch is {branch!r}; expected a name such as 'main'.")
    if not re.fullmatch("[0-9a-f]{40}" if url else "", revision):
        raise ValueError(
            f"the address is {url!r} and the revision {revision!r}; expected an "
            f"address and 40 hexadecimal digits, or neither."
        )
    return repository


def read(root=ROOT):
    """Return the Repository that `_config.yml` in the folder `root` names.

    Raises: ValueError, in a sentence, when what stands there cannot be right.
    """
    config = yaml.safe_load((Path(root) / "_config.yml").read_text(encoding="utf-8"))
    stored = config.get("repository") or {}
    keys = ("url", "branch", "revision")
    parts = {key: str(stored[key]) for key in keys if stored.get(key)}
    try:
        return checked(Repository(**parts))
    except ValueError as error:
        raise ValueError(
            f"_config.yml, repository: {error} Set it by `make repository URL=...`."
        ) from None
