"""Rasters that are dropped on the panel: files of the desktop, entries of QGIS's browser, layers of the layer list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsMimeDataUtils, QgsRasterLayer

from ..client.messages import ClientError
from ..client.uploads import polarisation_in
from ..export import source_of
from ..words import tr

NUMBERED = re.compile(r"^(s1.-.*)-00\d$", re.IGNORECASE)
"""Sentinel-1 numbers the files of a product: `...-vv-...-001.tiff`, `...-vh-...-002.tiff`."""


@dataclass(frozen=True)
class Dropped:
    """A raster to be sent, with the one that holds its other polarisation."""

    layer: Any
    second: Any = None

    @property
    def name(self) -> str:
        """Return what it is called where it is asked for."""
        return " + ".join(one.name() for one in (self.layer, self.second) if one is not None)


def may_hold_rasters(data: Any) -> bool:
    """Say whether what is dragged may be dropped; what it holds is looked at when it is."""
    if QgsMimeDataUtils.isUriList(data):
        return any(one.layerType == "raster" for one in QgsMimeDataUtils.decodeUriList(data))
    return any(url.isLocalFile() for url in data.urls())


def rasters_in(data: Any) -> list[Dropped]:
    """Open what was dropped; raises ClientError for the first that can't be sent."""
    if QgsMimeDataUtils.isUriList(data):
        layers = [_of_uri(one) for one in QgsMimeDataUtils.decodeUriList(data) if one.layerType == "raster"]
    else:
        layers = [_of_path(Path(url.toLocalFile())) for url in data.urls() if url.isLocalFile()]
    for layer in layers:
        source_of(layer)
    return paired(layers)


def paired(layers: list[Any]) -> list[Dropped]:
    """Put two layers together whose names differ in their polarisation alone."""
    pairs: list[Dropped] = []
    places: dict[str, int] = {}
    for layer in layers:
        polarisation = polarisation_in(layer.name())
        rest = re.sub(rf"(?i)(^|[-_. ]){polarisation}(?=[-_. ]|$)", "*", NUMBERED.sub(r"\1", layer.name()).lower())
        other = places.get(rest) if polarisation else None
        if other is not None and polarisation_in(pairs[other].layer.name()) != polarisation:
            pairs[other] = Dropped(pairs[other].layer, layer)
            del places[rest]
            continue
        if polarisation:
            places[rest] = len(pairs)
        pairs.append(Dropped(layer))
    return pairs


def question(dropped: list[Dropped], connection: str) -> str:
    """Ask whether it shall be sent."""
    names = "\n".join(f"- {one.name}" for one in dropped)
    return tr("Send to {0}?").format(connection) + f"\n\n{names}"


def _of_uri(uri: Any) -> Any:
    of_project = uri.mapLayer() if uri.layerId else None
    return of_project or QgsRasterLayer(uri.uri, uri.name, uri.providerKey)


def _of_path(path: Path) -> QgsRasterLayer:
    layer = QgsRasterLayer(str(path), path.stem, "gdal")
    if not layer.isValid():
        raise ClientError(tr("{0} is no raster that QGIS can read.").format(path.name))
    return layer
