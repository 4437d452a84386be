"""Requests that are odd in what they say: they are told so, and are no failure of the service."""

import json
from pathlib import Path
from typing import Any

import pytest
from morecantile import tms as matrix_sets
from starlette.testclient import TestClient

from geosar_tiler.tiles import layers
from helpers.service import MakeService, problem, send, services_of

LONE = "\ud800"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("layer", ["sar", "live"])
@pytest.mark.parametrize(
    "box", ["0,0,0,0", "0,0,0.0,0.0", "76,9,76,10", "76,9,77,9", "1,1,0,0", "76,10,77,9", "nan,0,1,1"]
)
def test_a_box_without_area_is_told_so(placed: tuple[TestClient, dict[str, Any]], layer: str, box: str) -> None:
    service, scene = placed
    assert "the box is" in problem(service.get(f"/scenes/{scene['id']}/{layer}/bbox/{box}.png"), 422)


def test_a_box_across_the_antimeridian_is_a_box(placed: tuple[TestClient, dict[str, Any]]) -> None:
    service, scene = placed
    for layer in ("sar", "live"):
        answer = service.get(f"/scenes/{scene['id']}/{layer}/bbox/179,9,-179,10.png")
        assert answer.status_code in {200, 404, 422}


def test_no_grid_of_tiles_fails_at_a_zoom_that_it_does_not_have(placed: tuple[TestClient, dict[str, Any]]) -> None:
    service, scene = placed
    without = 0
    for name in matrix_sets.list():
        for zoom in (24, 30):
            answer = service.get(f"/scenes/{scene['id']}/sar/tiles/{name}/{zoom}/5/5.png")
            without += "zoom" in problem(answer, answer.status_code).lower() or "level" in answer.text
            assert answer.status_code in {404, 422}, (name, zoom, answer.text)
    assert without > 2


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [LONE]},
        {"collections": [LONE]},
        {"query": {"title": {"eq": LONE}}},
        {"query": {"title": {"startsWith": LONE}}},
        {"query": {"title": {"in": [LONE]}}},
        {"query": {LONE: {"eq": 1}}},
        {"datetime": LONE},
        {"fields": {"include": [LONE]}},
        {"ids": ["a\0b"]},
    ],
)
def test_half_a_character_in_a_search_is_told_so(placed: tuple[TestClient, dict[str, Any]], body: Any) -> None:
    service, _ = placed
    answer = service.post("/stac/search", content=json.dumps(body), headers=JSON)
    assert "half a character" in problem(answer, 422)


def test_half_a_character_and_nul_are_no_texts_anywhere(placed: tuple[TestClient, dict[str, Any]]) -> None:
    service, scene = placed
    for text in (LONE, "a\0b"):
        bodies = {
            f"/scenes/{scene['id']}": ("PATCH", {"name": text}),
            "/processes/translate/execution": ("POST", {"inputs": {"scene": text}}),
            "/scenes": ("POST", {"uploads": {"VV": text, "VH": "a"}}),
        }
        for path, (method, body) in bodies.items():
            answer = service.request(method, path, content=json.dumps(body), headers=JSON)
            assert problem(answer, answer.status_code)
            assert answer.status_code in {403, 404, 422}
    for path in ("/scenes/%00", "/scenes?q=%00", "/jobs?scene=a%00", "/stac/search?ids=%00", "/uploads/%00"):
        assert "NUL" in problem(service.get(path), 422)
    deep = "[" * 20_000 + "]" * 20_000
    answer = service.post("/stac/search", content=f'{{"intersects": {deep}}}', headers=JSON)
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("boundary", ["x" * 10_000, "x" * 257, "", '"'])
def test_a_boundary_that_is_none_is_told_so(placed: tuple[TestClient, dict[str, Any]], boundary: str) -> None:
    service, scene = placed
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    for method, path in (("POST", "/scenes"), ("PUT", f"/scenes/{scene['id']}/reference")):
        assert "the form" in problem(service.request(method, path, content=b"--x\r\n", headers=headers), 422)


def test_a_missing_models_path_is_not_told(make_service: MakeService, tmp_path: Path, scene_file: Path) -> None:
    place = tmp_path / "kept" / "secretly" / "model"
    with make_service(model=str(place)) as service:
        scene = send(service, scene_file)["id"]
        for answer in (
            service.get(f"/scenes/{scene}/live/preview.png"),
            service.get("/models"),
            service.post("/processes/translate/execution", json={"inputs": {"scene": scene}}),
        ):
            detail = problem(answer, 503)
            assert "no model 'model'" in detail
            assert "secretly" not in answer.text


def test_a_store_that_cannot_be_used_is_no_failure_of_ours(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as service:
        incoming = services_of(service).store.incoming
        incoming.rmdir()
        incoming.write_text("no folder")
        answer = service.post("/scenes?filename=a_VV.tif", content=scene_file.read_bytes())
        assert "cannot use its store now" in problem(answer, 503)
        assert answer.headers["retry-after"] == "60"
        assert service.get("/scenes").status_code == 200


def test_what_is_said_of_a_scene_is_no_html_in_a_map_of_the_web(
    placed: tuple[TestClient, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of bands, with which a result was read, are among the words of its TileJSON."""
    words = "<img src=x onerror=alert(1)> & more"
    monkeypatch.setattr(layers, "_unit", lambda _: words)
    service, scene = placed
    for path in ("sar/tilejson.json", "sar/image/tilejson.json"):
        answer = service.get(f"/scenes/{scene['id']}/{path}").json()
        assert words in answer["description"]
        assert "SAR" in answer["attribution"]
        assert "<" not in answer["attribution"]
