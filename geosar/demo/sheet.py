"""Pictures that show radar, translation and truth beside each other, for the eye alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rasterio.enums import Resampling

from geosar.display import WHITE_PERCENTILE, colour_bands
from geosar.scene.untrusted import open_path

Picture = NDArray[np.uint8]

_GAP = 12
_HEADING = 28
_FOOTING = 28
_PAPER = (255, 255, 255)
_INK = (20, 20, 20)
_NOTHING = 128
"""Grey level of pixels that are not real."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture, (height, width, 3) or with transparency (height, width, 4), under a heading."""

    heading: str
    picture: Picture


def optical_picture(paths: Sequence[Path], side: int) -> Picture:
    """Red, green and blue (one raster of three bands or three of one) at most `side` pixels long, (height, width, 3).

    Bytes are shown as they are; reflectances are stretched from zero to the 99th percentile of all three. What is
    not real is grey.
    """
    values = _overview(paths, side)
    with open_path(paths[0]) as dataset:
        in_bytes = dataset.dtypes[0] == "uint8"
    if not in_bytes:
        values *= np.float32(255 / max(float(np.nanpercentile(values, WHITE_PERCENTILE)), 1e-6))
    pixels = np.where(np.isnan(values), np.float32(_NOTHING), np.clip(np.rint(values), 0, 255))
    return np.moveaxis(pixels, 0, -1).astype(np.uint8)


def enlarged(picture: Picture, side: int) -> Picture:
    """Repeat each pixel, so that a small picture is about `side` pixels long."""
    times = max(1, side // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def write_sheet(path: Path, rows: Sequence[Sequence[Panel]], footing: str) -> Path:
    """Write rows of panels as one PNG with a line of text under them."""
    widths = [max(row[column].picture.shape[1] for row in rows) for column in range(len(rows[0]))]
    heights = [max(panel.picture.shape[0] for panel in row) + _HEADING for row in rows]
    size = (sum(widths) + _GAP * (len(widths) + 1), sum(heights) + _GAP * len(rows) + _FOOTING + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = _GAP
        for panel, width in zip(row, widths, strict=True):
            draw.text((left, top + 6), panel.heading, _INK, font)
            sheet.paste(_opaque(panel.picture), (left, top + _HEADING))
            left += width + _GAP
        top += height + _GAP
    draw.text((_GAP, top), footing, _INK, font)
    sheet.save(path)
    return path


def _opaque(picture: Picture) -> Image.Image:
    if picture.shape[-1] != 4:
        return Image.fromarray(picture)
    image = Image.new("RGB", (picture.shape[1], picture.shape[0]), (_NOTHING,) * 3)
    front = Image.fromarray(picture)
    image.paste(front, mask=front)
    return image


def _overview(paths: Sequence[Path], side: int) -> NDArray[np.float32]:
    """Colours of all rasters (bands, height, width), read small, NaN where they are not real."""
    bands = []
    for path in paths:
        with open_path(path) as dataset:
            shrink = max(1.0, max(dataset.shape) / side)
            chosen = colour_bands(dataset)
            shape = (len(chosen), round(dataset.height / shrink), round(dataset.width / shrink))
            read = dataset.read(list(chosen), out_shape=shape, masked=True, resampling=Resampling.average)
            bands.append(read.astype(np.float32).filled(np.nan))
    return np.concatenate(bands)
