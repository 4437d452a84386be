"""Routes under /uploads: the tus protocol 1.0 for uploads that go on where they were cut off (see ADR 12)."""

import asyncio
import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.responses import JSONResponse

from geosar.errors import GeosarError
from geosar.scene.source import HEADER_BYTES
from geosar_tiler.clients import client_of
from geosar_tiler.errors import (
    ConflictError,
    InvalidError,
    MalformedError,
    PreconditionError,
    ServiceError,
    TooLargeError,
    UnsupportedError,
)
from geosar_tiler.ingest.receive import Appender, driver_by_content
from geosar_tiler.ingest.resumable import ResumableUploads, exclusive
from geosar_tiler.problems import MEDIA_TYPE
from geosar_tiler.routes import links
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.services import Shared
from geosar_tiler.state import catalogue
from geosar_tiler.state.database import Upload
from geosar_tiler.state.states import UploadStatus
from geosar_tiler.words import checked_text, described

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
CHUNK = "application/offset+octet-stream"
CHECKSUMS: dict[str, Callable[[], Any]] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
HEADERS = (
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm", "Upload-Offset",
    "Upload-Length", "Upload-Expires",
)  # fmt: skip
"""What a page of another origin must be able to read."""
MISMATCH = 460
LENGTH_DIGITS = 15


class ChecksumError(ServiceError):
    """What came is not what was sent."""

    status = MISMATCH


class TusRoute(APIRoute):
    """A route whose every answer, an error too, says the version of the protocol."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap FastAPI's handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                answer: Response = await handler(request)
            except ChecksumError as error:
                # The protocol's own number, which HTTP has no phrase for.
                body = {"type": "about:blank", "title": "Checksum Mismatch", "status": MISMATCH, "detail": str(error)}
                answer = JSONResponse(body, MISMATCH, media_type=MEDIA_TYPE)
            except (ServiceError, GeosarError) as error:
                kind = ServiceError if isinstance(error, ServiceError) else GeosarError
                answer = request.app.exception_handlers[kind](request, error)
            answer.headers["Tus-Resumable"] = VERSION
            if answer.status_code == PreconditionError.status:
                answer.headers["Tus-Version"] = VERSION
            return answer

        return handle


router = APIRouter(prefix="/uploads", tags=["Uploads"], route_class=TusRoute)


@router.options("", status_code=204, summary="Say what of tus is spoken here")
def options(services: Shared) -> Response:
    """Name version, extensions, checksums and the largest upload."""
    headers = {
        "Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        "Tus-Max-Size": str(services.settings.max_upload_bytes),
    }  # fmt: skip
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, summary="Begin an upload")
async def create(request: Request, services: Shared) -> Response:
    """Reserve space for a file of `Upload-Length` bytes; `Upload-Metadata` names it. A body is its beginning."""
    _check_version(request)
    if "upload-defer-length" in request.headers or "upload-concat" in request.headers:
        raise MalformedError("uploads of unknown length and in several pieces are not taken; send Upload-Length.")
    length = _number(request, "upload-length")
    metadata = _metadata(request.headers.get("upload-metadata", ""))
    options, hold = _options(metadata), metadata.get("hold", "").lower() == "true"
    upload = await asyncio.to_thread(
        services.uploads.create, metadata.get("filename") or "scene", length, options, hold=hold,
        client=client_of(request.scope),
    )  # fmt: skip
    headers = {
        "Location": links.url(request, f"uploads/{upload.id}"),
        "Upload-Expires": formatdate(upload.expires, usegmt=True),
    }
    if request.headers.get("content-type") == CHUNK:
        headers["Upload-Offset"] = str(await _append(request, services, upload, 0))
    return Response(status_code=201, headers=headers)


@router.get("/{upload_id}", summary="Show an upload, and how far it is")
def show(request: Request, services: Shared, upload_id: str) -> JSONResponse:
    """Say how far an upload is, and which scene was made of it or why none was.

    The headers are those that tus asks for with HEAD.
    """
    upload = services.uploads.find(upload_id)
    body = present(request, services, upload)
    headers = {
        "Upload-Offset": str(body["received"]), "Upload-Length": str(upload.length),
        "Upload-Expires": formatdate(upload.expires, usegmt=True), "Cache-Control": "no-store",
    }  # fmt: skip
    return JSONResponse(body, 200, headers)


@router.patch("/{upload_id}", status_code=204, summary="Send a piece")
async def receive(request: Request, services: Shared, upload_id: str) -> Response:
    """Append the body, which begins at `Upload-Offset`. What came before a connection broke is kept."""
    _check_version(request)
    if request.headers.get("content-type") != CHUNK:
        raise UnsupportedError(f"the type of a piece is {request.headers.get('content-type')!r}; expected {CHUNK}.")
    begin = _number(request, "upload-offset")
    upload = await asyncio.to_thread(services.uploads.find, upload_id)
    if upload.status != UploadStatus.RECEIVING:
        raise ConflictError(f"the upload is {upload.status}; nothing can be added to it.")
    reached = await _append(request, services, upload, begin)
    record = await asyncio.to_thread(services.uploads.find, upload_id)
    headers = {"Upload-Offset": str(reached), "Upload-Expires": formatdate(record.expires, usegmt=True)}
    return Response(status_code=204, headers=headers)


@router.delete("/{upload_id}", status_code=204, summary="Cancel an upload")
def remove(request: Request, services: Shared, upload_id: str) -> Response:
    """Forget an upload, and free its disk."""
    _check_version(request)
    services.uploads.remove(upload_id)
    return Response(status_code=204)


@router.post("/{upload_id}", summary="PATCH, HEAD or DELETE, for clients that can only POST")
async def overridden(request: Request, services: Shared, upload_id: str) -> Response:
    """Do what `X-HTTP-Method-Override` names."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await receive(request, services, upload_id)
    if method == "DELETE":
        return await asyncio.to_thread(remove, request, services, upload_id)
    if method == "HEAD":
        return await asyncio.to_thread(show, request, services, upload_id)
    raise MalformedError(f"X-HTTP-Method-Override is {method!r}; expected PATCH, HEAD or DELETE.")


