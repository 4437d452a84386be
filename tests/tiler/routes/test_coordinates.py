"""The way from longitude and latitude to a scene's own coordinates; the tests of the page compare it with PROJ."""

from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval2d
from PIL import Image
from pyproj import Transformer
from starlette.testclient import TestClient

from geosar_tiler.errors import NotFoundError
from geosar_tiler.routes.coordinates import fit
from helpers.rasters import TEN_METRES, UTM, speckled, write_raster
from helpers.service import problem, send


def test_a_scene_gives_its_way_and_names_its_crs(client: TestClient, tmp_path: Path) -> None:
    scene = send(client, write_raster(tmp_path / "fields_VV.tif", speckled((1, 90, 80)), descriptions=("VV",)))
    way = client.get(f"/scenes/{scene['id']}/coordinates").json()
    assert (way["crs"], way["unit"]) == (UTM, "metre")
    assert way["plane"] == "stereographic"
    assert way["error"] < 0.2
    x, y = TEN_METRES @ (40, 45)
    assert way["centre"] == pytest.approx(Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(x, y))
    left, bottom, right, top = way["window"]
    middle = -(left + right) / (right - left), -(bottom + top) / (top - bottom)
    squares = [[row + [0] * (len(way[name]) - len(row)) for row in way[name]] for name in "xy"]
    assert [chebval2d(*middle, square) for square in squares] == pytest.approx([x, y], abs=0.2)


def test_a_picture_has_no_coordinates_but_its_pixels(client: TestClient, tmp_path: Path) -> None:
    grey = (200 * np.sqrt(speckled((60, 90)))).clip(1, 255).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "plain.png")
    scene = send(client, tmp_path / "plain.png", force=True)
    assert "no georeference" in problem(client.get(f"/scenes/{scene['id']}/coordinates"), 404)
    assert "no scene" in problem(client.get("/scenes/none/coordinates"), 404)


@pytest.mark.parametrize("left", [-180, 0])
def test_a_scene_around_the_whole_world_is_exact_in_degrees(left: float) -> None:
    way = fit("EPSG:4326", (0.01, 0, left, 0, -0.01, 90), 36_000, 18_000)
    assert way["plane"] == "degrees"
    assert len(way["x"]) == 2
    assert way["error"] < 1e-9


def test_the_pole_is_no_special_place() -> None:
    way = fit("EPSG:3413", (40, 0, -400_000, 0, -40, 400_000), 20_000, 20_000)
    assert way["plane"] == "stereographic"
    assert way["error"] < 0.02 * 40


def test_what_no_polynomial_comes_near_to_is_refused() -> None:
    with pytest.raises(NotFoundError, match=r"too large .* Pseudo-Mercator"):
        fit("EPSG:3857", (10_000, 0, -2e7, 0, -10_000, 2e7), 4000, 4000)
