"""Signatures in the URLs of layers expire; this renews them before, and when an old project is opened."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

from qgis.core import QgsPathResolver, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, QTimer

from . import log
from .client.messages import ClientError, Flow
from .client.service import Service
from .client.urls import Place, place_of, template_in
from .connections import Connection, owner_of
from .layers import cog_source, set_box, xyz_source
from .network import Conversation, carry_out
from .words import tr

LOOK_SECONDS = 60
OPENING_SECONDS = 10.0


def url_in(source: str) -> str:
    """Return the URL of the service in a layer's source, "" where there is none."""
    if source.startswith("/vsicurl?"):
        return parse_qs(source.partition("?")[2]).get("url", [""])[0]
    return source if source.startswith("/vsicurl/") else template_in(source)


def expiring(source: str, margin: float | None = None) -> tuple[Place, Connection] | None:
    """Read a layer's source: what it shows and whose service that is, where its signature is over or nearly so."""
    place = place_of(url_in(source))
    if place is None or not (place.expires() if margin is None else place.expires(margin=margin)):
        return None
    connection = owner_of(place.base)
    return None if connection is None else (place, connection)


def renewed(place: Place, connection: Connection) -> Flow[Any]:
    """Ask for the same thing anew; gives the tiles of a layer, or the URL of a file."""
    service = Service(connection.url)
    if place.job:
        results = yield from service.results(place.job)
        return service.result_url(results, place.output)
    return (yield from service.tiles(place.scene, place.layer, **place.unsigned))


class Renewal(QObject):
    """Looks at the project's layers once a minute, and whenever a project was read."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._under_way: set[str] = set()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.look)
        self._clock.start(1000 * LOOK_SECONDS)
        QgsProject.instance().readProject.connect(self._opened)
        # A file whose signature is over cannot be opened at all, so its path is renewed before QGIS opens it.
        self._preprocessor = QgsPathResolver.setPathPreprocessor(self._path)
        self._silent: set[str] = set()

    def stop(self) -> None:
        """Let go of everything."""
        self._clock.stop()
        QgsPathResolver.removePathPreprocessor(self._preprocessor)
        QgsProject.instance().readProject.disconnect(self._opened)
        for conversation in self.findChildren(Conversation):
            conversation.stop()
        self.deleteLater()

    def look(self) -> None:
        """Renew what is nearly over."""
        for layer in QgsProject.instance().mapLayers().values():
            nearly_over = expiring(layer.source()) if isinstance(layer, QgsRasterLayer) else None
            if nearly_over is not None and layer.id() not in self._under_way:
                self._renew(layer, *nearly_over)

    def _opened(self, *_document: Any) -> None:
        self._silent.clear()
        for layer in QgsProject.instance().mapLayers().values():
            bounds = str(layer.customProperty("geosar/bounds", "") or "")
            if bounds:
                west, south, east, north = map(float, bounds.split(","))
                set_box(layer, (west, south, east, north))
        self.look()

    def _renew(self, layer: QgsRasterLayer, place: Place, connection: Connection) -> None:
        identifier = layer.id()
        self._under_way.add(identifier)
        conversation = Conversation(renewed(place, connection), connection, self)
        conversation.succeeded.connect(lambda value: self._renewed(identifier, connection, value))
        conversation.failed.connect(lambda error: self._failed(identifier, error))

    def _renewed(self, identifier: str, connection: Connection, value: Any) -> None:
        self._under_way.discard(identifier)
        layer = QgsProject.instance().mapLayer(identifier)
        if layer is None:
            return  # removed in the meantime
        if isinstance(value, str):
            layer.setDataSource(cog_source(value), layer.name(), "gdal")
        else:
            layer.setDataSource(xyz_source(connection, value), layer.name(), "wms")
            set_box(layer, value.bounds)
        layer.triggerRepaint()
        log.note(tr("The signature of {0} was renewed.").format(layer.name()))

    def _failed(self, identifier: str, error: ClientError) -> None:
        self._under_way.discard(identifier)
        layer = QgsProject.instance().mapLayer(identifier)
        if layer is not None:
            log.warn(tr("The signature of {0} could not be renewed: {1}").format(layer.name(), error))

    def _path(self, path: str) -> str:
        """Renew a file's URL while a project is read; a service that does not answer is asked once only."""
        if not path.startswith("/vsicurl") or "expires" not in path:
            return path
        nearly_over = expiring(path)
        if nearly_over is None or nearly_over[1].url in self._silent:
            return path
        place, connection = nearly_over
        left = [OPENING_SECONDS]

        def enough() -> bool:
            left[0] -= 0.1
            return left[0] < 0

        try:
            return cog_source(carry_out(renewed(place, connection), connection, enough))
        except ClientError as error:
            self._silent.add(connection.url)
            log.warn(tr("The signature of {0} could not be renewed: {1}").format(quote(place.job), error))
            return path
