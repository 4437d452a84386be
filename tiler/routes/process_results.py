"""Jobs and their results as OGC API - Processes has them."""

from collections.abc import Collection
from typing import Any

from fastapi import Request

from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.routes import links
from geosar_tiler.routes.process_description import EXCEPTIONS, MEDIA, TITLES
from geosar_tiler.signatures import signature_of
from geosar_tiler.state import catalogue, readings
from geosar_tiler.state.database import Job, Scene
from geosar_tiler.state.states import JobStatus

RESULTS = "http://www.opengis.net/def/rel/ogc/1.0/results"


class NotDoneError(NotFoundError):
    """The job is there, its results are not."""

    kind = f"{EXCEPTIONS}/result-not-ready"


def check_done(job: Job) -> None:
    """Raise what a job without results is answered with."""
    if job.status == JobStatus.FAILED:
        raise InvalidError(f"the job failed: {job.message}")
    if job.status == JobStatus.DISMISSED:
        raise NotFoundError(f"the job was dismissed, so it has no results: {job.message}.")
    if job.status != JobStatus.SUCCESSFUL:
        raise NotDoneError(f"the job is {job.status} ({job.progress} %); its results are there when it is successful.")


def status_info(request: Request, job: Job, former: str | None = None) -> dict[str, Any]:
    """Return a job as OGC's statusInfo; `former` says that it was made with a former reading of its scene."""
    here = f"jobs/{job.id}"
    around = [
        links.link(links.url(request, here), "self"),
        links.link(links.url(request, f"{here}/events"), "monitor", "text/event-stream"),
    ]
    if job.status == JobStatus.SUCCESSFUL:
        around.append(links.link(links.url(request, f"{here}/results"), RESULTS))
    values = {
        "processID": job.process,
        "type": "process",
        "jobID": job.id,
        "status": job.status,
        "message": job.message,
        "name": job.name,
        "progress": job.progress,
        "created": catalogue.timestamp(job.created),
        "started": catalogue.timestamp(job.started),
        "finished": catalogue.timestamp(job.finished),
        "updated": catalogue.timestamp(job.updated),
        "scene": job.scene_id,
        "formerReading": former,
        "megapixelsPerSecond": job.megapixels_per_second,
        "secondsLeft": job.seconds_left if job.status == JobStatus.RUNNING else None,
        "links": around,
    }
    return {key: value for key, value in values.items() if value is not None}


def files(request: Request, job: Job, names: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return a link to each file that a job made, or to those that are wanted."""
    return {
        name: {
            "href": links.url(request, f"jobs/{job.id}/results/{name}", **signature_of(request, f"jobs/{job.id}")),
            "type": MEDIA[name],
            "title": TITLES[name],
            "rel": "item",
        }
        for name in job.files
        if name in MEDIA and (not names or name in names)
    }


def document(request: Request, job: Job, scene: Scene, names: Collection[str] | None = None) -> dict[str, Any]:
    """Return the results: every file by reference, the tiles, and what was found out on the way."""
    results = files(request, job, names)
    shown = {} if names else _tiles(request, job, scene)
    report = {key: value for key, value in (job.report or {}).items() if key != "files"}
    if (former := readings.words(scene, job)) is not None:
        report = {**report, "formerReading": former}
    return {**results, **shown, "report": {"value": report, "mediaType": "application/json"}}


def _tiles(request: Request, job: Job, scene: Scene) -> dict[str, dict[str, Any]]:
    here = f"scenes/{scene.id}"
    on_map = readings.of(scene, job).geometry is not None
    tilejson = "tilejson.json" if on_map else "image/tilejson.json"
    template = "tiles/{z}/{x}/{y}.png" if on_map else "tiles/image/{z}/{x}/{y}.png"
    signed = signature_of(request, f"jobs/{job.id}")

    def link(path: str, media_type: str, title: str, rel: str = "tiles", **query: str) -> dict[str, Any]:
        return links.link(links.url(request, f"{here}/{path}", job=job.id, **query), rel, media_type, title)

    shown: dict[str, dict[str, Any]] = {
        "tiles": link(f"optical/{template}", "image/png", "XYZ tiles of the synthetic image", **signed)
        | {"templated": True},
        "tilejson": link(f"optical/{tilejson}", "application/json", "TileJSON of the synthetic image", **signed),
        "scene": links.link(links.url(request, here), "up", title="The scene"),
    }
    for name, title in (("error", "the expected error"), ("despeckled", "the despeckled backscatter")):
        if name in job.files:
            link_title = f"TileJSON of {title}"
            shown[f"{name}Tilejson"] = link(f"{name}/{tilejson}", "application/json", link_title, **signed)
    if on_map:
        title = "WMTS capabilities of the synthetic image"
        shown["wmts"] = link("optical/WMTSCapabilities.xml", "application/xml", title, "service", **signed)
    return shown
