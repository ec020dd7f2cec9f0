"""Fixtures of the tests that open the built book in a browser, or plant errors in its chapters."""

import functools
import os
from contextlib import ExitStack

import browsing
import pytest


def pytest_collection_modifyitems(items):
    """Tests that plant errors in chapters are those of files of that name."""
    for item in items:
        if item.path.name.startswith("test_planted_"):
            item.add_marker("planted")


@pytest.fixture(scope="module")
def chapter():
    """``chapter(stem)``: a chapter to plant errors in, run once."""
    from planted_chapters import Rehearsal

    return functools.cache(Rehearsal)


@pytest.fixture(scope="module")
def site():
    """The address of the built book, served on this machine."""
    assert (browsing.HTML / "index.html").is_file(), "the book is not built; run: make book"
    with browsing.served(browsing.HTML) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """Chromium; without it these tests are skipped, and fail where continuous integration asks for them."""
    path = browsing.browser_path()
    if path is None:
        why = "no Chromium to test the pages with (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true" or os.environ.get("RLENTROPY_REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(browsing.FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, site):
    """``opened(page, **options)``: the page in a context of its own, which is closed after the test."""
    with ExitStack() as contexts:

        def open_(page, **options):
            tab = contexts.enter_context(browser.new_context(**options)).new_page()
            tab.goto(f"{site}/{page}")
            return tab

        yield open_


@pytest.fixture(scope="module")
def visit(browser, site):
    with browser.new_context(viewport=browsing.WIDE) as context:
        yield browsing.Visit(context, site)
