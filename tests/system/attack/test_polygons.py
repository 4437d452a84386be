"""Polygons that cross themselves, have no area, are many, or lie nowhere take no more work than others."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS
from rio_tiler.models import ImageData
from starlette.testclient import TestClient

from geosar_tiler.errors import InvalidError
from geosar_tiler.routes import stac_search
from geosar_tiler.tiles import budget, features
from geosar_tiler.tiles.features import Covered
from helpers.service import problem

Corners = list[list[float]]
UTM = CRS.from_epsg(32643)


def star(corners: int, across: float = 0.01, middle: tuple[float, float] = (76, 9)) -> Corners:
    """Make a ring each of whose sides crosses nearly all others."""
    step = 2 * math.pi * (corners // 2 - 1) / corners
    x, y = middle
    ring = [[x + across * math.cos(step * n), y + across * math.sin(step * n)] for n in range(corners)]
    return [*ring, ring[0]]


def feature(ring: Corners) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def test_a_search_mends_a_bow_tie_and_refuses_a_star_before_it_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    assert shapely.area(stac_search._shape(bow)) == pytest.approx(0.5)

    def never(_shape: Any) -> None:
        raise AssertionError("it is being mended")

    monkeypatch.setattr(shapely, "make_valid", never)
    with pytest.raises(InvalidError, match=r"Self-intersection.*721 corners.*whose sides do not cross"):
        stac_search._shape({"type": "Polygon", "coordinates": [star(720)]})
    round_ring = [[math.cos(n / 1000 * math.tau), math.sin(n / 1000 * math.tau)] for n in range(1000)]
    assert stac_search._shape({"type": "Polygon", "coordinates": [[*round_ring, round_ring[0]]]}).is_valid


@pytest.mark.parametrize(("side", "most", "parts"), [(10, 10, 10), (10, 1000, 1000), (1000, 1000, 11), (4096, 10, 2)])
def test_the_parts_of_pixels_in_a_polygon_are_counted_within_a_budget(side: int, most: int, parts: int) -> None:
    assert budget.cover_scale(side * side, most) == parts
    assert side * side * parts**2 <= budget.MOST_PARTS


def test_an_image_counts_no_finer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MOST_PARTS", 40 * 40 * 4)
    image = Covered.of(ImageData(np.zeros((1, 40, 40), np.uint8), bounds=(0, 0, 40, 40), crs=UTM))
    square = {"type": "Polygon", "coordinates": [[[0, 0], [20, 0], [20, 40], [0, 40], [0, 0]]]}
    covered = image.get_coverage_array(square, shape_crs=UTM, cover_scale=1000)
    assert covered.shape == (40, 40)
    assert covered[:, :19].min() == 1
    assert covered[:, 21:].max() == 0


@pytest.mark.parametrize("layer", ["sar", "live"])
def test_no_polygon_is_a_failure(placed: tuple[TestClient, dict[str, Any]], layer: str) -> None:
    service, scene = placed
    west, south, east, north = scene["bbox"]
    x, y, e = (west + east) / 2, (south + north) / 2, 0.002
    shapes = {
        "a point": [[x, y]] * 4,
        "a line": [[x, y], [x + e, y], [x + 2 * e, y], [x, y]],
        "an upright line": [[x, y], [x, y + e], [x, y + 2 * e], [x, y]],
        "a speck": [[x, y], [x + 1e-12, y], [x, y + 1e-12], [x, y]],
        "a bow tie": [[x, y], [x + e, y + e], [x + e, y], [x, y + e], [x, y]],
        "a star": star(721, 2 * e, (x, y)),
        "far away": [[0, 0], [1, 0], [1, 1], [0, 0]],
        "off the Earth": [[-400, -400], [400, -400], [400, 400], [-400, -400]],
        "endless": [[1e308, 0], [1e308, 1e308], [0, 0], [1e308, 0]],
        "the whole Earth": [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]],
    }
    for name, ring in shapes.items():
        for path in ("feature.png?max_size=256", "feature/50x50.png", "statistics?max_size=256"):
            answer = service.post(f"/scenes/{scene['id']}/{layer}/{path}", json=feature(ring))
            assert answer.status_code in {200, 404, 422}, (name, path, answer.text[:300])
            if answer.status_code != 200:
                assert problem(answer, answer.status_code)


def test_many_polygons_are_asked_for_in_parts(
    placed: tuple[TestClient, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, scene = placed
    west, south, east, north = scene["bbox"]
    inside = feature([[west, south], [east, south], [east, north], [west, south]])
    monkeypatch.setattr("geosar_tiler.tiles.readers.MOST_FEATURES", 3)
    assert features.MOST_FEATURES > 3
    for count, status in ((3, 200), (4, 422)):
        collection = {"type": "FeatureCollection", "features": [inside] * count}
        answer = service.post(f"/scenes/{scene['id']}/sar/statistics?max_size=64", json=collection)
        assert answer.status_code == status, answer.text[:300]
