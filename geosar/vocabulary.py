"""Words that stand in files, options and requests alike: units, polarisations, compressions, the default model."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, get_args

from geosar.errors import UnitError, UsageError

DEFAULT_MODEL = "s1-rgb"

Polarisation = Literal["VV", "VH", "HH", "HV"]
POLARISATIONS: tuple[Polarisation, ...] = get_args(Polarisation)
SENTINEL_1: tuple[Polarisation, ...] = ("VV", "VH")
"""What Sentinel-1 measures over most land, in the order of its bands; also what bands are that name none."""
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
        """Return the unit of that name, in any spelling that is usual; raises `UnitError` with the names there are."""
        word = " ".join(str(text).lower().replace("-", " ").replace("_", " ").split())
        try:
            return cls(_SPELLINGS.get(word, word))
        except ValueError as error:
            names = ", ".join(unit.value for unit in cls)
            raise UnitError(f"There is no unit {text!r}; give one of {names}.") from error


_SPELLINGS = {
    "decibel": "db", "decibels": "db", "logarithmic": "db", "log": "db",
    "linear": "power", "intensity": "power", "linear power": "power", "linear intensity": "power", "lin": "power",
    "magnitude": "amplitude", "amp": "amplitude", "linear amplitude": "amplitude",
    "digital number": "dn", "digital numbers": "dn", "raw": "dn",
    "grey": "picture", "gray": "picture", "byte": "picture", "scaled decibels": "picture", "scaled db": "picture",
}  # fmt: skip


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


def parse_bands(texts: Sequence[str]) -> dict[str, str] | str | None:
    """Read each "VV=1" or "VV=NAME", or one "1" or "NAME" alone; raises `UsageError`."""
    bands: dict[str, str] = {}
    for text in texts:
        name, separator, band = text.partition("=")
        name = name.strip().upper()
        if not separator or name not in POLARISATIONS:
            if len(texts) == 1:
                return text
            raise UsageError(f"{text!r} should be a polarisation and a band, as in VV=1 or VV=Sigma0_VV_db")
        if not band or name in bands:
            raise UsageError(f"{text!r} names no band, or {name} was given twice; write VV=1 VH=2")
        bands[name] = band
    return bands or None
