"""Jobs that are followed: one look at the database, a few times a second, for however many follow."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from geosar_tiler.state import readings
from geosar_tiler.state.database import Database, Job
from geosar_tiler.state.states import LIVE

_LOG = logging.getLogger("tiler.following")

POLL_SECONDS = 0.25
MESSAGES_A_SECOND = 300
"""Many who follow hear less often, so that telling them leaves time for tiles."""


@dataclass(frozen=True, slots=True)
class _Follower:
    """Waits until a job is other than it is known to be; None when it is gone."""

    job_id: str
    known: tuple[Any, ...]
    answer: asyncio.Future[Job | None]


class Followed:
    """Tells of changes of jobs to those who follow them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()
        self._former: WeakKeyDictionary[Job, asyncio.Task[dict[str, str]]] = WeakKeyDictionary()
        self._texts: WeakKeyDictionary[Job, dict[str, str]] = WeakKeyDictionary()

    async def changes(self, job: Job) -> AsyncIterator[Job]:
        """Return a job as it is, and anew at each change, until it is done or removed."""
        watch = self._watches.setdefault(asyncio.get_running_loop(), _Watch(self._database))
        current: Job | None = job
        while current is not None:
            yield current
            current = await watch.change_of(current) if current.status in LIVE else None

    async def text(self, job: Job, place: str, make: Callable[[Job, str | None], str]) -> str:
        """Make the text of a change, out of the job and `readings.remarks` on it; once for all at one `place`.

        All who follow hear of a change by the same object.
        """
        task = self._former.get(job)
        if task is None:
            task = self._former[job] = asyncio.create_task(asyncio.to_thread(readings.remarks, self._database, [job]))
        former = await asyncio.shield(task)  # who goes away ends it for no other
        texts = self._texts.setdefault(job, {})
        if place not in texts:
            texts[place] = make(job, former.get(job.id))
        return texts[place]


class _Watch:
    """Looks at the followed jobs while there are any, for one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: list[_Follower] = []
        self._looking: asyncio.Task[None] | None = None

    async def change_of(self, job: Job) -> Job | None:
        change = asyncio.get_running_loop().create_future()
        self._followers.append(_Follower(job.id, _standing(job), change))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        changed: Job | None = await change
        return changed

    async def _look(self) -> None:
        while self._followers:
            await asyncio.sleep(POLL_SECONDS)
            # Who comes meanwhile may know more than what is read now, and waits for the next look.
            asking, self._followers = [one for one in self._followers if not one.answer.done()], []
            try:
                jobs = await asyncio.to_thread(self._read, {one.job_id for one in asking})
            except SQLAlchemyError as error:
                _LOG.warning("the database failed: %s", error)
                self._followers += asking
                continue
            messages = 0
            for one in asking:
                job = jobs.get(one.job_id)
                if job is not None and _standing(job) == one.known:
                    self._followers.append(one)
                elif not one.answer.done():
                    one.answer.set_result(job)
                    messages += 1
            await asyncio.sleep(messages / MESSAGES_A_SECOND)
        self._looking = None

    def _read(self, job_ids: Collection[str]) -> dict[str, Job]:
        with self._database.begin() as session:
            return {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(job_ids)))}


def _standing(job: Job) -> tuple[Any, ...]:
    """What a follower is told, but for the time of the last sign of life."""
    return (
        job.status, job.message, job.progress, job.started, job.finished, job.megapixels_per_second, job.seconds_left,
    )  # fmt: skip
