"""The words that say what an output is: tags of the TIFF, and a STAC item beside it."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import pyproj
import pystac

from geosar.display import DESPECKLED_TITLE, ERROR_FILE_TITLE, QUICKLOOK_TITLE, SYNTHETIC_TITLE
from geosar.footprint import footprint
from geosar.grid import MapGrid
from geosar.scene.untrusted import open_geotiff
from geosar.version import __version__

EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
)
_JOINT = ", "
"""Between several sources of one scene, as `SarScene.source` joins them."""
_REMOTE = {"http", "https", "s3", "gs", "az", "ftp"}
_BANDS = {
    "red": "Synthetic red, 0 to 255",
    "green": "Synthetic green, 0 to 255",
    "blue": "Synthetic blue, 0 to 255",
    "error": "Expected absolute error of the synthetic colours, in steps of 0 to 255",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """
    Where an output comes from.

    `source` may be any path or URL: only its name, and of a URL what is no secret, is ever told. `unit` and
    `polarisations` are those of the source as read; `acquired` is when it was taken, None if unknown;
    `notes` are what was inferred, in plain words. `placement` says what put the source on the map, and by how many
    metres a place is expected to be off, where that is known.
    """

    source: str
    unit: str
    polarisations: tuple[str, ...]
    model: str
    model_version: str
    model_sha256: str
    acquired: datetime | None = None
    notes: tuple[str, ...] = ()
    placement: str | None = None
    placement_error_metres: float | None = None

    @property
    def statement(self) -> str:
        """The one sentence that must stand wherever the image is shown."""
        return f"Synthetic optical image made from SAR by model {self.model} {self.model_version}; not an observation"

    @property
    def error_statement(self) -> str:
        """The same for the error band."""
        return (
            f"Expected absolute error (0 to 255) of a synthetic optical image made from SAR by model "
            f"{self.model} {self.model_version}; an estimate of the model, not an observation"
        )

    @property
    def despeckled_statement(self) -> str:
        """The same for despeckled backscatter, which is no synthetic image."""
        return (
            f"Backscatter of the SAR source, its speckle filtered by model {self.model} {self.model_version}: "
            "estimated from the observation, not synthetic, and not the measurement itself"
        )


def source_name(source: str | os.PathLike[str]) -> str:
    """Return the last part of a path or URL, or of several joined by commas: no folders, no host, no secrets."""
    return ", ".join(_last_part(one) for one in os.fspath(source).split(_JOINT))


def _last_part(source: str) -> str:
    bare = public_url(source) or source
    return re.split(r"[/\\]", bare.rstrip("/\\"))[-1] or "unknown"


def public_url(source: str | os.PathLike[str]) -> str | None:
    """Return a URL without user, password, query and fragment; None for what is no single URL."""
    text = re.sub(r"^/vsicurl(_streaming)?/", "", os.fspath(source))
    parts = urlsplit(text)
    if parts.scheme.lower() not in _REMOTE or _JOINT in text:
        return None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


Kind = Literal["optical", "error", "despeckled"]
"""What a file of a translation holds."""


def tags(provenance: Provenance, kind: Kind = "optical") -> dict[str, str]:
    """Return the tags of the TIFF of that kind."""
    statements = {
        "optical": provenance.statement,
        "error": provenance.error_statement,
        "despeckled": provenance.despeckled_statement,
    }
    values = {
        "TIFFTAG_IMAGEDESCRIPTION": statements[kind],
        "TIFFTAG_SOFTWARE": f"geosar {__version__}",
        **(
            {"GEOSAR_SYNTHETIC": "NO", "GEOSAR_ESTIMATED": "YES"}
            if kind == "despeckled"
            else {"GEOSAR_SYNTHETIC": "YES"}
        ),
        "GEOSAR_MODEL": f"{provenance.model} {provenance.model_version}",
        "GEOSAR_MODEL_SHA256": provenance.model_sha256,
        "GEOSAR_SOURCE": source_name(provenance.source),
        "GEOSAR_SOURCE_UNIT": provenance.unit,
        "GEOSAR_POLARISATION": ",".join(provenance.polarisations),
    }
    if provenance.acquired is not None:
        values["GEOSAR_SOURCE_ACQUIRED"] = _timestamp(provenance.acquired)
    if provenance.notes:
        values["GEOSAR_NOTES"] = " | ".join(_without_folders(note, provenance.source) for note in provenance.notes)
    return values


def stac_item(
    cog_path: str | os.PathLike[str],
    provenance: Provenance,
    *,
    error_band: str | os.PathLike[str] | None = None,
    despeckled: str | os.PathLike[str] | None = None,
    quicklook: str | os.PathLike[str] | None = None,
    created: datetime | None = None,
) -> dict[str, Any]:
    """
    Describe a finished output as a STAC 1.1 item with the projection, processing and raster extensions.

    Parameters
    ----------
    cog_path
        The optical COG; grid and bands are read from it. Assets are named relative to the item, which is
        meant to lie in the same folder.
    provenance
        Where it comes from. Without a time of acquisition the item bears the time of its making, and says so.
    error_band, despeckled, quicklook
        Further files that were made with it.
    created
        When it was made; now, if not given.

    Returns
    -------
    A GeoJSON feature, ready for `json.dump`. An image without CRS has the geometry None.

    """
    created = _utc(created or datetime.now(UTC))
    path = Path(cog_path)
    with open_geotiff(path) as dataset:
        grid = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
    outline = footprint(grid)
    geometry, bbox = outline or (None, None)
    item = pystac.Item(
        id=path.stem,
        geometry=geometry,
        bbox=bbox,
        datetime=_utc(provenance.acquired or created),
        properties={
            "title": f"{path.stem}: synthetic optical image from SAR",
            "description": provenance.statement + ("" if provenance.acquired else _UNKNOWN_TIME) + ".",
            "created": _timestamp(created),
            **_projection(grid),
            "processing:software": {"geosar": __version__},
            "processing:lineage": (
                f"{provenance.statement}. Source: {source_name(provenance.source)}, "
                f"polarisation {', '.join(provenance.polarisations)}, unit {provenance.unit}."
            ),
            "geosar:synthetic": True,
            "geosar:model": provenance.model,
            "geosar:model_version": provenance.model_version,
            "geosar:model_sha256": provenance.model_sha256,
            "geosar:source": source_name(provenance.source),
            "geosar:source_unit": provenance.unit,
            "geosar:polarisations": list(provenance.polarisations),
            **_placement(provenance),
            "geosar:notes": [_without_folders(note, provenance.source) for note in provenance.notes],
        },
        stac_extensions=list(EXTENSIONS),
    )
    item.add_asset("optical", _cog(path, SYNTHETIC_TITLE, ["red", "green", "blue"], ["data", "visual"]))
    if error_band is not None:
        item.add_asset("error", _cog(Path(error_band), ERROR_FILE_TITLE, ["error"], ["data"]))
    if despeckled is not None:
        item.add_asset("despeckled", _despeckled(Path(despeckled), provenance))
    if quicklook is not None:
        href = f"./{Path(quicklook).name}"
        item.add_asset(
            "quicklook", pystac.Asset(href, QUICKLOOK_TITLE, media_type=pystac.MediaType.PNG, roles=["overview"])
        )
    url = public_url(provenance.source)
    if url is not None:
        item.add_link(pystac.Link(pystac.RelType.VIA, url, title="The SAR source"))
    return item.to_dict(include_self_link=False, transform_hrefs=False)


_UNKNOWN_TIME = "; when the SAR image was taken is not known, the time given is that of making"


def _cog(path: Path, title: str, bands: list[str], roles: list[str]) -> pystac.Asset:
    described: list[dict[str, Any]] = [
        {"name": name, "description": _BANDS[name], "data_type": "uint8"} for name in bands
    ]
    raster = [{"data_type": "uint8", "sampling": "area", "bits_per_sample": 8} for _ in bands]
    fields = {"bands": described, "raster:bands": raster}
    return pystac.Asset(f"./{path.name}", title, media_type=pystac.MediaType.COG, roles=roles, extra_fields=fields)


def _despeckled(path: Path, provenance: Provenance) -> pystac.Asset:
    described: list[dict[str, Any]] = [
        {"name": name, "description": f"Despeckled {name}, decibels", "data_type": "float32", "unit": "dB"}
        for name in provenance.polarisations
    ]
    raster = [{"data_type": "float32", "sampling": "area", "unit": "dB"} for _ in described]
    return pystac.Asset(
        f"./{path.name}", DESPECKLED_TITLE, media_type=pystac.MediaType.COG, roles=["data"],
        extra_fields={"bands": described, "raster:bands": raster},
    )  # fmt: skip


def _placement(provenance: Provenance) -> dict[str, Any]:
    if provenance.placement is None:
        return {}
    error = provenance.placement_error_metres
    return {"geosar:placement": provenance.placement} | (
        {} if error is None else {"geosar:placement_error_metres": round(error, 1)}
    )


def _projection(grid: MapGrid) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "proj:code": None,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "proj:bbox": list(grid.bounds),
    }
    if grid.crs is not None:
        authority = grid.crs.to_authority()
        if authority is not None:
            fields["proj:code"] = ":".join(authority)
        else:
            fields["proj:wkt2"] = pyproj.CRS.from_wkt(grid.crs.to_wkt()).to_wkt("WKT2_2019")
    return fields


def _without_folders(note: str, source: str) -> str:
    """Say a source's name where a note says its whole path or URL."""
    for one in source.split(_JOINT):
        note = note.replace(one, _last_part(one))
    return note


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _timestamp(moment: datetime) -> str:
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
