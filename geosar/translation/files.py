"""The files of a translation: its COGs, window by window, and what lies beside them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geosar.cog import CogSink
from geosar.grid import Window
from geosar.outputs import write_json
from geosar.provenance import Kind, Provenance, stac_item, tags
from geosar.quicklook import write_quicklook
from geosar.tone import Tone
from geosar.translation.job import Job
from geosar.vocabulary import Compression
from geosar.window_translator import Prediction

LOSSY = frozenset(each for each in Compression if not each.lossless)
"""Compressions for pictures; the error band is a measurement and stays exact."""


@dataclass(frozen=True, slots=True)
class _Output:
    """One of the COGs: where its windows go, and what of a window's pixels it holds."""

    sink: CogSink
    values: Callable[[Prediction], Any]

    def has(self, window: Window) -> bool:
        return (window.col_off, window.row_off) in self.sink.finished


class OutputFiles:
    """Takes windows of pixels for every COG of a job; `close` publishes all files, and what fails before it none."""

    def __init__(self, stack: ExitStack, job: Job, provenance: Provenance, tone: Tone | None) -> None:
        self._job, self._provenance, self._tone = job, provenance, tone
        self._outputs = tuple(self._open(stack))

    def have(self, window: Window) -> bool:
        """Return whether an earlier run has written this window to every file."""
        return all(output.has(window) for output in self._outputs)

    def write(self, window: Window, pixels: Prediction | None) -> None:
        """Write a window to every file that has not got it; None where nothing of it is valid."""
        for output in self._outputs:
            if output.has(window):  # an earlier run was stopped between the two
                continue
            if pixels is None:
                output.sink.write_empty(window)
            else:
                output.sink.write(window, np.ascontiguousarray(output.values(pixels)), pixels.valid)

    def close(self) -> None:
        """Publish the files, if the job is not to stop."""
        for output in self._outputs:
            output.sink.prepare()
        self._job.check()
        for output in reversed(self._outputs):  # the image last: who sees it finds the others too
            output.sink.close()
        self._write_side_files()

    def _open(self, stack: ExitStack) -> Iterator[_Output]:
        targets = self._job.targets
        kinds: list[tuple[Kind, Path | None, dict[str, Any], Callable[[Prediction], Any]]] = [
            ("optical", targets.image, {"bands": 3, "band_names": ("red", "green", "blue"), "colour": "rgb"},
             lambda pixels: pixels.values[..., :3]),
            ("error", targets.error_band, {"bands": 1, "band_names": ("error",), "colour": "grey"},
             lambda pixels: pixels.values[..., 3:]),
            ("despeckled", targets.despeckled, _decibel_bands(self._job.scene.polarisations),
             lambda pixels: pixels.despeckled),
        ]  # fmt: skip
        for kind, path, bands, values in kinds:
            if path is not None:
                yield _Output(stack.enter_context(self._sink(kind, path, bands)), values)

    def _sink(self, kind: Kind, path: Path, bands: dict[str, Any]) -> CogSink:
        job = self._job
        return CogSink(
            path,
            job.grid,
            compress=Compression.ZSTD if kind != "optical" and job.compress in LOSSY else job.compress,
            window_size=job.window_size,
            resume=job.resume,
            overwrite=job.overwrite,
            plan=job.plan(self._tone),
            tags=tags(self._provenance, kind),
            place=job.image_place,
            **bands,
        )

    def _write_side_files(self) -> None:
        job, targets = self._job, self._job.targets
        if targets.quicklook is not None:
            write_quicklook(targets.quicklook, targets.image, job.scene, part=job.part)
        if targets.stac is not None:
            item = stac_item(
                targets.image, self._provenance, error_band=targets.error_band,
                despeckled=targets.despeckled, quicklook=targets.quicklook,
            )  # fmt: skip
            write_json(targets.stac, item)


def _decibel_bands(polarisations: tuple[str, ...]) -> dict[str, Any]:
    return {
        "bands": len(polarisations),
        "band_names": polarisations,
        "colour": "grey",
        "dtype": "float32",
        "units": ("dB",) * len(polarisations),
    }
