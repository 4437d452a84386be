"""Connections of which nothing comes, or into which nothing goes, are dropped, so that others can connect.

uvicorn ends a connection that is idle after an answer; one that never asked anything, stopped in the middle of a
request's head, or does not take its answer would be kept for ever, and `GEOSAR_CONNECTIONS` counts it.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's connection, with a time for the head of a request to come, and one for an answer to be taken."""

    HEAD_SECONDS = 30.0
    """From the beginning of a connection, or from the first byte of a later request, until its head is whole."""
    STALLED_SECONDS = 120.0
    """A client that takes nothing of its answer for so long is given up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.HEAD_SECONDS, self._drop)

    def data_received(self, data: bytes) -> None:
        """See asyncio; a head that comes byte by byte has no more time than another."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            _cancel(self._head)
            self._head = None
        elif self._head is None:
            self._head = self.loop.call_later(self.HEAD_SECONDS, self._drop)

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.STALLED_SECONDS, self._drop)

    def resume_writing(self) -> None:
        """See asyncio."""
        _cancel(self._stalled)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        _cancel(self._head)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def _drop(self) -> None:
        """End it at once; closing would wait for what is still to be sent."""
        self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
