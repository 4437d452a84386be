"""Sentinel-1 SAFE products: which measurements a manifest names, where they are, and their calibration.

GDAL's own SAFE driver is not used: it opens every file that a manifest names, wherever it lies and with any
driver, and it offers calibration for single-look complex products only. Here names must stay inside the
product, a measurement must be a TIFF, and sigma0 comes from the product's calibration tables.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from geosar.errors import SceneContentError, SceneReadError
from geosar.scene.files import zips
from geosar.scene.placement.orbit import RangeDoppler, range_doppler
from geosar.scene.source import HEADER_BYTES, Source, driver_of
from geosar.vocabulary import POLARISATIONS

MEASUREMENT_SCHEMA = "s1Level1MeasurementSchema"
CALIBRATION_SCHEMA = "s1Level1CalibrationSchema"
XML_LIMIT = 8 * 2**20
"""Bytes; the largest XML files of real products have three million."""
MOST_ELEMENTS = 200_000

# s1a-iw-grd-vv-20180716t004028-...: mission, swath, type, polarisation.
_MEASUREMENT_NAME = re.compile(r"^s1\w-\w+-(?P<type>\w+)-(?P<polarisation>vv|vh|hh|hv)-", re.IGNORECASE)


Read = Callable[[str, int], bytes]
"""Returns the first bytes of a file of the product, by its name there."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The table A of a product, which makes sigma0 = DN^2 / A^2 (ESA-EOPG-CSCOP-TN-0002).

    `vectors` holds, for each of `lines`, pixel numbers and the values of A there.
    """

    lines: npt.NDArray[np.float64]
    vectors: tuple[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], ...]

    def on_lattice(self, width: int, height: int, step: int) -> npt.NDArray[np.float32]:
        """Return A at every `step`-th pixel from the first on, one beyond the last included; bilinear."""
        cols = np.arange(0, width + step, step, dtype=np.float64)
        rows = np.arange(0, height + step, step, dtype=np.float64)
        across = np.stack([_interpolated(cols, pixels, values) for pixels, values in self.vectors])
        down = np.stack([_interpolated(rows, self.lines, column) for column in across.T], axis=1)
        return down.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One image of a product: GDAL's name for its TIFF, and its calibration where the product has it."""

    polarisation: str
    gdal_name: str
    calibration: Calibration | None


def measurements(source: Source) -> tuple[tuple[Measurement, ...], tuple[str, ...]]:
    """List the measurements of a detected (GRD) product that are there, VV or HH first, and note those that are not.

    Copies on AWS and the Planetary Computer have short names (iw-vv.tiff) where the manifest has long ones. Raises
    `SceneReadError` for a damaged product and `SceneContentError` for one that is not detected.
    """
    read = _reader(source)
    manifest = _parse(read("manifest.safe", XML_LIMIT), "manifest.safe", source)
    images: list[PurePosixPath] = []
    tables: dict[str, PurePosixPath] = {}
    for entry in manifest.iter("dataObject"):
        location = entry.find("./byteStream/fileLocation")
        if location is None:
            continue
        name = _inside(location.get("href", ""), source)
        if entry.get("repID") == MEASUREMENT_SCHEMA:
            images.append(name)
        elif entry.get("repID") == CALIBRATION_SCHEMA:
            tables[name.stem] = name
    if len(images) > len(POLARISATIONS):
        raise SceneReadError(
            f"{source.printable} names {len(images)} measurements; expected one of each polarisation. Do not trust it.",
        )
    by_polarisation: dict[str, Measurement] = {}
    missing: list[tuple[str, PurePosixPath]] = []
    for image in images:
        polarisation = _polarisation(image, source)
        there, header = _first_there(read, (image, _short(image)), HEADER_BYTES)
        if there is None:
            missing.append((polarisation, image))
            continue
        if driver_of(header) != "GTiff":
            raise SceneReadError(f"{source.printable}: {there.name} is not a TIFF. Fetch the product again.")
        table = tables.get(f"calibration-{image.stem}")
        calibration = None if table is None else _calibration_of(read, table, image, source)
        gdal_name = str(PurePosixPath(source.gdal_name).parent / there)
        by_polarisation[polarisation] = Measurement(polarisation, gdal_name, calibration)
    if not by_polarisation:
        raise _nothing_there(source, missing)
    notes = tuple(f"{name} is left out: {image} is named in the manifest, but is not there." for name, image in missing)
    return tuple(by_polarisation[name] for name in POLARISATIONS if name in by_polarisation), notes


def _nothing_there(source: Source, missing: list[tuple[str, PurePosixPath]]) -> SceneReadError | SceneContentError:
    if not missing:
        return SceneContentError(f"{source.printable} names no measurement in its manifest; expected a GRD product.")
    names = " or ".join(str(image) for _, image in missing)
    return SceneReadError(
        f"{source.printable} has none of the measurements that its manifest names ({names}), nor are they there by "
        "the short names of AWS and the Planetary Computer (measurement/iw-vv.tiff). Fetch the product again."
    )


