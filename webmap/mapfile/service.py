"""Layers of a scene that a running service holds: its tiles instead of pictures, asked for over HTTP."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from geosar.errors import GridMismatchError, SceneNotFoundError, SceneReadError
from geosar.models.service import ServiceError, ask
from geosar.vocabulary import Unit
from geosar_webmap.mapfile.layers import ERROR_LEGEND, Layer, Legend, sar_legend, sar_name, synthetic_notice

_NAMES = {"reference": "True optical", "live": "Synthetic optical, live", "optical": "Synthetic optical"}


def tile_layers(service: str, scene: str, *, key: str | None = None) -> tuple[str, list[Layer]]:
    """Return a scene's name and its layers: SAR, the translation (live while there is none), its error, the reference.

    `service` is the URL of the service, `scene` an identifier that it knows, `key` an API key if it wants one.
    Raises UsageError, SceneNotFoundError, SceneReadError where it does not answer, GridMismatchError for a scene
    without georeference.
    """
    base = f"{service.rstrip('/')}/scenes/{quote(scene, safe='')}"
    document = _ask(base, key)
    name = str(document.get("name") or scene)
    if not document.get("georeferenced"):
        raise GridMismatchError(f"{name} has no georeference, so the service has no map tiles of it. Show its files.")
    there = document["layers"]
    names = ["sar", "optical" if "optical" in there else "live", "error", "reference"]
    return name, [_layer(base, layer, document, key) for layer in names if layer in there]


def _layer(base: str, layer: str, document: Mapping[str, Any], key: str | None) -> Layer:
    tiles = _ask(f"{base}/{layer}/tilejson.json", key)
    west, south, east, north = tiles["bounds"]
    description = document["description"]
    legend: Legend | None = ERROR_LEGEND if layer == "error" else None
    if layer == "sar":
        polarisation, figures = description["polarisations"][0], next(iter(description["statistics"].values()))
        legend = sar_legend(polarisation, Unit.parse(description["unit"]), figures["p02"], figures["p98"])
        title = sar_name(polarisation)
    else:
        title = _NAMES.get(layer, "Expected error")
    synthetic = bool(tiles.get("synthetic")) and layer != "reference"
    model = str(tiles.get("description", "")).rpartition("model ")[2] or "that is unknown"
    return Layer(
        role="sar" if layer == "sar" else "error" if layer == "error" else "optical",
        name=title, detail=str(document["name"]), bounds=((south, west), (north, east)), tiles=tiles, legend=legend,
        notice=synthetic_notice(document["name"], model) if synthetic else None,
        shape=(document.get("height", 0), document.get("width", 0)),
    )  # fmt: skip


def _ask(url: str, key: str | None) -> dict[str, Any]:
    try:
        return ask(url, key=key)
    except ServiceError as error:
        kind = SceneNotFoundError if error.status == 404 else SceneReadError
        raise kind(str(error)) from error
