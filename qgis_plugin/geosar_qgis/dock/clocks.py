"""Clocks that strike once, until they are wound up again."""

from __future__ import annotations

from typing import Any, Callable

from qgis.PyQt.QtCore import QObject, QTimer


def single_shot(parent: QObject, act: Callable[[], Any]) -> QTimer:
    """Make a clock that does something once after each start."""
    made = QTimer(parent)
    made.setSingleShot(True)
    made.timeout.connect(act)
    return made
