"""Running jobs: a bounded number of processes, watched by one thread, resumed after whatever death."""

import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geosar.publish import DISK_FULL
from geosar_tiler.jobs import copies, queue
from geosar_tiler.state import catalogue, readings, references
from geosar_tiler.state.database import Database, Job, Reference, Scene
from geosar_tiler.state.models import Models
from geosar_tiler.state.owners import Owner
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.states import INTERNAL, CopyState, JobStatus, Process
from geosar_tiler.state.terrain import Terrain

_LOG = logging.getLogger("tiler.jobs")

TICK_SECONDS = 0.1
HEARTBEAT_SECONDS = 1.0
STALE_CHECK_SECONDS = 1.0
CANCEL_SECONDS = 1.2
"""A process that has not stopped by itself so long after it was asked is killed."""
PARK_SECONDS = 5.0
READ_SECONDS = 0.5
SPACE_SECONDS = 0.5
"""Between looks at how much a job has written; no file of it outgrows the free space, but several together could."""
SHARED_SPACE_SECONDS = 5.0
"""Between looks at what space is left while several jobs write: each began with all that there was."""
MAX_LOG_LINES = 50
FULL = "the store has no free space for what it makes. Delete scenes or jobs first."


@dataclass
class _Child:
    """A running process and what it reported last."""

    job: Job
    process: "subprocess.Popen[str]"
    reported: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    beat: float = 0.0
    looked: float = 0.0
    kill_at: float | None = None
    destination: Path = Path()
    most_bytes: int = 0
    end: float = 0.0
    full: bool = False
    late: bool = False
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LOG_LINES))
    readers: tuple[threading.Thread, ...] = ()

    def listen(self) -> None:
        """Read what the process tells, in threads that end with it."""
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        assert self.process.stderr is not None  # noqa: S101
        self.readers = (
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self.errors.extend, args=(self.process.stderr,), daemon=True),
        )
        for reader in self.readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            try:
                self.reported = json.loads(line)
            except ValueError:  # a library that prints
                self.errors.append(line)

    def close(self) -> None:
        """Close the pipes of a process that has ended, but for one that something else still writes to."""
        for reader, stream in zip(self.readers, (self.process.stdout, self.process.stderr), strict=False):
            reader.join(READ_SECONDS)
            if stream is not None and not reader.is_alive():
                stream.close()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def ask_to_stop(self, seconds: float) -> None:
        """Ask, and set when it will be killed."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + seconds
            with suppress(OSError):  # it may just have ended
                assert self.process.stdin is not None  # noqa: S101
                self.process.stdin.write("cancel\n")
                self.process.stdin.flush()


class JobRunner:
    """Claims jobs that wait and runs them. Several services on one database share the work."""

    def __init__(self, models: Models, database: Database, quota: Quota, terrain: Terrain) -> None:
        self._models = models
        self._terrain = terrain
        self._settings, self._store = models.settings, models.store
        self._database = database
        self._quota = quota
        self._owner = Owner(self._store.owners)
        self._children: dict[str, _Child] = {}
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiler-jobs", daemon=True)
        self._stale_checked = 0.0
        self._space_checked = 0.0

    @property
    def alive(self) -> bool:
        """Whether jobs are being run."""
        return self._thread.is_alive()

    @property
    def running(self) -> int:
        """How many processes run now."""
        return len(self._children)

    def start(self) -> None:
        """Begin to run jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new, so that it need not wait for the next look."""
        self._wake.set()

    def stop(self) -> None:
        """Park what runs where it can be continued, and end."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(PARK_SECONDS + 2)
        if not self._thread.is_alive():
            self._owner.release()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._tick()
            except SQLAlchemyError as error:  # locked or away for a while; the jobs run on
                _LOG.warning("the database failed: %s", error)
            except OSError as error:  # the disk is full, or there are too many processes
                _LOG.warning("jobs wait: %s", error)
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()
        self._park()

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._stale_checked > STALE_CHECK_SECONDS:
            self._stale_checked = now
            if count := queue.requeue_stale(self._database, self._owner):
                _LOG.warning("%d jobs of a service that died will be continued", count)
        if self._children:
            dismissed, lost = queue.standing(self._database, list(self._children), self._owner.name)
            for job_id in dismissed:
                self._children[job_id].ask_to_stop(CANCEL_SECONDS)
            for job_id in lost:  # another service took it over while this one stood still, or the scene is gone
                self._abandon(self._children.pop(job_id))
        self._share_space(now)
        for child in list(self._children.values()):
            self._look_after(child)
        for internal in (True, False):
            self._claim(internal=internal)

    def _share_space(self, now: float) -> None:
        """Stop the job that began last where several, or what came in meanwhile, have written more than there was."""
        if not self._children or now - self._space_checked < SHARED_SPACE_SECONDS:
            return
        self._space_checked = now
        if self._quota.free_bytes() < 0:
            last = list(self._children.values())[-1]
            last.full, last.most_bytes = True, written_beside(last.destination)
            last.process.kill()

    def _claim(self, *, internal: bool) -> None:
        """Begin what waits: copies for tiles, or jobs that were asked for; each kind has its own places."""
        most = self._settings.job_workers
        while sum((child.job.process in INTERNAL) == internal for child in self._children.values()) < most:
            claimed = queue.claim(self._database, self._owner.name, most, internal=internal)
            if claimed is None:
                break
            try:
                self._begin(*claimed)
            except OSError as error:
                if (child := self._children.pop(claimed[0].id, None)) is not None:
                    self._abandon(child)
                report = {copies.FREE_BYTES: max(0, self._quota.free_bytes())} if error.errno in DISK_FULL else None
                message = f"it could not be begun: {error.strerror or error}."
                self._finish(claimed[0], JobStatus.FAILED, message, report=report)

    def _begin(self, job: Job, scene: Scene) -> None:
        if job.cancel:
            self._finish(job, JobStatus.DISMISSED, "stopped before it began")
            return
        if "match" in job.inputs and not references.is_there(self._database, scene, job.inputs["match"]):
            message = "the true optical image that it was to match was removed or replaced before it began; ask again."
            self._finish(job, JobStatus.FAILED, message)
            return
        order = self._order(job, scene)
        destination = Path(order["destination"])
        most = written_beside(destination) + max(0, self._quota.free_bytes())
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "geosar_tiler.jobs.worker"],  # -P: what lies in the current folder is not ours
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        now = time.monotonic()
        end = now + self._settings.job_seconds
        child = _Child(job, process, beat=now, destination=destination, most_bytes=most, end=end)
        self._children[job.id] = child
        child.listen()
        with suppress(OSError):  # if it died at once, looking after it will tell
            assert process.stdin is not None  # noqa: S101
            process.stdin.write(json.dumps({**order, "most_bytes": most}) + "\n")
            process.stdin.flush()

    def _order(self, job: Job, scene: Scene) -> dict[str, Any]:
        """What the process is told: paths, which come from the catalogue alone, and options."""
        source: Path | dict[str, Path] = catalogue.source(self._store, scene)
        if job.process == Process.PREPARE:
            destination = self._store.display(scene.id, readings.number(scene))
            options = dict(job.inputs)
        elif job.process == Process.REFERENCE:
            source = self._store.reference_source(scene.id, self._reference(scene))
            destination = self._store.reference(scene.id)
            options = dict(job.inputs)
        else:
            stem = scene.filename.rpartition(".")[0]
            destination = self._store.job(job.id) / f"{stem}_optical.tif"
            options = {**self._models.resolved(job.inputs), "threads": self._settings.job_threads}
            if "match" in options:  # the copy of the very image that the checksum names
                options["match"] = str(self._store.reference(scene.id))
        destination.parent.mkdir(parents=True, exist_ok=True)
        return {
            "process": job.process,
            "source": {key: str(path) for key, path in source.items()} if isinstance(source, dict) else str(source),
            "destination": str(destination),
            "options": self._terrain.resolved(options),
            "gdal": self._settings.gdal.options,
            "memory_bytes": self._settings.job_memory_bytes,
        }

    def _reference(self, scene: Scene) -> str:
        reference = references.find(self._database, scene.id)
        return "gone" if reference is None else reference.filename

    def _abandon(self, child: _Child) -> None:
        child.process.kill()
        child.process.wait()
        child.close()

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process.poll() is not None:
            self._ended(child)
            return
        if child.kill_at is not None and now > child.kill_at:
            child.process.kill()
            return
        if now > child.end:
            child.late = True
            child.process.kill()
            return
        if now - child.looked > SPACE_SECONDS:
            child.looked = now
            if written_beside(child.destination) > child.most_bytes:
                child.full = True
                child.process.kill()
                return
        progress = child.reported
        if progress is not child.written or now - child.beat > HEARTBEAT_SECONDS:
            child.beat, child.written = now, progress
            queue.change(self._database, child.job.id, **_progress(progress))

    def _ended(self, child: _Child) -> None:
        for reader in child.readers:
            reader.join(READ_SECONDS)
        last, job = child.reported, child.job
        state = last.get("state")
        if state == JobStatus.SUCCESSFUL:
            self._finish(job, JobStatus.SUCCESSFUL, "done", progress=100, report=last["report"], seconds_left=0.0)
        elif child.full or child.late:
            for path in child.destination.parent.glob(f".{child.destination.name}.*"):
                path.unlink(missing_ok=True)
            late = f"it took longer than {self._settings.job_seconds:g} s, as long as a job may (GEOSAR_JOB_SECONDS)."
            report = {copies.FREE_BYTES: child.most_bytes} if child.full else None
            self._finish(job, JobStatus.FAILED, FULL if child.full else late, report=report)
        elif child.kill_at is not None or state == JobStatus.DISMISSED:
            self._finish(job, JobStatus.DISMISSED, "stopped as asked")
        elif state == JobStatus.FAILED:
            report = {copies.FREE_BYTES: child.most_bytes} if last["room"] else None
            message = self._settings.without_model_path(self._store.scrub(last["message"]))
            self._finish(job, JobStatus.FAILED, message, report=report)
        else:
            self._crashed(child)
        child.close()
        del self._children[job.id]

    def _crashed(self, child: _Child) -> None:
        """Begin it again, where its journal ends, but not for ever."""
        attempts = child.job.attempts + 1
        code = child.process.returncode
        _LOG.error("the process of job %s died (%s): %s", child.job.id, code, "".join(child.errors).strip())
        if attempts > self._settings.job_retries:
            why = f"the process of the job died {attempts} times, last with code {code}; it may have run out of memory."
            self._finish(child.job, JobStatus.FAILED, why, attempts=attempts)
        else:
            queue.change(
                self._database, child.job.id, status=JobStatus.ACCEPTED, owner=None, attempts=attempts,
                message=f"its process died (code {code}); waiting to go on",
            )  # fmt: skip

    def _finish(self, job: Job, status: JobStatus, message: str, **values: Any) -> None:
        if status in {JobStatus.DISMISSED, JobStatus.FAILED} and job.process not in INTERNAL:
            self._store.remove_job(job.id)  # before it is told: the disk may be full of it

        def tell(session: Session) -> None:
            scene = session.get(Scene, job.scene_id)
            state, text = (CopyState.READY, "") if status == JobStatus.SUCCESSFUL else (CopyState.FAILED, message)
            ended = status in {JobStatus.SUCCESSFUL, JobStatus.FAILED}
            if job.process == Process.PREPARE and scene is not None and ended:
                scene.display, scene.message = state, text
            picture = session.get(Reference, job.scene_id)
            # One that was sent since has a job of its own.
            if job.process == Process.REFERENCE and picture is not None and picture.created <= job.created and ended:
                picture.state, picture.message = state, text
            done = {"status": status, "message": message, "finished": time.time(), "owner": None, **values}
            session.execute(update(Job).where(Job.id == job.id).values(updated=time.time(), **done))

        self._database.write_always(tell)
        if job.process == Process.PREPARE and status == JobStatus.SUCCESSFUL:
            for overview in self._store.scene(job.scene_id).glob("overview*.tif"):  # the copy takes its place
                overview.unlink(missing_ok=True)

    def _park(self) -> None:
        """Stop what runs; the next service goes on with it."""
        for child in self._children.values():
            child.ask_to_stop(PARK_SECONDS)
        for child in self._children.values():
            try:
                child.process.wait(PARK_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child.close()
            if child.reported.get("state") == JobStatus.SUCCESSFUL:
                self._finish(child.job, JobStatus.SUCCESSFUL, "done", progress=100, report=child.reported["report"])
            else:
                message = "parked: the service was stopped and goes on with it when it is started again"
                queue.change(self._database, child.job.id, status=JobStatus.ACCEPTED, owner=None, message=message)
        self._children.clear()


def written_beside(destination: Path) -> int:
    """Return the bytes of the files in the folder that a job writes to."""
    total = 0
    for path in destination.parent.iterdir():
        with suppress(OSError):  # renamed meanwhile
            status = path.lstat()
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def _progress(line: dict[str, Any]) -> dict[str, Any]:
    if line.get("state") != JobStatus.RUNNING:
        return {}
    values: dict[str, Any] = {"progress": int(100 * line["share"]), "message": line["message"]}
    return values | {key: line[key] for key in ("megapixels_per_second", "seconds_left") if key in line}
