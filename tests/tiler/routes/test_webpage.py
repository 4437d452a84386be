"""The page at / and what it asks first: settings, models and their cards, Leaflet's files."""

import re

import pytest
from starlette.testclient import TestClient

from geosar_tiler.basemaps import basemap, basemaps
from geosar_tiler.geocoder import GeocoderError, places_in
from geosar_tiler.routes.webpage import policy
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
        answer = client.get("/page-settings").json()
    assert answer["max_upload_bytes"] == 1234
    assert answer["needs_key"] is False
    assert answer["basemap"] is None


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
    base_map = basemap(Settings(basemap="OpenStreetMap.Mapnik"))
    assert base_map is not None
    assert base_map["url"] == "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
    assert "OpenStreetMap</a> contributors" in base_map["attribution"]
    assert "img-src 'self' blob: data: https://tile.openstreetmap.org;" in policy(base_map)


def test_a_base_map_by_url_has_the_credit_of_the_settings() -> None:
    settings = Settings(basemap="https://{s}.example.org/{z}/{x}/{y}.png", basemap_attribution="Example")
    base_map = basemap(settings)
    assert base_map is not None
    assert base_map["attribution"] == "Example"
    assert "https://*.example.org;" in policy(base_map)


def test_an_unknown_base_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no base map 'Nowhere'"):
        basemap(Settings(basemap="Nowhere"))


def test_base_maps_to_choose_are_the_operators_and_the_policy_opens_for_them_alone() -> None:
    wmts = "https://wmts.example.org/wmts?TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}"
    chosen = basemaps(
        Settings(basemap="OpenStreetMap.Mapnik", basemaps=f"Aerial|{wmts}|The mapping agency;OpenTopoMap")
    )
    assert [one["name"] for one in chosen] == ["OpenStreetMap Mapnik", "Aerial", "OpenTopoMap"]
    assert chosen[1]["url"].endswith("?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}")
    assert chosen[1]["attribution"] == "The mapping agency"
    images = re.findall(r"img-src ([^;]+)", policy(*chosen))[0].split()
    hosts = ["https://tile.openstreetmap.org", "https://wmts.example.org", "https://*.tile.opentopomap.org"]
    assert images == ["'self'", "blob:", "data:", *hosts]
    assert basemaps(Settings()) == []


@pytest.mark.parametrize("entry", ["Aerial|nowhere", "Aerial|file:///etc/{z}/{x}/{y}", "A|https://a; b/{z}", "A|B|C|D"])
def test_what_is_no_base_map_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="base map"):
        basemaps(Settings(basemaps=(entry,)))


def test_answers_of_geocoders_are_read_and_bounded() -> None:
    nominatim = {"display_name": "Riga", "lat": "56.9", "lon": "24.1", "boundingbox": ["56.8", "57.1", "23.9", "24.4"]}
    assert places_in([nominatim])[0]["bbox"] == [23.9, 56.8, 24.4, 57.1]
    photon = {"geometry": {"coordinates": [24.1, 56.9]}, "properties": {"name": "Riga", "country": "Latvia"}}
    assert places_in({"features": [photon]}) == [{"name": "Riga, Latvia", "longitude": 24.1, "latitude": 56.9}]
    odd = [{}, 3, None, {"display_name": "x", "lat": "nan", "lon": "1"}, {"display_name": "x", "lat": "95", "lon": "1"}]
    assert places_in(odd) == []
    assert len(places_in([nominatim] * 50)) == 8
    with pytest.raises(GeocoderError, match="no list"):
        places_in("<html>")


def test_places_are_found_through_the_service_alone(make_service: MakeService) -> None:
    with make_service() as client:
        assert "by coordinates" in problem(client.get("/places", params={"q": "Riga"}), 404)
        assert client.get("/page-settings").json()["geocoder"] is False
    with make_service(geocoder="http://127.0.0.1:9/search?q={query}") as client:
        assert "did not answer" in problem(client.get("/places", params={"q": "Riga & co"}), 503)
        problem(client.get("/places", params={"q": "x" * 300}), 422)
    with pytest.raises(ValueError, match="no geocoder"):
        Settings(geocoder="https://example.org/search")
