"""From the names in a request to what is shown: the one place where a scene's layer becomes a file for GDAL.

A request names a scene, a layer and at most a job. The path comes from the catalogue; nothing that a client
wrote becomes part of one.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request
from sqlalchemy import select

from geosar_tiler.errors import InvalidError, NotFoundError, NotModifiedError, NotReadyError
from geosar_tiler.layer_kinds import LayerKind, kind_of
from geosar_tiler.services import Services, Shared
from geosar_tiler.signatures import signature_of
from geosar_tiler.state import catalogue, readings, references
from geosar_tiler.state.database import Job, Scene
from geosar_tiler.state.states import CopyState, JobStatus, Process
from geosar_tiler.tiles import parameters
from geosar_tiler.tiles.open_scenes.direct import DirectScene
from geosar_tiler.tiles.open_scenes.live import LiveScene

Stretch = tuple[tuple[float, float], ...]
JobName = Annotated[str | None, Query(max_length=64, description="A job whose result to show; default: the latest.")]


@dataclass(frozen=True)
class Layer:
    """What is shown: a COG of the store, a scene that is translated live, or one as it was sent.

    `version` changes when a pixel does; `names` are those of the bands, whose values have a `unit`; `stretch` is the
    range of values of each band that is shown from black to white, None for pictures.
    """

    kind: LayerKind
    scene: str
    title: str
    description: str
    version: str
    georeferenced: bool
    names: tuple[str, ...]
    unit: str = ""
    path: Path | None = None
    live: LiveScene | None = None
    direct: DirectScene | None = None
    stretch: Stretch | None = None
    job: str | None = None
    """The job that the request named, if any."""
    has_coarse: bool = False
    """Whether a coarse picture shows views of more than is translated live: of a large scene whose copy is ready."""
    remarks: list[str] = field(default_factory=list)
    """What is to be said of the pixels that were read, in the answer's header X-Geosar-Note."""

    @property
    def subject(self) -> str:
        """What a signature must be of to open it: the job that was named, else the scene."""
        return f"scenes/{self.scene}" if self.job is None else f"jobs/{self.job}"

    @property
    def bands(self) -> int:
        """How many bands there are."""
        return len(self.names)

    @property
    def name(self) -> str:
        """The name of its kind."""
        return self.kind.name

    @property
    def synthetic(self) -> bool:
        """Whether a network made it."""
        return self.kind.synthetic


def sar(request: Request, services: Shared, scene_id: str) -> Layer:
    """Return the scene itself, in decibel; from the upload where the copy for tiles is not there."""
    scene = catalogue.get(services.database, scene_id)
    ready = scene.display == CopyState.READY
    kind = kind_of("sar")
    layer = Layer(
        kind, scene.id, kind.title(scene.name), f"SAR backscatter, {_unit(scene)}",
        _version(scene.sha256, scene.polarisation, scene.unit, None if ready else "direct", *_read_anew(scene)),
        scene.geometry is not None, tuple(scene.description["polarisations"]), _backscatter_unit(scene),
        path=services.store.display(scene.id, readings.number(scene)) if ready else None,
        direct=None if ready else services.direct.get(scene),
        stretch=_percentiles(scene),
    )  # fmt: skip
    return _fresh(request, layer)


def reference(request: Request, services: Shared, scene_id: str) -> Layer:
    """Return the true optical image that was sent to compare with."""
    scene = catalogue.get(services.database, scene_id)
    row = references.find(services.database, scene.id)
    if row is None:
        raise NotFoundError("the scene has no reference; PUT a true optical image of it to /scenes/ID/reference.")
    if row.state == CopyState.FAILED:
        raise NotFoundError(f"tiles of the reference could not be made: {row.message}")
    if row.state != CopyState.READY:
        raise NotReadyError("the reference is being prepared for tiles. Ask again in a few seconds.")
    kind = kind_of("reference")
    layer = Layer(
        kind, scene.id, kind.title(scene.name), f"True optical image {row.filename}",
        _version(row.sha256, str(row.created)), row.georeferenced, kind.bands,
        path=services.store.reference(scene.id),
    )  # fmt: skip
    return _fresh(request, layer)


def optical(request: Request, services: Shared, scene_id: str, job: JobName = None) -> Layer:
    """Return the synthetic image of the latest job, or of the one that is named."""
    return _result(request, services, scene_id, job, kind_of("optical"))


def despeckled(request: Request, services: Shared, scene_id: str, job: JobName = None) -> Layer:
    """Return the radar without its speckle of the latest job that made it, or of the one that is named."""
    return _result(request, services, scene_id, job, kind_of("despeckled"))


def error(request: Request, services: Shared, scene_id: str, job: JobName = None) -> Layer:
    """Return the expected error of the latest job, or of the one that is named."""
    return _result(request, services, scene_id, job, kind_of("error"))


def live(request: Request, services: Shared, scene_id: str) -> Layer:
    """Return the synthetic image as the model makes it on the fly."""
    scene = catalogue.get(services.database, scene_id)
    opened = services.live.get(scene)
    kind = kind_of("live")
    layer = Layer(
        kind, scene.id, kind.title(scene.name), f"{kind.statement}; model {opened.model}",
        _version(scene.sha256, opened.version), scene.geometry is not None, kind.bands, live=opened,
        has_coarse=opened.is_large and scene.display == CopyState.READY,
    )  # fmt: skip
    return _fresh(request, layer, "coarse" if layer.has_coarse else "")


