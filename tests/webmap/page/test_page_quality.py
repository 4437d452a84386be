"""How well: accessibility, keyboard, narrow screens, size, security policy, speed."""

import io
import json
import re
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from helpers.page.visits import ROOT, Service, enter, http, look_at, own_files, settle, until, visit

STATIC = ROOT / "webmap" / "page"
MOST_BYTES = 90_000


def violations(page: Page) -> list[str]:
    """What axe-core finds, in a line each."""
    audit = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:140] for node in one['nodes']]}" for one in audit]


@pytest.mark.data
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_violation(
    browser: Browser, service: Service, scene: dict[str, Any], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 780}
    # axe is a script of its own; the page's policy would refuse it.
    with visit(browser, viewport=size, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce") as page:
        enter(page, service)
        page.locator(".scene-card").first.wait_for()
        assert violations(page) == []
        look_at(page, service, scene, "compare=swipe,sar,optical,50")
        if width < 720:
            page.get_by_role("button", name="Show the panel").click()
        for folded in ("What was understood", "Options", "URLs for other programs"):
            page.get_by_text(folded, exact=True).click()
        assert violations(page) == []
        page.keyboard.press("m")
        page.locator(".badge").click()
        page.get_by_role("dialog").wait_for()
        assert violations(page) == []


@pytest.mark.data
def test_the_keyboard_alone_opens_translates_compares_and_goes_back(
    page: Page, service: Service, scene: dict[str, Any]
) -> None:
    enter(page, service)
    page.locator(".scene-card").first.wait_for()

    def tab_to(words: str) -> None:
        script = (
            "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent || '').trim()"
        )
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(script).startswith(words):
                return
        pytest.fail(f"{words!r} is not reached by Tab")

    tab_to(scene["name"])
    page.keyboard.press("Enter")
    settle(page)
    tab_to("Show Synthetic optical")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="Show Synthetic optical")).not_to_be_checked()
    tab_to("Swipe")
    page.keyboard.press("Enter")
    tab_to("Divider between the layers")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("slider", name="Divider")).to_have_attribute("aria-valuenow", "52")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Help and keys")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.chromium
@pytest.mark.data
def test_nothing_is_wider_than_a_phone(phone: Page, service: Service, scene: dict[str, Any]) -> None:
    wide = (
        "[...document.querySelectorAll('#panel *, #badge, #legend, #toolbar')].filter(one => "
        "one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('svg, .unseen')).map(one => "
        "one.outerHTML.slice(0, 99))"
    )
    enter(phone, service)
    until(lambda: phone.evaluate(wide) == [])
    look_at(phone, service, scene)
    expect(phone.locator("#panel-body")).to_be_hidden()
    phone.get_by_role("button", name="Show the panel").tap()
    expect(phone.get_by_role("button", name="Translate again")).to_be_visible()
    until(lambda: phone.evaluate(wide) == [])
    phone.get_by_role("button", name="Hide the panel").tap()
    expect(phone.locator("#panel-body")).to_be_hidden()
    phone.touchscreen.tap(180, 350)
    expect(phone.locator(".pixel table")).to_be_visible()


def test_the_pages_own_code_is_small(service: Service) -> None:
    """The sum of its files, each as the service sends it."""
    sent = own_files(service)
    assert len(sent) > 40
    assert sum(sent.values()) < MOST_BYTES, sent


@pytest.mark.chromium
def test_what_the_page_loads_is_what_was_counted(page: Page, service: Service) -> None:
    """No file of its own comes from elsewhere, or larger than it was counted."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    names: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session.on("Network.responseReceived", lambda event: names.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    enter(page, service)
    loaded = {names[one]: size for one, size in sizes.items() if re.search(r"/(js|css)/|/$", names[one])}
    assert len(loaded) > 35
    headers = 700
    assert sum(loaded.values()) < MOST_BYTES + headers * len(loaded), loaded


def test_nothing_is_lost_with_the_comments() -> None:
    """What rjsmin does not know is not there: a template within a template, a pattern behind an arrow."""
    nested = re.compile(r"\$\{[^}]*`|=> */[^/*]")
    assert {path.name for path in (STATIC / "js").rglob("*.js") if nested.search(path.read_text())} == set()


def test_every_script_is_fetched_at_once_not_one_after_the_other() -> None:
    """A script that is not named in the page is found only when the one that imports it has come."""
    page = (STATIC / "index.html").read_text()
    unneeded = {"types.js", "texts/de.js", "texts/es.js"}  # other languages come when they are spoken
    names = {path.relative_to(STATIC / "js").as_posix() for path in (STATIC / "js").rglob("*.js")} - unneeded
    assert names == set(re.findall(r'(?:href|src)="js/([^"]+)"', page))


def test_no_file_of_the_page_reads_strings_as_html() -> None:
    scripts = "\n".join(path.read_text() for path in (STATIC / "js").rglob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts)
    assert not re.search(r"<script(?![^>]*src)|<style|\son\w+=|\sstyle=", (STATIC / "index.html").read_text())


def test_the_policy_allows_nothing_inline(service: Service) -> None:
    answer = http.get(service.url, headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_every_word_is_in_the_file_of_texts() -> None:
    """No sentence stands in another script: a text between quotes with two words of letters and a space."""
    allowed = {"en.js", "de.js", "es.js", "types.js", "colours.js"}
    spoken = re.compile(r'"[A-Z][a-z]+ [a-z]+ [a-z][^"]*"')
    strings = {path.name: spoken.findall(path.read_text()) for path in (STATIC / "js").rglob("*.js")}
    assert {name: texts for name, texts in strings.items() if texts and name not in allowed} == {}


def test_a_wheel_holds_the_page() -> None:
    packages = re.search(r"packages = (\[.*\])", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    assert "webmap" in json.loads(packages[1])
    assert (STATIC / "index.html").is_file()
    assert (STATIC / "base" / "land.json").is_file()


@pytest.mark.data
def test_the_theme_is_chosen_and_kept(page: Page, service: Service) -> None:
    def paper() -> float:
        shot = Image.open(io.BytesIO(page.locator("#panel-head").screenshot())).convert("L")
        return float(np.median(np.asarray(shot)))

    enter(page, service)
    assert paper() > 200
    page.get_by_role("button", name="Light or dark").click()
    until(lambda: paper() < 60)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert paper() < 60
