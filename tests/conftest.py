"""Fixtures that several test files share: a browser, and a page in it."""

import pytest

import browser


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium; skips, or fails in CI, where there is none."""
    with browser.launched() as launched:
        yield launched


@pytest.fixture(scope="module")
def module_page(chromium):
    """An empty page, without network, in which `playground` is the module."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    browser.load_playground(page)
    yield page
    context.close()
