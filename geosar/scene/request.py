"""How a caller wants a scene opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasterio.crs import CRS
from rasterio.errors import CRSError

from geosar.errors import UsageError
from geosar.scene.elevation import ElevationModel
from geosar.scene.polarisations import parse
from geosar.vocabulary import Unit

NO_MASK = "none"
NO_FILL = "none"
IMAGE_SPACE = "none"

Bands = Mapping[str, int | str] | int | str


@dataclass(frozen=True, slots=True)
class Request:
    """How a caller wants a scene opened.

    `polarisations` are those to open, in their order, None for all; `bands` says which band, by number or name, holds
    which polarisation ("": whichever it holds); `mask_band` is the number of the mask, "none" for no mask; `nodata` a
    fill value, "none" for none at all; `src_crs` is the CRS that the source has, whatever it says; with `keep_border`
    black borders are data; `most_block_bytes` is the largest block that is decoded, of all bands that are stored
    together; `radiometric` flattens brightness by the `elevation`.
    """

    dst_crs: Any = None
    resolution: float | None = None
    force: bool = False
    polarisations: tuple[str, ...] | None = None
    scale: Unit | None = None
    bands: tuple[tuple[str, str], ...] = ()
    mask_band: str | None = None
    nodata: float | str | None = None
    src_crs: Any = None
    keep_border: bool = False
    elevation: ElevationModel | None = None
    most_block_bytes: int | None = None
    radiometric: bool = False

    def __post_init__(self) -> None:
        if self.radiometric and self.elevation is None:
            raise UsageError("Brightness is corrected for slopes by an elevation model; give one (--dem).")
        if self.in_pixels and (self.elevation is not None or self.resolution is not None):
            raise UsageError("In image space there are no metres, so neither --dem nor a resolution goes with it.")
        if self.resolution is not None and not 0 < self.resolution < float("inf"):
            raise UsageError(f"The resolution is {self.resolution}; expected metres above zero.")

    @property
    def in_pixels(self) -> bool:
        """Whether the scene is to stay in image space."""
        return isinstance(self.dst_crs, str) and self.dst_crs.strip().lower() == IMAGE_SPACE

    def crs(self) -> CRS | None:
        """Return the CRS that was asked for; raises `UsageError` if there is no such thing."""
        return None if self.in_pixels else _crs(self.dst_crs)

    def own_crs(self) -> CRS | None:
        """Return the CRS that the source has, as stated; raises `UsageError` if there is no such thing."""
        return _crs(self.src_crs)


def read_bands(bands: Bands | None) -> tuple[tuple[str, str], ...]:
    """Read bands as `open_scene` takes them; raises `PolarisationError` and `UsageError`."""
    if bands is None:
        return ()
    if not isinstance(bands, Mapping):
        return (("", _reference(bands)),)
    return tuple((parse(name)[0] if name else "", _reference(band)) for name, band in bands.items())


def read_mask_band(band: int | str | None) -> str | None:
    """Read the number of a band, or "none"; raises `UsageError`."""
    text = None if band is None else str(band).strip().lower()
    if text is None or text == NO_MASK or (text.isdigit() and int(text) > 0):
        return text
    raise UsageError(f"{band!r} is no band for the mask; give its number, from 1, or none.")


def read_nodata(value: float | str | None) -> float | str | None:
    """Read a fill value, or "none"; raises `UsageError`."""
    if value is None or (isinstance(value, str) and value.strip().lower() == NO_FILL):
        return None if value is None else NO_FILL
    try:
        return float(value)
    except ValueError as error:
        raise UsageError(f"{value!r} is no value for nodata; give a number, nan or none.") from error


def _reference(band: int | str) -> str:
    text = str(band).strip()
    if not text or (isinstance(band, int) and band < 1):
        raise UsageError(f"{band!r} is no band; give its number, from 1, or its name.")
    return text


def _crs(crs: Any) -> CRS | None:
    if crs is None:
        return None
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise UsageError(f"{crs!r} is no CRS ({error}); give one such as EPSG:32643.") from error
