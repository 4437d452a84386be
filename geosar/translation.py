"""The translation pipeline: scene, windows, network, Cloud-Optimized GeoTIFF.

(The module is not called ``translate`` because that name in the package belongs to the function.)
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from geosar.cog import CogSink
from geosar.engines import Engine, open_engine
from geosar.errors import EngineError, TranslationCancelled, UsageError
from geosar.grid import Window, windows
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations, spacing_warnings
from geosar.normalisation import choose_normaliser
from geosar.outputs import Targets, check_apart, files_of, plan_targets, write_json
from geosar.pipeline import READ_AHEAD, Pipeline
from geosar.provenance import Kind, Provenance, stac_item, tags
from geosar.quicklook import write_quicklook
from geosar.report import Meter, Progress, TranslationReport
from geosar.scene import SarScene, open_scene
from geosar.scene.elevation import GEOID
from geosar.scene.request import Bands
from geosar.tone import Tone, match_tone
from geosar.vocabulary import DEFAULT_MODEL, Compression, Unit
from geosar.window_translator import Pixels, WindowTranslator

if TYPE_CHECKING:
    from distributed import Client

    from geosar.cluster import RemoteTranslator

__all__ = ["Progress", "TranslationReport", "translate"]

Source = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]

WINDOW_SIZE = 2048
"""Side of the windows in pixels. Larger ones waste less on the halo but need more memory."""

LOSSY = frozenset(each for each in Compression if not each.lossless)
"""Compressions for pictures; the error band is a measurement and stays exact."""

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
    compress: str = "zstd",
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
    dem, dem_heights
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
        "dem": None if dem is None else os.fspath(dem), "dem_heights": dem_heights,
    }  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES))
        scene = stack.enter_context(open_scene(source, **opening))
        check_apart(targets, (*scene.files, *files_of(match, packaged.folder)))
        if scene.striped:
            stack.enter_context(rasterio.Env(GDAL_CACHEMAX=STRIPED_CACHE_BYTES))
        polarisations, assumed = choose_polarisations(scene.polarisations, packaged.manifest, polarisation, scene.given)
        job = _Job(
            scene=scene.select(polarisations),
            model=packaged,
            engine=open_engine(packaged, device, precision, threads),
            part=scene.grid.window if bbox is None else scene.grid.window_from_bounds(bbox),
            targets=targets,
            compress=compress,
            overwrite=overwrite,
            window_size=window_size,
            writers=_writers(threads),
            assumed=assumed,
            match=None if match is None else os.fspath(match),
            cancel=cancel or threading.Event(),
            listener=progress,
        )
        if cluster is not None:
            job.spread(stack, cluster, source, opening, threads)
        job.run(resume=resume)
        return job.report(time.monotonic() - started)


def _writers(threads: int | None) -> int:
    """Compression is light beside the network; more threads than this wait for it."""
    return min(4, max(1, (threads or os.cpu_count() or 1) // 2))


@dataclass(frozen=True, slots=True)
class _Output:
    """One of the files: where its windows go, and what of a window's pixels it holds."""

    sink: CogSink
    values: Callable[[Pixels], Any]


