"""What holds rasters and is none itself: a zip or gzip of TIFFs, the .dim or .hdr beside pixels."""

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from geosar.errors import SceneReadError
from geosar.scene.files import zips
from geosar.scene.polarisations import together

HEADER = 8
MANIFEST = "manifest.safe"
GZIP = b"\x1f\x8b"

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# SNAP writes ENVI rasters; others call them so too.
_PIXELS = ("", ".img", ".dat", ".bin", ".raw", ".bsq")
ZIP_MEMBERS = 4096


def in_zip(path: Path) -> tuple[str, ...]:
    """Return the members of a zip that are a scene: a product's manifest, or TIFFs whose names differ in polarisation.

    Raises `SceneReadError` for a damaged zip, and for one without a scene or with several.
    """
    try:
        with zips.opened(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            manifests = [name for name in names if PurePosixPath(name).name == MANIFEST]
            tiffs = [] if manifests else [name for name in names[:ZIP_MEMBERS] if _is_tiff(archive, name)]
    except zips.UNREADABLE as error:
        raise SceneReadError(f"{path} is a damaged zip: {error}. Fetch it again.") from error
    if len(manifests) > 1:
        raise SceneReadError(f"{path} is a zip with {len(manifests)} SAFE products; expected one. Unpack it first.")
    if manifests:
        return (manifests[0],)
    if not tiffs:
        raise SceneReadError(f"{path} is a zip without a SAFE product or TIFF; expected one. Unpack it first.")
    return _belonging(tiffs, path)


def beside_dim(path: Path) -> tuple[Path, ...]:
    """Return the rasters of a BEAM-DIMAP product, from its .dim or its .data folder; nothing where there are none.

    Raises `SceneReadError` where there are several that are not of one scene.
    """
    folder = path if path.is_dir() else path.with_suffix(".data")
    images = {str(one): one for one in sorted(folder.glob("*.img")) if one.with_suffix(".hdr").is_file()}
    return tuple(images[name] for name in _belonging(list(images), path)) if images else ()


def of_header(path: Path) -> Path | None:
    """Return the raster that an ENVI header describes; None where it is not there."""
    stem = path.with_suffix("")
    candidates = (stem.with_name(stem.name + suffix) for suffix in _PIXELS)
    return next((one for one in candidates if one.is_file()), None)


@contextmanager
def content(path: Path, gdal_name: str) -> Iterator[IO[bytes]]:
    """Open the bytes that GDAL's name of a file, of a member of a zip or of a gzip stands for."""
    inside = gdal_name.removeprefix(f"/vsizip/{{{path}}}/")
    if inside != gdal_name:
        with zips.opened(path) as archive, archive.open(inside) as member:
            yield member
    elif gdal_name.startswith("/vsigzip/"):
        with gzip.open(path) as unpacked:
            yield cast("IO[bytes]", unpacked)
    else:
        with Path(gdal_name).open("rb") as file:
            yield file


def _belonging(names: list[str], path: Path) -> tuple[str, ...]:
    """Return those that differ in their polarisation alone, or the only one."""
    if len(names) == 1:
        return (names[0],)
    groups = together({name: PurePosixPath(name).stem for name in names})
    if groups and all(len(group) < len(groups[0]) for group in groups[1:]):
        return tuple(groups[0].values())
    listed = ", ".join(PurePosixPath(name).name for name in names[:8])
    raise SceneReadError(f"{path} holds {len(names)} rasters ({listed}); expected one scene. Unpack it, and give one.")


def _is_tiff(archive: zipfile.ZipFile, name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = parts[-1].startswith(".") or "__MACOSX" in parts  # what macOS puts beside each file
    if ".." in parts or hidden or PurePosixPath(name).is_absolute() or not name.lower().endswith((".tif", ".tiff")):
        return False
    with archive.open(name) as member:
        return member.read(HEADER).startswith(_TIFF)
