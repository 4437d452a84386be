"""Results that are saved as files from the panel: where to, how far it is, and what comes of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from ..client.answers import Scene
from ..client.messages import Flow, Progress
from ..client.service import Service
from ..connections import Connection
from ..network import Conversation
from ..words import tr
from .adding import file_of
from .jobs import JobsTab

FOLDER = "geosar/folder"


def ask_where(parent: QWidget, scene: Scene, output: str) -> Path | None:
    """Ask for the file's name, begun with one that says what it holds; None where nothing is to be saved."""
    stem = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in Path(scene.name).stem)
    begun = Path(str(QgsSettings().value(FOLDER, "") or Path.home()), f"{stem}_{output}.tif")
    named, _filter = QFileDialog.getSaveFileName(
        parent, tr("Save as a file"), str(begun), tr("GeoTIFF (*.tif)")
    )  # asks before it writes over a file
    if not named:
        return None
    QgsSettings().setValue(FOLDER, str(Path(named).parent))
    return Path(named) if Path(named).suffix else Path(f"{named}.tif")


class Downloads(QObject):
    """Fetches files, shown among the jobs."""

    done = pyqtSignal(object, str, object, object)
    """The scene, what it is, the path, and the model and the legend; or the error."""

    def __init__(self, tab: JobsTab, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tab = tab
        self._running: dict[str, Conversation] = {}
        self._count = 0

    def begin(self, connection: Connection, scene: Scene, output: str, job: str, path: Path) -> None:
        """Fetch a file of a job, or of the latest that has it."""
        self._count += 1
        key = f"save:{self._count}"

        def tell(share: float, words: str) -> None:
            self._tab.show_transfer(key, path.name, tr("being saved"), 100 * share, words)

        service = Service(connection.url)
        flow = fetched(service, file_of(service, scene, output, job), path, tell)
        conversation = Conversation(flow, connection, self)
        self._running[key] = conversation
        tell(0.0, tr("Beginning"))
        conversation.succeeded.connect(partial(self._ended, key, scene, output, path))
        conversation.failed.connect(partial(self._ended, key, scene, output, path))

    def cancel(self, key: str) -> None:
        """Give one up; nothing of it is left."""
        conversation = self._running.pop(key, None)
        if conversation is not None:
            conversation.stop()
            self._tab.drop_transfer(key)

    def stop(self) -> None:
        """Give all up."""
        for key in list(self._running):
            self.cancel(key)

    def _ended(self, key: str, scene: Scene, output: str, path: Path, answer: Any) -> None:
        self._running.pop(key, None)
        self._tab.drop_transfer(key)
        self.done.emit(scene, output, path, answer)


def fetched(
    service: Service, question: Flow[tuple[str, str, bytes]], path: Path, tell: Progress
) -> Flow[tuple[str, bytes]]:
    """Ask where a file is, and fetch it; returns the model that made it, and its legend."""
    url, model, legend = yield from question
    yield from service.download(url, path, tell)
    return model, legend