@dataclass
class _Job:
    """One translation with everything opened. `part` is what of the scene is wanted, in the scene's pixels."""

    scene: SarScene
    model: Model
    engine: Engine
    part: Window
    targets: Targets
    compress: str
    overwrite: bool
    window_size: int
    writers: int
    assumed: tuple[str, ...]
    match: str | None
    cancel: threading.Event
    listener: Callable[[Progress], None] | None
    outputs: tuple["_Output", ...] = ()
    skipped: list[Window] = field(default_factory=list)
    resumed: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    translator: "WindowTranslator | RemoteTranslator | None" = None
    ahead: int = READ_AHEAD
    tone: Tone | None = None

    def __post_init__(self) -> None:
        self.grid = self.scene.grid.subgrid(self.part)
        self.windows = windows(self.grid.width, self.grid.height, self.window_size)
        self.notes = (*self.scene.notes, *self.assumed)
        self.warnings = spacing_warnings(self.scene.grid, self.model.manifest)

    def spread(
        self, stack: ExitStack, cluster: "str | Client", source: Source, opening: dict[str, Any], threads: int | None
    ) -> None:
        """Let the workers of a cluster compute the windows."""
        try:
            from geosar.cluster import Recipe, RemoteTranslator, connected, flat  # noqa: PLC0415 - needs an extra
        except ImportError as error:
            raise EngineError(
                "a cluster needs Dask, which is not installed. Run: pip install 'geosar[cluster]'."
            ) from error
        recipe = Recipe(
            flat(source), tuple(opening.items()), self.scene.polarisations, self.scene.fingerprint,
            str(self.model.folder), self.model.checksum, self.engine.device, self.engine.precision, threads,
            self.engine.name, despeckled=self.targets.despeckled is not None,
        )  # fmt: skip
        self.translator = RemoteTranslator(stack.enter_context(connected(cluster)), recipe, self._check)
        self.ahead = self.translator.ahead

    def run(self, *, resume: bool) -> None:
        """Translate window by window; the outputs appear at the end, all or none."""
        meter = Meter(self.listener, len(self.windows), self.grid.window.area / 1e6)
        meter.tell("measuring the scene")
        self._check()
        self.notes += (choose_normaliser(self.scene, self.model.manifest.inputs)[1],)
        translator = self.translator or WindowTranslator(
            self.scene, self.model.manifest, self.engine, despeckled=self.targets.despeckled is not None
        )
        if self.match is not None:
            meter.tell("matching the tone")
            self.tone = match_tone(self.scene.grid, translator.translate, self.match)
            self.notes += (self.tone.words,)
        with ExitStack() as stack:
            self.outputs = tuple(self._open_outputs(stack, resume=resume))
            waiting: list[Window] = []
            for window in self.windows:
                if all(_key(window) in output.sink.finished for output in self.outputs):
                    self.resumed += 1
                    meter.count(window.area / 1e6, worked=False)
                else:
                    waiting.append(window)
            meter.start()
            meter.tell("translating")

            def done(window: Window) -> None:
                meter.count(window.area / 1e6, worked=True)
                meter.tell("translating")

            pipeline: Pipeline[Window, Any, Pixels] = Pipeline(
                lambda window: translator.read(window.shifted(self.part.col_off, self.part.row_off)),
                lambda _window, block: self._toned(translator.compute(block)),
                self._write,
                writers=self.writers, check=self._check, ahead=self.ahead,
            )  # fmt: skip
            pipeline.run(waiting, done)
            self.stage_seconds = dict(pipeline.clock.seconds)
            self.scene.check_unchanged()
            meter.tell("finishing")
            began = time.perf_counter()
            for output in self.outputs:
                output.sink.prepare()
            self._check()
            for output in reversed(self.outputs):  # the image last: who sees it finds the others too
                output.sink.close()
            self._write_side_files()
            self.stage_seconds["finish"] = time.perf_counter() - began
        meter.tell("done")

    def _toned(self, pixels: Pixels | None) -> Pixels | None:
        if self.tone is None or pixels is None:
            return pixels
        return replace(pixels, values=self.tone(pixels.values))

    def _write(self, window: Window, pixels: Pixels | None) -> None:
        for output in self.outputs:
            if _key(window) in output.sink.finished:  # an earlier run was stopped between the two
                continue
            if pixels is None:
                output.sink.write_empty(window)
            else:
                output.sink.write(window, np.ascontiguousarray(output.values(pixels)), pixels.valid)
        if pixels is None:
            self.skipped.append(window)

    def _open_outputs(self, stack: ExitStack, *, resume: bool) -> Iterator["_Output"]:
        kinds: list[tuple[Kind, Path | None, dict[str, Any], Callable[[Pixels], Any]]] = [
            ("optical", self.targets.image, {"bands": 3, "band_names": ("red", "green", "blue"), "colour": "rgb"},
             lambda pixels: pixels.values[..., :3]),
            ("error", self.targets.error_band, {"bands": 1, "band_names": ("error",), "colour": "grey"},
             lambda pixels: pixels.values[..., 3:]),
            ("despeckled", self.targets.despeckled, self._decibel_bands(), lambda pixels: pixels.despeckled),
        ]  # fmt: skip
        for kind, path, bands, values in kinds:
            if path is not None:
                yield _Output(stack.enter_context(self._sink(kind, path, bands, resume=resume)), values)

    def _decibel_bands(self) -> dict[str, Any]:
        names = self.scene.polarisations
        decibels = ("dB",) * len(names)
        return {"bands": len(names), "band_names": names, "colour": "grey", "dtype": "float32", "units": decibels}

    def _sink(self, kind: Kind, path: Path, bands: dict[str, Any], *, resume: bool) -> CogSink:
        plan = {
            "model": f"{self.model.label} {self.model.checksum}",
            "engine": f"{self.engine.name} {self.engine.device} {self.engine.precision}",
            "source": self.scene.fingerprint,
            "part": f"{self.part.col_off},{self.part.row_off}",
        } | ({} if self.tone is None else {"tone": f"{self.tone.gain} {self.tone.offset}"})
        return CogSink(
            path,
            self.grid,
            compress="zstd" if kind != "optical" and self.compress in LOSSY else self.compress,
            window_size=self.window_size,
            resume=resume,
            overwrite=self.overwrite,
            plan=plan,
            tags=tags(self.provenance(), kind),
            **bands,
        )

    def provenance(self) -> Provenance:
        """What the tags and the STAC item say."""
        return Provenance(
            source=self.scene.source,
            unit=self.scene.unit.value,
            polarisations=self.scene.polarisations,
            model=self.model.manifest.name,
            model_version=self.model.manifest.version,
            model_sha256=self.model.checksum,
            acquired=self.scene.acquired,
            placement=self.scene.placement,
            placement_error_metres=self.scene.placement_error_metres,
            notes=(*self.notes, *self.warnings),
        )

    def _write_side_files(self) -> None:
        targets = self.targets
        if targets.quicklook is not None:
            write_quicklook(targets.quicklook, targets.image, self.scene, part=self.part)
        if targets.stac is not None:
            item = stac_item(
                targets.image, self.provenance(), error_band=targets.error_band,
                despeckled=targets.despeckled, quicklook=targets.quicklook,
            )  # fmt: skip
            write_json(targets.stac, item)

    def _check(self) -> None:
        if self.cancel.is_set():
            raise TranslationCancelled(
                f"the translation to {self.targets.image} was stopped; run the same again with resume (--resume) to "
                "go on from the last finished window.",
            )

    def report(self, seconds: float) -> TranslationReport:
        """Sum up, after `run`."""
        megapixels = self.grid.window.area / 1e6
        manifest = self.model.manifest
        return TranslationReport(
            source=self.scene.source,
            destination=self.targets.image,
            error_band=self.targets.error_band,
            despeckled=self.targets.despeckled,
            quicklook=self.targets.quicklook,
            stac=self.targets.stac,
            model=manifest.name,
            model_version=manifest.version,
            checksum=self.model.checksum,
            precision=self.engine.precision,
            device=self.engine.device,
            engine=self.engine.name,
            unit=self.scene.unit.value,
            polarisations=self.scene.polarisations,
            notes=self.notes,
            warnings=self.warnings,
            width=self.grid.width,
            height=self.grid.height,
            windows_total=len(self.windows),
            windows_skipped=len(self.skipped),
            windows_resumed=self.resumed,
            megapixels=megapixels,
            seconds=seconds,
            megapixels_per_second=megapixels / max(seconds, 1e-9),
            stage_seconds=self.stage_seconds,
            placement=self.scene.placement,
            placement_error_metres=self.scene.placement_error_metres,
        )


def _key(window: Window) -> tuple[int, int]:
    return window.col_off, window.row_off
