"""What a source string means: which file or URL, which GDAL driver, and how to notice that it changed.

Only drivers of an explicit list are used, each chosen by the first bytes of the file, so that a text that
GDAL would follow to other files (a VRT, a WMS description) is never opened, whatever its name.
"""

import base64
import os
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import rasterio

from geosar.errors import SceneNotFoundError, SceneReadError, UsageError, scrubbed, without_secrets
from geosar.scene.files import containers
from geosar.scene.files.formats import described_beside, name_folder, name_format

HEADER_BYTES = 32
PROBE_TIMEOUT_SECONDS = 20
_ADVICE = {
    401: "it wants a user and password, as https://user:password@..., or a signed URL",
    403: "access is denied: has its signature expired, or is it another user's?",
    404: "there is no such file; check the URL",
    410: "the file is gone; ask for a new URL",
}

_MAGIC = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\x89PNG\r\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"EHFA_HEADER_TAG", "HFA"),
)
_EXPECTED = (
    "expected a GeoTIFF (also in a zip or gzip), PNG, JPEG, JPEG 2000, Erdas, ENVI or BEAM-DIMAP raster, or a "
    "Sentinel-1 SAFE folder or zip"
)
_BY_SUFFIX = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jp2": "JP2OpenJPEG"}
_SCHEME = re.compile(r"^[a-z0-9+.-]+://", re.IGNORECASE)
_DRIVER_PREFIX = re.compile(r"^(\s*<|[A-Z][A-Z0-9_]{2,}:)")

# A server that stops answering must not stop the translation for ever. Each can be overridden by the
# environment.
_REMOTE_OPTIONS = {
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_TIMEOUT": "30",
}


GDAL_ERRORS = (rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError)  # noqa: SLF001 - public in no other place
"""What rasterio raises; it lets GDAL's own errors through, which are no RasterioError."""


@dataclass(frozen=True, slots=True)
class Source:
    """One raster to open.

    `printable` holds no credentials and no signature; `gdal_name` is what GDAL opens, with `driver`;
    `identity` changes when the content does (empty where nothing tells); `companions` are files that belong to it,
    such as an ENVI header; `parts` are the rasters of a scene, a polarisation each, where the source holds several;
    `page` is the directory of a TIFF that is meant, from 1, where it is not the first.
    """

    printable: str
    gdal_name: str
    driver: str
    name: str
    remote: bool
    files: tuple[Path, ...]
    url: str | None
    identity: str
    companions: tuple[Path, ...] = ()
    parts: "tuple[Source, ...]" = ()
    page: int | None = None

    @property
    def filename(self) -> str:
        """Its name with the extension, without the folder."""
        return PurePosixPath(self.printable).name

    @property
    def read(self) -> tuple[Path, ...]:
        """Every local file that reading it reads."""
        product = self.files[0].parent if self.files and self.files[0].name == "manifest.safe" else None
        tables = () if product is None else (path for path in product.rglob("*") if path.is_file())
        return (*self.files, *self.companions, *tables)

    def current_identity(self) -> str:
        """Ask the file or the server again."""
        if self.url is not None:
            return _probe(self.url, self.printable)[1]
        return file_identity(self.files)

    def environment(self) -> "rasterio.Env | nullcontext[None]":
        """Return the GDAL settings under which the source is read."""
        if not self.remote:
            return nullcontext()
        options = {key: os.environ.get(key, value) for key, value in _REMOTE_OPTIONS.items()}
        # No file beside it, and no other that it names.
        options |= {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "CPL_VSIL_CURL_ALLOWED_FILENAME": self.gdal_name}
        # Python heeds it, and so does GDAL by itself; rasterio puts certificates of its own before that.
        if trusted := os.environ.get("SSL_CERT_FILE"):
            options["GDAL_CURL_CA_BUNDLE"] = trusted
        return rasterio.Env(**options)


def resolve(source: str | os.PathLike[str]) -> Source:
    """Find out what a source is.

    Raises `SceneNotFoundError`, `SceneReadError` where it is no raster that is supported or a server does not
    answer, and `UsageError` for strings that only GDAL would understand.
    """
    text = os.fspath(source)
    if isinstance(source, str):
        if text.startswith("/vsi") or _DRIVER_PREFIX.match(text):
            raise UsageError(
                f"{text.split(':', maxsplit=1)[0][:40]!r} ... is a name for GDAL's own use; "
                "give a path, an https:// or an s3:// URL.",
            )
        if _SCHEME.match(text):
            return _resolve_url(text)
    return _resolve_path(Path(text))


def file_identity(files: tuple[Path, ...]) -> str:
    """Size and time of modification of files; raises `SceneNotFoundError` when one is gone."""
    parts = []
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise SceneNotFoundError(f"{file} cannot be found any more ({error.strerror}).") from error
        parts.append(f"{file.name}:{status.st_size}:{status.st_mtime_ns}")
    return ";".join(parts)


