"""The translation pipeline: scene, windows, network, Cloud-Optimized GeoTIFF.

`translate` opens everything as a `Job`, `run` sends its windows through the pipeline, and `OutputFiles` writes them.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import rasterio

from geosar.engines import open_engine
from geosar.errors import UsageError
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations
from geosar.outputs import check_apart, files_of, plan_targets
from geosar.report import Progress, TranslationReport
from geosar.scene import open_scene
from geosar.scene.elevation import GEOID
from geosar.scene.request import Bands
from geosar.translation.job import Job, Source
from geosar.translation.remote import remote_translator
from geosar.translation.run import run
from geosar.vocabulary import DEFAULT_MODEL, Compression, Unit

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Progress", "TranslationReport", "translate"]

WINDOW_SIZE = 2048
"""Side of the windows in pixels. Larger ones waste less on the halo but need more memory."""

GDAL_CACHE_BYTES = 64 * 2**20
"""GDAL's own default is a share of the machine's memory; this keeps the whole under a known bound."""

STRIPED_CACHE_BYTES = 256 * 2**20
"""For files in strips, whose windows would decode every strip again: a full Sentinel-1 scene takes 12 % less time."""


def translate(
    source: Source,
    destination: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Model = DEFAULT_MODEL,
    bbox: tuple[float, float, float, float] | None = None,
    dst_crs: str | None = None,
    scale: Unit | str | None = None,
    polarisation: str | None = None,
    bands: Bands | None = None,
    nodata: float | str | None = None,
    mask_band: int | str | None = None,
    src_crs: Any = None,
    keep_border: bool = False,
    device: str = "auto",
    precision: str | None = None,
    compress: str = Compression.ZSTD,
    overwrite: bool = False,
    resume: bool = False,
    error_band: bool | str | os.PathLike[str] = False,
    quicklook: bool | str | os.PathLike[str] = False,
    stac: bool | str | os.PathLike[str] = False,
    despeckled: bool | str | os.PathLike[str] = False,
    match: str | os.PathLike[str] | None = None,
    resample_to_model: bool = False,
    force: bool = False,
    dem: str | os.PathLike[str] | None = None,
    dem_heights: str | float = GEOID,
    dem_optional: bool = False,
    radiometric: bool = False,
    window_size: int = WINDOW_SIZE,
    threads: int | None = None,
    cluster: "str | Client | None" = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> TranslationReport:
    """Translate a SAR raster into an optical-looking Cloud-Optimized GeoTIFF on the same grid.

    Parameters
    ----------
    source
        A raster, a SAFE folder or zip, or a mapping from polarisation to raster.
    destination
        The COG to write: red, green and blue in 0..255, with the source's mask. It appears only when it is whole.
    model
        Name of a built-in model, or folder, zip or https URL of a packaged one.
    bbox
        Left, bottom, right, top in the scene's CRS: translate this part alone. Its pixels are those that the whole
        scene would have there.
    dst_crs, resample_to_model
        Warp the source first, to another CRS or to the model's ground sampling distance.
    scale
        Unit of the source (``db``, ``power``, ``amplitude``, ``dn``, ``picture``), whatever it says.
    polarisation
        Which polarisation to feed to the model; by default the one that the model prefers.
    bands, nodata, mask_band, src_crs, keep_border
        What the source is, whatever it says: see `geosar.open_scene`.
    device, precision, threads
        Where and how the network runs; see `geosar.engines.open_engine`.
    overwrite, resume
        Replace an existing destination; continue a run that was stopped, which gives the same bytes.
    error_band, quicklook, stac
        Also write the expected error as a COG of its own, a small PNG, a STAC item: True for the usual name beside
        the destination, or a path.
    despeckled
        Also write the despeckled backscatter, which the picture's detail is made of: a COG of float32 decibels on the
        same grid, a band a polarisation; True or a path, as above.
    match
        A true optical image of the same ground, of any date and grid, to whose tone the whole scene is brought.
    force
        Translate what looks like no SAR scene.
    dem, dem_heights, dem_optional, radiometric
        Correct a Sentinel-1 GRD product for terrain by this elevation model, and what its heights count from; see
        `geosar.open_scene`.
    window_size
        Side of the windows that memory holds, a multiple of 2048 pixels. Does not change the result.
    cluster
        Address of a Dask scheduler, or a `distributed.Client`, whose workers compute the windows (`geosar.cluster`).
    progress, cancel
        Called after each window; an event that stops the translation (`TranslationCancelled`) soon after it is set.

    Raises
    ------
    GeosarError
        One of its subclasses (see `geosar.errors`); the destination is then as it was before.
    """
    started = time.monotonic()
    targets = plan_targets(source, destination, error_band, quicklook, stac, despeckled=despeckled, overwrite=overwrite)
    if window_size < WINDOW_SIZE or window_size % WINDOW_SIZE:
        raise UsageError(f"window_size is {window_size}, expected a multiple of {WINDOW_SIZE} pixels.")
    packaged = model if isinstance(model, Model) else load_model(model)
    resolution = packaged.manifest.ground_sampling_distance if resample_to_model else None
    opening: dict[str, Any] = {
        "scale": scale, "polarisation": polarisation, "dst_crs": dst_crs, "resolution": resolution, "force": force,
        "bands": bands, "nodata": nodata, "mask_band": mask_band, "src_crs": src_crs, "keep_border": keep_border,
        "dem": None if dem is None else os.fspath(dem), "dem_heights": dem_heights, "dem_optional": dem_optional,
        "radiometric": radiometric,
    }  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES))
        scene = stack.enter_context(open_scene(source, **opening))
        check_apart(targets, (*scene.files, *files_of(match, packaged.folder)))
        if scene.striped:
            stack.enter_context(rasterio.Env(GDAL_CACHEMAX=STRIPED_CACHE_BYTES))
        polarisations, assumed = choose_polarisations(scene.polarisations, packaged.manifest, polarisation, scene.given)
        job = Job(
            scene=scene.select(polarisations),
            model=packaged,
            engine=open_engine(packaged, device, precision, threads),
            part=scene.grid.window if bbox is None else scene.grid.window_from_bounds(bbox),
            targets=targets,
            compress=compress,
            overwrite=overwrite,
            resume=resume,
            window_size=window_size,
            writers=_writers(threads),
            assumed=assumed,
            match=None if match is None else os.fspath(match),
            cancel=cancel or threading.Event(),
        )
        remote = None
        if cluster is not None:
            remote = stack.enter_context(remote_translator(job, cluster, source, opening, threads))
        return run(job, remote, progress, started)


def _writers(threads: int | None) -> int:
    """Compression is light beside the network; more threads than this wait for it."""
    return min(4, max(1, (threads or os.cpu_count() or 1) // 2))
