"""Whether QGIS is closing: then running work ends, but jobs on the service go on."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

_STATE = {"closing": False}


def closing() -> bool:
    """Say whether QGIS is closing."""
    return _STATE["closing"]


def watch() -> None:
    """Begin to watch."""
    _STATE["closing"] = False
    QCoreApplication.instance().aboutToQuit.connect(_note)


def unwatch() -> None:
    """End it."""
    QCoreApplication.instance().aboutToQuit.disconnect(_note)


def _note() -> None:
    _STATE["closing"] = True
