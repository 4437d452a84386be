"""Routes under /scenes: sending, listing, renaming and removing scenes."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.responses import FileResponse, JSONResponse

from tiler import catalogue, links
from tiler.database import Job, Scene
from tiler.services import Services, Shared
from tiler.uploads import receive

router = APIRouter(prefix="/scenes", tags=["Scenes"])

Limit = Annotated[int, Query(ge=1, le=1000, description="Length of a page.")]
Offset = Annotated[int, Query(ge=0, le=2**31, description="How many to leave out before it.")]
LAYERS = ("sar", "optical", "error", "live")
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}},
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


class Rename(BaseModel):
    """What can be changed about a scene."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)


@router.post("", status_code=201, summary="Send a scene", openapi_extra=BODY)
async def upload(
    request: Request,
    services: Shared,
    *,
    name: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    polarisation: Annotated[
        str | None, Query(max_length=20, description="VV, VH, HH or HV, or two with a comma.")
    ] = None,
    unit: Annotated[Literal["db", "power", "amplitude", "dn", "picture"] | None, Query()] = None,
    force: Annotated[bool, Query(description="Take what looks like no SAR scene.")] = False,
) -> JSONResponse:
    """Take a file as the body or in a form. The same content sent twice is one scene (then the answer is 200)."""
    polarisation = catalogue.check_polarisation(polarisation)
    with services.store.upload() as path:
        room = await asyncio.to_thread(_room, services)
        received = await receive(request, path, limit=services.settings.max_upload_bytes, room=room)
        scene, new = await asyncio.to_thread(
            catalogue.add, services, path, received, name, polarisation=polarisation, scale=unit, force=force
        )
    body = present(request, services, scene)
    return JSONResponse(body, 201 if new else 200, {"Location": links.url(request, f"scenes/{scene.id}")})


@router.get("", summary="List scenes")
def list_scenes(
    request: Request,
    services: Shared,
    *,
    limit: Limit = 50,
    offset: Offset = 0,
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees.")] = None,
    text: Annotated[str | None, Query(max_length=200, description="Part of the name.")] = None,
    datetime: Annotated[str | None, Query(max_length=100, description="A time, or two with / between them.")] = None,
) -> dict[str, Any]:
    """Give a page of scenes, the newest first."""
    box = catalogue.parse_box(bbox)
    interval = catalogue.parse_interval(datetime)
    found, total = catalogue.search(
        services.database, limit=limit, offset=offset, bbox=box, text=text, interval=interval
    )
    return {
        "scenes": [present(request, services, scene) for scene in found],
        "numberMatched": total,
        "numberReturned": len(found),
        "links": links.paging(request, limit=limit, offset=offset, total=total),
    }


@router.get("/{scene_id}", summary="Show a scene")
def show(request: Request, services: Shared, scene_id: str) -> dict[str, Any]:
    """Say what a scene is, as `geosar info` does, and which layers it has."""
    return present(request, services, catalogue.get(services.database, scene_id))


@router.patch("/{scene_id}", summary="Rename a scene")
def rename(request: Request, services: Shared, scene_id: str, change: Rename) -> dict[str, Any]:
    """Give a scene another name."""
    return present(request, services, catalogue.rename(services.database, scene_id, change.name))


@router.delete("/{scene_id}", status_code=204, summary="Remove a scene")
def remove(services: Shared, scene_id: str) -> Response:
    """Stop its jobs, and remove it with all results."""
    catalogue.remove(services, scene_id)
    return Response(status_code=204)


@router.get("/{scene_id}/download", summary="Download what was sent", response_class=FileResponse)
def download(services: Shared, scene_id: str) -> FileResponse:
    """Give the very file that was sent; range requests are answered."""
    scene = catalogue.get(services.database, scene_id)
    return FileResponse(services.store.source(scene.id, scene.filename), filename=scene.filename)


def present(request: Request, services: Services, scene: Scene) -> dict[str, Any]:
    """Give a scene as JSON."""
    with services.database.begin() as session:
        done = session.scalars(
            select(Job.id)
            .where(Job.scene_id == scene.id, Job.process == "translate", Job.status == "successful")
            .order_by(Job.finished.desc()),
        ).all()
    there = {"sar": True, "live": True, "optical": bool(done), "error": bool(done)}
    box = None if scene.west is None else [scene.west, scene.south, scene.east, scene.north]
    here = f"scenes/{scene.id}"
    return {
        "id": scene.id,
        "name": scene.name,
        "filename": scene.filename,
        "size": scene.size,
        "sha256": scene.sha256,
        "created": catalogue.timestamp(scene.created),
        "acquired": catalogue.timestamp(scene.acquired),
        "bbox": box,
        "geometry": scene.geometry,
        "georeferenced": scene.geometry is not None,
        "display": {"state": scene.display, "message": scene.message},
        "layers": [layer for layer in LAYERS if there[layer]],
        "jobs": list(done),
        "description": scene.description,
        "links": [
            links.link(links.url(request, here), "self"),
            links.link(links.url(request, f"{here}/download"), "enclosure", "application/octet-stream"),
            links.link(links.url(request, "processes/translate/execution"), "translate", title="POST to translate it"),
            *(
                links.link(links.url(request, f"{here}/{layer}/tilejson.json"), "tiles", title=layer)
                for layer in LAYERS
                if there[layer] and scene.geometry is not None
            ),
        ],
    }


def _room(services: Services) -> int:
    free = services.store.free_bytes()
    quota = services.settings.quota_bytes
    return free if quota is None else min(free, max(0, quota - services.store.used_bytes()))
