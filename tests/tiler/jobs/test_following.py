"""Following jobs: everybody hears of every change, and the database is asked once for all."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from geosar_tiler.jobs import following, queue
from geosar_tiler.jobs.following import Followed
from geosar_tiler.state.database import Database, Job, Scene


class Counted(Database):
    """Counts how often it is asked."""

    asked = 0

    @contextmanager
    def begin(self) -> Iterator[Any]:
        self.asked += 1
        with super().begin() as session:
            yield session


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counted]:
    counted = Counted(f"sqlite:///{tmp_path / 'd.sqlite'}")
    scene = Scene(id="s", sha256="s", name="", filename="", size=0, description={}, created=0.0)
    with counted.begin() as session:
        session.add(scene)
    yield counted
    counted.close()


def submitted(database: Database, key: str) -> Job:
    scene = Scene(id="s", sha256="s", name="", filename="", size=0, description={}, created=0.0)
    return queue.submit(database, scene, "translate", key=key, inputs={}, queue_length=5)[0]


async def progress(followed: Followed, job: Job) -> list[tuple[str, int]]:
    return [(one.status, one.progress) async for one in followed.changes(job)]


def test_nine_hundred_followers_ask_the_database_no_more_than_one(
    database: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(following, "MESSAGES_A_SECOND", 1e6)
    jobs = [submitted(database, key) for key in ("a", "b")]

    async def follow() -> list[list[tuple[str, int]]]:
        followed = Followed(database)
        following_all = asyncio.gather(*(progress(followed, jobs[number % 2]) for number in range(900)))
        before = database.asked
        for percent in (10, 60):
            await asyncio.sleep(0.2)
            for job in jobs:
                queue.change(database, job.id, progress=percent, status="running")
        await asyncio.sleep(0.2)
        assert database.asked - before < 60  # a look each 0.02 s, however many follow
        for job in jobs:
            queue.change(database, job.id, status="successful")
        return await following_all

    heard = asyncio.run(follow())
    assert len(heard) == 900
    assert all(one == [("accepted", 0), ("running", 10), ("running", 60), ("successful", 60)] for one in heard)


def test_many_who_follow_hear_less_often_and_the_text_of_a_change_is_made_once(
    database: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    job = submitted(database, "a")
    results: list[int] = []

    def make(one: Job, former: str | None) -> str:
        results.append(one.progress)
        return f"{one.progress} {former}"

    heard: list[list[str]] = [[] for _ in range(150)]

    async def listen(followed: Followed, texts: list[str]) -> None:
        row = await asyncio.to_thread(queue.get, database, job.id)
        async for one in followed.changes(row):
            texts.append(await followed.text(one, "here", make))  # noqa: PERF401 - others look at it meanwhile

    async def follow() -> float:
        followed = Followed(database)
        listening = asyncio.gather(*(listen(followed, moment) for moment in heard))
        while not all(heard):  # noqa: ASYNC110 - an event for each of them says no more
            await asyncio.sleep(0.05)
        begun = time.monotonic()
        for percent in range(1, 40):
            queue.change(database, job.id, progress=percent, status="running")
            await asyncio.sleep(0.02)
        queue.change(database, job.id, status="successful")
        await listening
        return time.monotonic() - begun

    seconds = asyncio.run(follow())
    assert all(one == heard[0] for one in heard)
    assert (heard[0][0], heard[0][-1]) == ("0 None", "39 None")
    changes = len(heard[0]) - 1
    assert len(results) == 150 + changes  # each looked at the job for itself when it began
    assert changes <= seconds * following.MESSAGES_A_SECOND / 150 + 2


def test_a_sign_of_life_is_no_change_and_a_job_that_is_removed_ends(
    database: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    job = submitted(database, "a")

    async def follow() -> list[tuple[str, int]]:
        heard = asyncio.create_task(progress(Followed(database), job))
        await asyncio.sleep(0.05)
        queue.change(database, job.id)
        await asyncio.sleep(0.05)
        with database.begin() as session:
            session.execute(delete(Job))
        return await heard

    assert asyncio.run(follow()) == [("accepted", 0)]


def test_who_goes_away_leaves_nothing_behind(database: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    job = submitted(database, "a")

    async def follow() -> int:
        follower = asyncio.create_task(progress(Followed(database), job))
        await asyncio.sleep(0.05)
        follower.cancel()
        await asyncio.sleep(0.1)
        before = database.asked
        await asyncio.sleep(0.1)
        return database.asked - before

    assert asyncio.run(follow()) == 0
