"""Makes the pictures of the manual and the README, from real scenes in a service of its own.

GEOSAR_DATA=... PYTHONPATH=tests python -m helpers.page.pictures                # docs/pictures/webmap_*.webp
GEOSAR_DATA=... PYTHONPATH=tests python -m helpers.page.pictures --references   # what test_page_pictures compares with
"""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from helpers.page.visits import ROOT, Service, enter, look_at, settle, still, visit

QUALITY = 76
REFERENCES = ROOT / "tests" / "webmap" / "page" / "references"
REDUCTION = 4
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


def take(page: Page) -> Image.Image:
    """Return what is on screen."""
    page.evaluate("document.activeElement?.blur()")
    still(page)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def reduced(shot: Image.Image) -> Image.Image:
    """Make it small enough that letters become grey: fonts differ from machine to machine."""
    return shot.resize((shot.width // REDUCTION, shot.height // REDUCTION), Image.Resampling.BOX)


def view_list(page: Page, service: Service, _scenes: dict[str, Any]) -> None:
    """Where the scenes lie."""
    enter(page, service)
    page.locator(".thumbnail.there").first.wait_for()


def view_composite(page: Page, service: Service, scenes: dict[str, Any]) -> None:
    """Two polarisations in three colours; no network had a part in it."""
    look_at(page, service, scenes["dual"], "layers=sar:100,-optical:100&radar=composite,gray")


def view_swipe(page: Page, service: Service, scenes: dict[str, Any]) -> None:
    """Radar against colour."""
    look_at(page, service, scenes["city"], "at=33.955,-118.40,12&compare=swipe,sar,optical,50")


def view_side(page: Page, service: Service, scenes: dict[str, Any]) -> None:
    """Colour beside its expected error."""
    look_at(page, service, scenes["city"], "at=33.99,-118.25,12&compare=side,optical,error,50")


def view_pixel(page: Page, service: Service, scenes: dict[str, Any]) -> None:
    """The values of a pixel."""
    look_at(page, service, scenes["city"], "at=33.94,-118.40,13")
    page.mouse.click(800, 480)
    page.wait_for_selector(".pixel table")


MANUAL: dict[str, tuple[Callable[[Page, Service, dict[str, Any]], None], dict[str, int], str]] = {
    "webmap_list": (view_list, WIDE, "light"),
    "webmap_swipe": (view_swipe, WIDE, "light"),
    "webmap_side": (view_side, WIDE, "dark"),
    "webmap_pixel": (view_pixel, WIDE, "light"),
    "webmap_phone": (view_swipe, PHONE, "dark"),
}
COMPARED: dict[str, tuple[Callable[[Page, Service, dict[str, Any]], None], dict[str, int], str]] = {
    "composite_light": (view_composite, WIDE, "light"),
    "composite_phone_dark": (view_composite, PHONE, "dark"),
}


def shoot(browser: Browser, service: Service, scenes: dict[str, Any], view: tuple[Any, dict[str, int], str]) -> Any:
    """Take one picture."""
    arrange, size, scheme = view
    phone = size["width"] < 500
    with visit(browser, viewport=size, color_scheme=scheme, has_touch=phone, reduced_motion="reduce") as page:
        arrange(page, service, scenes)
        if page.locator(".leaflet-tile").count():
            settle(page)
        return take(page)


def main() -> None:
    """Make them all."""
    references = "--references" in sys.argv
    data = Path(os.environ["GEOSAR_DATA"]) / "scenes"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder) / "store")
        service.start()
        try:
            scenes = {"dual": service.send(data / "rtc_282D_485L_3_3_vv_vh_db.tif")}
            if not references:
                service.send(data / "grd_gcps_india.tif")
                scenes["city"] = service.translate(service.send(data / "los_angeles_s1_vh.tif"))
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, view in (COMPARED if references else MANUAL).items():
                shot = shoot(browser, service, scenes, view)
                if references:
                    REFERENCES.mkdir(exist_ok=True)
                    reduced(shot).save(REFERENCES / f"{name}.png", optimize=True)
                else:
                    (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
                    shot.save(ROOT / "docs" / "pictures" / f"{name}.webp", quality=QUALITY, method=6)
            browser.close()
        finally:
            service.stop()


if __name__ == "__main__":
    main()
