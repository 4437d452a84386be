"""Scenes whose files do not come with the request: fetched by URL, or joined from uploads that are held."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError, model_validator
from starlette.requests import Request

from geosar.vocabulary import Polarisation
from geosar_tiler.clients import client_of
from geosar_tiler.errors import ForbiddenError, InvalidError, ServiceError, TooLargeError
from geosar_tiler.ingest.allow_list import PORTS, check
from geosar_tiler.ingest.resumable import ResumableUploads
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.settings import Settings
from geosar_tiler.state.database import Upload
from geosar_tiler.state.states import UploadStatus
from geosar_tiler.words import described

MOST_BYTES = 64 * 2**10
WAIT_SECONDS = 10.0

Href = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class ImportRequest(SceneOptions):
    """The body of POST /scenes as JSON: `href` or `uploads`, and what is said of the scene."""

    href: Href | dict[Polarisation, Href] | None = Field(None, description="A URL, or one for each polarisation.")
    uploads: dict[Polarisation, Href] | None = Field(None, description="Uploads that were sent with `hold`.")

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.href is None) == (self.uploads is None) or self.href == {} or self.uploads == {}:
            raise ValueError("give either href or uploads")
        return self

    def joined(self, beside: SceneOptions) -> Self:
        """Take what is said beside the order, in its URL; raises InvalidError where they say two things."""
        more = {key: getattr(beside, key) for key in beside.model_fields_set & set(SceneOptions.model_fields)}
        if others := [key for key in more if key in self.model_fields_set and getattr(self, key) != more[key]]:
            raise InvalidError(f"the import request and its query disagree about {', '.join(others)}; say each once.")
        return self.model_copy(update=more)

    @property
    def scene_options(self) -> SceneOptions:
        """What is said of the scene."""
        return SceneOptions.model_validate(self.model_dump(exclude={"href", "uploads"}, exclude_unset=True))

    @property
    def sources(self) -> dict[str, str]:
        """What each file is made of, by its polarisation; "" for one file."""
        sources = self.uploads if self.href is None else self.href
        return (
            {"": sources} if isinstance(sources, str) else {str(key): value for key, value in (sources or {}).items()}
        )


class RemoteError(ServiceError):
    """What went wrong with an order, as its row has it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


async def read(request: Request) -> ImportRequest:
    """Read the body; raises InvalidError or TooLargeError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLargeError(f"the import request is larger than {MOST_BYTES} bytes.")
    try:
        return ImportRequest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidError(
            f'{described(error)}. Expected {{"href": URL}} or {{"uploads": {{"VV": ID, "VH": ID}}}}.'
        ) from None


def carry_out(request: Request, settings: Settings, uploads: ResumableUploads, order: ImportRequest) -> Upload:
    """Begin, and wait a little; raises what went wrong meanwhile."""
    if order.href is not None:
        for href in order.sources.values():
            _check_not_own(request, href)
            check(href, settings)
    kind = "uploads" if order.href is None else "href"
    begun = uploads.request_import(order.sources, kind, order.scene_options, client_of(request.scope))
    upload = uploads.wait(begun.id, WAIT_SECONDS)
    if upload.status == UploadStatus.FAILED:
        problem = upload.problem or {}
        raise RemoteError(str(problem.get("detail")), int(problem.get("status", 500)))
    return upload


def _check_not_own(request: Request, href: str) -> None:
    """Refuse the URL at which this very service was asked."""
    try:
        parts = urlsplit(href)
        there = (parts.hostname, parts.port or PORTS.get(parts.scheme))
    except ValueError:
        return  # no URL at all, which is refused later
    own = request.base_url
    if there == (own.hostname, own.port or PORTS.get(own.scheme)):
        raise ForbiddenError("this URL is the service's own; its scenes are here already.")
