"""Copies that tiles are made from: ordered with the scene or picture they are of, and again where that came to nothing.

A copy is wanted while its scene or picture is "preparing". Nobody may be making it all the same: its order was
dismissed by a removal that was refused, or the copy was lost. One that failed for want of space is tried again as soon
as there is more of it than it had.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geosar_tiler.jobs import queue
from geosar_tiler.state import catalogue
from geosar_tiler.state.database import Database, Job, Reference, Scene
from geosar_tiler.state.states import LIVE, CopyState, JobStatus, Process

REST_SECONDS = 10.0
"""An order that ended so lately may belong to a removal that is under way."""
MORE_SPACE, MORE_BYTES = 1.1, 2**20
"""So many times the free bytes that were too few, and so many bytes more, are tried."""
FREE_BYTES = "room"
"""In the report of a copy that failed for want of space: how many bytes it had."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy that is wanted, or failed: what it is of, and its latest order."""

    subject: Scene | Reference
    process: Process
    scene_id: str
    state: CopyState
    latest: Job | None

    def inputs(self) -> dict[str, Any] | None:
        """What the worker is told; None where nobody knows it any more."""
        if isinstance(self.subject, Scene):
            return catalogue.opening(self.subject)
        return None if self.latest is None else self.latest.inputs

    def set(self, state: CopyState, message: str = "") -> None:
        """Say in the row what becomes of it."""
        if isinstance(self.subject, Scene):
            self.subject.display = state
        else:
            self.subject.state = state
        self.subject.message = message


def order(session: Session, scene_id: str, process: Process, inputs: dict[str, Any], nonce: float) -> None:
    """Order a copy in the transaction that enters what it is of, so that there is never one without the other."""
    key = queue.key_of(process, scene_id, {"nonce": nonce})
    session.add(Job(id=queue.new_id(), process=process, scene_id=scene_id, key=key, inputs=inputs))


def dismiss(session: Session, scene_id: str, process: Process) -> None:
    """Stop the making of a copy, in a transaction that removes what it is of."""
    mine = (Job.scene_id == scene_id, Job.process == process)
    session.execute(update(Job).where(*mine, Job.status == JobStatus.ACCEPTED).values(status=JobStatus.DISMISSED))
    session.execute(update(Job).where(*mine, Job.status.in_(LIVE)).values(cancel=True))


def order_again(database: Database, free_bytes: Callable[[], int]) -> int:
    """Order the copies that are wanted and that nobody makes; returns how many. Call it `exclusively` of the store."""
    with database.begin() as session:
        ordered = 0
        left: int | None = None
        for copy in _unmade(session):
            if copy.state == CopyState.FAILED:
                left = free_bytes() if left is None else left
                if not _has_more_space(copy.latest, left):
                    continue
            elif copy.latest is not None and copy.latest.updated > time.time() - REST_SECONDS:
                continue
            inputs = copy.inputs()
            if inputs is None:
                copy.set(CopyState.FAILED, "its copy for tiles was interrupted. Send it again.")
                continue
            copy.set(CopyState.PREPARING)
            order(session, copy.scene_id, copy.process, inputs, time.time())
            ordered += 1
        return ordered


def _unmade(session: Session) -> Iterator[_Copy]:
    for scene in session.scalars(select(Scene).where(Scene.display.in_((CopyState.PREPARING, CopyState.FAILED)))).all():
        latest = last_order(session, scene.id, Process.PREPARE, 0.0)
        if latest is None or latest.status not in LIVE:
            yield _Copy(scene, Process.PREPARE, scene.id, scene.display, latest)
    for picture in session.scalars(
        select(Reference).where(Reference.state.in_((CopyState.PREPARING, CopyState.FAILED)))
    ).all():
        latest = last_order(session, picture.scene_id, Process.REFERENCE, picture.created)
        if latest is None or latest.status not in LIVE:
            yield _Copy(picture, Process.REFERENCE, picture.scene_id, picture.state, latest)


def last_order(session: Session, scene_id: str, process: Process, since: float) -> Job | None:
    """Return the latest order of a copy since a time, or None."""
    mine = (Job.scene_id == scene_id, Job.process == process, Job.created >= since)
    return session.scalar(select(Job).where(*mine).order_by(Job.created.desc()).limit(1))


def _has_more_space(latest: Job | None, free_bytes: int) -> bool:
    had = None if latest is None else (latest.report or {}).get(FREE_BYTES)
    return had is not None and free_bytes > MORE_SPACE * had + MORE_BYTES
