"""Scenes without a place on the Earth: tiles, parts and points in their own pixels, live as well."""

import io
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from starlette.testclient import TestClient

from helpers.rasters import speckled
from helpers.service import MakeRaster, picture, problem, send, wait

WIDTH, HEIGHT = 600, 330


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    values: np.ndarray = np.clip(60 * np.sqrt(speckled((HEIGHT, WIDTH), seed=8)) * 6, 1, 255).astype(np.uint8)
    return values


@pytest.fixture(scope="module")
def plain(client: TestClient, grey: np.ndarray) -> dict[str, Any]:
    """A PNG without georeference, translated."""
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    answer = client.post("/scenes?filename=picture_VV.png", content=out.getvalue())
    assert answer.status_code == 201, answer.text
    path = f"/scenes/{answer.json()['id']}"
    order = {"inputs": {"scene": answer.json()["id"]}}
    assert client.post("/processes/translate/execution", json=order).status_code == 200
    return wait(client, path, lambda state: state["display"]["state"] == "ready")


def test_a_picture_says_how_it_is_tiled(client: TestClient, plain: dict[str, Any]) -> None:
    assert (plain["georeferenced"], plain["width"], plain["height"]) == (False, WIDTH, HEIGHT)
    assert plain["image_maxzoom"] == 2  # 600 pixels are more than 2 tiles and fewer than 4
    assert plain["links"][-1]["href"].endswith("/image/tilejson.json")
    for layer in ("sar", "optical", "error", "live"):
        answer = client.get(f"/scenes/{plain['id']}/{layer}/image/tilejson.json").json()
        assert (answer["minzoom"], answer["maxzoom"], answer["bounds"]) == (0, 2, [0, 0, WIDTH, HEIGHT])
        assert answer["synthetic"] is (layer != "sar")
        tile = client.get(answer["tiles"][0].format(z=2, x=0, y=0))
        assert "immutable" in tile.headers["cache-control"]


