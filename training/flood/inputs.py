"""What a segmentation is given: radar, the colorized image, both, or an optical image."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geosar_training.flood.chips import Chip
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.patches import as_bytes

RADAR, COLORIZED, BOTH, OPTICAL = "radar", "colorized", "radar + colorized", "optical"
INPUTS = (RADAR, COLORIZED, BOTH, OPTICAL)

Bands = NDArray[np.float32]
"""(C, H, W), about -1 to 1 or of unit deviation."""

Mask = NDArray[np.bool_]
"""(H, W)."""

Example = tuple[Bands, Mask, Mask]
"""What is fitted on: bands, where water is, and where that is known."""


def colorize(translate: Translator, chips: Sequence[Chip]) -> dict[str, NDArray[np.uint8]]:
    """Return the colorized image (H, W, 3) of each chip, by name."""
    return {chip.name: as_bytes(translate(chip.radar)[..., :3]) for chip in chips}


def bands_of(chip: Chip, kind: str, colours: Mapping[str, NDArray[np.uint8]]) -> Bands | None:
    """Return the bands of one input, or None where the chip has no optical image."""
    if kind == RADAR:
        return chip.radar[None]
    if kind == COLORIZED:
        return _scaled(colours[chip.name])
    if kind == BOTH:
        return np.concatenate([chip.radar[None], _scaled(colours[chip.name])])
    return None if chip.optical is None else _scaled(chip.optical)


def _scaled(image: NDArray[np.uint8]) -> Bands:
    bands: Bands = np.moveaxis(image.astype(np.float32), -1, 0) / 127.5 - 1.0
    return bands
