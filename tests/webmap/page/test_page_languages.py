"""The page in German and Spanish: by the browser's language or by a switch, with no text missing and room for all."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from helpers.page.visits import ROOT, Service, enter, look_at, visit

TEXTS = ROOT / "webmap" / "page" / "js" / "texts"
LANGUAGES = ("en", "de", "es")
SHAPES = """async (url) => {
  const { TEXT } = await import(url);
  const flat = (one, path) => Object.entries(one).flatMap(([name, value]) => {
    const here = path ? `${path}.${name}` : name;
    if (typeof value === "object") return flat(value, here);
    const said = typeof value === "function" ? value("<1>", "<2>", "<3>") : value;
    return [[here, typeof value, String(said)]];
  });
  return flat(TEXT, "");
}"""
SAME_IN_ALL = 12
"""Texts that two languages may share, such as GeoTIFF (COG), beside the names of colours and formats."""
WIDER = """() => [...document.querySelectorAll("#panel, #panel *, #toolbar, #badge, #find")].filter((one) => {
  const { right, width } = one.getBoundingClientRect();
  const most = one.closest("#panel") ? document.querySelector("#panel").getBoundingClientRect().right : innerWidth;
  return width > 1 && right > most + 1 && !one.closest("svg, .unseen");
}).map((one) => one.outerHTML.slice(0, 90))"""


def test_no_text_is_missing_and_none_is_left_in_english(page: Page, service: Service) -> None:
    enter(page, service)
    texts: dict[str, dict[str, tuple[str, str]]] = {}
    for language in LANGUAGES:
        answer = page.evaluate(SHAPES, f"{service.url}js/texts/{language}.js")
        texts[language] = {name: (kind, text) for name, kind, text in answer}
    english = texts["en"]
    for language in ("de", "es"):
        own = texts[language]
        assert own.keys() == english.keys()
        assert {name for name in own if own[name][0] != english[name][0]} == set()
        assert {name for name in own if not own[name][1].strip()} == set()
        # What is filled in is in the sentence; numbers are written otherwise.
        filled = {name for name, (_, text) in english.items() if "<1>" in text}
        assert {name for name in filled if "<1>" not in own[name][1]} == set()
        same = {name for name in own if own[name][1] == english[name][1] and len(own[name][1].split()) > 1}
        assert len(same) < SAME_IN_ALL, same


@pytest.mark.data
@pytest.mark.parametrize(("language", "button"), [("de", "Erneut übersetzen"), ("es", "Traducir de nuevo")])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_browsers_language_is_spoken_and_fits(
    browser: Browser, service: Service, scene: dict[str, Any], *, language: str, button: str, width: int
) -> None:
    with visit(browser, locale=language, viewport={"width": width, "height": 780}) as page:
        enter(page, service)
        assert page.evaluate(WIDER) == []
        look_at(page, service, scene)
        if width < 720:
            page.locator("#panel-head .button").last.click()
        expect(page.get_by_role("button", name=button)).to_be_visible()
        for folded in page.locator("#panel details summary").all():
            if folded.is_visible():
                folded.click()
        assert page.evaluate(WIDER) == []
        assert page.evaluate("document.documentElement.lang") == language
        expect(page.locator("#coordinates")).to_contain_text(",")
        assert "," in page.locator("#coordinates").inner_text().split("°")[0]  # the decimal comma


def test_another_language_is_chosen_by_hand_and_kept(page: Page, service: Service) -> None:
    enter(page, service)
    page.get_by_role("button", name="Help and keys").click()
    page.get_by_label("Language").select_option("de")
    expect(page.locator("#choose-files")).to_have_text("Dateien auswählen")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.get_by_role("button", name="Hilfe und Tasten").click()
    page.get_by_label("Sprache").select_option("en")
    expect(page.locator("#choose-files")).to_have_text("Choose files")


def test_places_are_read_in_the_spellings_that_people_use(browser: Browser, service: Service) -> None:
    def read(language: str, *written: str) -> list[list[float] | None]:
        script = "async ([file, written]) => { const { placeOf } = await import(file); return written.map(placeOf); }"
        with visit(browser, locale=language) as page:
            enter(page, service)
            pixels: list[list[float] | None] = page.evaluate(script, [f"{service.url}js/map/places.js", list(written)])
            return pixels

    prime, second = "\N{PRIME}", "\N{DOUBLE PRIME}"
    spellings = (
        "34.05, -118.25", "34.05 -118.25", "34,05; -118,25", "34,05 -118,25", "34.05N 118.25W", "118.25W 34.05N",
        "34.05° N, 118.25° W", "N 34.05 W 118.25", f"N34°3{prime} W118°15{prime}", "34 03 00 N, 118 15 0 W",
        f"34°03{prime}00{second}N 118°15{prime}00{second}W", "34:03:00, -118:15:00", "34 3 0 -118 15 0",
        "geo:34.05,-118.25?z=12", "https://maps.example/@34.05,-118.25,12z", "-118.25, 34.05",
        "34d03m00sN 118d15m00sW", "34°03'00\"N, 118°15'00\"W",
    )  # fmt: skip
    nowhere = ("Los Angeles", "95, 100", "34 61 0 N 118 0 0 W", "1", "381000 3768000")
    pixels = read("en", *spellings, "34.05S, 118.25E", *nowhere)
    for written, place in zip(spellings, pixels, strict=False):
        assert place == pytest.approx([34.05, -118.25]), written
    assert pixels[len(spellings)] == pytest.approx([-34.05, 118.25])
    assert pixels[-len(nowhere) :] == [None] * len(nowhere)
    assert read("de", "52,5 N 13,4 O")[0] == pytest.approx([52.5, 13.4])  # Ost
    assert read("es", "52,5 N 13,4 O")[0] == pytest.approx([52.5, -13.4])  # oeste
