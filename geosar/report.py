"""What a translation tells while it runs and when it has finished."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a translation stands. Megapixels count the output's pixels; times are seconds.

    `seconds_left` is None until it can be estimated. Windows taken over from an earlier run count as done,
    but not towards the speed.
    """

    windows_done: int
    windows_total: int
    megapixels_done: float
    megapixels_total: float
    megapixels_per_second: float | None
    seconds_left: float | None
    message: str


@dataclass(frozen=True)
class TranslationReport:
    """What was made of what, and how. `unit` and `polarisations` are those of the source as it was read.

    `notes` hold what was inferred, `warnings` what may harm the result. `stage_seconds` says how long each
    stage was busy (they overlap, so their sum exceeds `seconds`); `checksum` names the model exactly. `placement` says
    what put the scene on the map, and the error in metres (root mean square) what to expect of it where relief is not
    corrected and the heights of control points tell.
    """

    source: str
    destination: Path
    error_band: Path | None
    despeckled: Path | None
    quicklook: Path | None
    stac: Path | None
    model: str
    model_version: str
    checksum: str
    precision: str
    device: str
    engine: str
    unit: str
    polarisations: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    width: int
    height: int
    windows_total: int
    windows_skipped: int
    windows_resumed: int
    megapixels: float
    seconds: float
    megapixels_per_second: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    placement: str = "its own map grid"
    placement_error_metres: float | None = None

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Every file that was written, the optical image first."""
        paths = (self.destination, self.error_band, self.despeckled, self.quicklook, self.stac)
        return tuple(path for path in paths if path is not None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        values = {
            key: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }
        return {**values, "outputs": [str(path) for path in self.outputs]}


class Meter:
    """Counts windows and tells a listener; used by one thread."""

    def __init__(self, listener: Callable[[Progress], None] | None, windows: int, megapixels: float) -> None:
        self._listener = listener
        self._started = time.monotonic()
        self._worked = 0.0
        self.progress = Progress(0, windows, 0.0, megapixels, None, None, "")

    def tell(self, message: str) -> None:
        """Tell the listener what happens now."""
        self.progress = replace(self.progress, message=message)
        if self._listener is not None:
            self._listener(self.progress)

    def start(self) -> None:
        """Speed is measured from here."""
        self._started = time.monotonic()

    def count(self, megapixels: float, *, worked: bool) -> None:
        """One window more is done; `worked` is False when an earlier run had done it."""
        now = self.progress
        last = now.windows_done + 1 == now.windows_total
        done = now.megapixels_total if last else now.megapixels_done + megapixels
        speed = now.megapixels_per_second
        if worked:
            self._worked += megapixels
            speed = self._worked / max(time.monotonic() - self._started, 1e-6)
        self.progress = replace(
            now,
            windows_done=now.windows_done + 1,
            megapixels_done=done,
            megapixels_per_second=speed,
            seconds_left=(now.megapixels_total - done) / speed if speed else None,
        )
