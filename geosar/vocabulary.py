"""Words that stand in files, options and requests alike: units, polarisations, compressions, the default model."""

from enum import StrEnum
from typing import Literal, get_args

from geosar.errors import UnitError

DEFAULT_MODEL = "s1-rgb"

Polarisation = Literal["VV", "VH", "HH", "HV"]
POLARISATIONS: tuple[Polarisation, ...] = get_args(Polarisation)
UNKNOWN = "unknown"
"""The polarisation of a band that names none."""


class Unit(StrEnum):
    """What the numbers of a SAR raster mean."""

    DECIBEL = "db"
    """10 log10 of the power."""
    POWER = "power"
    """Linear backscatter coefficient or intensity."""
    AMPLITUDE = "amplitude"
    """Square root of the power, in any scale; also as an 8-bit picture."""
    DIGITAL_NUMBER = "dn"
    """Integer amplitude of a detected product, not calibrated."""
    PICTURE = "picture"
    """Grey values that grow in proportion to decibels, in any scale; usually 8-bit."""

    @classmethod
    def parse(cls, text: "str | Unit") -> "Unit":
        """Return the unit of that name; raises `UnitError` with the names that there are."""
        try:
            return cls(str(text).strip().lower())
        except ValueError as error:
            names = ", ".join(unit.value for unit in cls)
            raise UnitError(f"There is no unit {text!r}; give one of {names}.") from error


class Compression(StrEnum):
    """How the tiles of a GeoTIFF are compressed; the first three lose nothing."""

    ZSTD = "zstd"
    DEFLATE = "deflate"
    LZW = "lzw"
    JPEG = "jpeg"
    WEBP = "webp"

    @property
    def lossless(self) -> bool:
        """Whether pixels read back as they were written."""
        return self not in {Compression.JPEG, Compression.WEBP}
