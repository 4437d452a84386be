"""One browser for a file of tests: while it is there, no other test of the process can run an event loop."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from helpers.page.visits import BROWSER, installed_browser, launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the installed browser; without one the test is skipped, or fails where nothing may be skipped."""
    if installed_browser() is None:
        message = f"There is no {BROWSER}; `sudo make system` brings Chromium, `apt-get install firefox-esr` Firefox."
        if os.environ.get("GEOSAR_REQUIRE_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        opened = launched(playwright[BROWSER])
        yield opened
        opened.close()
