"""The one place where words for the user are translated."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

CONTEXT = "geosar"


def tr(text: str) -> str:
    """Return a text in the language of QGIS, where the plugin has it; placeholders are {0}, {1}."""
    return QCoreApplication.translate(CONTEXT, text)
