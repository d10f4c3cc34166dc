"""Drive the machine's own Chromium, for the PDF and for the tests of the pages."""

import os
import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser that is driven asks nothing of anybody, and in a container has no sandbox.
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find():
    """Return the path of a Chromium: $CHROMIUM, or one on the PATH, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser():
    """Run a Chromium for the time of a `with`.

    Raises: RuntimeError when there is none.
    """
    path = find()
    if path is None:
        raise RuntimeError(
            "no Chromium was found; install one (Debian: apt-get install chromium) "
            "or name its path in the variable CHROMIUM."
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield chromium
        chromium.close()


@contextmanager
def tab(**options):
    """Open one tab in a Chromium of its own; `options` go to the browser's context."""
    with browser() as chromium:
        yield chromium.new_context(**options).new_page()
