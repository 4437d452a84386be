"""The tab of jobs: translations on the service, and uploads from here, with their progress."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QDateTime, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..client.answers import Job
from ..client.service import left_of, words_of
from ..words import tr

KEY = Qt.ItemDataRole.UserRole
NAME, STATE = range(2)
BAR_HEIGHT = 20
TRANSFERS = ("upload:", "save:")


class JobsTab(QWidget):
    """Shows jobs and says what the user wants; the panel does it."""

    wanted = pyqtSignal(str, str)
    """
    What is wanted ("stop", "optical", "optical_file", "save_optical", "remove") and of which job; what is being sent
    is named upload:N, and what is being saved save:N.

    "clear" is wanted of all that ended without a result.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.jobs: dict[str, Job] = {}
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels([tr("Scene"), tr("State")])
        self.tree.setRootIsDecorated(False)
        self.tree.setAlternatingRowColors(True)
        self.tree.setUniformRowHeights(True)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.stop = self._button(tr("Stop"), "mTaskCancel.svg", "stop")
        self.xyz = self._button(tr("As XYZ"), "mActionAddRasterLayer.svg", "optical")
        self.cog = self._button(tr("As COG"), "mActionAddRasterLayer.svg", "optical_file")
        self.xyz.setToolTip(tr("Add the synthetic image to the map, as tiles"))
        self.cog.setToolTip(tr("Add the synthetic image to the map, as a file that stays on the service"))
        self.save = self._tool(tr("Save the synthetic image as a file ..."), "mActionFileSave.svg", "save_optical")
        self.remove = self._tool(tr("Take this job out, with its result"), "mActionDeleteSelected.svg", "remove")
        self.clear = self._tool(tr("Take out all jobs without a result"), "console/iconClearConsole.svg", "clear")
        buttons = QHBoxLayout()
        for button in (self.stop, self.xyz, self.cog, self.save, self.remove, self.clear):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addWidget(self.tree, 1)
        layout.addLayout(buttons)
        self.tree.itemSelectionChanged.connect(self._choose)
        self._choose()

    def show_jobs(self, jobs: list[Job], names: dict[str, str]) -> None:
        """Show the service's jobs; rows are changed in place, so that what is selected stays so."""
        self.jobs = {one.id: one for one in jobs}
        for row in reversed(range(self.tree.topLevelItemCount())):
            key = self._key(row)
            if key not in self.jobs and not key.startswith(TRANSFERS):
                self.tree.takeTopLevelItem(row)
        for number, job in enumerate(jobs):
            item = self._item(job.id) or self._insert(job.id, self._transfers() + number)
            name = names.get(job.scene, job.scene[:8])
            item.setText(NAME, f"{name}\n{when(job.created)}")
            item.setToolTip(NAME, name)
            item.setToolTip(STATE, words_of(job) if job.live else job.former or job.message)
            self._show(item, job.progress, state_of(job), busy=job.live)
        self._choose()

    def choose(self, key: str) -> None:
        """Select a job, where it is listed."""
        item = self._item(key)
        if item is not None:
            self.tree.setCurrentItem(item)

    def show_transfer(self, key: str, name: str, kind: str, progress: float, words: str) -> None:
        """Show what is sent from here, or saved here; `kind` says which, and progress is in per cent."""
        item = self._item(key) or self._insert(key, 0)
        item.setText(NAME, f"{name}\n{kind}")
        item.setToolTip(STATE, words)
        self._show(item, int(progress), words.partition(", ")[2] or words, busy=True)

    def drop_transfer(self, key: str) -> None:
        """Take it out of the list."""
        item = self._item(key)
        if item is not None:
            self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(item))

    def live(self) -> bool:
        """Whether something waits or runs."""
        return any(one.live for one in self.jobs.values())

    def chosen(self) -> str:
        """Return the job or transfer that is selected, "" for none."""
        item = self.tree.currentItem()
        return "" if item is None else str(item.data(NAME, KEY))

    def _show(self, item: QTreeWidgetItem, progress: int, words: str, *, busy: bool) -> None:
        if not busy:
            self.tree.removeItemWidget(item, STATE)
            item.setText(STATE, words)
            return
        if self.tree.itemWidget(item, STATE) is None:
            self.tree.setItemWidget(item, STATE, framed_bar())
        bar = self.tree.itemWidget(item, STATE).findChild(QProgressBar)
        bar.setValue(progress)
        bar.setFormat(words)
        item.setText(STATE, "")

    def _choose(self) -> None:
        key = self.chosen()
        job = self.jobs.get(key)
        self.stop.setEnabled(key.startswith(TRANSFERS) or (job is not None and job.live))
        done = job is not None and job.status == "successful"
        self.xyz.setEnabled(done)
        self.cog.setEnabled(done)
        self.save.setEnabled(done)
        self.remove.setEnabled(job is not None and not job.live)
        self.clear.setEnabled(bool(self.fruitless()))

    def fruitless(self) -> list[str]:
        """Return the jobs that ended without a result."""
        return [job.id for job in self.jobs.values() if not job.live and job.status != "successful"]

    def _transfers(self) -> int:
        return sum(self._key(row).startswith(TRANSFERS) for row in range(self.tree.topLevelItemCount()))

    def _key(self, row: int) -> str:
        return str(self.tree.topLevelItem(row).data(NAME, KEY))

    def _item(self, key: str) -> QTreeWidgetItem | None:
        rows = range(self.tree.topLevelItemCount())
        return next((self.tree.topLevelItem(row) for row in rows if self._key(row) == key), None)

    def _insert(self, key: str, row: int) -> QTreeWidgetItem:
        item = QTreeWidgetItem()
        item.setData(NAME, KEY, key)
        self.tree.insertTopLevelItem(row, item)
        return item

    def _button(self, words: str, icon: str, what: str) -> QPushButton:
        button = QPushButton(QgsApplication.getThemeIcon(icon), words)
        button.clicked.connect(lambda: self.wanted.emit(what, self.chosen()))
        return button

    def _tool(self, words: str, icon: str, what: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(QgsApplication.getThemeIcon(icon))
        button.setToolTip(words)
        button.setAutoRaise(True)
        button.clicked.connect(lambda: self.wanted.emit(what, self.chosen()))
        return button


class Watch:
    """Sees which jobs ended since the last look."""

    def __init__(self) -> None:
        self._live: set[str] = set()
        self._done: set[str] | None = None

    def begun(self, job: str) -> None:
        """Note a job that was begun here."""
        self._live.add(job)

    def look(self, jobs: list[Job]) -> tuple[list[Job], bool]:
        """Return the jobs that were seen to run and have ended, and whether any results came or went."""
        done = {job.id for job in jobs if job.status == "successful"}
        ended = [job for job in jobs if job.id in self._live and not job.live]
        changed = self._done is not None and done != self._done
        self._live, self._done = {job.id for job in jobs if job.live}, done
        return ended, changed


def framed_bar() -> QWidget:
    """Make a progress bar that keeps its height in a higher row."""
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(2, 0, 4, 0)
    bar = QProgressBar()
    bar.setRange(0, 100)
    bar.setFixedHeight(BAR_HEIGHT)
    layout.addWidget(bar)
    return whole


def state_of(job: Job) -> str:
    """Say how a job stands, shortly."""
    words = {
        "accepted": tr("waiting"),
        "running": f"{job.progress} %{left_of(job)}",
        "successful": tr("translated, as it was read before") if job.former else tr("translated"),
        "dismissed": tr("stopped"),
        "failed": tr("failed: {0}").format(job.message),
    }
    return words.get(job.status, job.status)


def when(timestamp: str) -> str:
    """Return a time of the service as the clock here shows it, shortly."""
    time = QDateTime.fromString(f"{timestamp[:19]}Z", Qt.DateFormat.ISODate)
    return str(time.toLocalTime().toString("d MMM, hh:mm"))
