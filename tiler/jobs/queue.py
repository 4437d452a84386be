"""Jobs as rows: asked for once however often, claimed, told of, finished, dismissed."""

import hashlib
import json
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, false, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from geosar_tiler.errors import NotFoundError, OverloadedError
from geosar_tiler.state.database import Database, Job, Scene
from geosar_tiler.state.owners import Owner
from geosar_tiler.state.states import INTERNAL, LIVE, JobStatus, Process

NO_SUCH_JOB = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job"
STALE_SECONDS = 6.0
"""A service that has not said for so long that it runs a job is taken for dead."""


class NoSuchJobError(NotFoundError):
    """There is no job of that name."""

    kind = NO_SUCH_JOB


def key_of(process: Process, content: str, options: dict[str, Any]) -> str:
    """Name a job by what it makes: process, content of the scene, and everything that shapes the result."""
    text = json.dumps([process, content, options], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def new_id() -> str:
    """Make an identifier for a job."""
    return uuid.uuid4().hex


def submit(
    database: Database, scene: Scene, process: Process, *, key: str, inputs: dict[str, Any], queue_length: int
) -> tuple[Job, bool]:
    """Return the job with this key, and whether it is new; raises OverloadedError when too many wait."""
    for _ in range(3):
        with database.begin() as session:
            same = session.scalar(select(Job).where(Job.key == key, Job.status.in_((*LIVE, JobStatus.SUCCESSFUL))))
            if same is not None:
                return same, False
            waiting = session.scalar(select(func.count()).select_from(Job).where(Job.status == JobStatus.ACCEPTED)) or 0
        if process not in INTERNAL and waiting >= queue_length:
            raise OverloadedError(f"{waiting} jobs are waiting, as many as this service lets wait. Try again later.")
        job = Job(id=new_id(), process=process, scene_id=scene.id, key=key, inputs=inputs)
        try:
            with database.begin() as session:
                session.add(job)
        except IntegrityError:
            continue  # somebody asked for the same at the same moment
        return job, True
    raise OverloadedError("the same job is being asked for too often at once. Try again.")


def get(database: Database, job_id: str) -> Job:
    """Find a job that clients may see; raises NotFoundError."""
    with database.begin() as session:
        job = session.get(Job, job_id)
    if job is None or job.process in INTERNAL:
        raise NoSuchJobError(f"there is no job {job_id!r}; GET /jobs lists those that there are.")
    return job


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are listed; what is empty or None does not matter. Durations are in seconds, times since 1970."""

    scene: str | None = None
    statuses: Sequence[str] = ()
    processes: Sequence[str] = ()
    types: Sequence[str] = ()
    created: tuple[float | None, float | None] = (None, None)
    shortest: float | None = None
    longest: float | None = None

    def query(self) -> Select[Any]:
        """Make the query."""
        query = select(Job).where(Job.process.not_in(INTERNAL))
        duration = func.coalesce(Job.finished, time.time()) - Job.started
        since, until = self.created
        if self.scene is not None:
            query = query.where(Job.scene_id == self.scene)
        if self.statuses:
            query = query.where(Job.status.in_(self.statuses))
        if self.processes:
            query = query.where(Job.process.in_(self.processes))
        if self.types and "process" not in self.types:
            query = query.where(false())
        if since is not None:
            query = query.where(Job.created >= since)
        if until is not None:
            query = query.where(Job.created <= until)
        if self.shortest is not None:
            query = query.where(duration >= self.shortest)
        if self.longest is not None:
            query = query.where(duration <= self.longest)
        return query


def listed(database: Database, chosen: JobFilter, *, limit: int, offset: int) -> tuple[list[Job], int]:
    """Return a page of jobs, the newest first, and how many there are in all."""
    query = chosen.query()
    with database.begin() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        page = session.scalars(query.order_by(Job.created.desc(), Job.id).limit(limit).offset(offset))
        return list(page), total


def claim(database: Database, owner: str, most: int = 1, *, internal: bool = False) -> tuple[Job, Scene] | None:
    """Take the next job that waits, for this owner; None when there is none, or another was faster.

    With `internal` a copy for tiles, which is quick and does not wait for translations; else a job that was asked for.
    `most` jobs of its kind run at once on a machine, however many processes of the service it has.
    """
    neighbours = aliased(Job)
    here = neighbours.owner.startswith(f"{socket.gethostname()}/", autoescape=True)
    alike = neighbours.process.in_(INTERNAL) if internal else neighbours.process.not_in(INTERNAL)
    running = select(func.count()).where(neighbours.status == JobStatus.RUNNING, here, alike).scalar_subquery()
    kind = Job.process.in_(INTERNAL) if internal else Job.process.not_in(INTERNAL)
    with database.begin() as session:
        job = session.scalar(select(Job).where(Job.status == JobStatus.ACCEPTED, kind).order_by(Job.created).limit(1))
        if job is None:
            return None
        now = time.time()
        changed = session.execute(
            update(Job)
            .where(Job.id == job.id, Job.status == JobStatus.ACCEPTED, running < most)
            .values(status=JobStatus.RUNNING, owner=owner, updated=now, started=job.started or now, message="starting"),
        )
        if getattr(changed, "rowcount", 0) != 1:
            return None
        session.refresh(job)
        scene = session.get(Scene, job.scene_id)
        return None if scene is None else (job, scene)


def requeue_stale(database: Database, owner: Owner) -> int:
    """Put jobs whose service died back into the queue, as far as `owner` knows; returns how many."""
    with database.begin() as session:
        running = session.scalars(select(Job).where(Job.status == JobStatus.RUNNING)).all()
        dead = [job.id for job in running if job.updated < time.time() - STALE_SECONDS or owner.knows_dead(job.owner)]
        if dead:
            message = "waiting to go on after a restart of the service"
            values = {"status": JobStatus.ACCEPTED, "owner": None, "message": message}
            session.execute(update(Job).where(Job.id.in_(dead), Job.status == JobStatus.RUNNING).values(**values))
        return len(dead)


def change(database: Database, job_id: str, **values: Any) -> None:
    """Set columns of a job, and the time of the change."""
    database.write_always(
        lambda session: session.execute(update(Job).where(Job.id == job_id).values(updated=time.time(), **values))
    )


def dismiss(database: Database, job_id: str) -> None:
    """Tell a job to stop, or take back one that is done; raises NotFoundError."""
    job = get(database, job_id)

    def stop(session: Session) -> None:
        waiting = (Job.id == job.id, Job.status == JobStatus.ACCEPTED)
        stopped = {"status": JobStatus.DISMISSED, "message": "stopped before it began", "finished": time.time()}
        session.execute(update(Job).where(*waiting).values(**stopped))
        session.execute(update(Job).where(Job.id == job.id, Job.status == JobStatus.RUNNING).values(cancel=True))
        done = (Job.id == job.id, Job.status.in_((JobStatus.SUCCESSFUL, JobStatus.FAILED)))
        session.execute(update(Job).where(*done).values(status=JobStatus.DISMISSED, message="its results were removed"))

    database.write_always(stop)


def standing(database: Database, job_ids: Sequence[str], owner: str) -> tuple[set[str], set[str]]:
    """Say which of the jobs that `owner` runs a client has dismissed, and which are no longer its own."""
    with database.begin() as session:
        rows = session.execute(select(Job.id, Job.cancel, Job.owner).where(Job.id.in_(job_ids))).all()
    own = {row.id for row in rows if row.owner == owner}
    return {row.id for row in rows if row.cancel} & own, set(job_ids) - own
