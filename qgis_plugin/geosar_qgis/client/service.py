"""The service's routes, as conversations: scenes, jobs, results, tiles."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from ..words import tr
from .answers import Box, Job, Reading, Ready, Results, Scene, Tiles
from .driving import ask, never
from .messages import (
    CancelledError,
    Flow,
    JobFailedError,
    LocalDiskError,
    NotThereError,
    Piece,
    Progress,
    RejectedError,
    Request,
    Response,
    UnreachableError,
    Wait,
    checked,
)
from .urls import join, with_query

PAGE = 100
FIRST_LOOK, LONGEST_LOOK = 0.3, 2.0
"""Seconds between looks at a job."""
PREPARING_SECONDS = 600.0
RESUMES = 5
PROCESS = ("processes", "translate")
JSON = {"Accept": "application/json"}
PNG = {"Accept": "image/png"}


def quiet(_share: float, _words: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class TranslateRequest:
    """What to make of a scene. `box` is left, bottom, right, top in `crs` (an authority's code, such as EPSG:32643)."""

    model: str = ""
    box: Box | None = None
    crs: str = ""
    error_band: bool = True
    resample_to_model: bool = False
    despeckled: bool = False
    match: bool = False

    def inputs(self, scene: str) -> dict[str, Any]:
        """Return the inputs of the process."""
        inputs: dict[str, Any] = {"scene": scene, "error_band": self.error_band}
        if self.model:
            inputs["model"] = self.model
        if self.resample_to_model:
            inputs["resample_to_model"] = True
        if self.despeckled:
            inputs["despeckled"] = True
        if self.match:
            inputs["match"] = True
        if self.box is not None:
            inputs["bbox"] = {"bbox": list(self.box), "crs": self.crs} if self.crs else list(self.box)
        return inputs


class Service:
    """Conversations with the service at one URL."""

    def __init__(self, base: str) -> None:
        self.base = base

    def ready(self) -> Flow[Ready]:
        """Try the URL, the key, and whether the service can work."""
        alive = (yield from ask(self._get("healthz"), tries=1)).json()
        answer: Response = yield self._get("readyz")
        checks = answer.json().get("checks", {})
        models = yield from self.models()
        missing = tuple(name for name, good in checks.items() if not good)
        return Ready(str(alive.get("version", "?")), answer.status == 200, missing, models)

    def models(self) -> Flow[tuple[str, ...]]:
        """Names of the models that a request may name; the first is the service's own choice."""
        process = (yield from ask(self._get(*PROCESS))).json()
        schema = process.get("inputs", {}).get("model", {}).get("schema", {})
        return tuple(map(str, schema.get("enum", ())))

    def scenes(self, box: Box | None = None, text: str = "", most: int = 1000) -> Flow[list[Scene]]:
        """List scenes, the newest first; `box` in degrees."""
        bbox = None if box is None else ",".join(f"{value:.7f}" for value in box)
        documents = yield from self._pages("scenes", most, bbox=bbox, q=text or None)
        return [Scene.of(one) for one in documents]

    def scene(self, scene: str) -> Flow[Scene]:
        """Show a scene."""
        return Scene.of((yield from ask(self._get("scenes", scene))).json())

    def prepared(self, scene: str, progress: Progress = quiet) -> Flow[Scene]:
        """Wait until the copy for SAR tiles is made, or could not be."""
        waited = 0.0
        while True:
            current = yield from self.scene(scene)
            if current.state != "preparing" or waited > PREPARING_SECONDS:
                return current
            progress(0.0, tr("Preparing the scene"))
            yield Wait(LONGEST_LOOK)
            waited += LONGEST_LOOK

    def reread(self, scene: str, reading: Reading) -> Flow[Scene]:
        """Have a scene read otherwise; raises RejectedError where it cannot be read so, and then it stays."""
        body = json.dumps(reading.change).encode()
        headers = {**JSON, "Content-Type": "application/json"}
        return Scene.of((yield from ask(Request("PATCH", join(self.base, "scenes", scene), headers, body))).json())

    def remove_scene(self, scene: str) -> Flow[None]:
        """Remove a scene with its jobs and results."""
        yield from ask(Request("DELETE", join(self.base, "scenes", scene), JSON))

    def send_optical(self, scene: str, path: Path, progress: Progress = quiet) -> Flow[Scene]:
        """Send the true optical image of a scene, and wait until it is prepared; raises RejectedError."""
        url = join(self.base, "scenes", scene, "reference", filename=path.name)
        headers = {**JSON, "Content-Type": "application/octet-stream"}
        progress(0.0, tr("Sending the true optical image"))
        yield from ask(Request("PUT", url, headers, Piece(path, 0, path.stat().st_size)))
        while True:
            current = yield from self.scene(scene)
            if current.optical == "failed":
                raise RejectedError(tr("The service could not use {0} as the true optical image.").format(path.name))
            if current.optical == "ready":
                return current
            progress(0.5, tr("Preparing the true optical image"))
            yield Wait(FIRST_LOOK)

    def translate(self, scene: str, request: TranslateRequest) -> Flow[Job]:
        """Begin a translation; the same request again gives the same job."""
        body = json.dumps({"inputs": request.inputs(scene)}).encode()
        headers = {**JSON, "Content-Type": "application/json", "Prefer": "respond-async"}
        url = join(self.base, *PROCESS, "execution")
        return Job.of((yield from ask(Request("POST", url, headers, body))).json())

    def jobs(self, scene: str = "", most: int = 100) -> Flow[list[Job]]:
        """List jobs, the newest first."""
        documents = yield from self._pages("jobs", most, scene=scene or None)
        return [Job.of(one) for one in documents]

    def job(self, job: str) -> Flow[Job]:
        """Show a job."""
        return Job.of((yield from ask(self._get("jobs", job))).json())

    def dismiss(self, job: str) -> Flow[Job]:
        """Stop a job, or remove the results of one that is done."""
        return Job.of((yield from ask(Request("DELETE", join(self.base, "jobs", job), JSON))).json())

    def finished(self, job: str, progress: Progress = quiet) -> Flow[Job]:
        """Follow a job to its end; raises JobFailedError when that is not a result."""
        look = FIRST_LOOK
        while True:
            now = yield from self.job(job)
            if now.status == "successful":
                progress(1.0, tr("Translated"))
                return now
            if not now.live:
                raise JobFailedError(_why(now))
            progress(now.progress / 100, words_of(now))
            yield Wait(look)
            look = min(look * 1.5, LONGEST_LOOK)

    def results(self, job: str) -> Flow[Results]:
        """Show which files a job made."""
        return Results.of((yield from ask(self._get("jobs", job, "results"))).json(), job)

    def result_url(self, results: Results, output: str) -> str:
        """Return the URL of a file of a job; raises NotThereError when the job made none of that name."""
        if output not in results.queries:
            words = tr("The job {0} made no file '{1}'; it has {2}.")
            raise NotThereError(words.format(results.job, output, ", ".join(results.queries)))
        return with_query(join(self.base, "jobs", results.job, "results", output), results.queries[output])

    def tiles(self, scene: str, layer: str, **query: Any) -> Flow[Tiles]:
        """Say where a layer's tiles are; `job` names another result than the latest."""
        url = join(self.base, "scenes", scene, layer, "tilejson.json", **query)
        document = (yield from ask(Request("GET", url, JSON))).json()
        return Tiles.of(document, scene, layer, (yield from self.legend(scene, layer)))

    def picture(self, scene: str, layer: str, size: int) -> Flow[bytes]:
        """Return a small PNG of a layer, at most `size` pixels wide and high."""
        url = join(self.base, "scenes", scene, layer, "preview.png", max_size=size)
        return (yield from ask(Request("GET", url, PNG))).body

    def legend(self, scene: str, layer: str) -> Flow[bytes]:
        """Return a PNG of what a layer's colours mean; nothing where the service has none."""
        try:
            return (yield from ask(Request("GET", join(self.base, "scenes", scene, layer, "legend.png"), PNG))).body
        except NotThereError:
            return b""

    def download(self, url: str, path: Path, progress: Progress = quiet) -> Flow[None]:
        """
        Download to a file, which appears under its name when it is whole.

        After a cut it goes on where it stopped, if the file of the service is still the same.
        """
        part = path.with_name(f"{path.name}.part")
        _remove(part)
        try:
            yield from self._fetch(url, part, progress)
            _replace(part, path)
        finally:
            _remove(part)

    def _fetch(self, url: str, part: Path, progress: Progress) -> Flow[None]:
        etag = ""
        for left in reversed(range(RESUMES)):
            have = _size(part)
            headers = {"Range": f"bytes={have}-", "If-Range": etag} if have and etag else {}
            if have and not etag:
                _remove(part)
                have = 0

            def report(done: int, total: int, before: int = have) -> None:
                megabytes = (before + done) / 1e6
                progress(
                    (before + done) / (before + total) if total else 0.0,
                    tr("Downloading, {0} MB").format(f"{megabytes:.1f}"),
                )

            try:
                response: Response = yield Request("GET", url, headers, save_to=part, report=report)
            except UnreachableError:
                if not left:
                    raise
                yield Wait(1.0)
                continue
            checked(response)
            expected = response.headers.get("content-length", "")
            begun = have if response.status == 206 else 0
            if not expected.isdigit() or _size(part) >= begun + int(expected):
                progress(1.0, tr("Downloading, {0} MB").format(f"{_size(part) / 1e6:.1f}"))
                return
            etag = response.headers.get("etag", "")
        raise UnreachableError(tr("The download was cut off again and again. Try again later."))

    def _get(self, *parts: str) -> Request:
        return Request("GET", join(self.base, *parts), JSON)

    def _pages(self, kind: str, most: int, **query: Any) -> Flow[list[dict[str, Any]]]:
        items: list[dict[str, Any]] = []
        while True:
            limit = min(PAGE, most - len(items))
            url = join(self.base, kind, limit=limit, offset=len(items), **query)
            page = (yield from ask(Request("GET", url, JSON))).json()
            new: Iterable[dict[str, Any]] = page.get(kind, ())
            items += new
            if not new or len(items) >= min(most, int(page.get("numberMatched", 0))):
                return items


def completed(
    service: Service,
    scene: str,
    request: TranslateRequest,
    progress: Progress = quiet,
    leave: Callable[[], bool] = never,
) -> Flow[Results]:
    """
    Translate a scene and wait for it; gives the results.

    When the user stops it, the job is stopped on the service too, unless `leave` says that QGIS is closing.
    """
    job = yield from service.translate(scene, request)
    try:
        yield from service.finished(job.id, progress)
    except CancelledError:
        if not leave():
            yield from service.dismiss(job.id)
        raise
    return (yield from service.results(job.id))


def found_by_name(service: Service, text: str) -> Flow[Scene]:
    """Find a scene by its id, or by its name where only one has it."""
    try:
        return (yield from service.scene(text.strip()))
    except NotThereError:
        named = [one for one in (yield from service.scenes(text=text.strip())) if one.name == text.strip()]
    if len(named) != 1:
        words = tr("'{0}' is neither the id of a scene nor its name.")
        if named:
            words = tr("'{0}' is the name of {1} scenes. Give the id of the one that is meant: {2}.")
        raise NotThereError(words.format(text, len(named), ", ".join(one.id for one in named)))
    return named[0]


def words_of(job: Job) -> str:
    """Say how far a job is."""
    if job.status == "accepted":
        return job.message or tr("Waiting for its turn")
    speed = f"{job.megapixels_per_second:.1f}" if job.megapixels_per_second else ""
    shown = tr(", {0} megapixels a second").format(speed) if speed else ""
    return tr("Translating, {0} %").format(job.progress) + shown + left_of(job)


def _why(job: Job) -> str:
    """Say why a job ended without a result."""
    if job.status == "dismissed":
        return tr("The translation was stopped on the service.")
    return tr("The translation failed: {0}.").format(job.message.rstrip(".") or tr("no reason was given"))


def left_of(job: Job) -> str:
    """Say how long a job still takes, where that is known."""
    return "" if job.seconds_left is None else tr(", {0} left").format(_duration(job.seconds_left))


TILED = "tiles"
"""Said in the name of a layer that is no file."""


def title_of(scene: str, layer: str, model: str = "", way: str = "") -> str:
    """Name a layer so that nobody takes what a model made for an observation; `way` is how it comes, as TILED."""
    kinds = {
        "optical": tr("synthetic optical"), "live": tr("synthetic optical, live"), "error": tr("expected error"),
        "despeckled": tr("despeckled SAR"),
    }  # fmt: skip
    carrier = tr("tiles") if way == TILED else way
    words = (kinds[layer], model, carrier) if layer in kinds else ("SAR" if layer == "sar" else layer, carrier)
    return f"{scene} ({', '.join(filter(None, words))})"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LocalDiskError(tr("{0} could not be removed: {1}.").format(path, error.strerror)) from error


def _replace(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        words = tr("{0} could not be written: {1}. Is it open in QGIS?")
        raise LocalDiskError(words.format(path, error.strerror)) from error