def _result(request: Request, services: Services, scene_id: str, job_id: str | None, kind: LayerKind) -> Layer:
    scene = catalogue.get(services.database, scene_id)
    query = select(Job).where(
        Job.scene_id == scene.id, Job.process == Process.TRANSLATE, Job.status == JobStatus.SUCCESSFUL
    )
    if job_id is not None:
        query = query.where(Job.id == job_id)
    with services.database.begin() as session:
        jobs = [job for job in session.scalars(query.order_by(Job.finished.desc())) if kind.name in job.files]
    if not jobs:
        which = f"no finished job {job_id!r}" if job_id else "no finished job"
        asking = f" with the input {kind.asked_by!r}" if kind.asked_by else ""
        instead = ", or look at the layer 'live'" if kind.synthetic else ""
        raise NotFoundError(
            f"the scene has {which} with the layer {kind.name!r}. POST to /processes/translate/execution{asking} "
            f"first{instead}.",
        )
    job = next((job for job in jobs if not readings.is_former(scene, job)), jobs[0])
    former = readings.words(scene, job)
    scene = readings.of(scene, job)
    report = job.report or {}
    names, unit = kind.bands, kind.unit
    stretch: Stretch | None = None if kind.span is None else (kind.span,)
    if not names:
        names, unit = tuple(report["polarisations"]), _backscatter_unit(scene)
        known = scene.description["polarisations"]
        stretch = tuple(_percentiles(scene)[known.index(name)] for name in names)
    layer = Layer(
        kind, scene.id, kind.title(scene.name),
        f"{kind.statement}; model {report['model']} {report['model_version']}" + (f"; {former}" if former else ""),
        _version(job.key, kind.name), scene.geometry is not None, names, unit,
        path=services.store.job(job.id) / job.files[kind.name], stretch=stretch, job=job_id,
    )  # fmt: skip
    return _fresh(request, layer)


SIDES = ("width", "height", "max_size", "tilesize")
LONGEST_SIDE = 4096
"""Pixels; a larger picture is a file's business, see the job's results."""
EDGES = ("buffer", "padding")
WIDEST_EDGE = 256
ZOOMS = ("z", "minzoom", "maxzoom")
DEEPEST_ZOOM = 30
PLACES = ("x", "y")
LAST_PLACE = 2**DEEPEST_ZOOM - 1
MOST_BINS = 1000


def _check(request: Request, layer: Layer) -> None:
    """Refuse what would fill the memory or take for ever, and bands that the layer does not have."""
    values = {**request.path_params, **request.query_params}
    for name in (*SIDES, *EDGES):
        _check_length(name, values.get(name), LONGEST_SIDE if name in SIDES else WIDEST_EDGE)
    for name in (*ZOOMS, *PLACES):
        _check_number(name, values.get(name), 0, DEEPEST_ZOOM if name in ZOOMS else LAST_PLACE)
    _check_number("histogram_bins", values.get("histogram_bins"), 1, MOST_BINS)
    parameters.check(request.query_params, request.query_params.getlist("p"))
    for text in request.query_params.getlist("bidx"):
        if not text.isdecimal() or not 1 <= int(text[:9]) <= layer.bands:
            raise InvalidError(f"bidx is {text!r}; the layer {layer.name!r} has the bands 1 to {layer.bands}.")


def _check_length(name: str, text: Any, most: int) -> None:
    try:
        value = float(text or 1)
    except ValueError:
        return  # its own declaration refuses it
    if not 0 < value <= most:
        raise InvalidError(f"{name} is {text}; expected 1 to {most} pixels.")


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    text = str(least if value is None else value)
    if text.lstrip("+-").isdecimal() and not (len(text) < 20 and least <= int(text) <= most):
        raise InvalidError(f"{name} is {text[:40]}; expected {least} to {most}.")


def _fresh(request: Request, layer: Layer, more: str = "") -> Layer:
    """Note the ETag for the answer; raises NotModifiedError when the client has it already.

    `more` is what else there is to see of the same pixels, which documents that name zooms depend on.
    """
    _check(request, layer)
    unsigned = [pair for pair in request.query_params.multi_items() if pair[0] not in {"expires", "signature"}]
    holds_signatures = request.url.path.endswith(("tilejson.json", "WMTSCapabilities.xml"))
    # What holds URLs is another when their signatures are, and is asked for again.
    signed = signature_of(request, layer.subject) if holds_signatures else {}
    text = f"{layer.version}{request.url.path}?{unsigned}{signed}{more}"
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    request.state.etag = etag
    request.state.pinned = request.query_params.get("v") == layer.version and not signed
    request.state.layer = layer.name
    request.state.remarks = layer.remarks
    request.state.shown = layer
    tags = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if request.method in {"GET", "HEAD"} and (etag in tags or "*" in tags):
        raise NotModifiedError
    return layer


def _percentiles(scene: Scene) -> Stretch:
    """Return the backscatter that is shown black and white, for each polarisation of the scene."""
    return tuple((one["p02"], one["p98"]) for one in scene.description["statistics"].values())


def _backscatter_unit(scene: Scene) -> str:
    return "grey value" if scene.description["unit"] == "picture" else "dB"


def _unit(scene: Scene) -> str:
    return "in grey values" if scene.description["unit"] == "picture" else "in decibel"


def _read_anew(scene: Scene) -> tuple[str, ...]:
    number = readings.number(scene)
    return (str(number),) if number else ()


def _version(*parts: str | None) -> str:
    return hashlib.sha256("|".join(part or "" for part in parts).encode()).hexdigest()[:16]
