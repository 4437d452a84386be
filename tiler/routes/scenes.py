"""Routes under /scenes: sending, listing, renaming and removing scenes."""

import asyncio
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, model_validator
from sqlalchemy import select
from starlette.responses import JSONResponse

from geosar_tiler.errors import NotFoundError
from geosar_tiler.ingest import import_request, rereading
from geosar_tiler.ingest.receive import BINARY, receive, upload_body
from geosar_tiler.layer_kinds import KINDS
from geosar_tiler.routes import links, uploads_tus
from geosar_tiler.routes.stored_file import StoredFile
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.services import Services, Shared
from geosar_tiler.state import catalogue, presentable, readings
from geosar_tiler.state.database import Job, Reference, Scene
from geosar_tiler.state.states import CopyState, JobStatus, Process
from geosar_tiler.tiles.around import beyond_web_maps
from geosar_tiler.tiles.image_space import maxzoom
from geosar_tiler.words import Body

router = APIRouter(prefix="/scenes", tags=["Scenes"])

Limit = Annotated[int, Query(ge=1, le=1000, description="Length of a page.")]
Offset = Annotated[int, Query(ge=0, le=2**31, description="How many to leave out before it.")]
Sort = Literal["created", "-created", "name", "-name", "acquired", "-acquired"]
BODY = upload_body(**{
    "application/octet-stream": BINARY, "application/json": import_request.ImportRequest.model_json_schema()
})  # fmt: skip


class SceneQuery(SceneOptions):
    """What can be said beside the body of a scene."""

    filename: str | None = Field(None, max_length=1000, description="Name of a file that comes without one.")


class Rename(Body):
    """What can be changed about a job."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)


class SceneChange(SceneOptions):
    """What can be changed about a scene: what is given; null is for nothing said."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                f"nothing is given that could be changed; expected some of {', '.join(SceneOptions.model_fields)}"
            )
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("a scene cannot be without a name; give one, or leave it out")
        return self


