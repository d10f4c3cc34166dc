"""A real browser for the tests: the system's Chromium, driven by Playwright.

Where a machine has none, the tests that need it are skipped with a reason; in CI
(CI=true in the environment) that is a failure, so that they cannot be lost silently.
"""

import os
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from descent import playground

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox: as root, in a container, Chromium has none. Nothing asks the network.
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def find_chromium():
    """Return the path of the browser: the one that CHROMIUM names, or the system's.

    Skips the calling test where there is none, or fails it in CI.
    """
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        reason = (
            f"no Chromium was found ({named or ', '.join(NAMES)}); install one, as by "
            f"`apt-get install chromium`, or name it in the variable CHROMIUM"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def launched():
    """Yield a headless browser of Playwright's, closed at the end."""
    path = find_chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def load_playground(page):
    """Import the playground's module into a page, as `playground`."""
    page.evaluate(
        """async (text) => {
            const file = new Blob([text], { type: "text/javascript" });
            const address = URL.createObjectURL(file);
            globalThis.playground = (await import(address)).default;
        }""",
        playground.source(),
    )


def processor_time(page):
    """Return a function: seconds of the page's main thread so far, script and layout.

    On the clock of that thread: what else the machine does is not in it.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    parts = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")

    def now():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return sum(entry["value"] for entry in metrics if entry["name"] in parts)

    return now