def present(request: Request, services: Shared, upload: Upload) -> dict[str, Any]:
    """Return an upload as JSON."""
    return {
        "id": upload.id,
        "status": upload.status,
        "received": _received(services, upload),
        "length": upload.length,
        "filename": upload.filename,
        "created": catalogue.timestamp(upload.created),
        "expires": catalogue.timestamp(upload.expires),
        "scene": upload.scene_id,
        "new": upload.new,
        "problem": upload.problem,
        "links": [
            links.link(links.url(request, f"uploads/{upload.id}"), "self"),
            *([links.link(links.url(request, f"scenes/{upload.scene_id}"), "scene")] if upload.scene_id else []),
        ],
    }


def _received(services: Shared, upload: Upload) -> int:
    return services.quota.size_of(upload.id) if upload.status == UploadStatus.RECEIVING else upload.length


async def _append(request: Request, services: Shared, upload: Upload, begin: int) -> int:
    """Write the body behind what has come; returns how much has come then."""
    algorithm, expected = _checksum(request)
    path = services.store.resumable(upload.id)
    with exclusive(path) as file:
        there = file.seek(0, os.SEEK_END)
        if there != begin:
            raise ConflictError(f"Upload-Offset is {begin}, but {there} bytes have come. Go on from there.")
        digest = CHECKSUMS[algorithm]() if algorithm else None
        piece = Appender(
            file=file,
            limit=upload.length - begin,
            free_bytes=partial(services.quota.free_bytes, without=upload.id),
            too_large=f"more than the {upload.length} bytes came that Upload-Length had promised.",
            digest=digest,
        )
        try:
            try:
                async for data in request.stream():
                    await piece.take(data)
            finally:
                # A client that went away in the middle goes on from here; but not with half of what a checksum is of.
                piece.flush()
            if digest is not None:
                _compare(algorithm, digest.digest(), expected)
        except BaseException as error:
            if algorithm or isinstance(error, TooLargeError):
                file.truncate(begin)
            raise
        reached = begin + piece.size
        await asyncio.to_thread(services.uploads.touch, upload.id)
        if begin < HEADER_BYTES <= reached or reached == upload.length:
            await asyncio.to_thread(_check_type, services.uploads, upload, file)
        if reached == upload.length:
            await asyncio.to_thread(services.uploads.complete, upload)
    return reached


def _compare(algorithm: str, digest: bytes, expected: bytes) -> None:
    if digest != expected:
        raise ChecksumError(f"the {algorithm} of the piece is not Upload-Checksum's. Send it again.")


def _check_type(uploads: ResumableUploads, upload: Upload, file: BinaryIO) -> None:
    """Give the upload up as soon as its first bytes say that it is no scene."""
    file.seek(0)
    try:
        driver_by_content(file.read(HEADER_BYTES), upload.filename)
    except UnsupportedError as error:
        uploads.fail(upload.id, error)
        raise


def _check_version(request: Request) -> None:
    version = request.headers.get("tus-resumable")
    if version != VERSION:
        raise PreconditionError(f"Tus-Resumable is {version!r}; expected {VERSION}.")


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isdecimal() or not text.isascii() or len(text) > LENGTH_DIGITS:
        raise MalformedError(f"the header {name.title()} is {text[:40]!r}; expected a number of bytes.")
    return int(text)


def _checksum(request: Request) -> tuple[str, bytes]:
    text = request.headers.get("upload-checksum")
    if text is None:
        return "", b""
    algorithm, _, value = text.partition(" ")
    try:
        expected = base64.b64decode(value, validate=True)
    except binascii.Error:
        expected = b""
    if algorithm not in CHECKSUMS or not expected:
        raise MalformedError(
            f"Upload-Checksum is {text[:80]!r}; expected {' or '.join(CHECKSUMS)} and a value in base64."
        )
    return algorithm, expected


def _metadata(text: str) -> dict[str, str]:
    """Read "key base64,key base64"; raises MalformedError."""
    metadata = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            metadata[key] = checked_text(base64.b64decode(value, validate=True).decode())
        except ValueError:
            raise MalformedError(f"Upload-Metadata has {pair[:80]!r}; expected a key and a value in base64.") from None
    return metadata


def _options(metadata: dict[str, str]) -> SceneOptions:
    """Read what is said of the scene; raises MalformedError. Several bands have commas between them."""
    words: dict[str, Any] = {key: metadata[key] for key in (*SceneOptions.model_fields, "scale") if metadata.get(key)}
    if "band" in words:
        words["band"] = [band.strip() for band in metadata["band"].split(",")]
    try:
        return SceneOptions.model_validate(words)
    except ValidationError as error:
        raise InvalidError(f"Upload-Metadata: {described(error)}.") from None