@router.post("", status_code=201, summary="Send a scene", openapi_extra=BODY)
async def upload(
    request: Request,
    services: Shared,
    options: Annotated[SceneQuery, Query()],
) -> JSONResponse:
    """Take a file as the body or in a form; several files of a form are one scene, each of one polarisation.

    The same content sent twice is one scene (then the answer is 200). JSON orders a scene by URL, or joins
    uploads: 202 and where to ask while that lasts.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return await _import(request, services, options)
    with services.store.upload() as folder:
        limit = services.settings.max_upload_bytes
        files = await receive(request, folder, limit=limit, quota=services.quota)
        scene, new = await asyncio.to_thread(services.register.add, files, options, folder)
    return _entered(request, services, scene, new=new)


async def _import(request: Request, services: Services, options: SceneOptions) -> JSONResponse:
    order = (await import_request.read(request)).joined(options)
    upload = await asyncio.to_thread(import_request.carry_out, request, services.settings, services.uploads, order)
    if upload.scene_id is None:
        headers = {"Location": links.url(request, f"uploads/{upload.id}"), "Retry-After": "2"}
        return JSONResponse(uploads_tus.present(request, services, upload), 202, headers)
    scene = await asyncio.to_thread(catalogue.get, services.database, upload.scene_id)
    return _entered(request, services, scene, new=bool(upload.new))


def _entered(request: Request, services: Services, scene: Scene, *, new: bool) -> JSONResponse:
    body = present(request, services, scene)
    return JSONResponse(body, 201 if new else 200, {"Location": links.url(request, f"scenes/{scene.id}")})


@router.get("", summary="List scenes")
def list_scenes(
    request: Request,
    services: Shared,
    *,
    limit: Limit = 50,
    offset: Offset = 0,
    q: Annotated[str | None, Query(max_length=200, description="Part of the name, or of the file's.")] = None,
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees.")] = None,
    datetime: Annotated[str | None, Query(max_length=100, description="A time, or two with / between them.")] = None,
    sort: Annotated[Sort, Query(description="What comes first; with - the greatest.")] = "-created",
) -> dict[str, Any]:
    """Return a page of scenes, the newest first unless `sort` says otherwise."""
    box = catalogue.parse_box(bbox)
    interval = catalogue.parse_interval(datetime)
    scenes, total = catalogue.search(
        services.database, limit=limit, offset=offset, bbox=box, text=q, interval=interval, sort=sort
    )
    shown = presentable.shown(scenes, lambda scene: present(request, services, scene))
    return {
        "scenes": shown,
        "numberMatched": total,
        "numberReturned": len(shown),
        "links": links.paging(request, limit=limit, offset=offset, total=total),
    }


@router.get("/{scene_id}", summary="Show a scene")
def show(request: Request, services: Shared, scene_id: str) -> dict[str, Any]:
    """Say what a scene is, as `geosar info` does, and which layers it has."""
    return present(request, services, catalogue.get(services.database, scene_id))


@router.patch("/{scene_id}", summary="Rename a scene, or read it with other words")
def change(request: Request, services: Shared, scene_id: str, changes: SceneChange) -> dict[str, Any]:
    """Say something else of a scene: its name, or how it is read. What is left out stays; null takes a word back.

    The scene is looked at anew, and tiles, statistics and STAC item follow. Results of before are kept, and named in
    `former_jobs`. 422 where the scene cannot be read so, 409 where it changes at this very moment: then it stays.
    """
    return present(request, services, rereading.change(services.register, scene_id, changes))


@router.delete("/{scene_id}", status_code=204, summary="Remove a scene")
def remove(services: Shared, scene_id: str) -> Response:
    """Stop its jobs, and remove it with all results."""
    services.register.remove(scene_id)
    return Response(status_code=204)


@router.get("/{scene_id}/download", summary="Download what was sent", response_class=StoredFile)
def download(
    services: Shared,
    scene_id: str,
    polarisation: Annotated[
        str | None, Query(max_length=2, description="Which of several files; default: the first.")
    ] = None,
) -> StoredFile:
    """Return the very file that was sent; range requests are answered."""
    scene = catalogue.get(services.database, scene_id)
    files = catalogue.files(services.store, scene)
    path = next(iter(files.values())) if polarisation is None else files.get(polarisation.upper())
    if path is None or not path.is_file():
        raise NotFoundError(f"the scene has no file of {polarisation!r}; it has {', '.join(files) or 'one file'}.")
    return StoredFile(path, filename=path.name)


def present(request: Request, services: Services, scene: Scene) -> dict[str, Any]:
    """Return a scene as JSON."""
    done, progress, reference = _state(services, scene)
    former = [job.id for job in done if readings.is_former(scene, job)]
    done = sorted(done, key=lambda job: job.id in former)  # the first is the one that the layers show
    outputs = {name for job in done for name in job.files}
    compared = reference is not None and reference.state == CopyState.READY
    layers = [
        kind.name for kind in KINDS if {"scene": True, "job": kind.name in outputs, "reference": compared}[kind.made_of]
    ]
    box = None if scene.west is None else [scene.west, scene.south, scene.east, scene.north]
    here = f"scenes/{scene.id}"
    files = catalogue.files(services.store, scene)
    width, height = scene.description["width"], scene.description["height"]
    return {
        "id": scene.id,
        "name": scene.name,
        "filename": scene.filename,
        "size": scene.size,
        "sha256": scene.sha256,
        "files": [{"polarisation": key or None, "filename": path.name} for key, path in files.items()],
        "created": catalogue.timestamp(scene.created),
        "acquired": catalogue.timestamp(scene.acquired),
        "bbox": box,
        "geometry": scene.geometry,
        "georeferenced": _on_the_map(scene),
        "width": width,
        "height": height,
        "image_maxzoom": maxzoom(width, height),
        "display": {"state": scene.display, "message": scene.message, "progress": progress},
        "reference": None if reference is None else {
            "state": reference.state, "message": reference.message, "filename": reference.filename,
            "size": reference.size,
        },
        "layers": layers,
        "jobs": [job.id for job in done],
        "former_jobs": former,
        "stated": SceneOptions.of(catalogue.stated(scene)).words,
        "description": scene.description,
        "links": [
            links.link(links.url(request, here), "self"),
            *(
                links.link(
                    links.url(request, f"{here}/download", polarisation=key or None), "enclosure",
                    "application/octet-stream", path.name,
                )
                for key, path in files.items()
            ),
            links.link(links.url(request, "processes/translate/execution"), "translate", title="POST to translate it"),
            *(
                links.link(links.url(request, f"{here}/{layer}/{_tilejson(scene)}"), "tiles", title=layer)
                for layer in layers
            ),
        ],
    }  # fmt: skip


def _tilejson(scene: Scene) -> str:
    return "tilejson.json" if _on_the_map(scene) else "image/tilejson.json"


def _on_the_map(scene: Scene) -> bool:
    """Whether a map of the web shows something of a scene; it is shown in its own pixels otherwise."""
    placed = scene.geometry is not None and scene.south is not None and scene.north is not None
    return placed and not beyond_web_maps(scene.south or 0.0, scene.north or 0.0)


def _state(services: Services, scene: Scene) -> tuple[list[Job], int, Reference | None]:
    """Return the jobs whose results there are, per cent of the copy for SAR tiles, and the true optical image."""
    mine = Job.scene_id == scene.id
    with services.database.begin() as session:
        done = session.scalars(
            select(Job)
            .where(mine, Job.process == Process.TRANSLATE, Job.status == JobStatus.SUCCESSFUL)
            .order_by(Job.finished.desc()),
        ).all()
        preparing = (
            select(Job.progress).where(mine, Job.process == Process.PREPARE).order_by(Job.created.desc()).limit(1)
        )
        progress = 100 if scene.display == CopyState.READY else session.scalar(preparing) or 0
        return list(done), progress, session.get(Reference, scene.id)
