"""Pages of a TIFF, each a raster of its own: which there are, and which of them the caller asks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rasterio.io import DatasetReader

from geosar.errors import SceneReadError, UsageError
from geosar.scene import untrusted
from geosar.scene.request import Request
from geosar.scene.source import Source

LISTED = 8
"""So many pages are looked at for their names."""
_DIRECTORY = re.compile(r"GTIFF_DIR:(\d+):")


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its `number` among the pages, from 1, its directory in the file, and what it calls itself."""

    number: int
    directory: int
    name: str = ""


def pages_of(dataset: DatasetReader) -> tuple[Page, ...]:
    """Return the pages of an open TIFF, without names; none where it has one alone. Overviews and masks are none."""
    matches = [match for name in dataset.subdatasets if (match := _DIRECTORY.match(name))]
    return tuple(Page(number, int(match[1])) for number, match in enumerate(matches, 1)) if len(matches) > 1 else ()


def chosen(source: Source, request: Request) -> tuple[tuple[str, Source], ...]:
    """Return the pages that the caller's `bands` mean, by polarisation; none where they mean bands of one page.

    Raises `UsageError` for a page that is not there.
    """
    if not request.bands or source.driver != "GTiff" or source.page is not None:
        return ()
    with untrusted.open_raster(source) as dataset:
        pages = pages_of(dataset) if dataset.count == 1 else ()
    if not pages:
        return ()
    known = named(source, pages)
    return tuple((name, _source(source, known, reference)) for name, reference in request.bands)


def named(source: Source, pages: Sequence[Page]) -> tuple[Page, ...]:
    """Return the pages with the names of the first of them."""
    return tuple(replace(page, name=_name(source, page)) for page in pages[:LISTED]) + tuple(pages[LISTED:])


def words(source: Source, dataset: DatasetReader) -> str | None:
    """Say which pages there are and which one is used; None where there is one alone."""
    if source.page is not None:
        return f"Page {source.page} of the file is used, as stated."
    pages = pages_of(dataset) if source.driver == "GTiff" else ()
    if not pages:
        return None
    how = "`--band VV=2` picks another"
    if dataset.count > 1:
        how = f"`gdal_translate GTIFF_DIR:{pages[1].directory}:{source.filename} page2.tif` makes a file of another"
    return f"It has {len(pages)} pages ({listing(named(source, pages))}), of which the first is used; {how}."


def listing(pages: Sequence[Page]) -> str:
    """List pages by number and name, as many as a message holds."""
    labels = [f"{page.number} {page.name}".strip() for page in pages[:LISTED]]
    return ", ".join(labels) + (f" and {len(pages) - LISTED} more" if len(pages) > LISTED else "")


def _source(source: Source, pages: Sequence[Page], reference: str) -> Source:
    folded = reference.casefold()
    page = next((page for page in pages if folded in {str(page.number), page.name.casefold()}), None)
    if page is None:
        raise UsageError(f"{source.printable} has no page {reference!r}; it has {listing(pages)}.")
    return replace(source, page=page.directory)


def _name(source: Source, page: Page) -> str:
    """Return what a page calls itself: its band's name, else the first line of its description."""
    try:
        with untrusted.open_raster(replace(source, page=page.directory)) as dataset:
            described = dataset.descriptions[0] or dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", "")
    except (SceneReadError, UnicodeDecodeError):
        return ""
    first = str(described).partition("\n")[0][:40].strip()
    return "" if first.startswith("{") else first  # what tifffile writes of the shape
