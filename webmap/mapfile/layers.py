"""Layers of a map: what one shows, where it lies, what its colours mean, and whether it is synthetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geosar.display import ERROR_RANGE
from geosar.vocabulary import Unit
from geosar_webmap.mapfile.pictures import ERROR_TABLE
from geosar_webmap.mapfile.webmercator import Corners

Role = Literal["sar", "optical", "error"]

_GREY = ("#000000", "#ffffff")
_UNITS = {
    Unit.DECIBEL: "dB",
    Unit.POWER: "dB",
    Unit.AMPLITUDE: "dB, not calibrated",
    Unit.DIGITAL_NUMBER: "dB, not calibrated",
    Unit.PICTURE: "grey values",
}


@dataclass(frozen=True, slots=True)
class Legend:
    """What the colours of a layer mean: values from `low` to `high`, in `unit`, over `colours`."""

    title: str
    colours: tuple[str, ...]
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a map.

    `image` is a data: URL, or `tiles` the TileJSON of a service. `shape` is the raster's own height and width,
    which say where it lies if it is not `georeferenced`. `detail` is a line of small print; `notice` is what must
    always be told with the layer, None for what is observed.
    """

    role: Role
    name: str
    detail: str
    bounds: Corners
    georeferenced: bool = True
    shape: tuple[int, int] = (0, 0)
    image: str | None = None
    tiles: Mapping[str, Any] | None = None
    legend: Legend | None = None
    notice: str | None = None


ERROR_LEGEND = Legend("Expected error", ERROR_TABLE, *ERROR_RANGE, "of 255")


def sar_legend(polarisation: str, unit: Unit, low: float, high: float) -> Legend:
    """Say what the greys of a polarisation mean, black at `low` and white at `high`."""
    return Legend(sar_name(polarisation), _GREY, round(low, 1), round(high, 1), _UNITS[unit])


def sar_name(polarisation: str) -> str:
    """Name a layer that shows one polarisation."""
    return "SAR" if polarisation == "unknown" else f"SAR {polarisation}"


def synthetic_notice(source: str, model: str) -> str:
    """Say what must always be told of a synthetic image, and of what is estimated about it."""
    return f"Synthetic colours, not an observation: guessed from {source} by the model {model}."
