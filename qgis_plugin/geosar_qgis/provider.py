"""The Processing provider: in the toolbox, in models, in batch, and for qgis_process."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms.base import FOLDER
from .algorithms.list_scenes import ListScenesAlgorithm
from .algorithms.translate import TranslateAlgorithm
from .algorithms.translate_scene import TranslateSceneAlgorithm
from .algorithms.upload import UploadAlgorithm
from .words import tr


class GeosarProvider(QgsProcessingProvider):
    """SAR to optical."""

    def id(self) -> str:
        """Return the id, which scripts and models name."""
        return "geosar"

    def name(self) -> str:
        """Return the name in the toolbox."""
        return tr("SAR to optical")

    def longName(self) -> str:
        """Return the name with what makes it."""
        return tr("SAR to optical (geosar)")

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(FOLDER / "icon.svg"))

    def svgIconPath(self) -> str:
        """Return the icon's file."""
        return str(FOLDER / "icon.svg")

    def loadAlgorithms(self) -> None:
        """Add the algorithms."""
        for kind in (TranslateAlgorithm, TranslateSceneAlgorithm, UploadAlgorithm, ListScenesAlgorithm):
            self.addAlgorithm(kind())
