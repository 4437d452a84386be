"""A small picture of a result: the SAR image beside the synthetic optical one, from the finished COG."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from geosar.backscatter import to_decibel
from geosar.display import SAR_PERCENTILES, SYNTHETIC_NOTE, SYNTHETIC_OPTICAL
from geosar.errors import GridMismatchError
from geosar.grid import Window
from geosar.publish import published, target_errors
from geosar.scene import SarScene
from geosar.scene.untrusted import open_geotiff

SIDE = 768
"""Neither picture is larger than this, in pixels."""
_STRIP = 1024
_GAP = 8
_CAPTION = 24

Grey = NDArray[np.float32]
Picture = NDArray[np.uint8]


def write_quicklook(
    path: str | os.PathLike[str],
    cog_path: str | os.PathLike[str],
    scene: SarScene,
    *,
    part: Window | None = None,
    side: int = SIDE,
) -> Path:
    """
    Write a PNG with the SAR image on the left and the finished synthetic image on the right.

    Parameters
    ----------
    path
        The PNG; it appears when it is whole, and replaces an older one.
    cog_path
        The synthetic optical COG, of which an overview is read.
    scene
        Its source; the first polarisation is shown, stretched from the 2nd to the 98th percentile. It is read
        window by window, each pixel of the picture being the mean, in decibel, of those that it covers.
    part
        Which window of the scene the COG covers, if not all of it.
    side
        The larger side of either picture is at most this, in pixels.

    Raises
    ------
    GridMismatchError where the COG has another size than the scene's part; TargetError; SceneReadError.

    """
    part = part or scene.grid.window
    step = _step(part, side)
    with open_geotiff(Path(cog_path)) as dataset:
        if (dataset.width, dataset.height) != (part.width, part.height):
            raise GridMismatchError(
                f"{Path(cog_path).name} has {dataset.width} x {dataset.height} pixels, the scene's part "
                f"{part.width} x {part.height}; give the part that was translated"
            )
        shape = (-(-part.height // step), -(-part.width // step))
        colours = dataset.read((1, 2, 3), out_shape=(3, *shape)).transpose(1, 2, 0)
        mask = dataset.dataset_mask(out_shape=shape)
        statement = dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", SYNTHETIC_OPTICAL)
    optical = np.dstack([colours, mask])
    radar = radar_picture(scene, part=part, side=side)
    caption = f"SAR {scene.polarisations[0]}"
    picture = _side_by_side(radar, optical, caption, SYNTHETIC_NOTE)
    words = PngInfo()
    words.add_itxt("Description", f"Left: {caption}. Right: {statement}.")
    return _publish(picture, Path(path), words)


def radar_picture(scene: SarScene, *, part: Window | None = None, side: int = SIDE) -> Picture:
    """
    Show the first polarisation of a scene, or of a part of it, for the eye: (height, width, 4), RGBA.

    Grey from the 2nd to the 98th percentile in decibel, transparent where nothing is valid, neither side longer
    than `side`; read window by window. Raises SceneReadError.
    """
    part = part or scene.grid.window
    return _stretched(_mean_decibels(scene, part, _step(part, side)))


def _step(part: Window, side: int) -> int:
    """Side of the blocks of pixels that become one: the smallest power of two that makes the picture fit."""
    step = 1
    while -(-max(part.width, part.height) // step) > side:
        step *= 2
    return step


def _mean_decibels(scene: SarScene, part: Window, step: int) -> Grey:
    """Average blocks of `step` by `step` valid pixels, in decibel; NaN where none is valid."""
    strip = max(_STRIP // step, 1) * step
    means = np.full((-(-part.height // step), -(-part.width // step)), np.nan, np.float32)
    for top in range(0, part.height, strip):
        for left in range(0, part.width, strip):
            window = Window(
                part.col_off + left, part.row_off + top, min(strip, part.width - left), min(strip, part.height - top)
            )
            block = scene.read(window)
            decibels = np.where(block.valid, to_decibel(block.values[0], scene.unit), np.nan)
            rows, columns = top // step, left // step
            averages = _block_means(decibels, step)
            means[rows : rows + averages.shape[0], columns : columns + averages.shape[1]] = averages
    return means


def _block_means(values: Grey, step: int) -> Grey:
    height, width = values.shape
    padded = np.pad(values, ((0, -height % step), (0, -width % step)), constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    finite = np.isfinite(blocks)
    counts = finite.sum(axis=(1, 3))
    sums = np.where(finite, blocks, 0).sum(axis=(1, 3), dtype=np.float64)
    return np.where(counts, sums / np.maximum(counts, 1), np.nan).astype(np.float32)


def _stretched(decibels: Grey) -> Picture:
    """Make a grey picture with transparency where there is no value."""
    valid = np.isfinite(decibels)
    grey = np.zeros(decibels.shape, np.uint8)
    if valid.any():
        low, high = np.percentile(decibels[valid], SAR_PERCENTILES)
        scaled = (decibels[valid] - low) * (255 / max(high - low, 1e-6))
        grey[valid] = np.clip(np.rint(scaled), 0, 255)
    return np.dstack([grey, grey, grey, valid * np.uint8(255)])


def _side_by_side(radar: Picture, optical: Picture, left: str, right: str) -> Image.Image:
    height, width = radar.shape[:2]
    picture = Image.new("RGBA", (2 * width + _GAP, height + _CAPTION), (255, 255, 255, 255))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default()
    for offset, pixels, caption in ((0, radar, left), (width + _GAP, optical, right)):
        picture.paste(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"), (offset, _CAPTION))
        draw.text((offset + 4, 6), caption, fill=(0, 0, 0, 255), font=font)
    return picture


def _publish(picture: Image.Image, path: Path, words: PngInfo) -> Path:
    with target_errors(path, lambda: "a picture of a megabyte or two"), published(path) as part:
        picture.save(part, "PNG", pnginfo=words)
    return path
