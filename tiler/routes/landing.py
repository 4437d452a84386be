"""The landing page, the conformance page, and the models."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from geosar.models import Model
from geosar.models.library import MAXIMUM_BYTES
from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.ingest.model_intake import TAKEN
from geosar_tiler.ingest.receive import BINARY, receive, upload_body
from geosar_tiler.routes import links
from geosar_tiler.services import Services, Shared

router = APIRouter(tags=["Service"])

BODY = upload_body(**{"application/zip": BINARY})

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
)


def landing(request: Request) -> dict[str, Any]:
    """Return the landing page as OGC API wants it."""
    return {
        "title": "geosar",
        "description": "Synthetic optical images from SAR: scenes, translation jobs and map tiles. Not observations.",
        "links": [
            links.link(links.url(request, ""), "self"),
            links.link(links.url(request, "openapi.json"), "service-desc", links.OPENAPI),
            links.link(links.url(request, "docs"), "service-doc", "text/html"),
            links.link(links.url(request, "conformance"), "http://www.opengis.net/def/rel/ogc/1.0/conformance"),
            links.link(links.url(request, "processes"), "http://www.opengis.net/def/rel/ogc/1.0/processes"),
            links.link(links.url(request, "jobs"), "http://www.opengis.net/def/rel/ogc/1.0/job-list"),
            links.link(links.url(request, "scenes"), "scenes"),
        ],
    }


@router.get("/conformance", summary="Say to which standards the service conforms")
def conformance() -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


@router.get("/models", summary="List the models")
def models(services: Shared) -> dict[str, Any]:
    """Say of each model that a job may name what it takes and how it calls itself."""
    return {"models": [_summary(services, name, services.models.load(name)) for name in services.models.names()]}


@router.post("/models", status_code=201, summary="Send a model", openapi_extra=BODY)
async def send(request: Request, services: Shared) -> JSONResponse:
    """Take the zip of a packaged model, as the body or in a form; a key needs the scope `admin`.

    It is checked as any model is, and its networks are tried, before jobs may name it. The same model sent twice is one
    (then the answer is 200); another of its name is refused (409).
    """
    with services.store.upload() as folder:
        files = await receive(request, folder, limit=MAXIMUM_BYTES, quota=services.quota, expected=TAKEN)
        if len(files) != 1:
            raise InvalidError(f"{len(files)} files came; expected one: {TAKEN}.")
        model, new = await run_in_threadpool(services.intake.add, files[0], folder)
    name = model.manifest.name
    headers = {"Location": links.url(request, f"models/{name}")}
    return JSONResponse(_summary(services, name, model), 201 if new else 200, headers)


@router.get("/models/{name:path}/card", summary="Show a model's card", response_class=PlainTextResponse)
def card(services: Shared, name: str) -> PlainTextResponse:
    """Return the model card: data, split, scores beside baselines, known failures."""
    text = services.models.load(name).card
    if text is None:
        raise NotFoundError(f"the model {name!r} came without a card.")
    return PlainTextResponse(text, media_type="text/markdown")


@router.get("/models/{name}", summary="Show a model")
def show(services: Shared, name: str) -> dict[str, Any]:
    """Say of one model what the list says."""
    return _summary(services, name, services.models.load(name))


@router.delete("/models/{name}", status_code=204, summary="Remove a model that was sent")
def remove(services: Shared, name: str) -> Response:
    """Free its disk; results that it made stay. A key needs the scope `admin`.

    Refused (409) while a job needs it, and for the models of the service's own.
    """
    services.intake.remove(name)
    return Response(status_code=204)


def _summary(services: Services, name: str, model: Model) -> dict[str, Any]:
    manifest = model.manifest
    return {
        "name": name,
        "version": manifest.version,
        "title": manifest.title,
        "description": manifest.description,
        "accepts": manifest.inputs.accepts,
        "ground_sampling_distance": manifest.ground_sampling_distance,
        "despeckles": manifest.despeckles,
        "licence": manifest.licence,
        "credit": manifest.credit,
        "checksum": model.checksum,
        "default": name == services.settings.model_name,
        "removable": name not in services.settings.models(),
    }
