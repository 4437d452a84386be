"""The landing page, the conformance page, and the models."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from geosar.models import Model, load_model
from geosar_tiler.errors import NotFoundError
from geosar_tiler.routes import links
from geosar_tiler.services import Services, Shared

router = APIRouter(tags=["Service"])

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
    told = []
    for name, reference in services.settings.models().items():
        manifest = load_model(reference).manifest
        told.append(
            {
                "name": name,
                "version": manifest.version,
                "title": manifest.title,
                "description": manifest.description,
                "accepts": manifest.inputs.accepts,
                "ground_sampling_distance": manifest.ground_sampling_distance,
                "despeckles": manifest.despeckles,
                "licence": manifest.licence,
                "credit": manifest.credit,
                "default": name == services.settings.model_name,
            },
        )
    return {"models": told}


@router.get("/models/{name:path}/card", summary="Show a model's card", response_class=PlainTextResponse)
def card(services: Shared, name: str) -> PlainTextResponse:
    """Return the model card: data, split, scores beside baselines, known failures."""
    told = _offered(services, name).card
    if told is None:
        raise NotFoundError(f"the model {name!r} came without a card.")
    return PlainTextResponse(told, media_type="text/markdown")


def _offered(services: Services, name: str) -> Model:
    """Open a model that requests may name; no path or URL of a request is one."""
    models = services.settings.models()
    if name not in models:
        raise NotFoundError(f"there is no model {name!r}; GET /models lists those that there are.")
    return load_model(models[name])
