"""The landing page, the conformance page, and what an operator asks: /healthz, /readyz."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

import geosar
from geosar.errors import GeosarError
from geosar.models import load_model
from tiler import links
from tiler.services import Services, Shared

router = APIRouter(tags=["Service"])

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
MINIMUM_FREE_BYTES = 100 * 2**20
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
    """Give the landing page as OGC API wants it."""
    return {
        "title": "geosar",
        "description": "Synthetic optical images from SAR: scenes, translation jobs and map tiles. Not observations.",
        "links": [
            links.link(links.url(request, ""), "self"),
            links.link(
                links.url(request, "openapi.json"), "service-desc", "application/vnd.oai.openapi+json;version=3.0"
            ),
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


@router.get("/healthz", summary="Say that the process answers")
def healthy() -> dict[str, str]:
    """Answer; whether it can work is for /readyz."""
    return {"status": "ok", "version": geosar.__version__}


@router.get("/readyz", summary="Say whether the service can work")
def ready(services: Shared) -> JSONResponse:
    """Try database, disk, jobs and model; 503 when one of them fails."""
    checks = {
        "database": _database(services),
        "disk": services.store.free_bytes() > MINIMUM_FREE_BYTES,
        "jobs": services.runner.alive,
        "model": _model(services),
    }
    good = all(checks.values())
    told = {"status": "ready" if good else "not ready", "checks": checks}
    return JSONResponse(told, 200 if good else 503, None if good else {"Retry-After": "5"})


def _database(services: Services) -> bool:
    try:
        with services.database.begin() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _model(services: Services) -> bool:
    try:
        load_model(services.settings.model)
    except GeosarError:
        return False
    return True
