"""A service on this computer that begins and ends with QGIS; geosar is never installed into QGIS's Python."""

from __future__ import annotations

import re
import shutil
from collections import deque
from pathlib import Path

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QObject, QProcess, QProcessEnvironment, QStandardPaths, pyqtSignal
from qgis.PyQt.QtNetwork import QHostAddress, QTcpServer

from . import log
from .client.messages import ClientError
from .words import tr

PLACE, STORE, PORT = "geosar/local/place", "geosar/local/store", "geosar/local/port"
SAID = re.compile(r"http://127\.0\.0\.1:\d+")
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA")
"""What QGIS's own installation may have set for itself, and misleads another Python."""
LINES = 12
GRACE_MILLISECONDS = 12_000
"""A service takes up to ten seconds to end what it answers."""


def place() -> str:
    """Return where geosar is installed, as the user named it; "" for the PATH."""
    return str(QgsSettings().value(PLACE, "") or "")


def store() -> Path:
    """Return the folder of scenes and results."""
    data = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)
    return Path(str(QgsSettings().value(STORE, "") or "") or Path(data, "geosar-store"))


def remember(named: str, folder: str) -> None:
    """Keep where geosar is installed, and the folder of its scenes."""
    QgsSettings().setValue(PLACE, named)
    QgsSettings().setValue(STORE, folder)


def program(named: str) -> str:
    """Return geosar's program: of an environment, the file that is named, or one on the PATH. Raises ClientError."""
    if not named:
        executable = shutil.which("geosar") or shutil.which("geosar", path=str(Path.home() / ".local" / "bin"))
        if executable is None:
            raise ClientError(tr("geosar is not on the PATH. Name the environment in which it is installed."))
        return executable
    path = Path(named).expanduser()
    inside = ("bin/geosar", "Scripts/geosar.exe", "geosar", ".venv/bin/geosar", ".venv/Scripts/geosar.exe")
    for one in (path, *(path / name for name in inside)):
        if one.is_file():
            return str(one)
    expected = tr("There is no geosar in {0}. Expected the folder of a Python environment, or the program geosar.")
    raise ClientError(expected.format(path))


class LocalService(QObject):
    """The process."""

    began = pyqtSignal(str)
    """It listens at this URL."""
    ended = pyqtSignal(str)
    """What it said last; "" where it was asked to end."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.url = ""
        self._asked = False
        self._lines: deque[str] = deque(maxlen=LINES)
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._listen)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)

    @property
    def running(self) -> bool:
        """Whether it runs, or begins to."""
        return bool(self._process.state() != QProcess.ProcessState.NotRunning)

    def start(self) -> None:
        """Begin; raises ClientError where there is no geosar."""
        command, folder = program(place()), store()
        environment = QProcessEnvironment.systemEnvironment()
        for name in FOREIGN:
            environment.remove(name)
        self._process.setProcessEnvironment(environment)
        self._asked = False
        self._lines.clear()
        arguments = ["serve", "--port", str(_port()), "--store", str(folder), "--until-eof", "--log-format", "text"]
        log.note(" ".join([command, *arguments]))
        self._process.start(command, [*arguments, "--log-level", "warning"])

    def stop(self) -> None:
        """Have it end."""
        self._asked = True
        self._process.closeWriteChannel()

    def end(self) -> None:
        """Have it end, and wait for that; by force where it takes too long."""
        self._process.blockSignals(True)
        self.stop()
        if self.running and not self._process.waitForFinished(GRACE_MILLISECONDS):
            self._process.kill()
            self._process.waitForFinished(GRACE_MILLISECONDS)

    def _listen(self) -> None:
        output = bytes(self._process.readAllStandardOutput()).decode("utf-8", "replace")
        match = SAID.search(output)
        if match is not None and not self.url:
            self.url = match[0]
            QgsSettings().setValue(PORT, int(self.url.rpartition(":")[2]))
            self.began.emit(self.url)

    def _hear(self) -> None:
        for line in bytes(self._process.readAllStandardError()).decode("utf-8", "replace").splitlines():
            if line.strip():
                self._lines.append(line.strip())
                log.note(line)

    def _finished(self, *_how: object) -> None:
        self._hear()
        self.url = ""
        last = self._lines[-1].removeprefix("Error: ") if self._lines else tr("it said nothing")
        self.ended.emit("" if self._asked else last)

    def _failed(self, error: object) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # which is not said to have finished
            self.ended.emit(self._process.errorString())


def _port() -> int:
    """Return the port of the last time, so that layers of saved projects are found again; 0 where it is taken."""
    last = int(QgsSettings().value(PORT, 0) or 0)
    probe = QTcpServer()
    free = probe.listen(QHostAddress("127.0.0.1"), last)
    probe.close()
    return last if free else 0
