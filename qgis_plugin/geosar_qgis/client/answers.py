"""What the service tells, as values: scenes, jobs, layers' tiles, results, models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..words import tr
from .messages import NotAServiceError

LIVE = ("accepted", "running")
SYNTHETIC = ("optical", "error", "live")
"""Layers that a model made up; the others are observations, or estimated from them."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True)
class Reading:
    """What somebody said of how a scene is read; "" and no bands where nothing is said."""

    unit: str = ""
    polarisation: str = ""
    band: tuple[str, ...] = ()
    nodata: str = ""
    mask_band: str = ""
    crs: str = ""
    keep_border: bool = False
    """The dark border of a swath or picture is taken for data."""

    @classmethod
    def of(cls, stated: dict[str, Any]) -> Reading:
        """Read what the service tells as `stated`."""
        words = {key: str(stated.get(key) or "") for key in ("unit", "polarisation", "nodata", "mask_band", "crs")}
        band = tuple(map(str, stated.get("band") or ()))
        return cls(band=band, keep_border=bool(stated.get("keep_border")), **words)

    @property
    def change(self) -> dict[str, Any]:
        """Return what PATCH takes: null takes a word back."""
        return {
            "unit": self.unit or None, "polarisation": self.polarisation or None,
            "band": list(self.band) or None, "nodata": self.nodata or None, "mask_band": self.mask_band or None,
            "crs": self.crs or None, "keep_border": self.keep_border,
        }  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A scene of the service."""

    id: str
    name: str
    filename: str
    size: int
    created: str
    acquired: str | None
    bbox: Box | None
    state: str
    message: str
    layers: tuple[str, ...]
    polarisations: tuple[str, ...]
    width: int
    height: int
    optical: str = ""
    """State of its true optical image (preparing, ready, failed), "" without one."""
    reading: Reading = Reading()
    """How it is read, as far as somebody said it."""

    @property
    def georeferenced(self) -> bool:
        """Whether it has a place on the map."""
        return self.bbox is not None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Scene:
        """Read a scene's JSON."""
        with _reading("scene"):
            described = document.get("description") or {}
            display = document.get("display") or {}
            box = document.get("bbox")
            return cls(
                id=str(document["id"]),
                name=str(document["name"]),
                filename=str(document.get("filename", "")),
                size=int(document.get("size", 0)),
                created=str(document.get("created", "")),
                acquired=document.get("acquired"),
                bbox=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                state=str(display.get("state", "ready")),
                message=str(display.get("message") or ""),
                layers=tuple(document.get("layers", ())),
                polarisations=tuple(described.get("polarisations", ())),
                width=int(described.get("width", 0)),
                height=int(described.get("height", 0)),
                optical=str((document.get("reference") or {}).get("state", "")),
                reading=Reading.of(document.get("stated") or {}),
            )


@dataclass(frozen=True)
class Job:
    """A translation: `progress` in per cent, `seconds_left` while it runs and that is known."""

    id: str
    scene: str
    status: str
    progress: int
    message: str
    created: str
    seconds_left: float | None
    megapixels_per_second: float | None
    former: str = ""
    """With which words its scene was read, where it is read otherwise now."""

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.status in LIVE

    @classmethod
    def of(cls, document: dict[str, Any]) -> Job:
        """Read a job's JSON (OGC's statusInfo)."""
        with _reading("job"):
            return cls(
                id=str(document["jobID"]),
                scene=str(document.get("scene", "")),
                status=str(document["status"]),
                progress=int(document.get("progress") or 0),
                message=str(document.get("message") or ""),
                created=str(document.get("created", "")),
                seconds_left=document.get("secondsLeft"),
                megapixels_per_second=document.get("megapixelsPerSecond"),
                former=str(document.get("formerReading") or ""),
            )


@dataclass(frozen=True)
class Tiles:
    """Where a layer's tiles are: `query` holds the version and, where keys are set, a signature."""

    scene: str
    layer: str
    name: str
    description: str
    minzoom: int
    maxzoom: int
    bounds: Box
    query: str
    legend: bytes = b""
    """A picture (PNG) of what the colours mean."""

    @property
    def signed(self) -> bool:
        """Whether the URL opens without a key."""
        return any(pair.startswith("signature=") for pair in self.query.split("&"))

    @classmethod
    def of(cls, document: dict[str, Any], scene: str, layer: str, legend: bytes = b"") -> Tiles:
        """Read a TileJSON."""
        with _reading("TileJSON"):
            bounds = document["bounds"]
            return cls(
                scene=scene,
                layer=layer,
                name=str(document.get("name", scene)),
                description=str(document.get("description", "")),
                minzoom=int(document.get("minzoom", 0)),
                maxzoom=int(document.get("maxzoom", 18)),
                bounds=(float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])),
                query=str(document["tiles"][0]).partition("?")[2],
                legend=legend,
            )


@dataclass(frozen=True)
class Results:
    """Files of a job: `queries` has, for each that there is, the query that opens it ("" where no key is needed)."""

    job: str
    queries: dict[str, str]
    model: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, document: dict[str, Any], job: str) -> Results:
        """Read the results document."""
        with _reading("results"):
            report = document.get("report") or {}
            report = report.get("value", report)  # services before 0.2 had it bare
            files = {name: one["href"] for name, one in document.items() if isinstance(one, dict) and "href" in one}
            return cls(
                job=job,
                queries={name: str(href).partition("?")[2] for name, href in files.items() if name != "tilejson"},
                model=f"{report.get('model', '')} {report.get('model_version', '')}".strip(),
                warnings=tuple(map(str, report.get("warnings", ()))),
                notes=tuple(map(str, report.get("notes", ()))),
            )


@dataclass(frozen=True)
class Ready:
    """What the service says of itself."""

    version: str
    ready: bool
    missing: tuple[str, ...]
    models: tuple[str, ...]


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn what a foreign answer makes of indexing and conversion into words."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        words = tr(
            "An answer of the service could not be understood ({0}). Is it a geosar service, and is the plugin as new "
            "as it is?"
        )
        raise NotAServiceError(words.format(f"{what}: {type(error).__name__}: {error}")) from error
