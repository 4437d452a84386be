"""Which bands of an optical image are its colours, and that all who show things agree on how."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from geosar.demo.sheet import optical_picture
from geosar.display import ERROR_COLOURS, ERROR_RANGE, colour_bands
from geosar.errors import SceneContentError

MakeRaster = Callable[..., Path]
ROOT = Path(__file__).parents[2]
BACKWARDS = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)


@pytest.mark.parametrize(
    ("bands", "options", "expected"),
    [
        (3, {}, (1, 2, 3)),
        (3, {"colorinterp": BACKWARDS}, (3, 2, 1)),
        (4, {"colorinterp": (ColorInterp.alpha, *BACKWARDS)}, (4, 3, 2)),
        (4, {"descriptions": ("B02", "B03", "B04", "B08")}, (3, 2, 1)),
        (3, {"descriptions": (" Blue", "green", "RED ")}, (3, 2, 1)),
        (4, {"colorinterp": (ColorInterp.alpha, *[ColorInterp.undefined] * 3)}, (2, 3, 4)),
        (2, {}, (1,)),
        (1, {}, (1,)),
    ],
)
def test_colours_are_found_by_what_the_bands_say_they_are(
    make_raster: MakeRaster, bands: int, options: dict[str, Any], expected: tuple[int, ...]
) -> None:
    path = make_raster("optical.tif", np.full((bands, 9, 9), 7, np.uint16), **options)
    with rasterio.open(path) as dataset:
        assert colour_bands(dataset) == expected


def test_a_table_of_colours_is_refused(make_raster: MakeRaster) -> None:
    path = make_raster("table.tif", np.ones((1, 9, 9), np.uint8), photometric="palette")
    with rasterio.open(path) as dataset, pytest.raises(SceneContentError, match="table of colours"):
        colour_bands(dataset)


def test_a_file_that_begins_with_blue_is_shown_in_its_colours_beside_others(make_raster: MakeRaster) -> None:
    values = np.stack([np.full((9, 9), level, np.uint8) for level in (10, 20, 30)])
    path = make_raster("bgr.tif", values, colorinterp=BACKWARDS)
    assert optical_picture([path], 100)[0, 0].tolist() == [30, 20, 10]


def test_the_page_and_the_plugin_colour_the_error_alike() -> None:
    page = (ROOT / "webmap" / "page" / "js" / "panels" / "legend.js").read_text(encoding="utf-8")
    plugin = (ROOT / "qgis_plugin" / "geosar_qgis" / "layers.py").read_text(encoding="utf-8")
    assert re.findall(r"ERROR_SHOWN = (\d+)", page + plugin) == [str(ERROR_RANGE[1])] * 2
    assert f'ERROR_COLOURS = "{ERROR_COLOURS}"' in page
    assert f"{ERROR_COLOURS.upper()} = " in plugin