def driver_of(header: bytes) -> str | None:
    """Return the driver for a file that begins with these bytes, or None."""
    return next((driver for magic, driver in _MAGIC if header.startswith(magic)), None)


def beginning(header: bytes) -> str:
    """Return the first bytes of a file as words for a message: text in quotes, else hexadecimal."""
    first = header[:8]
    return f'"{first.decode("ascii")}"' if first.isascii() and first.decode().isprintable() else first.hex(" ")


@contextmanager
def gdal_errors(printable: str, doing: str, files: tuple[Path, ...] = ()) -> Iterator[None]:
    """Turn what rasterio raises into `SceneReadError`, with GDAL's own reason, which rasterio may hide.

    Where one of the source's `files` is not there any more, it is `SceneNotFoundError`.
    """
    try:
        yield
    except GDAL_ERRORS as error:
        if not all(file.exists() for file in files):
            raise SceneNotFoundError(f"{printable} was removed meanwhile.") from error
        reason = scrubbed(str(error.__cause__ or error)).strip() or type(error).__name__
        raise SceneReadError(f"{doing} {printable} failed: {reason}") from error


def _resolve_path(named: Path) -> Source:
    path = Path(os.path.abspath(named))  # noqa: PTH100 - resolve() would replace links by their target's name
    if not path.exists():
        raise SceneNotFoundError(f"{named} does not exist; expected a raster file or a Sentinel-1 SAFE folder.")
    if path.name.lower() == "manifest.safe":
        path = path.parent
    if path.is_dir():
        return _resolve_folder(path, named)
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        kind = SceneReadError if path.exists() else SceneNotFoundError
        raise kind(f"{named} cannot be opened: {error.strerror}.") from error
    inner = _held(path, header, named)
    if inner is not None:
        return inner
    driver = driver_of(header)
    if driver is None and _envi_header(path) is not None:
        driver = "ENVI"
    if driver is None:
        words = name_format(header, path) or described_beside(path) or f"it begins with {beginning(header)}"
        raise SceneReadError(f"{named} is not a raster that geosar reads ({words}); {_EXPECTED}.")
    return replace(_local(path, str(path), driver, (path,)), companions=_companions(path, driver))


def _held(path: Path, header: bytes, named: Path) -> Source | None:
    """Return what a file holds, or stands for, that is no raster itself; None for any other file."""
    if header.startswith(b"PK"):
        return _resolve_zip(path)
    if header.startswith(containers.GZIP):
        return _resolve_gzip(path, named)
    if path.suffix.lower() == ".dim" and (images := containers.beside_dim(path)):
        return _joined([_resolve_path(image) for image in images])
    if header.startswith(b"ENVI") and (raster := containers.of_header(path)) is not None:
        return _resolve_path(raster)
    return None


def _resolve_folder(path: Path, named: Path) -> Source:
    manifest = path / "manifest.safe"
    if manifest.is_file():
        files = (manifest, *sorted((path / "measurement").glob("*.tif*")))
        return _local(path, str(manifest), "SAFE", files)
    if images := containers.beside_dim(path):
        return _joined([_resolve_path(image) for image in images])
    words = name_folder(path)
    why = "" if words is None else f" ({words})"
    raise SceneReadError(f"{named} is a folder without manifest.safe{why}; {_EXPECTED}.")


def _resolve_zip(path: Path) -> Source:
    # The braces keep GDAL from looking for the end of the zip's name by its extension.
    root = f"/vsizip/{{{path}}}"
    members = containers.in_zip(path)
    inside = PurePosixPath(members[0])
    if inside.name == containers.MANIFEST:
        safe = _local(path, f"{root}/{inside}", "SAFE", (path,))
        return replace(safe, name=inside.parent.stem or path.stem)
    parts = (_local(path, f"{root}/{member}", "GTiff", (path,)) for member in members)
    named = zip(parts, map(PurePosixPath, members), strict=True)
    return _joined([replace(part, printable=f"{path}/{inner}", name=inner.stem) for part, inner in named])


def _resolve_gzip(path: Path, named: Path) -> Source:
    name = f"/vsigzip/{path}"
    try:
        with containers.content(path, name) as file:
            header = file.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise SceneReadError(f"{named} is a damaged gzip: {error}. Fetch it again.") from error
    if driver_of(header) != "GTiff":
        way_out = f"`tar xzf {path.name}`" if path.name.endswith((".tgz", ".tar.gz")) else f"`gunzip -k {path.name}`"
        raise SceneReadError(f"{named} is a gzip that holds no TIFF. Unpack it first: {way_out}.")
    return replace(_local(path, name, "GTiff", (path,)), name=Path(path.stem).stem)


