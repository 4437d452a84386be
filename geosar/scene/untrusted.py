"""Rasters that come from outside: the one place where they are opened, so that none leads GDAL to another file.

GDAL would follow a raster to overviews, masks, georeferences and metadata in other files, whether they lie beside it
or the raster names them, with whatever driver recognises them: to any file, and to other machines. Here a raster is
opened with one driver, alone or with the companions that it is known to have; what it names is looked through before
and after; and what GDAL would look for later is looked for at once, so that its list of files is complete and can be
compared with what is known. Every raster that this project reads is opened here, the first time and each later one.
"""

import os
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader

from geosar.errors import GeosarError, SceneNotFoundError, SceneReadError
from geosar.scene.files import zips
from geosar.scene.files.containers import content
from geosar.scene.files.named_files import TEXT_LIMIT, check_bytes, check_crs
from geosar.scene.source import HEADER_BYTES, Source, driver_of, gdal_errors, resolve

# GDAL would write a file beside a gzip, with what it learnt of its size.
os.environ.setdefault("CPL_VSIL_GZIP_WRITE_PROPERTIES", "NO")

# A scene without georeference says so in its notes, and those with control points have one.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}
_WITH_COMPANIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "NO", "GDAL_PAM_ENABLED": "YES"}

# Items of metadata, with their domains, whose values GDAL opens.
_NAMING_ITEMS = (("OVERVIEW_FILE", "OVERVIEWS"), ("X_DATASET", "GEOLOCATION"), ("Y_DATASET", "GEOLOCATION"))
# The driver of Erdas Imagine files looks for neighbours whatever it is told.
_ALWAYS_STAGED = frozenset({"HFA"})
_ERDAS_PIXELS = b"ERDAS_IMG_EXTERNAL_RASTER"
# What files and members of zips raise that are damaged, encrypted or packed in an odd way.
_UNREADABLE = (KeyError, *zips.UNREADABLE)


def open_path(path: Path) -> DatasetReader:
    """Open a raster file; raises as `resolve` and `open_raster` do, and `SceneReadError` for a SAFE product."""
    source = resolve(path)
    if source.driver == "SAFE":
        raise SceneReadError(f"{source.printable} is a SAFE product; expected one raster file.")
    return open_raster(source)


def open_raster(source: Source, part: str | None = None) -> DatasetReader:
    """Open a source, or one TIFF of a SAFE product, by GDAL's name of that `part`.

    Raises `SceneReadError` where GDAL cannot open it or it names another file, `SceneNotFoundError` where it is gone.
    """
    name = part or source.gdal_name
    driver = "GTiff" if source.driver == "SAFE" else source.driver
    with settings(source), gdal_errors(source.printable, "Opening", source.files):
        _look_through(source, driver, name)
        if not _is_staged(source):
            return _opened(_page(source, name), driver, {name}, source.printable)
        with ExitStack() as undo:
            folder = Path(undo.enter_context(TemporaryDirectory(prefix="geosar-")))
            staged = _stage(folder, (*source.files, *source.companions))
            dataset = _opened(_page(source, staged[0]), driver, set(staged), source.printable)
            weakref.finalize(dataset, undo.pop_all().close)
            return dataset


def open_together(sources: Sequence[Source], mosaic: str) -> DatasetReader:
    """Open rasters that were opened before, each alone, as the `mosaic` of them that we wrote (a VRT)."""
    names = {source.gdal_name for source in sources}
    first = sources[0]
    with rasterio.Env(**_ALONE), first.environment(), gdal_errors(first.printable, "Opening", first.files):
        return _opened(mosaic, "VRT", {mosaic, *names}, first.printable)


def open_geotiff(path: Path) -> DatasetReader:
    """Open a GeoTIFF that geosar made; raises as rasterio does, and `SceneReadError` where it names another file."""
    name = str(path.absolute())
    with rasterio.Env(**_ALONE):
        return _opened(name, "GTiff", {name}, path.name)


@contextmanager
def settings(source: Source) -> Iterator[None]:
    """Set GDAL up so that it sees a source and its companions alone: while it is opened, or a view of it is made."""
    with rasterio.Env(**(_WITH_COMPANIONS if _is_staged(source) else _ALONE)), source.environment():
        yield


def _page(source: Source, name: str) -> str:
    return name if source.page is None else f"GTIFF_DIR:{source.page}:{name}"


def _is_staged(source: Source) -> bool:
    return not source.remote and bool(source.companions or source.driver in _ALWAYS_STAGED)


def _stage(folder: Path, files: tuple[Path, ...]) -> list[str]:
    """Show GDAL some files in a folder where there is nothing else; returns their names there."""
    for file in files:
        (folder / file.name).symlink_to(file)
    return [str(folder / file.name) for file in files]


def _opened(name: str, driver: str, known: set[str], printable: str) -> DatasetReader:
    dataset: DatasetReader = rasterio.open(name, driver=driver)
    with ExitStack() as undo:
        undo.callback(dataset.close)
        _check(dataset, known, printable)
        undo.pop_all()
    return dataset


def _check(dataset: DatasetReader, known: set[str], printable: str) -> None:
    """Refuse a dataset that names another file; have GDAL look now for what it would look for later."""
    for item, domain in _NAMING_ITEMS:
        if value := dataset.get_tag_item(item, domain):
            raise _more_than_known(printable, value)
    for crs in (dataset.crs, dataset.gcps[1]):
        if crs:
            check_crs(crs.to_wkt().encode(), printable)
    if dataset.count:
        dataset.overviews(1)
        _ = dataset.mask_flag_enums
    if others := set(dataset.files) - known:
        raise _more_than_known(printable, min(others))


def _more_than_known(printable: str, other: str) -> SceneReadError:
    return SceneReadError(
        f"{printable} leads to another file ({other[:80]!r}); expected a raster that stands alone. Do not trust it, or "
        "write it anew with `gdal_translate`.",
    )


def _look_through(source: Source, driver: str, name: str) -> None:
    """Look through what is read before GDAL can be asked; of a raster on a server GDAL alone reads."""
    if source.remote:
        return
    try:
        with content(source.files[0], name) as file:
            check_bytes(file, driver, source.printable, every_page=source.page is not None)
        for companion in source.companions:
            with companion.open("rb") as file:
                _check_companion(file, companion)
    except FileNotFoundError as error:
        raise SceneNotFoundError(f"{source.printable} was removed meanwhile.") from error
    except GeosarError:
        raise
    except _UNREADABLE as error:
        raise SceneReadError(f"Opening {source.printable} failed: {error}") from error


def _check_companion(file: IO[bytes], path: Path) -> None:
    beginning = file.read(HEADER_BYTES)
    file.seek(0)
    if driver_of(beginning) == "HFA":
        check_bytes(file, "HFA", str(path))
    elif not beginning.startswith(_ERDAS_PIXELS):
        check_crs(file.read(TEXT_LIMIT + 1), str(path))
