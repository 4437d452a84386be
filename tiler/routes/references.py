"""Routes for a scene's reference: a true optical image of the same place, to compare with."""

import asyncio
import time
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from tiler.errors import InvalidError, NotFoundError, UnsupportedError
from tiler.ingest.receive import Received, receive
from tiler.jobs import queue
from tiler.routes import links, scenes
from tiler.services import Services, Shared
from tiler.state import catalogue
from tiler.state.database import LIVE, Job, Reference, Scene
from tiler.state.store import safe_filename

router = APIRouter(prefix="/scenes/{scene_id}/reference", tags=["Scenes"])
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


@router.put("", status_code=202, summary="Send a true optical image of the scene", openapi_extra=BODY)
async def put(request: Request, services: Shared, scene_id: str) -> JSONResponse:
    """Take a GeoTIFF, PNG or JPEG; the layer `reference` shows it as soon as its copy for tiles is made.

    A picture without georeference must have the scene's width and height, and lies where the scene does. It takes
    the place of the one that was there.
    """
    scene = await asyncio.to_thread(catalogue.get, services.database, scene_id)
    with services.store.upload() as folder:
        limit = services.settings.max_upload_bytes
        files = await receive(request, folder, limit=limit, room=services.quota.room)
        if len(files) != 1:
            raise InvalidError(f"{len(files)} files came; expected one picture with its colours as bands.")
        await asyncio.to_thread(_enter, services, scene, files[0], folder)
    body = scenes.present(request, services, scene)
    return JSONResponse(body, 202, {"Location": links.url(request, f"scenes/{scene.id}")})


@router.delete("", status_code=204, summary="Remove the true optical image")
def remove(services: Shared, scene_id: str) -> Response:
    """Forget it, and free its disk."""
    scene = catalogue.get(services.database, scene_id)
    if not _forget(services, scene):
        raise NotFoundError("the scene has no reference.")
    services.store.remove_reference(scene.id)
    return Response(status_code=204)


def _enter(services: Services, scene: Scene, file: Received, folder: Path) -> None:
    if file.driver == "SAFE":
        raise UnsupportedError("a zip is no picture; expected a GeoTIFF, PNG or JPEG.")
    name = safe_filename(file.filename, file.driver)
    looked_at = folder / "named" / name
    looked_at.parent.mkdir()
    file.path.replace(looked_at)
    found = services.inspector.picture(looked_at)
    place = _place(scene, found)
    services.register.check_size(found)
    _forget(services, scene)
    services.store.remove_reference(scene.id)
    services.store.place(looked_at, services.store.reference_source(scene.id, name))
    created = time.time()
    with services.database.begin() as session:
        session.add(
            Reference(
                scene_id=scene.id, sha256=file.sha256, filename=name, size=file.size, created=created,
                georeferenced=scene.geometry is not None,
            ),
        )  # fmt: skip
    key = queue.key_of("reference", scene.id, {"nonce": created})
    queue.submit(services.database, scene, "reference", key=key, inputs={"place": place}, queue_length=0)
    services.runner.wake()


def _place(scene: Scene, found: dict[str, Any]) -> dict[str, Any] | None:
    """Say where the picture lies: None where it says so itself, else where the scene does; raises InvalidError."""
    here = scene.description
    if found["geometry"] is not None and scene.geometry is not None:
        west, south, east, north = found["bbox"]
        apart = south > (scene.north or 0) or north < (scene.south or 0)
        # A box across the antimeridian has its west east of its east; such are taken as they are.
        if west <= east and (scene.west or 0) <= (scene.east or 0):
            apart = apart or west > (scene.east or 0) or east < (scene.west or 0)
        if apart:
            raise InvalidError(
                f"the picture lies at {west:.4g}, {south:.4g}, {east:.4g}, {north:.4g}, beside the scene's "
                f"{scene.west:.4g}, {scene.south:.4g}, {scene.east:.4g}, {scene.north:.4g}; expected one of its place.",
            )
        return None
    if (found["width"], found["height"]) != (here["width"], here["height"]):
        raise InvalidError(
            f"the picture has no place on a map that goes with the scene's, and {found['width']} x {found['height']} "
            f"pixels; expected the scene's {here['width']} x {here['height']}, or a georeference.",
        )
    return {"crs": here["crs"], "transform": here["transform"]}


def _forget(services: Services, scene: Scene) -> bool:
    mine = (Job.scene_id == scene.id, Job.process == "reference")

    def forget(session: Session) -> bool:
        session.execute(update(Job).where(*mine, Job.status == "accepted").values(status="dismissed"))
        session.execute(update(Job).where(*mine, Job.status.in_(LIVE)).values(cancel=True))
        gone = session.execute(delete(Reference).where(Reference.scene_id == scene.id))
        return bool(getattr(gone, "rowcount", 0))

    return services.database.write_always(forget)
