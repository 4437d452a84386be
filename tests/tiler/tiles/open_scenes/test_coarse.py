"""Colour of a whole scene, coarse: close to the sharp picture, one value a pixel, and said to be coarse."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.crs import CRS

from geosar.cog.overviews import Pixels, shrink
from geosar.grid import MapGrid, Window
from geosar_tiler.state.database import Scene
from geosar_tiler.state.states import CopyState
from geosar_tiler.tiles.open_scenes.coarse import CoarseRadar, coarse_colour
from helpers.rasters import TEN_METRES, UTM
from helpers.service import MakeService, middle_tile, picture, send, services_of

GRID = MapGrid(CRS.from_string(UTM), TEN_METRES, 2048, 1536)
FACTOR = 4
BLOCK = 256


def painted(decibels: np.ndarray) -> np.ndarray:
    """Colours and error that follow the radar: what a model would be that looks at brightness alone."""
    levels = [128 + 6 * decibels, 120 + 4 * decibels, 140 - 3 * decibels, 20 + 0 * decibels]
    return np.clip(np.stack(levels, axis=-1), 0, 255).round().astype(np.uint8)


def radar(holes: bool = False) -> tuple[CoarseRadar, np.ndarray]:
    """A scene of hills in decibels, coarse, and the same sharp."""
    rows, cols = np.mgrid[: GRID.height, : GRID.width]
    sharp = 8 * np.sin(rows / 170) * np.cos(cols / 230)
    coarse = sharp.reshape(GRID.height // FACTOR, FACTOR, -1, FACTOR).mean(axis=(1, 3))
    valid = np.ones(coarse.shape, np.bool_)
    if holes:
        valid[:, 400:] = False
    return CoarseRadar(np.where(valid, coarse, 0)[np.newaxis].astype(np.float32), valid, FACTOR), sharp


def test_colours_that_follow_the_radar_are_found_where_nothing_was_translated() -> None:
    coarse, sharp = radar()
    windows: list[Window] = []

    def translate(window: Window) -> Any:
        windows.append(window)
        return Pixels(painted(sharp[window.slices]), None)

    colours, valid = coarse_colour(coarse, GRID, translate, BLOCK)
    want, _ = shrink(Pixels(painted(sharp), None), FACTOR)
    assert valid.all()
    assert len(windows) == 16
    assert np.abs(colours.astype(int) - want).mean() < 2


def test_what_is_not_valid_teaches_nothing_and_stays_empty() -> None:
    coarse, sharp = radar(holes=True)

    def translate(window: Window) -> Any:
        valid = np.broadcast_to(np.arange(window.col_off, window.col_end) < 1600, (BLOCK, BLOCK)).copy()
        return Pixels(np.where(valid[..., None], painted(sharp[window.slices]), 0).astype(np.uint8), valid)

    colours, valid = coarse_colour(coarse, GRID, translate, BLOCK)
    assert (valid == coarse.valid).all()
    assert (colours[~valid] == 0).all()
    want = painted(coarse.decibels[0])
    assert np.abs(colours[valid].astype(int) - want[valid]).mean() < 2
    nothing = CoarseRadar(coarse.decibels, np.zeros_like(coarse.valid), FACTOR)
    assert not coarse_colour(nothing, GRID, translate, BLOCK).mask.any()


@pytest.fixture
def large(make_service: MakeService, scene_file: Path) -> Any:
    """A service for which a scene of 700 x 600 pixels is a large one."""
    with make_service(live_megapixels=0.01) as client:
        yield client, send(client, scene_file)


def test_a_whole_scene_has_live_colour_that_is_said_to_be_coarse(large: Any) -> None:
    client, scene = large
    base = f"/scenes/{scene['id']}/live"
    document = client.get(f"{base}/tilejson.json").json()
    assert document["minzoom"] < document["sharp_minzoom"] <= document["maxzoom"]
    sharp = document["sharp_minzoom"]
    for zoom, is_coarse in ((9, True), (sharp - 1, True), (sharp, False)):
        answer = client.get(f"{base}/tiles/{middle_tile(scene, zoom)}.png")
        assert answer.status_code == 200
        assert ("coarse" in answer.headers.get("x-geosar-note", "")) is is_coarse
        assert (picture(answer)[..., 3] > 0).any()
    # Near in tone to the sharp picture of the same place.
    tiles = [picture(client.get(f"{base}/tiles/{middle_tile(scene, zoom)}.png")) for zoom in (sharp - 1, sharp)]
    middles = [np.median(tile[tile[..., 3] > 0][:, :3], axis=0) for tile in tiles]
    assert np.abs(middles[0] - middles[1]).max() < 25
    assert "coarse" in client.get(f"{base}/preview.png?max_size=64").headers["x-geosar-note"]


def test_a_coarse_pixel_has_one_value_whatever_else_is_asked_for(large: Any) -> None:
    client, scene = large
    zoom = client.get(f"/scenes/{scene['id']}/live/tilejson.json").json()["sharp_minzoom"] - 1
    z, x, y = (int(part) for part in middle_tile(scene, zoom).split("/"))
    base = f"/scenes/{scene['id']}/live/tiles/WebMercatorQuad/{z}"
    whole = picture(client.get(f"{base}/{x}/{y}.png?tilesize=256"))
    buffered = picture(client.get(f"{base}/{x}/{y}.png?tilesize=256&buffer=32"))
    # The nearest of two pixels is now one, now the other, where a place is as near to both.
    assert (whole == buffered[32:-32, 32:-32]).all(axis=-1).mean() > 0.9


def test_while_the_copy_for_tiles_is_made_there_is_none(large: Any) -> None:
    client, scene = large
    database = services_of(client).database
    with database.begin() as session:
        session.get_one(Scene, scene["id"]).display = CopyState.PREPARING
    document = client.get(f"/scenes/{scene['id']}/live/tilejson.json").json()
    assert "sharp_minzoom" not in document
    answer = client.get(f"/scenes/{scene['id']}/live/tiles/{middle_tile(scene, 9)}.png")
    assert answer.status_code == 204
    assert "Zoom in" in answer.headers["x-geosar-note"]
