"""Room is promised once, however many ask for it at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers, QueryParams

from geosar_tiler.errors import StoreFullError
from geosar_tiler.ingest.receive import LEAST_STEP, Promise, receive
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.state.database import Database
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.store import Store
from helpers.service import MakeService, services_of

BODY = b"II*\0" + bytes(3 * 2**20)
AT_ONCE = 6


class Slow:
    """A request whose body stops in the middle until it is told to go on; it says how long it is, or does not."""

    def __init__(self, go_on: asyncio.Event, size: int, *, says: bool) -> None:
        self.headers = Headers({"content-length": str(size)} if says else {"transfer-encoding": "chunked"})
        self.query_params = QueryParams({"filename": "a.tif"})
        self._go_on = go_on
        self._body = BODY[:size]

    async def stream(self) -> AsyncIterator[bytes]:
        yield self._body[:10]
        await self._go_on.wait()
        yield self._body[10:]


@pytest.fixture
def quota(tmp_path: Path) -> Quota:
    store = Store(tmp_path / "store")
    return Quota(store, Database(f"sqlite:///{tmp_path / 'd.sqlite'}"), int(2.5 * len(BODY)))


@pytest.mark.parametrize("says", [True, False])
def test_bodies_at_once_have_room_or_are_refused(quota: Quota, says: bool) -> None:
    """Those that say how long they are before they come, the others before they are more than there is room for."""

    async def send(folder: Path, go_on: asyncio.Event) -> int:
        request: Any = Slow(go_on, len(BODY), says=says)
        return (await receive(request, folder, limit=10**9, quota=quota))[0].size

    async def send_all(folders: list[Path]) -> list[Any]:
        go_on = asyncio.Event()
        sending = [asyncio.create_task(send(folder, go_on)) for folder in folders]
        for refused in islice(asyncio.as_completed(sending), (AT_ONCE - 2) * says):
            with suppress(StoreFullError):
                await refused
        go_on.set()
        return await asyncio.gather(*sending, return_exceptions=True)

    with ExitStack() as open_connections:  # until all have their answer: what came would make room again
        folders = [open_connections.enter_context(quota.store.upload()) for _ in range(AT_ONCE)]
        answers = asyncio.run(asyncio.wait_for(send_all(folders), 30))
    refused = [one for one in answers if isinstance(one, StoreFullError)]
    came = [one for one in answers if isinstance(one, int)]
    assert len(refused) + len(came) == AT_ONCE
    assert len(came) == 2 if says else 0 < len(came) <= 2
    assert quota.free_bytes() == quota.most  # nothing is promised any more


def test_what_has_no_length_is_promised_as_much_again_as_has_come(quota: Quota) -> None:
    with quota.store.upload() as folder, quota.store.upload() as another:
        promise = Promise(quota, folder)
        assert promise.free_bytes() == LEAST_STEP
        assert Promise(quota, another).free_bytes() == quota.most - LEAST_STEP
        (folder / "0").write_bytes(bytes(LEAST_STEP))
        promise.shrink(LEAST_STEP)
        assert promise.free_bytes() == 0


def test_resumable_uploads_begun_at_once_are_promised_what_there_is(make_service: MakeService) -> None:
    size = 10**6
    with make_service(quota_bytes=int(2.5 * size)) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        uploads = services_of(client).uploads

        def begin(_: int) -> bool:
            try:
                uploads.create("a.tif", size, SceneOptions())
            except StoreFullError:
                return False
            return True

        assert sum(pool.map(begin, range(AT_ONCE))) == 2