def _joined(parts: "list[Source]") -> Source:
    return parts[0] if len(parts) == 1 else replace(parts[0], parts=tuple(parts))


def _local(path: Path, gdal_name: str, driver: str, files: tuple[Path, ...]) -> Source:
    return Source(str(path), gdal_name, driver, path.stem, False, files, None, file_identity(files))


def _companions(path: Path, driver: str) -> tuple[Path, ...]:
    """Return the files beside a raster that belong to it: its header, its pixels, or where it lies."""
    if driver == "ENVI":
        header = _envi_header(path)
        return (header,) if header else ()
    if driver == "HFA":
        candidates = [path.with_suffix(".ige"), path.with_suffix(".rrd")]
    else:
        suffix = path.suffix
        world_files = [path.with_suffix(f".{suffix[1:2]}{suffix[-1:]}w"), path.with_suffix(".wld")] if suffix else []
        candidates = [path.with_name(path.name + ".aux.xml"), *world_files]
    return tuple(candidate for candidate in candidates if candidate != path and candidate.is_file())


def _envi_header(path: Path) -> Path | None:
    for candidate in (path.with_suffix(".hdr"), path.with_name(path.name + ".hdr")):
        if candidate != path and candidate.is_file():
            with candidate.open("rb") as file:
                return candidate if file.read(4) == b"ENVI" else None
    return None


def _resolve_url(text: str) -> Source:
    parts = urlsplit(text)
    host = parts.netloc.rsplit("@", maxsplit=1)[-1]
    printable = without_secrets(text)
    name = PurePosixPath(unquote(parts.path)).stem or host
    suffix = PurePosixPath(parts.path).suffix.lower()
    scheme = parts.scheme.lower()
    if scheme == "file" and host in {"", "localhost"}:
        return _resolve_path(Path(unquote(parts.path)))
    if suffix == ".zip" and scheme in {"http", "https", "s3"}:
        raise UsageError(f"{printable} is a zip on a server; download it first, or give the measurement TIFF's URL.")
    if scheme in {"http", "https"}:
        header, identity = _probe(text, printable)
        driver = driver_of(header)
        if driver is None:
            raise SceneReadError(f"{printable} is not a raster (it begins with {beginning(header)}); {_EXPECTED}.")
        return Source(printable, f"/vsicurl/{text}", driver, name, True, (), text, identity)
    if scheme == "s3":
        gdal_name = f"/vsis3/{host}{parts.path}"
        return Source(printable, gdal_name, _BY_SUFFIX.get(suffix, "GTiff"), name, True, (), None, "")
    raise UsageError(f"{printable}: the scheme {parts.scheme!r} is not supported; give a path, https:// or s3://.")


def _probe(url: str, printable: str) -> tuple[bytes, str]:
    """Ask for the first bytes: their content says the driver, their headers say which version this is.

    A range request and not HEAD, which signed URLs forbid.
    """
    parts = urlsplit(url)
    headers = {"Range": f"bytes=0-{HEADER_BYTES - 1}"}
    if "@" in parts.netloc:
        user, _, host = parts.netloc.rpartition("@")
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(user).encode()).decode()
        url = parts._replace(netloc=host).geturl()
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http and https only
    try:
        with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_SECONDS) as answer:  # noqa: S310
            header = answer.read(HEADER_BYTES)
            size = answer.headers.get("Content-Range", "").rpartition("/")[2] or answer.headers.get(
                "Content-Length", ""
            )
            etag = answer.headers.get("ETag", "")
            changed = answer.headers.get("Last-Modified", "")
            in_parts = answer.status == HTTPStatus.PARTIAL_CONTENT
    except urllib.error.HTTPError as error:
        kind = SceneNotFoundError if error.code in {404, 410} else SceneReadError
        advice = _ADVICE.get(error.code, "check the URL and its access")
        raise kind(f"{printable} answered {error.code} {error.reason}; {advice}.") from error
    except TimeoutError as error:
        raise _too_slow(printable) from error
    except OSError as error:  # URLError
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise _too_slow(printable) from error
        raise SceneReadError(f"{printable} did not answer: {reason}. Check the URL, or try again later.") from error
    if not in_parts and driver_of(header) is not None:
        raise SceneReadError(
            f"{printable} lies on a server that cannot send parts of a file (it ignored a range request); expected one "
            "that can. Download it first, and give the file."
        )
    return header, f"{size}:{etag or changed}"


def _too_slow(printable: str) -> SceneReadError:
    return SceneReadError(
        f"{printable} did not answer within {PROBE_TIMEOUT_SECONDS} s (timed out). Try again later, or download it."
    )
