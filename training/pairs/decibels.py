"""Backscatter of several polarisations in GeoTIFFs beside the pairs; imported only where it is asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from geosar.scene.untrusted import open_path
from geosar.vocabulary import SENTINEL_1
from geosar_training.errors import PairsError


def read_decibels(path: Path, polarisations: Sequence[str]) -> NDArray[np.float32] | None:
    """Read bands in decibel (P, H, W), NaN where there is no data; None when a polarisation is not there.

    Raises PairsError for a file that cannot be read.
    """
    try:
        with open_path(path) as raster:
            names = [str(name or "").upper()[:2] for name in raster.descriptions]
            names = names if any(names) else list(SENTINEL_1[: raster.count])
            if not set(polarisations) <= set(names):
                return None
            indices = [names.index(name) + 1 for name in polarisations]
            values = raster.read(indices, masked=True)
            scales = np.array([raster.scales[i - 1] for i in indices], np.float32)[:, None, None]
            offsets = np.array([raster.offsets[i - 1] for i in indices], np.float32)[:, None, None]
    except (RasterioError, OSError) as error:
        raise PairsError(f"{path} cannot be read ({error}); replace it or drop the pair's row.") from error
    decibels: NDArray[np.float32] = values.astype(np.float32).filled(np.nan) * scales + offsets
    return decibels
