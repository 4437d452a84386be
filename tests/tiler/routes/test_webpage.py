"""The page at / and what it asks first: settings, models and their cards, Leaflet's files."""

import re

import pytest
from starlette.testclient import TestClient

from geosar_tiler.routes.webpage import basemap, policy
from geosar_tiler.settings import Settings
from helpers.service import MakeService, problem

HTML = {"accept": "text/html,application/xhtml+xml"}


def test_a_browser_gets_the_page_and_a_program_gets_json(client: TestClient) -> None:
    page = client.get("/", headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert client.get("/", params={"f": "html"}).text == page.text
    assert client.get("/").json()["title"] == "geosar"
    for address in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
        assert client.get(f"/{address}").status_code == 200, address


def test_scripts_are_asked_for_again_after_an_update(client: TestClient) -> None:
    first = client.get("/js/main.js")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/js/main.js", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_the_page_knows_the_services_limits(make_service: MakeService) -> None:
    with make_service(max_upload_bytes=1234) as client:
        told = client.get("/page-settings").json()
    assert told["max_upload_bytes"] == 1234
    assert told["needs_key"] is False
    assert told["basemap"] is None


def test_the_pages_files_need_no_key_but_data_does(make_service: MakeService) -> None:
    with make_service(api_keys=(f"read:{'0' * 64}",)) as client:
        assert client.get("/", headers=HTML).status_code == 200
        for path in ("/page-settings", "/js/main.js", "/leaflet/leaflet.js", "/base/land.json"):
            assert client.get(path).status_code == 200, path
        for path in ("/scenes", "/models"):
            assert client.get(path).status_code == 401, path


def test_models_have_cards_and_no_path_is_one(client: TestClient) -> None:
    listed = client.get("/models").json()["models"]
    packaged = next(one for one in listed if one["name"] == "s1-rgb")
    assert packaged["accepts"]
    card = client.get("/models/s1-rgb/card")
    assert card.headers["content-type"].startswith("text/markdown")
    assert "not an" in card.text
    problem(client.get("/models/../../etc/card"), 404)
    problem(client.get("/models/%2Fetc/card"), 404)


def test_a_base_map_by_name_is_allowed_by_the_policy() -> None:
    found = basemap(Settings(basemap="OpenStreetMap.Mapnik"))
    assert found is not None
    assert found["url"] == "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
    assert "OpenStreetMap</a> contributors" in found["attribution"]
    assert "img-src 'self' blob: data: https://tile.openstreetmap.org;" in policy(found)


def test_a_base_map_by_address_has_the_credit_of_the_settings() -> None:
    given = Settings(basemap="https://{s}.example.org/{z}/{x}/{y}.png", basemap_attribution="Example")
    found = basemap(given)
    assert found is not None
    assert found["attribution"] == "Example"
    assert "https://*.example.org;" in policy(found)


def test_an_unknown_base_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no base map 'Nowhere'"):
        basemap(Settings(basemap="Nowhere"))
