"""Layers of a scene that a running service holds: its tiles instead of pictures, asked for over HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from geosar.errors import GridMismatchError, SceneNotFoundError, SceneReadError, UsageError
from geosar.vocabulary import Unit
from geosar_webmap.mapfile.layers import ERROR_LEGEND, Layer, Legend, sar_legend, sar_name, synthetic_notice

_SECONDS = 20
_NAMES = {"reference": "True optical", "live": "Synthetic optical, live", "optical": "Synthetic optical"}


def tile_layers(service: str, scene: str, *, key: str | None = None) -> tuple[str, list[Layer]]:
    """Return a scene's name and its layers: SAR, the translation (live while there is none), its error, the reference.

    `service` is the URL of the service, `scene` an identifier that it knows, `key` an API key if it wants one.
    Raises UsageError, SceneNotFoundError, SceneReadError where it does not answer, GridMismatchError for a scene
    without georeference.
    """
    if urlsplit(service).scheme not in {"http", "https"}:
        raise UsageError(f"{service!r} is no URL of a service; give one such as http://127.0.0.1:8000.")
    base = f"{service.rstrip('/')}/scenes/{quote(scene, safe='')}"
    document = _ask(base, key)
    name = str(document.get("name") or scene)
    if not document.get("georeferenced"):
        raise GridMismatchError(f"{name} has no georeference, so the service has no map tiles of it. Show its files.")
    there = document["layers"]
    wanted = ["sar", "optical" if "optical" in there else "live", "error", "reference"]
    return name, [_layer(base, layer, document, key) for layer in wanted if layer in there]


def _layer(base: str, layer: str, told: Mapping[str, Any], key: str | None) -> Layer:
    tiles = _ask(f"{base}/{layer}/tilejson.json", key)
    west, south, east, north = tiles["bounds"]
    description = told["description"]
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
        name=title, detail=str(told["name"]), bounds=((south, west), (north, east)), tiles=tiles, legend=legend,
        notice=synthetic_notice(told["name"], model) if synthetic else None,
        shape=(told.get("height", 0), told.get("width", 0)),
    )  # fmt: skip


def _ask(url: str, key: str | None) -> dict[str, Any]:
    headers = {"Accept": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http and https only, see above
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            document: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        kind = SceneNotFoundError if error.code == 404 else SceneReadError
        raise kind(f"{url} answered {error.code}: {_detail(error)}") from error
    except ValueError as error:
        raise SceneReadError(f"{url} answered no JSON; expected a geosar service at that URL.") from error
    except OSError as error:  # URLError, timeouts
        reason = getattr(error, "reason", None) or error
        raise SceneReadError(f"{url} did not answer: {reason}. Is the service running (`geosar serve`)?") from error
    return document


def _detail(error: urllib.error.HTTPError) -> str:
    """Return the reason that the service tells in its problem document."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.reason}; check the URL, the scene and the key."
