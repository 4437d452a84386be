"""How a copy that tiles are made from comes to be: written flat, turned into a COG, and there when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio.shutil

from geosar.errors import GeosarError, TargetError
from geosar.publish import published
from geosar.scene.source import GDAL_ERRORS


@contextmanager
def published_as_cog(destination: Path) -> Iterator[Path]:
    """Return a path for a plain GeoTIFF; what was written there becomes the COG `destination` at the end of the block.

    Nothing is left of it when the block raises. Raises TargetError when the disk fails.
    """
    flat = destination.with_name(f".{destination.name}.flat.tif")
    try:
        yield flat
        with published(destination) as part:
            rasterio.shutil.copy(
                flat, part, driver="COG", compress="ZSTD", level=1, predictor="YES", blocksize=512,
                overview_resampling="average", bigtiff="IF_SAFER", num_threads="ALL_CPUS",
            )  # fmt: skip
    except GeosarError:  # the source's trouble, which may be an OSError too
        raise
    except (OSError, *GDAL_ERRORS) as error:
        raise TargetError(f"the copy for tiles could not be written: {error}. Is the disk full?") from error
    finally:
        flat.unlink(missing_ok=True)
