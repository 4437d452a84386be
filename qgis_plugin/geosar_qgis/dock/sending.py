"""Uploads from the panel: the algorithm of the toolbox, in QGIS's task manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsTask,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QMessageBox, QWidget

from ..client.messages import ClientError
from ..connections import Connection
from ..export import source_of
from ..words import tr
from .dropping import Dropped, question
from .jobs import JobsTab


@dataclass
class _Running:
    name: str
    task: QgsProcessingAlgRunnerTask
    context: QgsProcessingContext
    feedback: Any


class Words(QgsProcessingFeedback):
    """Keeps the last words of an algorithm, and the error."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__(False)
        self.words = ""
        self.trouble = ""
        self.progressChanged.connect(self.changed)

    def setProgressText(self, text: str) -> None:
        """Keep it."""
        self.words = text
        self.changed.emit()

    def reportError(self, error: str, _fatal: bool = False) -> None:
        """Keep it."""
        self.trouble = error


class Uploads(QObject):
    """Begins uploads, shows them in the tab of jobs, and tells how they ended."""

    done = pyqtSignal(str, object)
    """The scene, or "" and the error."""

    def __init__(self, tab: JobsTab, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tab = tab
        self._running: dict[str, _Running] = {}
        self._count = 0

    def begin(self, layer: Any, connection: Connection, second: Any = None) -> None:
        """Send a layer, with the one that holds its other polarisation; raises ClientError when it cannot be sent."""
        parameters = self._parameters(layer, connection)
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        if second is not None:
            parameters["SECOND"] = second.id()
        for one in filter(None, (layer, second)):
            if QgsProject.instance().mapLayer(one.id()) is None:
                context.temporaryLayerStore().addMapLayer(one)
        feedback = Words()
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("geosar:upload")
        task = runner(algorithm, parameters, context, feedback)
        if task.isCanceled():  # it could not even be prepared, and will never be said to have been executed
            raise ClientError(feedback.trouble or tr("The upload failed; see the log panel."))
        self._count += 1
        key = f"upload:{self._count}"
        self._running[key] = _Running(layer.name(), task, context, feedback)  # which keeps a layer that was dropped
        feedback.changed.connect(lambda: self._show(key))
        task.executed.connect(lambda good, results: self._executed(key, bool(good), results))
        self._show(key)
        QgsApplication.taskManager().addTask(task)

    def offer(self, dropped: list[Dropped], connection: Connection, parent: QWidget) -> bool:
        """Ask whether to send what was dropped, and send it; raises ClientError when it cannot be sent."""
        button = QMessageBox.question(parent, tr("Upload"), question(dropped, connection.name))
        if button != QMessageBox.StandardButton.Yes:
            return False
        for one in dropped:
            self.begin(one.layer, connection, one.second)
        return True

    def ask_details(self, layer: Any, connection: Connection) -> None:
        """Open the dialog that sends a layer; raises ClientError when it cannot be sent."""
        self.ask("geosar:upload", self._parameters(layer, connection))

    @staticmethod
    def _parameters(layer: Any, connection: Connection) -> dict[str, Any]:
        if not isinstance(layer, QgsRasterLayer):
            raise ClientError(tr("No raster layer is selected. Select the SAR image in the layer list first."))
        source_of(layer)
        return {"INPUT": layer.id(), "CONNECTION": connection.name}

    def ask(self, algorithm: str, parameters: dict[str, Any]) -> None:
        """Open an algorithm's own dialog."""
        import processing  # noqa: PLC0415 - a plugin of QGIS's own, which may be off

        processing.execAlgorithmDialog(algorithm, parameters)

    def cancel(self, key: str) -> None:
        """Stop an upload."""
        running = self._running.get(key)
        if running is not None:
            running.feedback.cancel()

    def stop(self) -> None:
        """Stop all of them, without a word."""
        for running in self._running.values():
            running.feedback.changed.disconnect()
            running.task.executed.disconnect()
            running.feedback.cancel()
        self._running.clear()

    def _show(self, key: str) -> None:
        running = self._running.get(key)
        if running is not None:
            feedback = running.feedback
            words = feedback.words or tr("Beginning")
            self._tab.show_transfer(key, running.name, tr("being sent"), feedback.progress(), words)

    def _executed(self, key: str, good: bool, results: dict[str, Any]) -> None:
        running = self._running.pop(key, None)
        self._tab.drop_transfer(key)
        if running is None:
            return
        if good:
            self.done.emit(str(results.get("SCENE_ID", "")), None)
        elif not running.feedback.isCanceled():
            error = ClientError(running.feedback.trouble or tr("The upload failed; see the log panel."))
            # After QGIS's own notice that a task failed, which says no reason and would lie over this one.
            QTimer.singleShot(0, lambda: self.done.emit("", error))


def runner(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
) -> QgsProcessingAlgRunnerTask:
    """Make the task of an algorithm; without a notice of QGIS's own when it ends, where that can be (3.26)."""
    silent = getattr(QgsTask.Flag, "Silent", None)
    if silent is None:
        return QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    return QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback, QgsTask.Flag.CanCancel | silent)