def _calibration_of(read: Read, table: PurePosixPath, image: PurePosixPath, source: Source) -> Calibration:
    short = table.with_name(f"calibration-{_short(image).stem}.xml")
    there, text = _first_there(read, (table, short), XML_LIMIT)
    if there is None:
        raise SceneReadError(f"{source.printable}: {table} cannot be read (it is not there). Fetch the product again.")
    return _calibration(_parse(text, there.name, source), there.name, source)


def _short(image: PurePosixPath) -> PurePosixPath:
    """Return the name that copies give to an image: s1a-iw-grd-vv-20180716t004028-....tiff becomes iw-vv.tiff."""
    _, swath, _, polarisation, *_ = image.name.lower().split("-")
    return image.with_name(f"{swath}-{polarisation}{image.suffix}")


def _first_there(read: Read, names: tuple[PurePosixPath, ...], limit: int) -> tuple[PurePosixPath | None, bytes]:
    for name in names:
        try:
            return name, read(str(name), limit)
        except _MissingError:
            continue
    return None, b""


def geometry(source: Source, measurement: Measurement) -> RangeDoppler:
    """Read the radar's geometry of a measurement from its annotation; raises `SceneReadError`."""
    name = PurePosixPath("annotation", PurePosixPath(measurement.gdal_name).stem + ".xml")
    try:
        return range_doppler(_parse(_reader(source)(str(name), XML_LIMIT), name.name, source))
    except (ValueError, TypeError, OverflowError) as error:
        raise SceneReadError(f"{source.printable}: {name} is damaged ({error}). Fetch the product again.") from error


def _polarisation(image: PurePosixPath, source: Source) -> str:
    match = _MEASUREMENT_NAME.match(image.name)
    if match is None:
        raise SceneReadError(f"{source.printable}: {image.name} is not named as a Sentinel-1 measurement is.")
    if match["type"].lower() != "grd":
        raise SceneContentError(
            f"{source.printable} is a product of type {match['type'].upper()}; expected a detected one (GRD). "
            "Detect, multilook and terrain-correct it first, with SNAP for example.",
        )
    return match["polarisation"].upper()


def _inside(href: str, source: Source) -> PurePosixPath:
    name = PurePosixPath(href)
    if not href or name.is_absolute() or ".." in name.parts or ":" in href or "\\" in href:
        raise SceneReadError(
            f"{source.printable}: the manifest names {href!r}, which is outside the product; "
            "expected relative names. Do not trust this product.",
        )
    return name


class _Elements(ET.TreeBuilder):
    """Counts elements: a kilobyte of zip can hold a hundred thousand, and each takes memory and time."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__()
        self._left = MOST_ELEMENTS
        self._whose = f"{source.printable}: {name}"

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """Begin an element."""
        self._left -= 1
        if self._left < 0:
            raise SceneReadError(f"{self._whose} has more than {MOST_ELEMENTS} elements; do not trust this product.")
        return super().start(tag, attrs)


def _parse(text: bytes, name: str, source: Source) -> ET.Element:
    try:
        # expat itself stops entities that expand without end.
        return ET.fromstring(text, ET.XMLParser(target=_Elements(name, source)))  # noqa: S314
    except ET.ParseError as error:
        raise SceneReadError(f"{source.printable}: {name} is damaged ({error}). Fetch the product again.") from error


def _calibration(tree: ET.Element, name: str, source: Source) -> Calibration:
    lines: list[float] = []
    vectors: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    try:
        for vector in tree.iter("calibrationVector"):
            pixels, values = (
                np.array(vector.findtext(part, "").split(), dtype=np.float64) for part in ("pixel", "sigmaNought")
            )
            if not pixels.size or pixels.size != values.size or not (values > 0).all():
                raise ValueError("a vector is incomplete")  # noqa: TRY301
            lines.append(float(vector.findtext("line", "")))
            vectors.append((pixels, values))
        if not lines:
            raise ValueError("it has no vectors")  # noqa: TRY301
    except ValueError as error:
        raise SceneReadError(f"{source.printable}: {name} is damaged ({error}). Fetch the product again.") from error
    order = np.argsort(lines)
    return Calibration(np.array(lines)[order], tuple(vectors[i] for i in order))


def _interpolated(
    at: npt.NDArray[np.float64], known: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Interpolate linearly between sorted places, and go on at both ends as between the last two."""
    if known.size == 1:
        return np.full(at.shape, values[0])
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, known.size - 2)
    share = (at - known[left]) / (known[left + 1] - known[left])
    return values[left] * (1 - share) + values[left + 1] * share


class _MissingError(SceneReadError):
    """A file of the product is not there."""


def _reader(source: Source) -> Read:
    """Return a function that gives the first bytes of a file of the product, in a folder or in a zip."""
    root = source.files[0]
    inner = PurePosixPath(source.gdal_name.partition("}/")[2]).parent
    zipped = root.name != "manifest.safe"

    def read(name: str, limit: int) -> bytes:
        try:
            if not zipped:
                with Path(root.parent, name).open("rb") as file:
                    return file.read(limit)
            with zips.opened(root) as archive, archive.open(str(inner / name)) as member:
                return member.read(limit)
        except (KeyError, *zips.UNREADABLE) as error:
            kind = _MissingError if isinstance(error, FileNotFoundError | KeyError) else SceneReadError
            raise kind(
                f"{source.printable}: {name} cannot be read ({error}). Fetch the product again.",
            ) from error

    return read
