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

from tiler import catalogue
from tiler.database import Job, Scene
from tiler.errors import InvalidError, NotFoundError, NotModifiedError, NotReadyError
from tiler.live import LiveScene
from tiler.services import Services, Shared

SYNTHETIC = "Synthetic optical image made from SAR; not an observation"
Stretch = tuple[tuple[float, float], ...]
Wanted = Annotated[str | None, Query(max_length=64, description="A job whose result to show; default: the latest.")]


@dataclass(frozen=True)
class Layer:
    """What is shown: a COG of the store, or a scene that is translated live.

    `version` changes when a pixel does; `stretch` is the range of values of each band that is shown from black
    to white, None for pictures.
    """

    name: str
    scene: str
    title: str
    description: str
    version: str
    georeferenced: bool
    bands: int
    path: Path | None = None
    live: LiveScene | None = None
    stretch: Stretch | None = None


def sar(request: Request, services: Shared, scene_id: str) -> Layer:
    """Give the scene itself, in decibel."""
    scene = catalogue.get(services.database, scene_id)
    if scene.display == "failed":
        raise NotFoundError(f"SAR tiles of this scene could not be made: {scene.message}")
    if scene.display != "ready":
        raise NotReadyError("the scene is being prepared for SAR tiles. Ask again in a few seconds.")
    figures = list(scene.description["statistics"].values())
    layer = Layer(
        "sar", scene.id, scene.name, f"SAR backscatter, {_unit(scene)}",
        _version(scene.sha256, scene.polarisation, scene.unit), scene.geometry is not None, len(figures),
        path=services.store.display(scene.id), stretch=tuple((one["p02"], one["p98"]) for one in figures),
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
        _version(scene.sha256, opened.version), scene.geometry is not None, 4, live=opened,
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
        scene.geometry is not None, 3 if output == "optical" else 1,
        path=services.store.job(job.id) / _files(job)[output],
        stretch=((0.0, ERROR_SHOWN),) if output == "error" else None,
    )  # fmt: skip
    return _fresh(request, layer)


ERROR_SHOWN = 64.0
"""Expected errors at which the colour map ends; a quarter of the range of colours is far off."""


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
    text = f"{layer.version}{request.url.path}?{unsigned}"
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    request.state.etag = etag
    request.state.pinned = request.query_params.get("v") == layer.version
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
