"""SAR from the upload itself, until its copy for tiles is ready: the same place, the same values, whatever the size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from geosar_tiler.state.database import Scene
from geosar_tiler.tiles.open_scenes import direct
from helpers.rasters import speckled
from helpers.service import MakeRaster, MakeService, picture, problem, send, services_of

MERCATOR = morecantile.tms.get("WebMercatorQuad")


@pytest.fixture
def unprepared(make_service: MakeService, scene_file: Path) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    """A scene whose copy for tiles is ready, but whose row says that it is not."""
    with make_service() as client:
        scene = send(client, scene_file)
        state(client, "preparing")
        yield client, scene


def state(client: TestClient, value: str) -> None:
    with services_of(client).database.begin() as session:
        session.execute(update(Scene).values(display=value))


def both(client: TestClient, path: str) -> tuple[Any, Any]:
    """Ask for something while the copy is not there, and when it is."""
    state(client, "preparing")
    first = client.get(path)
    state(client, "ready")
    return first, client.get(path)


def middle(scene: dict[str, Any], zoom: int) -> str:
    west, south, east, north = scene["bbox"]
    tile = MERCATOR.tile((west + east) / 2, (south + north) / 2, zoom)
    return f"{tile.z}/{tile.x}/{tile.y}"


@pytest.mark.parametrize("zoom", [11, 13, 14])
def test_tiles_look_as_those_of_the_copy(unprepared: tuple[TestClient, dict[str, Any]], zoom: int) -> None:
    client, scene = unprepared
    answers = both(client, f"/scenes/{scene['id']}/sar/tiles/{middle(scene, zoom)}.png")
    early, late = (picture(answer).astype(int) for answer in answers)
    assert (early[..., 3] == late[..., 3]).mean() > 0.99
    apart = np.abs(early - late)[..., 0]
    assert (apart <= 4).mean() > 0.97
    assert answers[0].headers["etag"] != answers[1].headers["etag"]


def test_values_are_those_of_the_copy(unprepared: tuple[TestClient, dict[str, Any]]) -> None:
    client, scene = unprepared
    west, south, east, north = scene["bbox"]
    for path in (f"point/{(west + east) / 2},{(south + north) / 2}", "statistics", "info"):
        early, late = (answer.json() for answer in both(client, f"/scenes/{scene['id']}/sar/{path}"))
        if "values" in early:
            assert early["values"] == pytest.approx(late["values"], abs=1e-4)
        elif "b1" in early:
            assert early["b1"]["mean"] == pytest.approx(late["b1"]["mean"], abs=0.05)
        else:
            assert early["bounds"] == pytest.approx(late["bounds"])
            assert (early["width"], early["count"]) == (late["width"], late["count"])
    composite = f"/scenes/{scene['id']}/sar/preview.png?composite=true&max_size=700"
    early, late = (picture(answer).astype(int) for answer in both(client, composite))
    assert np.abs(early - late).mean() < 6


def test_a_large_scene_is_shown_from_a_coarse_picture(
    make_service: MakeService, make_raster: MakeRaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "OVERVIEW_SIDE", 128)
    values = speckled((512, 400), seed=41)
    values[256:] *= 20  # 13 dB: the lower half is brighter
    path = make_raster("large_power.tif", values)
    with make_service() as client:
        scene = send(client, path)
        state(client, "failed")
        shown = picture(client.get(f"/scenes/{scene['id']}/sar/tiles/{middle(scene, 9)}.png"))
        real = shown[shown[..., 3] > 0]
        assert real.size
        preview = picture(client.get(f"/scenes/{scene['id']}/sar/preview.png?max_size=64"))
        half = preview.shape[0] // 2
        assert preview[: half - 2, :, 0].mean() + 60 < preview[half + 2 :, :, 0].mean()
        assert services_of(client).store.overview(scene["id"]).is_file()
        west, south, east, north = scene["bbox"]
        point = client.get(f"/scenes/{scene['id']}/sar/point/{(west + east) / 2},{(south + 3 * north) / 4}").json()
        assert len(point["values"]) == 1


def test_a_scene_is_seen_before_anything_was_prepared(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        services_of(client).runner.stop()  # nothing is prepared
        answer = client.post("/scenes", params={"filename": "fields_power.tif"}, content=scene_file.read_bytes())
        scene = answer.json()
        assert scene["display"]["state"] == "preparing"
        assert picture(client.get(f"/scenes/{scene['id']}/sar/tiles/{middle(scene, 13)}.png"))[..., 0].std() > 1
        tilejson = client.get(f"/scenes/{scene['id']}/sar/tilejson.json").json()
        assert tilejson["synthetic"] is False
        problem(client.get(f"/scenes/{scene['id']}/sar/tiles/13/0/0.png"), 404)
