"""From the names in a request to what is shown: the one place where a scene's layer becomes a file for GDAL.

A request names a scene, a layer and at most a job. The path comes from the catalogue; nothing that a client
wrote becomes part of one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request
from sqlalchemy import select

from geosar.display import ERROR_RANGE
from tiler.errors import InvalidError, NotFoundError, NotModifiedError, NotReadyError
from tiler.services import Services, Shared
from tiler.signatures import signature_of
from tiler.state import catalogue
from tiler.state.database import Job, Reference, Scene
from tiler.tiles.direct import DirectScene
from tiler.tiles.live import LiveScene

SYNTHETIC = "Synthetic optical image made from SAR; not an observation"
COLOURS = ("red", "green", "blue")
Stretch = tuple[tuple[float, float], ...]
Wanted = Annotated[str | None, Query(max_length=64, description="A job whose result to show; default: the latest.")]


@dataclass(frozen=True)
class Layer:
    """What is shown: a COG of the store, a scene that is translated live, or one as it was sent.

    `version` changes when a pixel does; `names` are those of the bands, whose values have a `unit`; `stretch` is the
    range of values of each band that is shown from black to white, None for pictures.
    """

    name: str
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

    @property
    def bands(self) -> int:
        """How many bands there are."""
        return len(self.names)

    @property
    def synthetic(self) -> bool:
        """Whether a network made it."""
        return self.name not in {"sar", "reference"}


def sar(request: Request, services: Shared, scene_id: str) -> Layer:
    """Give the scene itself, in decibel; from the upload where the copy for tiles is not there."""
    scene = catalogue.get(services.database, scene_id)
    figures = list(scene.description["statistics"].values())
    ready = scene.display == "ready"
    layer = Layer(
        "sar", scene.id, scene.name, f"SAR backscatter, {_unit(scene)}",
        _version(scene.sha256, scene.polarisation, scene.unit, None if ready else "direct"),
        scene.geometry is not None, tuple(scene.description["polarisations"]),
        "grey value" if scene.description["unit"] == "picture" else "dB",
        path=services.store.display(scene.id) if ready else None,
        direct=None if ready else services.direct.get(scene),
        stretch=tuple((one["p02"], one["p98"]) for one in figures),
    )  # fmt: skip
    return _fresh(request, layer)


def reference(request: Request, services: Shared, scene_id: str) -> Layer:
    """Give the true optical image that was sent to compare with."""
    scene = catalogue.get(services.database, scene_id)
    with services.database.begin() as session:
        found = session.get(Reference, scene.id)
    if found is None:
        raise NotFoundError("the scene has no reference; PUT a true optical image of it to /scenes/ID/reference.")
    if found.state == "failed":
        raise NotFoundError(f"tiles of the reference could not be made: {found.message}")
    if found.state != "ready":
        raise NotReadyError("the reference is being prepared for tiles. Ask again in a few seconds.")
    layer = Layer(
        "reference", scene.id, f"{scene.name} (reference)", f"True optical image {found.filename}",
        _version(found.sha256, str(found.created)), found.georeferenced, COLOURS,
        path=services.store.reference(scene.id),
    )  # fmt: skip
    return _fresh(request, layer)


def optical(request: Request, services: Shared, scene_id: str, job: Wanted = None) -> Layer:
    """Give the synthetic image of the latest job, or of the one that is named."""
    return _result(request, services, scene_id, job, "optical")


def error(request: Request, services: Shared, scene_id: str, job: Wanted = None) -> Layer:
    """Give the expected error of the latest job, or of the one that is named."""
    return _result(request, services, scene_id, job, "error")


def live(request: Request, services: Shared, scene_id: str) -> Layer:
    """Give the synthetic image as the model makes it while one looks."""
    scene = catalogue.get(services.database, scene_id)
    opened = services.live.get(scene)
    layer = Layer(
        "live", scene.id, f"{scene.name} (synthetic, live)", f"{SYNTHETIC}; model {opened.model}",
        _version(scene.sha256, opened.version), scene.geometry is not None, (*COLOURS, "error"), live=opened,
    )  # fmt: skip
    return _fresh(request, layer)


def _result(request: Request, services: Services, scene_id: str, job_id: str | None, output: str) -> Layer:
    scene = catalogue.get(services.database, scene_id)
    query = select(Job).where(Job.scene_id == scene.id, Job.process == "translate", Job.status == "successful")
    if job_id is not None:
        query = query.where(Job.id == job_id)
    with services.database.begin() as session:
        found = [job for job in session.scalars(query.order_by(Job.finished.desc())) if output in _files(job)]
    if not found:
        which = f"no finished job {job_id!r}" if job_id else "no finished job"
        raise NotFoundError(
            f"the scene has {which} with the layer {output!r}. POST to /processes/translate/execution first, or look "
            "at the layer 'live'.",
        )
    job = found[0]
    report = job.report or {}
    what = SYNTHETIC if output == "optical" else f"Expected absolute error of a {SYNTHETIC[0].lower()}{SYNTHETIC[1:]}"
    layer = Layer(
        output, scene.id, f"{scene.name} ({'synthetic' if output == 'optical' else 'expected error'})",
        f"{what}; model {report['model']} {report['model_version']}", _version(job.key, output),
        scene.geometry is not None, COLOURS if output == "optical" else ("error",),
        "" if output == "optical" else "of 255",
        path=services.store.job(job.id) / _files(job)[output],
        stretch=((float(ERROR_RANGE[0]), float(ERROR_RANGE[1])),) if output == "error" else None,
    )  # fmt: skip
    return _fresh(request, layer)


SIDES = ("width", "height", "max_size", "tilesize")
LONGEST_SIDE = 4096
"""Pixels; a larger picture is a file's business, see the job's results."""
EDGES = ("buffer", "padding")
WIDEST_EDGE = 256


def _check_sizes(request: Request, layer: Layer) -> None:
    """Refuse pictures that would fill the memory, and bands that the layer does not have."""
    given = {**request.path_params, **request.query_params}
    for names, most in ((SIDES, LONGEST_SIDE), (EDGES, WIDEST_EDGE)):
        for name in names:
            try:
                value = float(given.get(name) or 1)
            except ValueError:
                continue  # its own declaration refuses it
            if not 0 < value <= most:
                raise InvalidError(f"{name} is {given[name]}; expected 1 to {most} pixels.")
    for text in request.query_params.getlist("bidx"):
        if not text.isdecimal() or not 1 <= int(text[:9]) <= layer.bands:
            raise InvalidError(f"bidx is {text!r}; the layer {layer.name!r} has the bands 1 to {layer.bands}.")


def _fresh(request: Request, layer: Layer) -> Layer:
    """Note the ETag for the answer; raises NotModifiedError when the client has it already."""
    _check_sizes(request, layer)
    unsigned = [pair for pair in request.query_params.multi_items() if pair[0] not in {"expires", "signature"}]
    holds_signatures = request.url.path.endswith(("tilejson.json", "WMTSCapabilities.xml"))
    # What holds addresses is another when their signatures are, and is asked for again.
    signed = signature_of(request, f"scenes/{layer.scene}") if holds_signatures else {}
    text = f"{layer.version}{request.url.path}?{unsigned}{signed}"
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    request.state.etag = etag
    request.state.pinned = request.query_params.get("v") == layer.version and not signed
    request.state.layer = layer.name
    asked = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if request.method in {"GET", "HEAD"} and (etag in asked or "*" in asked):
        raise NotModifiedError
    return layer


def _files(job: Job) -> dict[str, str]:
    files: dict[str, str] = (job.report or {}).get("files", {})
    return files


def _unit(scene: Scene) -> str:
    return "in grey values" if scene.description["unit"] == "picture" else "in decibel"


def _version(*parts: str | None) -> str:
    return hashlib.sha256("|".join(part or "" for part in parts).encode()).hexdigest()[:16]
