"""What a person, or another program, sees while a translation runs."""

import json
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Any, Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from geosar.cli.running import describe
from geosar.display import SYNTHETIC_NOTE
from geosar.report import Progress, TranslationReport

KINDS = ("auto", "rich", "json", "none")


class Reporter(Protocol):
    """Told of everything that happens to the inputs, in their order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, source: str) -> None:
        """The next input is taken up."""

    def advance(self, progress: Progress) -> None:
        """A window is done, or a stage begins."""

    def finish(self, report: TranslationReport) -> None:
        """The input became its outputs."""

    def fail(self, source: str, error: BaseException) -> None:
        """The input could not be translated."""


def make_reporter(kind: str) -> Reporter:
    """Return the reporter of this name; ``auto`` draws a bar where a person looks."""
    if kind == "json":
        return JsonReporter()
    if kind == "rich" or (kind == "auto" and sys.stderr.isatty()):
        return BarReporter()
    return PlainReporter()


class PlainReporter:
    """No bar: the names of the outputs on stdout, notes and warnings on stderr."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to tidy up."""

    def begin(self, source: str) -> None:
        """Say nothing."""

    def advance(self, progress: Progress) -> None:
        """Say nothing."""

    def finish(self, report: TranslationReport) -> None:
        """Name the outputs and what to know of them."""
        for note in report.notes:
            self._tell(f"note: {note}")
        for warning in report.warnings:
            self._tell(f"warning: {warning}")
        resumed = f", {report.windows_resumed} windows from an earlier run" if report.windows_resumed else ""
        self._tell(
            f"{report.megapixels:.1f} megapixels in {report.seconds:.1f} s ({report.megapixels_per_second:.2f} MP/s) "
            f"by {report.model} {report.model_version}, {report.precision} on {report.device}{resumed}. "
            f"{SYNTHETIC_NOTE}."
        )
        for path in report.outputs:
            click.echo(path)

    def fail(self, source: str, error: BaseException) -> None:
        """Say why, at once; the summary says it again at the end."""
        self._tell(f"Error: {source}: {describe(error)}")

    def _tell(self, text: str) -> None:
        click.echo(text, err=True)


class BarReporter(PlainReporter):
    """A bar on stderr that names the input, its megapixels, the speed and the time left."""

    def __init__(self) -> None:
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} MP {task.fields[speed]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[stage]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, source: str) -> None:
        """Start a new bar."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        name = source.rstrip("/").rpartition("/")[2]
        self._task = self._bar.add_task(name, total=1, speed="", stage="opening")

    def advance(self, progress: Progress) -> None:
        """Move the bar."""
        if self._task is None:
            return
        speed = progress.megapixels_per_second
        self._bar.update(
            self._task,
            completed=progress.megapixels_done,
            total=progress.megapixels_total,
            speed="" if speed is None else f"{speed:.1f} MP/s",
            stage=progress.message,
        )

    def _tell(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class JsonReporter(PlainReporter):
    """One JSON object a line on stdout: events ``begin``, ``progress``, ``report`` and ``error``."""

    def __init__(self) -> None:
        self._source = ""

    def begin(self, source: str) -> None:
        """Event ``begin``."""
        self._source = source
        self._emit("begin", {})

    def advance(self, progress: Progress) -> None:
        """Event ``progress``."""
        self._emit("progress", asdict(progress))

    def finish(self, report: TranslationReport) -> None:
        """Event ``report``, with everything in it."""
        self._emit("report", report.to_dict())

    def fail(self, source: str, error: BaseException) -> None:
        """Event ``error``."""
        self._source = source
        self._emit("error", {"type": type(error).__name__, "message": describe(error)})

    def _emit(self, event: str, values: dict[str, Any]) -> None:
        click.echo(json.dumps({"event": event, "source": self._source, **values}))
