"""Routes for a scene's reference: a true optical image of the same place, to compare with."""

import asyncio

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.ingest import picture
from geosar_tiler.ingest.receive import BINARY, receive, upload_body
from geosar_tiler.routes import links, scenes
from geosar_tiler.services import Shared
from geosar_tiler.state import catalogue

router = APIRouter(prefix="/scenes/{scene_id}/reference", tags=["Scenes"])
BODY = upload_body(**{"application/octet-stream": BINARY})


@router.put("", status_code=202, summary="Send a true optical image of the scene", openapi_extra=BODY)
async def put(request: Request, services: Shared, scene_id: str) -> JSONResponse:
    """Take a GeoTIFF, PNG or JPEG; the layer `reference` shows it as soon as its copy for tiles is made.

    A picture without georeference must have the scene's width and height, and lies where the scene does. It takes
    the place of the one that was there.
    """
    scene = await asyncio.to_thread(catalogue.get, services.database, scene_id)
    with services.store.upload() as folder:
        limit = services.settings.max_upload_bytes
        files = await receive(request, folder, limit=limit, quota=services.quota)
        if len(files) != 1:
            raise InvalidError(f"{len(files)} files came; expected one picture with its colours as bands.")
        await asyncio.to_thread(picture.enter, services.register, scene, files[0], folder)
    body = scenes.present(request, services, scene)
    return JSONResponse(body, 202, {"Location": links.url(request, f"scenes/{scene.id}")})


@router.delete("", status_code=204, summary="Remove the true optical image")
def remove(services: Shared, scene_id: str) -> Response:
    """Forget it, and free its disk."""
    scene = catalogue.get(services.database, scene_id)
    if not picture.remove(services.register, scene):
        raise NotFoundError("the scene has no reference.")
    return Response(status_code=204)
