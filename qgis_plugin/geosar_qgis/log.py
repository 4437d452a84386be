"""The log panel's tab, and errors in the message bar: words there, details here."""

from __future__ import annotations

import traceback
from typing import Any, Callable

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtWidgets import QPushButton

from .client.messages import ClientError
from .words import tr

TAB = "SAR to optical"
SECONDS = 12
SHORT = 90
"""Letters that the message bar shows in one line."""


def note(text: str) -> None:
    """Write a line."""
    QgsMessageLog.logMessage(text, TAB, Qgis.MessageLevel.Info, False)


def warn(text: str) -> None:
    """Write a line that is marked, without a notice."""
    QgsMessageLog.logMessage(text, TAB, Qgis.MessageLevel.Warning, False)


def tell(bar: Any, error: Exception) -> None:
    """Say in the message bar what went wrong; what nobody foresaw has its details in the log."""
    if isinstance(error, ClientError):
        words = str(error)
        warn(f"{type(error).__name__}: {words}")
    else:
        words = tr("Something went wrong that nobody foresaw ({0}). The log panel says more.").format(
            type(error).__name__
        )
        warn("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    if bar is None:
        return
    first, cut, _ = words.partition(". ")
    if len(words) <= SHORT or not cut:
        bar.pushMessage(TAB, words, Qgis.MessageLevel.Warning, SECONDS)
    else:  # all of it behind a button of the bar's own
        bar.pushMessage(TAB, f"{first}.", words, Qgis.MessageLevel.Warning, SECONDS)


def say(bar: Any, words: str, act: tuple[str, Callable[[], None]] | None = None) -> None:
    """Say in the message bar that something is done, and offer what may come next: the words of a button, its act."""
    note(words)
    if bar is None:
        return
    item = bar.createMessage(TAB, words)
    if act is not None:
        button = QPushButton(act[0])
        button.clicked.connect(lambda _checked: bar.popWidget(item))
        button.clicked.connect(lambda _checked, begin=act[1]: begin())
        item.layout().addWidget(button)
    bar.pushWidget(item, Qgis.MessageLevel.Success, SECONDS)
