"""One Chromium for a file of tests: while it is there, no other test of the process can run an event loop."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from helpers.page.visits import installed_chromium, launched


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return an installed Chromium; without one the test is skipped, or fails where nothing may be skipped."""
    if installed_chromium() is None:
        message = "There is no Chromium; `apt-get install -y --no-install-recommends chromium` brings one."
        if os.environ.get("GEOSAR_REQUIRE_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = launched(playwright.chromium)
        yield browser
        browser.close()
