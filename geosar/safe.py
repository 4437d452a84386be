"""Sentinel-1 SAFE products: which measurements a manifest names, and GDAL's name for each, calibrated.

GDAL's SAFE driver follows every file name in the manifest and opens what it finds with any driver. So the
manifest is read here first: names must stay inside the product, and a measurement must be a TIFF.
"""

import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geosar.errors import SceneContentError, SceneReadError
from geosar.polarisations import POLARISATIONS
from geosar.sources import HEADER_BYTES, Source, driver_of

MEASUREMENT_SCHEMA = "s1Level1MeasurementSchema"
MANIFEST_LIMIT = 16 * 2**20

# s1a-iw-grd-vv-20180716t004028-...: mission, swath, type, polarisation.
_MEASUREMENT_NAME = re.compile(r"^s1\w-(?P<swath>\w+)-(?P<type>\w+)-(?P<polarisation>vv|vh|hh|hv)-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One image of a product and the names under which GDAL opens it."""

    polarisation: str
    calibrated: str
    """sigma0 as linear power."""
    uncalibrated: str
    """Digital numbers."""


def measurements(source: Source) -> tuple[Measurement, ...]:
    """List the measurements of a detected (GRD) product, VV or HH first.

    Raises `SceneReadError` for a damaged product and `SceneContentError` for one that is not detected.
    """
    members = _Members(source)
    try:
        manifest = ET.fromstring(members.read("manifest.safe", MANIFEST_LIMIT))  # noqa: S314 - capped
    except ET.ParseError as error:
        raise SceneReadError(f"{source.printable}: manifest.safe is damaged ({error}). Fetch it again.") from error
    found: dict[str, Measurement] = {}
    for entry in manifest.iter("dataObject"):
        location = entry.find("./byteStream/fileLocation")
        href = "" if location is None else location.get("href", "")
        if not href:
            continue
        name = _inside(href, source)
        if entry.get("repID") != MEASUREMENT_SCHEMA:
            continue
        match = _MEASUREMENT_NAME.match(name.name)
        if match is None:
            raise SceneReadError(f"{source.printable}: {name.name} is not named as a Sentinel-1 measurement is.")
        if match["type"].lower() != "grd":
            raise SceneContentError(
                f"{source.printable} is a {match['type'].upper()} product; expected a detected one (GRD). "
                "Detect, multilook and terrain-correct it first, with SNAP for example.",
            )
        if driver_of(members.read(str(name), HEADER_BYTES)) != "GTiff":
            raise SceneReadError(f"{source.printable}: {name.name} is not a TIFF. Fetch the product again.")
        polarisation, swath = match["polarisation"].upper(), match["swath"].upper()
        found[polarisation] = Measurement(
            polarisation,
            f"SENTINEL1_CALIB:SIGMA0:{source.gdal_name}:{swath}_{polarisation}:INTENSITY",
            f"SENTINEL1_CALIB:UNCALIB:{source.gdal_name}:{swath}_{polarisation}:AMPLITUDE",
        )
    if not found:
        raise SceneContentError(f"{source.printable} names no measurement in its manifest; expected a GRD product.")
    return tuple(found[name] for name in POLARISATIONS if name in found)


def _inside(href: str, source: Source) -> PurePosixPath:
    name = PurePosixPath(href)
    if name.is_absolute() or ".." in name.parts or ":" in href or "\\" in href:
        raise SceneReadError(
            f"{source.printable}: the manifest names {href!r}, which is outside the product; "
            "expected relative names. Do not trust this product.",
        )
    return name


class _Members:
    """The files of a product, in a folder or in a zip."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._root = source.files[0]
        self._inner = None
        if self._root.name != "manifest.safe":
            self._inner = PurePosixPath(source.gdal_name.partition("}/")[2]).parent

    def read(self, name: str, limit: int) -> bytes:
        """Return the first bytes of a member."""
        try:
            if self._inner is None:
                with Path(self._root.parent, name).open("rb") as file:
                    return file.read(limit)
            with zipfile.ZipFile(self._root) as archive, archive.open(str(self._inner / name)) as member:
                return member.read(limit)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise SceneReadError(
                f"{self._source.printable}: {name} cannot be read ({error}). Fetch the product again.",
            ) from error
