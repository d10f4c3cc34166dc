"""Fixtures that several test files share: a browser, and a page in it."""

import pytest

import browser


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium, closed before the next file's tests begin."""
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
