"""What one part of the plugin did, for the others to hear: a toolbox that is done, for the panel."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal


class News(QObject):
    """Tells on the main thread."""

    changed = pyqtSignal(str)
    """Scenes or jobs of the service at this URL are others than before."""


NEWS = News()
