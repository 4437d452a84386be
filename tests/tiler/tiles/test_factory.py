"""Tiles over HTTP: the right pixels, honest caching, and names that never become URLs."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import morecantile
import numpy as np
import pytest
import rasterio
from starlette.testclient import TestClient

from geosar.grid import Window
from geosar_tiler.state.catalogue import get
from geosar_tiler.tiles.open_scenes.live import BLOCK
from helpers.rasters import speckled
from helpers.service import MakeRaster, MakeService, middle_tile, picture, problem, send, services_of

MERCATOR = morecantile.tms.get("WebMercatorQuad")
ZOOM = 13


@pytest.mark.parametrize("layer", ["sar", "optical", "error", "live"])
@pytest.mark.parametrize(("name", "media"), [("png", "image/png"), ("webp", "image/webp"), ("jpg", "image/jpg")])
def test_tiles_have_256_pixels_and_twice_that_on_request(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], *, layer: str, name: str, media: str
) -> None:
    assert job["status"] == "successful"
    base = f"/scenes/{scene['id']}/{layer}/tiles/{middle_tile(scene)}"
    answer = client.get(f"{base}.{name}")
    assert answer.headers["content-type"] == media
    pixels = picture(answer)
    assert pixels.shape == (256, 256, 4)
    assert pixels[..., 0].std() > 1
    assert picture(client.get(f"{base}@2x.{name}")).shape == (512, 512, 4)


def test_live_pixels_are_those_of_the_finished_job(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], tmp_path: Path
) -> None:
    services = services_of(client)
    live = services.live.get(get(services.database, scene["id"]))
    results = client.get(f"/jobs/{job['jobID']}/results").json()
    for name in ("optical", "error"):
        (tmp_path / f"{name}.tif").write_bytes(client.get(results[name]["href"]).content)
    with rasterio.open(tmp_path / "optical.tif") as optical, rasterio.open(tmp_path / "error.tif") as error:
        want = np.concatenate([optical.read(), error.read()])
        mask = optical.dataset_mask() != 0
    # A window across blocks, one block with the hole, and the last, smaller one.
    for window in (Window(200, 180, 230, 150), Window(2 * BLOCK, BLOCK, BLOCK - 68, BLOCK), Window(650, 560, 50, 40)):
        values, valid = live.window(window)
        assert (valid == mask[window.slices]).all()
        assert (np.moveaxis(values, -1, 0) == want[:, *window.slices]).all()
    for zoom in (ZOOM, ZOOM + 1):
        tiles = [
            picture(client.get(f"/scenes/{scene['id']}/{layer}/tiles/{middle_tile(scene, zoom)}.png"))
            for layer in ("live", "optical")
        ]
        apart = np.abs(tiles[0].astype(int) - tiles[1])[..., :3]
        assert (apart <= 2).mean() > 0.999


def test_sar_is_stretched_by_the_scene_and_measured_in_decibel(
    client: TestClient, scene: dict[str, Any], scene_file: Path
) -> None:
    with rasterio.open(scene_file) as dataset:
        row, col = 410, 333
        decibel = 10 * np.log10(dataset.read()[:, row, col])
        x, y = dataset.xy(row, col)
        (lon,), (lat,) = rasterio.warp.transform(dataset.crs, "EPSG:4326", [x], [y])
    point = client.get(f"/scenes/{scene['id']}/sar/point/{lon},{lat}").json()
    assert point["values"] == pytest.approx(decibel, abs=0.006)
    assert point["band_descriptions"] == ["VV", "VH"]
    tile = f"/scenes/{scene['id']}/sar/tiles/{middle_tile(scene)}.png"
    own = picture(client.get(tile))
    real = own[..., 0][own[..., 3] > 0]
    # 2 % of the pixels are at either end; fewer after resampling.
    assert 0.005 < (real == 255).mean() < 0.06
    assert (picture(client.get(f"{tile}?rescale=-100,0"))[..., 0][own[..., 3] > 0] > 180).all()
    colours = picture(client.get(f"{tile}?colormap_name=viridis"))
    assert (colours[..., 0] != colours[..., 2]).mean() > 0.5
    composite = picture(client.get(f"{tile}?composite=true"))
    assert len({tuple(pixel) for pixel in composite[::16, ::16, :3].reshape(-1, 3)}) > 50
    statistics = client.get(f"/scenes/{scene['id']}/sar/statistics").json()
    assert statistics["b1"]["mean"] == pytest.approx(scene["description"]["statistics"]["1 VV"]["mean"], abs=0.5)


def test_what_is_not_there_is_transparent(client: TestClient, scene: dict[str, Any]) -> None:
    west, _, _, north = scene["bbox"]
    tile = MERCATOR.tile(west + 0.001, north - 0.001, ZOOM + 2)
    for layer in ("sar", "live"):
        pixels = picture(client.get(f"/scenes/{scene['id']}/{layer}/tiles/{tile.z}/{tile.x}/{tile.y}.png"))
        assert (pixels[..., 3] == 0).any()


def test_tilejson_says_where_and_that_it_is_synthetic(client: TestClient, scene: dict[str, Any]) -> None:
    document = client.get(f"/scenes/{scene['id']}/live/tilejson.json").json()
    assert "not an observation" in document["attribution"]
    assert document["synthetic"] is True
    assert document["bounds"] == pytest.approx(scene["bbox"], abs=1e-3)
    z, x, y = middle_tile(scene).split("/")
    answer = client.get(document["tiles"][0].format(z=z, x=x, y=y))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(f"/scenes/{scene['id']}/sar/tilejson.json").json()["synthetic"] is False
    other = client.get(f"/scenes/{scene['id']}/sar/WGS1984Quad/tilejson.json").json()
    assert "WGS1984Quad" in other["tiles"][0]


def test_etags_spare_the_second_tile_and_change_with_the_content(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    path = f"/scenes/{scene['id']}/optical/tiles/{middle_tile(scene)}.png"
    first = client.get(path)
    assert first.headers["cache-control"] == "public, max-age=60"
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert client.get(f"{path}?rescale=0,100").headers["etag"] != first.headers["etag"]
    assert client.get(f"{path}?job={job['jobID']}").status_code == 200
    problem(client.get(f"{path}?job=nothing"), 404)


def test_wmts_capabilities_name_the_layer_and_its_tiles(client: TestClient, scene: dict[str, Any]) -> None:
    answer = client.get(f"/scenes/{scene['id']}/sar/WMTSCapabilities.xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    names = [one.text for one in root.iter("{http://www.opengis.net/ows/1.1}Identifier")]
    assert any(name and name.startswith(f"sar_{scene['id']}_WebMercatorQuad") for name in names)


def test_wmts_lists_one_layer_in_words_with_its_notice(client: TestClient, scene: dict[str, Any]) -> None:
    """Not one in codes for each of thirteen grids, down to pixels of millimetres."""
    answer = client.get(f"/scenes/{scene['id']}/live/WMTSCapabilities.xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    ows, wmts = "{http://www.opengis.net/ows/1.1}", "{http://www.opengis.net/wmts/1.0}"
    (layer,) = root.iter(f"{wmts}Layer")
    name = client.get(f"/scenes/{scene['id']}").json()["name"]  # which other tests change
    assert layer.findtext(f"{ows}Title") == f"{name} (synthetic, live)"
    assert "not an observation" in (layer.findtext(f"{ows}Abstract") or "")
    (grid,) = root.findall(f"{wmts}Contents/{wmts}TileMatrixSet")
    finest = min(float(one.text or 0) for one in grid.iter(f"{wmts}ScaleDenominator"))
    assert finest * 0.00028 > 2  # metres


def test_parts_previews_and_legends(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    base = f"/scenes/{scene['id']}"
    for layer in ("sar", "optical", "error", "live"):
        assert picture(client.get(f"{base}/{layer}/preview.png?max_size=128")).shape[1] == 128
        west, south, east, north = scene["bbox"]
        box = f"{(west + east) / 2},{(south + north) / 2},{(west + 3 * east) / 4},{(south + 3 * north) / 4}"
        assert client.get(f"{base}/{layer}/bbox/{box}.png").status_code == 200
    assert picture(client.get(f"{base}/error/legend.png")).shape[1:] == (256, 4)
    point = client.get(f"{base}/live/point/{(west + east) / 2},{(south + north) / 2}").json()
    assert len(point["values"]) == 4
    with rasterio.MemoryFile(client.get(f"{base}/sar/bbox/{box}.tif").content) as memory, memory.open() as dataset:
        assert dataset.count >= 2
        assert dataset.crs is not None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("sar/tiles/13/0/0.png", 404),
        ("live/tiles/13/0/0.png", 404),
        ("sar/tiles/31/0/0.png", 422),
        ("sar/tiles/3/-1/0.png", 422),
        ("sar/tiles/a/b/c.png", 422),
        ("sar/tiles/13/0/0.vrt", 422),
        ("other/tiles/13/0/0.png", 404),
        ("sar/NoSuchGrid/tilejson.json", 422),
        ("sar/point/999,999", 404),
        ("sar/preview.png?expression=import", 400),
        ("sar/preview.png?bidx=3", 422),
        ("sar/preview.png?bidx=-1", 422),
        ("sar/preview.png?max_size=100000", 422),
        ("live/bbox/75.93,10.82,75.94,10.83/100000x100000.png", 422),
        ("sar/tiles/WebMercatorQuad/13/0/0.png?tilesize=1000000", 422),
        ("sar/tiles/WebMercatorQuad/13/5824/3848.png?buffer=1e300", 422),
        ("sar/bbox/1e300,0,1e301,1.png", 422),
        ("sar/preview.png?colormap_name=none", 422),
        ("sar/bbox/75.94,10.82,75.94,10.83.png", 422),
        ("sar/statistics?histogram_bins=100000000", 422),
        ("sar/statistics?histogram_bins=0", 422),
        ("sar/tiles/WebMercatorQuad?maxzoom=494090174", 422),
        ("sar/tiles/WebMercatorQuad?minzoom=-1", 422),
        ("sar/WebMercatorQuad/tilejson.json?maxzoom=31", 422),
        ("sar/tiles/WebMercatorQuad/5000/0/0.png", 422),
        (f"sar/tiles/WebMercatorQuad/13/{10**400}/0.png", 422),
    ],
)
def test_bad_requests_are_told_what_is_wrong(client: TestClient, scene: dict[str, Any], path: str, status: int) -> None:
    problem(client.get(f"/scenes/{scene['id']}/{path}"), status)


HOSTILE = (
    "file:///etc/passwd",
    "/vsicurl/http://127.0.0.1/x.tif",
    "/vsizip/x",
    "..%2F..%2Fetc%2Fpasswd",
    "<VRTDataset/>",
)


def test_no_route_takes_a_url_for_a_name(client: TestClient, job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    paths = client.get("/openapi.json").json()["paths"]
    tried = 0
    for path, methods in paths.items():
        if "get" not in methods or "{" not in path:
            continue
        for name in HOSTILE:
            filled = path
            for parameter in ("scene_id", "job_id", "process_id"):
                filled = filled.replace(f"{{{parameter}}}", name)
            for parameter, value in {
                "z": 1,
                "x": 0,
                "y": 0,
                "lon": 0,
                "lat": 0,
                "minx": 0,
                "miny": 0,
                "maxx": 1,
            }.items():
                filled = filled.replace(f"{{{parameter}}}", str(value))
            answer = client.get(filled, params={"url": name, "job": name})
            assert answer.status_code in {400, 404, 422}, (filled, answer.status_code)
            assert "root:" not in answer.text
            tried += 1
    assert tried > 100


def test_urls_are_those_that_the_proxy_shows(make_service: MakeService, scene_file: Path) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "sar.example", "x-forwarded-prefix": "/geosar"}
    with make_service(trust_forwarded=True, cors_origins=("https://map.example",)) as client:
        scene = send(client, scene_file)
        answer = client.get(f"/scenes/{scene['id']}/sar/tilejson.json", headers=forwarded).json()
        assert answer["tiles"][0].startswith(f"https://sar.example/geosar/scenes/{scene['id']}/sar/tiles/")
        allowed = client.get("/healthz", headers={"origin": "https://map.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://map.example"
        assert (
            "access-control-allow-origin" not in client.get("/healthz", headers={"origin": "https://x.example"}).headers
        )
    with make_service() as client:
        links = json.dumps(client.get("/", headers=forwarded).json())
        assert "sar.example" not in links


def test_a_scene_without_place_can_be_seen_but_not_on_a_map(client: TestClient, make_raster: MakeRaster) -> None:
    grey = np.clip(60 * np.sqrt(speckled((90, 120), seed=8)) * 6, 1, 255).astype(np.uint8)
    path = make_raster("picture_VV.png", grey, driver="PNG", crs=None, transform=None)
    scene = send(client, path)
    assert scene["georeferenced"] is False
    assert picture(client.get(f"/scenes/{scene['id']}/sar/preview.png")).shape == (90, 120, 4)
    for layer in ("sar", "live"):
        assert "no georeference" in problem(client.get(f"/scenes/{scene['id']}/{layer}/tiles/1/0/0.png"), 422)
    client.delete(f"/scenes/{scene['id']}")
