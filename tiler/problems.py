"""Errors as RFC 9457 problem documents: what was found, expected, and what to do; never a traceback."""

import errno
import http
import logging
import re
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from morecantile.errors import MorecantileError
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rio_tiler.errors import RioTilerError
from sqlalchemy.exc import DatabaseError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from geosar.errors import GeosarError
from geosar.publish import DISK_FULL
from geosar_tiler import layer_kinds
from geosar_tiler.errors import NotModifiedError, ServiceError, TooWideError, kind_of, status_of
from geosar_tiler.state.database import trouble
from geosar_tiler.words import BESIDE, in_words

LAYER = re.compile(rf"^/scenes/[^/]+/(?:{layer_kinds.IN_PATHS})/")
MEDIA_TYPE = "application/problem+json"
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR})
"""A store that became read-only, or is another's, or was replaced."""

_LOG = logging.getLogger("tiler")


def problem(request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Make the document; folders of the store are taken out of what it says."""
    store = getattr(request.app.state, "services", None)
    body = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": store.store.scrub(detail) if store is not None else detail,
        "instance": request.url.path,
        **more,
    }
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every kind of error with a problem document."""
    for kind in (ServiceError, GeosarError, RioTilerError, MorecantileError, RasterioError, CPLE_BaseError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _database)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(NotModifiedError, _not_modified)
    app.add_exception_handler(TooWideError, _too_wide)
    app.add_exception_handler(Exception, _unforeseen)


def _known(request: Request, error: Exception) -> Response:
    status = status_of(error)
    retry = getattr(error, "retry_after", None)
    headers = {} if retry is None else {"Retry-After": str(retry)}
    if isinstance(error, RasterioError | CPLE_BaseError) and not isinstance(error, GeosarError):
        _LOG.error("GDAL failed at %s: %s", request.url.path, error)
        return problem(request, status, "the file of this layer could not be read. Upload the scene again.")
    settings = request.app.state.services.settings
    detail = settings.without_model_path(str(error)) if isinstance(error, GeosarError) else str(error)
    return problem(request, status, detail, headers, type=kind_of(error))


def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if faults and all(fault["loc"][0] == "path" for fault in faults) and request.url.path.lower().endswith(BESIDE):
        # GDAL asks for such beside each raster that it opens, and takes 404 alone for "there is none".
        return problem(request, 404, "there is no file beside this one; all that it says is in it.")
    details = [
        {
            "where": ".".join(map(str, fault["loc"])),
            "what": in_words(fault["msg"]),
            "found": repr(fault.get("input"))[:200],
        }
        for fault in faults
    ]
    detail = "; ".join(f"{fault['where']}: {fault['what']}, found {fault['found']}" for fault in details)
    return problem(request, 422, detail or "the request is not valid", faults=details)


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else "the request failed"
    if status == http.HTTPStatus.NOT_FOUND and detail == "Not Found":
        detail = f"there is nothing at {request.url.path}; see /docs for what there is."
    return problem(request, status, detail, dict(getattr(error, "headers", None) or {}))


def _disk(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in READ_ONLY:
        _LOG.error("the store cannot be used at %s: %s", quote(request.url.path), error)
        detail = f"the service cannot use its store now ({error.strerror}). Tell whoever runs it, and try again later."
        return problem(request, 503, detail, {"Retry-After": "60"})
    if not isinstance(error, OSError) or error.errno not in DISK_FULL:
        return _unforeseen(request, error)
    _LOG.error("no free space at %s: %s", quote(request.url.path), error)
    return problem(request, 507, "the disk of the service is full. Delete scenes or jobs first.")


def _database(request: Request, error: Exception) -> Response:
    reason = trouble(error)
    if reason is None and not isinstance(error, OperationalError):
        return _unforeseen(request, error)
    _LOG.error("the database failed at %s: %s", quote(request.url.path), error)
    if "disk is full" in str(error):  # SQLite's words
        return problem(request, 507, "the disk of the service is full. Delete scenes or jobs first.")
    reason = reason or "the catalogue's database did not answer in time. Try again."
    return problem(request, 503, reason, {"Retry-After": "5"})


def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads it; the number is nginx's for a client that went away.
    return Response(status_code=499)


def _not_modified(_request: Request, _error: Exception) -> Response:
    return Response(status_code=304)


def _too_wide(request: Request, error: Exception) -> Response:
    if "/tiles/" in request.url.path:
        return Response(status_code=204, headers={"X-Geosar-Note": str(error).encode("ascii", "replace").decode()})
    return _known(request, error)


def _unforeseen(request: Request, error: Exception) -> Response:
    _LOG.error("unforeseen at %s", quote(request.url.path), exc_info=error)
    return problem(
        request, 500, f"the service failed in a way that nobody foresaw ({type(error).__name__}). Its log says more."
    )
