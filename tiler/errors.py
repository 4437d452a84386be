"""What goes wrong in the service, and one table that says with which HTTP status each error is answered."""

from morecantile.errors import MorecantileError
from rasterio.errors import RasterioError
from rio_tiler import errors as rio_tiler

from geosar import errors as geosar


class ServiceError(Exception):
    """Root of the service's own errors; `status` is HTTP's, `retry_after` in seconds, `kind` its name in a standard."""

    status = 500
    retry_after: int | None = None
    kind: str | None = None


class NotFoundError(ServiceError):
    """There is no such scene, layer, process or job."""

    status = 404


class ConflictError(ServiceError):
    """What was asked for does not go with the state of things."""

    status = 409


class GoneError(ServiceError):
    """It was there, and has expired."""

    status = 410


class PreconditionError(ServiceError):
    """The client speaks another version of a protocol."""

    status = 412


class LockedError(ServiceError):
    """Somebody else is at it; ask again soon."""

    status = 423
    retry_after = 1


class MalformedError(ServiceError):
    """A header or the body cannot be read."""

    status = 400


class TooLargeError(ServiceError):
    """The upload is larger than this service takes."""

    status = 413


class UnsupportedError(ServiceError):
    """The upload is of no type that this service takes."""

    status = 415


class InvalidError(ServiceError):
    """The request was understood, but what it asks for makes no sense."""

    status = 422


class NotGeoreferencedError(InvalidError):
    """The scene has no place on the Earth, which the request needs."""


class TooWideError(InvalidError):
    """The view covers more than is translated live."""


class TooMuchError(InvalidError):
    """One read would take more memory than the service gives it."""


class StoreFullError(ServiceError):
    """There is no free space for what was sent."""

    status = 507


class NotReadyError(ServiceError):
    """It is being made; ask again soon."""

    status = 503
    retry_after = 2


class OverloadedError(ServiceError):
    """Too much is waiting already; what runs goes on."""

    status = 503
    retry_after = 10


class MisdirectedError(ServiceError):
    """The request names a host that this service is not."""

    status = 421


class UnauthorisedError(ServiceError):
    """No key, or none that is known."""

    status = 401


class ForbiddenError(ServiceError):
    """The key does not allow this."""

    status = 403


class NotModifiedError(Exception):
    """The client has this very content already."""


STATUS: dict[type[Exception], int] = {
    geosar.SceneNotFoundError: 404,
    geosar.SceneReadError: 422,
    geosar.SceneContentError: 422,
    geosar.SceneChangedError: 409,
    geosar.UnitError: 422,
    geosar.PolarisationError: 422,
    geosar.GridMismatchError: 422,
    geosar.BoundsError: 422,
    geosar.ModelNotFoundError: 503,
    geosar.ModelFormatError: 503,
    geosar.ModelChecksumError: 503,
    geosar.EngineError: 503,
    geosar.TargetExistsError: 409,
    geosar.TargetError: 507,
    geosar.ResumeError: 409,
    geosar.TranslationCancelled: 409,
    geosar.UsageError: 422,
    geosar.GeosarError: 500,
    rio_tiler.TileOutsideBounds: 404,
    rio_tiler.PointOutsideBounds: 404,
    rio_tiler.RioTilerError: 400,
    MorecantileError: 404,
    RasterioError: 500,
}


KINDS: dict[type[Exception], str] = {geosar.UnlikeSarError: "urn:geosar:problem:unlike-sar"}
"""Names of problems of geosar's own that a client can do something about: this one by `force`."""


def kind_of(error: Exception) -> str:
    """Name of an error's kind as the `type` of a problem document has it; about:blank where it has none."""
    own: str | None = getattr(error, "kind", None)
    return own or next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), "about:blank")


def status_of(error: Exception) -> int:
    """HTTP status for an error: that of its nearest class in the table, 500 for what nobody foresaw."""
    if isinstance(error, ServiceError):
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
