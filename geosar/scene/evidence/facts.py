"""What a raster says of itself, read once: names, tags and descriptions, in whatever encoding they were written."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from geosar.scene.files.named_files import metadata_of_tiff
from geosar.scene.source import Source

Read = TypeVar("Read")

_ENVI_NAMES = re.compile(r"band names\s*=\s*\{([^}]*)\}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BandFacts:
    """What a raster says of one band, whose `number` counts from 1."""

    number: int
    description: str
    units: str
    tags: Mapping[str, str]
    dtype: str
    alpha: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a raster says of itself: the `name` of its file, without the folder, its tags and its bands."""

    name: str
    tags: Mapping[str, str]
    bands: tuple[BandFacts, ...]
    pages: int = 1
    photograph: bool = False

    @property
    def descriptions(self) -> tuple[str, ...]:
        """The name of each band, empty where it has none."""
        return tuple(band.description for band in self.bands)


def read_facts(dataset: DatasetReader, source: Source, name: str, *, photograph: bool = False) -> Facts:
    """Read what an open raster says; what is no UTF-8 has its odd characters replaced."""
    descriptions, tags, of_band = _texts(dataset, source)
    units = dataset.units
    if any(units) and dataset.crs and "COMPD_CS" in dataset.crs.to_wkt():
        units = ("",) * dataset.count  # of a CRS with heights GDAL gives the unit of these for that of the values
    # rasterio looks through all bands for each of these, so once.
    each = zip(dataset.indexes, descriptions, units, dataset.dtypes, dataset.colorinterp, strict=True)
    bands = tuple(
        BandFacts(number, description, unit or "", of_band.get(number, {}), dtype, colour is ColorInterp.alpha)
        for number, description, unit, dtype, colour in each
    )
    return Facts(name, tags, bands, max(len(dataset.subdatasets), 1), photograph)


def _texts(dataset: DatasetReader, source: Source) -> tuple[list[str], dict[str, str], dict[int, dict[str, str]]]:
    """Return the bands' descriptions, the tags, and the tags of bands that have any."""
    try:
        descriptions = [text or "" for text in dataset.descriptions]
        tags = dict(dataset.tags())
        of_band = {number: of_one for number in dataset.indexes if (of_one := dataset.tags(number))}
    except UnicodeDecodeError:
        # rasterio reads UTF-8 alone, and gives up at the first text that is none.
        descriptions, tags, of_band = _replaced(dataset, source)
    return descriptions, tags, of_band


def _replaced(dataset: DatasetReader, source: Source) -> tuple[list[str], dict[str, str], dict[int, dict[str, str]]]:
    """Read the texts from the file itself, as far as that is known to hold them, else those that rasterio can read."""
    descriptions = [""] * dataset.count
    tags: dict[str, str] = _tried(dataset.tags, {})
    of_band = {number: of_one for number in dataset.indexes if (of_one := _tried(partial(dataset.tags, number), {}))}
    with suppress(OSError, ET.ParseError):
        if source.driver == "GTiff" and source.files:
            with source.files[0].open("rb") as file:
                _take_items(metadata_of_tiff(file), descriptions, tags, of_band)
        elif source.driver == "ENVI" and source.companions:
            header = source.companions[0].read_bytes().decode(errors="replace")
            names = [name.strip() for listed in _ENVI_NAMES.findall(header) for name in listed.split(",")]
            descriptions[: len(names)] = names[: dataset.count]
    return descriptions, tags, of_band


def _tried(read: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return dict(read())
    except UnicodeDecodeError:
        return otherwise


def _take_items(text: bytes, descriptions: list[str], tags: dict[str, str], of_band: dict[int, dict[str, str]]) -> None:
    """Take descriptions and tags from the text that GDAL keeps in a TIFF's tag 42112."""
    if not text:
        return
    for item in ET.fromstring(text.rstrip(b"\0").decode(errors="replace")).iter("Item"):  # noqa: S314 - expat bounds it
        sample, value = item.get("sample"), item.text or ""
        if sample is None:
            tags.setdefault(item.get("name", ""), value)
        elif sample.isdigit() and int(sample) < len(descriptions):
            if item.get("role") == "description":
                descriptions[int(sample)] = value
            elif item.get("role") is None:
                of_band.setdefault(int(sample) + 1, {})[item.get("name", "")] = value
