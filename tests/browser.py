"""A real browser for the tests: the system's Chromium, driven by Playwright.

Where a machine has none, the tests that need it are skipped with a reason; in CI
(CI=true in the environment) that is a failure, so that they cannot be lost silently.
"""

import os
from contextlib import contextmanager

import pytest

import browsers
from descent import playground


def require():
    """Skip the calling test where there is no Chromium, or fail it in CI."""
    if browsers.find() is None:
        reason = (
            "no Chromium was found; install one, as by `apt-get install chromium`, or "
            "name it in the variable CHROMIUM"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def launched():
    """Yield a headless browser of Playwright's, closed at the end; see `require`."""
    require()
    with browsers.browser() as chromium:
        yield chromium


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
