"""The panel: connection at the top, scenes and jobs below, and a comparison at the bottom. Talks on the event loop."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Callable

from qgis.PyQt.QtCore import Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QDockWidget, QMessageBox, QTabWidget, QVBoxLayout, QWidget

from .. import connections, log
from ..client.answers import Job, Ready, Scene
from ..client.messages import ClientError, Flow
from ..client.service import Service, TranslateRequest
from ..client.urls import join
from ..connections import Connection
from ..layers import to_degrees
from ..network import Conversation
from ..news import NEWS
from ..words import tr
from . import adding, cleared, dropping, saving
from .clocks import single_shot
from .compare import CompareBar
from .connection_bar import ConnectionBar
from .jobs import TRANSFERS, JobsTab, Watch
from .model_list import ModelList
from .pictures import Pictures
from .reading_dialog import ReadingDialog
from .scenes import ScenesTab
from .sending import Uploads

BUSY_MILLISECONDS, CALM_MILLISECONDS = 1500, 15000
VIEW_MILLISECONDS = 500


class Panel(QDockWidget):
    """What the user sees of the service."""

    def __init__(self, iface: Any, parent: QWidget | None = None) -> None:
        super().__init__(tr("SAR to optical"), parent)
        self.setObjectName("GeosarPanel")
        self._iface = iface
        self._canvas = iface.mapCanvas()
        self.connection: Connection | None = None
        self._told: set[str] = set()
        self._watch = Watch()
        self._locked: set[str] = set()
        self._wanted_scene = self._wanted_job = ""
        self._away = False
        self.setAcceptDrops(True)
        self.bar = ConnectionBar(iface.messageBar)
        self.state = self.bar.state
        self.scenes = ScenesTab()
        self._pictures = Pictures(self.scenes, self._talk)
        self._models = ModelList(self.scenes, self._talk, lambda: self.connection if self.isVisible() else None)
        self.jobs = JobsTab()
        self.uploads = Uploads(self.jobs, self)
        self.downloads = saving.Downloads(self.jobs, self)
        self.compare = CompareBar(iface)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.scenes, tr("Scenes"))
        self.tabs.addTab(self.jobs, tr("Jobs"))
        self.setWidget(self._arranged())
        self._clock = single_shot(self, self.ask_jobs)
        self._scenes_clock = single_shot(self, self.ask_scenes)
        self.bar.chosen.connect(self._connect)
        self.bar.again.connect(self._again)
        self.scenes.wanted.connect(self.do)
        self.scenes.filtered.connect(self.ask_scenes)
        self.scenes.upload.connect(self._upload)
        self.jobs.wanted.connect(self._do_with_job)
        self.uploads.done.connect(self._uploaded)
        self.downloads.done.connect(self._saved)
        self.visibilityChanged.connect(self._shown)
        self._canvas.extentsChanged.connect(self._moved)
        NEWS.changed.connect(self._heard)
        self.bar.fill()

    def stop(self) -> None:
        """End all conversations, clocks and connections to QGIS's own signals."""
        self._clock.stop()
        self._scenes_clock.stop()
        self._models.stop()
        NEWS.changed.disconnect(self._heard)
        self._canvas.extentsChanged.disconnect(self._moved)
        self.compare.stop()
        self.uploads.stop()
        self.downloads.stop()
        self._hang_up()
        self.bar.stop()

    def refresh(self) -> None:
        """Ask everything anew."""
        if self.connection is None:
            return
        self._talk(Service(self.connection.url).ready(), self._ready, self._unreachable)
        self.ask_scenes()
        self.ask_jobs()

    def ask_scenes(self) -> None:
        """Ask for the scenes."""
        if self.connection is None:
            return
        box = None
        if self.scenes.in_view.isChecked():
            box = to_degrees(self._canvas.extent(), self._canvas.mapSettings().destinationCrs())
        flow = Service(self.connection.url).scenes(box, self.scenes.text.text().strip(), most=500)
        self._talk(flow, self._show_scenes, self._unreachable)

    def ask_jobs(self) -> None:
        """Ask for the jobs; this repeats itself while the panel is seen."""
        self._clock.stop()
        if self.connection is not None and self.isVisible():
            self._talk(Service(self.connection.url).jobs(), self._show_jobs, self._jobs_failed)

    def do(self, what: str, scene: Scene, job: str = "") -> None:
        """Do what was asked for with a scene."""
        if self.connection is None:
            return
        connection, service = self.connection, Service(self.connection.url)
        details = {"SCENE": scene.id, "CONNECTION": connection.name}
        acts: dict[str, Callable[[], Any]] = {
            "zoom": lambda: adding.show(self._canvas, scene),
            "web": lambda: QDesktopServices.openUrl(QUrl(f"{join(connection.url)}#scene={scene.id}")),
            "translate": lambda: self._translate(scene, TranslateRequest()),
            "view": lambda: self._translate_view(scene),
            "translate_details": lambda: self.uploads.ask("geosar:translatescene", details),
            "remove": lambda: self._remove(scene),
            "reading": lambda: self._read_otherwise(scene),
        }
        kind, _, output = what.partition("_")
        if what in acts:
            acts[what]()
        elif what.startswith("model:"):
            self._translate(scene, TranslateRequest(model=what.partition(":")[2]))
        elif kind == "save":
            self._save(scene, output, job)
        elif output == "file":
            self._talk(adding.file_of(service, scene, kind, job), partial(self._add_file, scene, kind))
        else:
            asked = adding.tiles_of(service, scene, what, job, self._canvas.mapSettings().destinationCrs())
            self._talk(asked, partial(self._add_tiles, connection, scene))

    def _translate(self, scene: Scene, request: TranslateRequest) -> None:
        if self.connection is not None:
            flow = Service(self.connection.url).translate(scene.id, request)
            self._talk(flow, partial(self._begun, scene))

    def _translate_view(self, scene: Scene) -> None:
        try:
            self._translate(scene, adding.request_of_view(self._canvas, scene))
        except ClientError as error:
            log.tell(self._iface.messageBar(), error)

    def _save(self, scene: Scene, output: str, job: str) -> None:
        path = saving.ask_where(self, scene, output)
        if path is not None and self.connection is not None:
            self.downloads.begin(self.connection, scene, output, job, path)
            self.tabs.setCurrentWidget(self.jobs)

    def _saved(self, scene: Scene, output: str, path: Path, answer: Any) -> None:
        if isinstance(answer, Exception):
            log.tell(self._iface.messageBar(), answer)
            return
        act = (tr("Add to the map"), partial(self._add_file, scene, output, (str(path), *answer), here=True))
        log.say(self._iface.messageBar(), tr("{0} is saved.").format(path.name), act)

    def _do_with_job(self, what: str, key: str) -> None:
        if key.startswith(TRANSFERS):
            (self.uploads if key.startswith("upload:") else self.downloads).cancel(key)
            return
        if what == "clear":
            self._clear(self.jobs.fruitless())
            return
        job = self.jobs.jobs.get(key)
        if job is None or self.connection is None:
            return
        service = Service(self.connection.url)
        if what == "stop":
            self._talk(service.dismiss(job.id), lambda _job: self.ask_jobs())
        elif what == "remove":
            self._remove_job(service, job)
        else:
            self._talk(service.scene(job.scene), lambda scene: self.do(what, scene, job.id))

    def _remove_job(self, service: Service, job: Job) -> None:
        if job.status != "successful":
            self._clear([job.id])
            return
        question = tr("Remove this result from the service? Nobody will have it any more; the scene stays.")
        if QMessageBox.question(self, tr("Remove a result"), question) == QMessageBox.StandardButton.Yes:
            self._talk(service.dismiss(job.id), lambda _job: self._clear([job.id]))

    def _clear(self, jobs: list[str]) -> None:
        if self.connection is not None:
            cleared.clear(self.connection.name, jobs)
            self.ask_jobs()

    def _upload(self, with_details: bool) -> None:
        if self.connection is None:
            self.bar.new()
            return
        layer = self._iface.activeLayer()
        try:
            (self.uploads.ask_details if with_details else self.uploads.begin)(layer, self.connection)
        except ClientError as error:
            log.tell(self._iface.messageBar(), error)
        else:
            if not with_details:
                self.tabs.setCurrentWidget(self.jobs)

    def dragEnterEvent(self, event: Any) -> None:
        """Take rasters."""
        if self.connection is not None and dropping.may_hold_rasters(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Send what is dropped, once that was asked for; after the drag, which would wait for the answer."""
        event.acceptProposedAction()
        try:
            dropped = dropping.rasters_in(event.mimeData())
        except ClientError as error:
            log.tell(self._iface.messageBar(), error)
        else:
            QTimer.singleShot(0, partial(self._send_dropped, dropped))

    def _send_dropped(self, dropped: list[dropping.Dropped]) -> None:
        if self.connection is None or not dropped:
            return
        try:
            if self.uploads.offer(dropped, self.connection, self):
                self.tabs.setCurrentWidget(self.jobs)
        except ClientError as error:
            log.tell(self._iface.messageBar(), error)

    def _uploaded(self, scene: str, error: object) -> None:
        if isinstance(error, Exception):
            log.tell(self._iface.messageBar(), error)
            return
        log.say(self._iface.messageBar(), tr("The layer is on the service now; translate it, or add its live layer."))
        self.tabs.setCurrentWidget(self.scenes)
        self._wanted_scene = scene
        self.ask_scenes()

    def _remove(self, scene: Scene) -> None:
        question = tr("Remove {0} from the service, with all that was made of it? Nobody will have it any more.")
        answer = QMessageBox.question(self, tr("Remove a scene"), question.format(scene.name))
        if answer == QMessageBox.StandardButton.Yes and self.connection is not None:
            self._talk(Service(self.connection.url).remove_scene(scene.id), lambda _none: self.refresh())

    def _read_otherwise(self, scene: Scene) -> None:
        if self.connection is None:
            return
        dialog = ReadingDialog(scene, self.connection, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.read.connect(self._read_so)
        dialog.open()

    def _read_so(self, scene: Scene) -> None:
        words = tr("{0} is read otherwise now. Layers of it that are on the map show it as it was: add them anew.")
        log.say(self._iface.messageBar(), words.format(scene.name))
        self.scenes.forget_picture(scene)
        self.refresh()

    def _begun(self, scene: Scene, job: Job) -> None:
        self._watch.begun(job.id)
        self._wanted_job = job.id
        self.tabs.setCurrentWidget(self.jobs)
        log.note(f"{tr('Job')} {job.id}: {scene.name}")
        self.ask_jobs()

    def _add_tiles(self, connection: Connection, scene: Scene, answer: Any) -> None:
        self._added(scene, adding.add_tiles(connection, scene, answer))

    def _add_file(self, scene: Scene, output: str, answer: Any, *, here: bool = False) -> None:
        try:
            layer = adding.add_file(scene, output, answer, here=here)
        except ClientError as error:
            log.tell(self._iface.messageBar(), error)
        else:
            self._added(scene, layer)

    def _added(self, scene: Scene, layer: Any) -> None:
        self._iface.setActiveLayer(layer)  # so that opacity and swipe act on it
        adding.show_if_away(self._canvas, scene)

    def _show_scenes(self, scenes: list[Scene]) -> None:
        self.scenes.show_scenes(scenes)
        if self._wanted_scene in {one.id for one in scenes}:  # an answer from before it was sent may come first
            self.scenes.choose(self._wanted_scene)
            self._wanted_scene = ""
        if any(one.state == "preparing" for one in scenes):
            self._scenes_clock.start(BUSY_MILLISECONDS)
        if self.connection is not None:
            self._pictures.ask(Service(self.connection.url))

    def _show_jobs(self, listed: list[Job]) -> None:
        if self._away and self.connection is not None:  # it is back
            self._away = False
            self._talk(Service(self.connection.url).ready(), self._ready, self._unreachable)
            self.ask_scenes()
        jobs = cleared.listed(self.connection.name if self.connection else "", listed)
        names = {one.id: one.name for one in self.scenes.scenes.values()}
        self.jobs.show_jobs(jobs, names)
        if self._wanted_job in {job.id for job in jobs}:
            self.jobs.choose(self._wanted_job)
            self._wanted_job = ""
        ended, changed = self._watch.look(listed)
        for job in ended:
            self._ended(job, names.get(job.scene, job.scene))
        if ended or changed:
            self.ask_scenes()
        count = sum(one.live for one in jobs)
        self.tabs.setTabText(1, tr("Jobs ({0})").format(count) if count else tr("Jobs"))
        self._clock.start(BUSY_MILLISECONDS if count else CALM_MILLISECONDS)

    def _ended(self, job: Job, name: str) -> None:
        bar = self._iface.messageBar()
        if job.status == "successful":
            act = (tr("Add to the map"), partial(self._do_with_job, "optical", job.id))
            log.say(bar, tr("{0} is translated.").format(name), act)
        elif job.status == "failed":
            log.tell(bar, ClientError(tr("{0} could not be translated: {1}").format(name, job.message)))

    def _jobs_failed(self, error: ClientError) -> None:
        self._unreachable(error)
        self._clock.start(CALM_MILLISECONDS)

    def _ready(self, ready: Ready) -> None:
        words = tr("geosar {0}, model {1}").format(ready.version, ready.models[0] if ready.models else "?")
        if not ready.ready:
            words += "; " + tr("cannot work now: {0}").format(", ".join(ready.missing))
        self._models.show(ready.models)
        self.bar.say(words, good=ready.ready)

    def _unreachable(self, error: ClientError) -> None:
        self._away = True
        self.bar.say(str(error), good=False)
        log.warn(str(error))

    def _talk(
        self, flow: Flow[Any], then: Callable[[Any], None], otherwise: Callable[[ClientError], None] | None = None
    ) -> None:
        connection = self.connection
        if connection is None:
            return
        if connection.authcfg and connection.authcfg not in self._told:
            if connection.authcfg in self._locked or not connections.unlock(connection.authcfg):
                self._locked.add(connection.authcfg)
                self.bar.say(tr("The authentication database is locked; press refresh to unlock it."), good=False)
                return
            self._told.add(connection.authcfg)
        conversation = Conversation(flow, connection, self)
        conversation.succeeded.connect(then)
        conversation.failed.connect(otherwise or partial(log.tell, self._iface.messageBar()))

    def _hang_up(self) -> None:
        for conversation in self.findChildren(Conversation):
            conversation.stop()
        self._pictures.clear()

    def _shown(self, visible: bool) -> None:
        if visible:
            self.refresh()

    def _moved(self) -> None:
        if self.scenes.in_view.isChecked() and self.isVisible():
            self._scenes_clock.start(VIEW_MILLISECONDS)

    def _heard(self, url: str) -> None:
        """Another part of the plugin has changed what the service has."""
        if self.connection is not None and self.connection.url == url and self.isVisible():
            self.ask_scenes()
            self.ask_jobs()

    def _connect(self, connection: Connection | None) -> None:
        self._hang_up()
        self.connection = connection
        self._watch = Watch()
        self.scenes.clear()
        self.jobs.show_jobs([], {})
        if self.isVisible():  # else once it is: nothing asks for a password before there is a window
            self.refresh()

    def _again(self) -> None:
        self._locked.clear()
        self.refresh()

    def _arranged(self) -> QWidget:
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.bar)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.compare)
        return whole
