"""Sends a job's windows through the pipeline, and sums up what came of it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geosar.grid import Window
from geosar.normalisation import choose_normaliser
from geosar.pipeline import READ_AHEAD, Pipeline
from geosar.report import Meter, Progress, TranslationReport
from geosar.tone import Tone, match_tone
from geosar.translation.files import OutputFiles
from geosar.translation.job import Job
from geosar.window_translator import Prediction, WindowTranslator

if TYPE_CHECKING:
    from geosar.cluster import RemoteTranslator


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of the windows: how many an earlier run had done, how many hold nothing, and seconds of each stage."""

    resumed: int
    skipped: int
    stage_seconds: dict[str, float]


def run(
    job: Job, remote: "RemoteTranslator | None", listener: Callable[[Progress], None] | None, started: float
) -> TranslationReport:
    """Translate window by window; the outputs appear at the end, all or none.

    `remote` computes the windows elsewhere; `started` is the time, by `time.monotonic`, from which the report counts.
    """
    meter = Meter(listener, len(job.windows), job.grid.window.area / 1e6)
    meter.tell("measuring the scene")
    job.check()
    notes = (*job.scene.notes, *job.assumed, choose_normaliser(job.scene, job.model.manifest.inputs)[1])
    translator = remote or WindowTranslator(job.scene, job.model.manifest, job.engine, despeckled=job.despeckles)
    tone = None
    if job.match is not None:
        meter.tell("matching the tone")
        tone = match_tone(job.scene.grid, translator.translate, job.match)
        notes += (tone.words,)
    with ExitStack() as stack:
        files = OutputFiles(stack, job, job.provenance(notes), tone)
        outcome = _translate_windows(job, translator, tone, files, meter)
        job.scene.check_unchanged()
        meter.tell("finishing")
        began = time.perf_counter()
        files.close()
        outcome.stage_seconds["finish"] = time.perf_counter() - began
    meter.tell("done")
    return _report(job, outcome, notes, time.monotonic() - started)


def _translate_windows(
    job: Job, translator: "WindowTranslator | RemoteTranslator", tone: Tone | None, files: OutputFiles, meter: Meter
) -> _Outcome:
    """Translate what no earlier run has written."""
    waiting: list[Window] = []
    for window in job.windows:
        if files.have(window):
            meter.count(window.area / 1e6, worked=False)
        else:
            waiting.append(window)
    meter.start()
    meter.tell("translating")
    skipped: list[Window] = []

    def write(window: Window, pixels: Prediction | None) -> None:
        files.write(window, pixels)
        if pixels is None:
            skipped.append(window)

    def done(window: Window) -> None:
        meter.count(window.area / 1e6, worked=True)
        meter.tell("translating")

    pipeline: Pipeline[Window, Any, Prediction] = Pipeline(
        lambda window: translator.read(window.shifted(job.part.col_off, job.part.row_off)),
        lambda _window, block: _toned(translator.compute(block), tone),
        write,
        writers=job.writers,
        check=job.check,
        ahead=READ_AHEAD if isinstance(translator, WindowTranslator) else translator.ahead,
    )
    pipeline.run(waiting, done)
    return _Outcome(len(job.windows) - len(waiting), len(skipped), dict(pipeline.clock.seconds))


def _toned(pixels: Prediction | None, tone: Tone | None) -> Prediction | None:
    if tone is None or pixels is None:
        return pixels
    return replace(pixels, values=tone(pixels.values))


def _report(job: Job, outcome: _Outcome, notes: tuple[str, ...], seconds: float) -> TranslationReport:
    megapixels = job.grid.window.area / 1e6
    manifest = job.model.manifest
    return TranslationReport(
        source=job.scene.source,
        destination=job.targets.image,
        error_band=job.targets.error_band,
        despeckled=job.targets.despeckled,
        quicklook=job.targets.quicklook,
        stac=job.targets.stac,
        model=manifest.name,
        model_version=manifest.version,
        checksum=job.model.checksum,
        precision=job.engine.precision,
        device=job.engine.device,
        engine=job.engine.name,
        unit=job.scene.unit.value,
        polarisations=job.scene.polarisations,
        notes=notes,
        warnings=job.warnings,
        width=job.grid.width,
        height=job.grid.height,
        windows_total=len(job.windows),
        windows_skipped=outcome.skipped,
        windows_resumed=outcome.resumed,
        megapixels=megapixels,
        seconds=seconds,
        megapixels_per_second=megapixels / max(seconds, 1e-9),
        stage_seconds=outcome.stage_seconds,
        placement=job.scene.placement,
        placement_error_metres=job.scene.placement_error_metres,
    )
