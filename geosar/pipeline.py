"""Three overlapping stages, read, compute and write, each holding a bounded number of blocks.

One thread reads ahead, the calling thread computes, a few threads write. Whatever fails, in whatever stage, is
raised here as it was, after every stage has stopped.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Result = TypeVar("Result")
Value = TypeVar("Value")

READ_AHEAD = 2

_POLL = 0.1
"""Seconds between two looks at whether to stop, while another stage is waited for."""


class StageClock:
    """How long each stage was busy, in seconds; shared by threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"read": 0.0, "compute": 0.0, "write": 0.0}
        self._lock = Lock()

    def timed(self, stage: str, work: Callable[[], Value]) -> Value:
        """Do the work and add the time it took to the stage."""
        started = time.perf_counter()
        try:
            return work()
        finally:
            spent = time.perf_counter() - started
            with self._lock:
                self.seconds[stage] += spent


class Pipeline(Generic[Item, Read, Result]):
    """The stages as functions. `read` returns None for an item with nothing to compute.

    `write` is called for every item, with None in that case or when `compute` returns it, from `writers` threads at
    once; `ahead` blocks are read or wait to be computed. `check` is called
    often, in the calling thread, and stops everything by raising.
    """

    def __init__(
        self,
        read: Callable[[Item], Read | None],
        compute: Callable[[Item, Read], Result | None],
        write: Callable[[Item, Result | None], None],
        *,
        writers: int,
        check: Callable[[], None],
        ahead: int = READ_AHEAD,
    ) -> None:
        self._read = read
        self._compute = compute
        self._write = write
        self._writers = writers
        self._check = check
        self._ahead = ahead
        self.clock = StageClock()

    def run(self, items: Iterable[Item], done: Callable[[Item], None]) -> None:
        """Take every item through the stages in order; `done` is called here after each was written."""
        waiting = iter(items)
        reading: deque[tuple[Item, Future[Read | None]]] = deque()
        writing: deque[tuple[Item, Future[None]]] = deque()
        with (
            ThreadPoolExecutor(1, "geosar-read") as reader,
            ThreadPoolExecutor(self._writers, "geosar-write") as writer,
        ):
            try:
                while True:
                    while len(reading) < self._ahead and (item := next(waiting, None)) is not None:
                        reading.append((item, reader.submit(self._timed_read, item)))
                    if not reading:
                        break
                    item, pending = reading.popleft()
                    block = self._result(pending)
                    result = None
                    if block is not None:
                        result = self._timed_compute(item, block)
                    del block
                    writing.append((item, writer.submit(self._timed_write, item, result)))
                    del result
                    while writing and (len(writing) > self._writers or writing[0][1].done()):
                        self._finish(writing.popleft(), done)
                while writing:
                    self._finish(writing.popleft(), done)
            except BaseException:
                for _, unread in reading:
                    unread.cancel()
                for _, unwritten in writing:
                    unwritten.cancel()
                raise

    def _finish(self, entry: tuple[Item, Future[None]], done: Callable[[Item], None]) -> None:
        item, future = entry
        self._result(future)
        done(item)

    def _result(self, future: Future[Value]) -> Value:
        while True:
            self._check()
            try:
                return future.result(timeout=_POLL)
            except TimeoutError:
                if future.done():  # then it is the stage's own time-out
                    return future.result()

    def _timed_read(self, item: Item) -> Read | None:
        return self.clock.timed("read", lambda: self._read(item))

    def _timed_compute(self, item: Item, block: Read) -> Result | None:
        return self.clock.timed("compute", lambda: self._compute(item, block))

    def _timed_write(self, item: Item, result: Result | None) -> None:
        self.clock.timed("write", lambda: self._write(item, result))