@pytest.mark.parametrize("layer", ["sar", "optical", "error", "live"])
def test_tiles_of_all_zooms_cover_the_picture_and_no_more(
    client: TestClient, plain: dict[str, Any], layer: str
) -> None:
    base = f"/scenes/{plain['id']}/{layer}/tiles/image"
    for zoom, (columns, rows) in {0: (1, 1), 1: (2, 1), 2: (3, 2)}.items():
        seen = 0
        for x in range(columns):
            for y in range(rows):
                tile = picture(client.get(f"{base}/{zoom}/{x}/{y}"))
                assert tile.shape == (256, 256, 4)
                seen += int((tile[..., 3] > 0).sum())
        factor = 2 ** (2 - zoom)
        assert seen == -(-WIDTH // factor) * -(-HEIGHT // factor)
        problem(client.get(f"{base}/{zoom}/{columns}/0"), 404)
        problem(client.get(f"{base}/{zoom}/0/{rows}"), 404)
    assert "zooms 0 to 2" in problem(client.get(f"{base}/3/0/0"), 404)
    assert client.get(f"{base}/1/0/0.webp").headers["content-type"] == "image/webp"
    assert client.get(f"{base}/1/0/0.jpg").status_code == 200


def test_a_tile_of_full_resolution_is_the_picture_itself(
    client: TestClient, plain: dict[str, Any], grey: np.ndarray
) -> None:
    figures = plain["description"]["statistics"]["1 VV"]
    tile = picture(client.get(f"/scenes/{plain['id']}/sar/tiles/image/2/1/1"))
    own = grey[256:, 256:512].astype(float)
    scaled = np.clip((own - figures["p02"]) / (figures["p98"] - figures["p02"]), 0, 1) * 255
    assert np.abs(tile[: HEIGHT - 256, :, 0] - scaled).max() <= 2
    assert (tile[HEIGHT - 256 :, :, 3] == 0).all()


def test_live_and_optical_are_the_same_pixels(client: TestClient, plain: dict[str, Any]) -> None:
    for path in ("tiles/image/2/0/0", "crop?bbox=200,100,420,290", "preview.png?max_size=600"):
        live, optical = (picture(client.get(f"/scenes/{plain['id']}/{layer}/{path}")) for layer in ("live", "optical"))
        assert (np.abs(live.astype(int) - optical)[..., :3] <= 2).all()


def test_a_crop_is_named_by_pixels(client: TestClient, plain: dict[str, Any], grey: np.ndarray) -> None:
    base = f"/scenes/{plain['id']}/sar"
    assert picture(client.get(f"{base}/crop?bbox=10,20,110,80")).shape == (60, 100, 4)
    assert picture(client.get(f"{base}/crop.png?bbox=10,20,110,80&max_size=50")).shape == (30, 50, 4)
    assert picture(client.get(f"{base}/crop.webp?bbox=590,-5,700,20")).shape == (20, 10, 4)
    answer = client.get(f"{base}/crop.tif?bbox=10,20,110,80")
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as dataset:
        assert np.abs(dataset.read(1) - grey[20:80, 10:110]).max() < 0.01
    for bad in ("1,2,3", "a,b,c,d", "10,10,10,20", "nan,0,1,1", "inf,0,1,1"):
        assert "left,top,right,bottom" in problem(client.get(f"{base}/crop?bbox={bad}"), 422)
    problem(client.get(f"{base}/crop?bbox=600,0,700,10"), 404)
    problem(client.get(f"{base}/crop"), 422)


def test_a_point_is_a_pixel(client: TestClient, plain: dict[str, Any], grey: np.ndarray) -> None:
    answer = client.get(f"/scenes/{plain['id']}/sar/point/123,45").json()
    assert answer["values"] == pytest.approx([float(grey[45, 123])])
    assert len(client.get(f"/scenes/{plain['id']}/live/point/123,45").json()["values"]) == 4
    for outside in ("600,0", "0,330", "-1,5"):
        problem(client.get(f"/scenes/{plain['id']}/sar/point/{outside}"), 404)


def test_a_map_is_refused_with_what_to_look_at_instead(client: TestClient, plain: dict[str, Any]) -> None:
    for layer in ("sar", "live", "optical"):
        for path in ("tiles/1/0/0.png", "tilejson.json", "info.geojson", "bbox/0,0,1,1.png", "WMTSCapabilities.xml"):
            assert "/tiles/image" in problem(client.get(f"/scenes/{plain['id']}/{layer}/{path}"), 422)


@pytest.mark.parametrize(("layer", "bands"), [("sar", 1), ("live", 4), ("optical", 3), ("error", 1)])
def test_what_is_known_of_a_layer_is_told_in_pixels(
    client: TestClient, plain: dict[str, Any], layer: str, bands: int
) -> None:
    answer = client.get(f"/scenes/{plain['id']}/{layer}/info").json()
    assert answer["bounds"] == [0, 0, plain["width"], plain["height"]]
    assert (answer["width"], answer["height"], answer["count"]) == (plain["width"], plain["height"], bands)
    assert "pixel" in answer["crs"]


def test_a_jpeg_is_seen_before_it_is_prepared(client: TestClient, make_raster: MakeRaster, grey: np.ndarray) -> None:
    path = make_raster("picture_VH.jpg", grey, driver="JPEG", crs=None, transform=None)
    scene = send(client, path)
    assert picture(client.get(f"/scenes/{scene['id']}/sar/tiles/image/0/0/0")).shape == (256, 256, 4)
    client.delete(f"/scenes/{scene['id']}")


def test_scenes_on_a_map_have_their_own_pixels_too(client: TestClient, scene: dict[str, Any]) -> None:
    assert scene["image_maxzoom"] == 2
    tile = picture(client.get(f"/scenes/{scene['id']}/sar/tiles/image/2/0/0"))
    assert (tile[:80, :120, 3] == 0).all()  # the empty corner
    assert (tile[100:, 130:, 3] > 0).all()
