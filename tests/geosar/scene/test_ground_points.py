"""Where things lie on the map: places that both the radar and the true optical image of Los Angeles show.

Places are given in longitude and latitude and found through the output's own georeference. Edges are compared,
since radar and light agree on them and not on brightness.
"""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

import geosar

HALF, REACH = 250, 12
PLACES = {
    "Marina del Rey, harbour and coast": (-118.4442, 33.9668),
    "Santa Monica Freeway and San Diego Freeway": (-118.4330, 34.0310),
    "downtown and Los Angeles River": (-118.2390, 34.0310),
    "Los Angeles River and the Century Freeway": (-118.1800, 33.9120),
}

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def translated(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("ground") / "optical.tif"
    geosar.translate(data_dir / "scenes" / "los_angeles_s1_vh.tif", output)
    return output


@pytest.mark.parametrize("place", PLACES)
def test_edges_of_known_places_lie_where_radar_and_light_have_them(
    place: str, translated: Path, data_dir: Path
) -> None:
    scenes = data_dir / "scenes"
    edges_here = edges(luma(translated, PLACES[place]))
    radar = edges(np.log(np.maximum(luma(scenes / "los_angeles_s1_vh.tif", PLACES[place]), 1.0)))
    truth = edges(luma(scenes / "los_angeles_s2_rgb.tif", PLACES[place]))

    assert np.abs(offset(edges_here, radar)).max() <= 1, "the translation is shifted against its source"
    assert np.abs(offset(radar, truth)).max() <= 5, "the source is shifted against the map"


def luma(path: Path, place: tuple[float, float]) -> NDArray[np.float64]:
    """The mean of the bands, 500 x 500 pixels around a place."""
    with rasterio.open(path) as dataset:
        to_map = pyproj.Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True)
        row, column = dataset.index(*to_map.transform(*place))
        window = Window(column - HALF, row - HALF, 2 * HALF, 2 * HALF)
        return dataset.read(window=window).astype(np.float64).mean(axis=0)


def box(image: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Running mean over size x size pixels, mirrored at the borders."""
    for axis in (0, 1):
        width = [(size // 2, size // 2) if other == axis else (0, 0) for other in (0, 1)]
        padded = np.pad(image, width, mode="symmetric")
        image = np.lib.stride_tricks.sliding_window_view(padded, size, axis=axis).mean(axis=-1)
    return image


def edges(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steepness of the smoothed image, less its local mean."""
    steepness = np.hypot(*np.gradient(box(box(image, 5), 5)))
    return steepness - box(steepness, 65)


def offset(moved: NDArray[np.float64], fixed: NDArray[np.float64]) -> tuple[int, int]:
    """Rows and columns by which `moved` lies off `fixed`, at most 12, where their correlation is highest."""
    inner = fixed[REACH:-REACH, REACH:-REACH]
    height, width = inner.shape
    best = (-np.inf, 0, 0)
    for row in range(2 * REACH + 1):
        for column in range(2 * REACH + 1):
            part = moved[row : row + height, column : column + width]
            best = max(best, (float(np.corrcoef(part.ravel(), inner.ravel())[0, 1]), row, column))
    return best[1] - REACH, best[2] - REACH


def test_an_image_that_is_shifted_by_three_pixels_is_found_out() -> None:
    image = np.random.default_rng(0).standard_normal((200, 200))
    assert offset(np.roll(image, (3, -2), axis=(0, 1)), image) == (3, -2)
