"""Every step at which the service writes, as it is taken: seen by Python's audit events and by SQLAlchemy's commits.

So no step needs to be named to be killed at.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

import geosar_tiler
from geosar_tiler.services import Services

OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PACKAGE = Path(geosar_tiler.__file__).parent
WRITES = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"})
"""Audit events of what writes."""


class Steps:
    """Counts the writes below a folder, and kills the process at one of them."""

    def __init__(self, root: Path, fatal: int | None) -> None:
        self.root = str(root)
        self.fatal = fatal
        self.seen: list[str] = []
        self.on = self.changed = False

    def watch(self, services: Services) -> None:
        sys.addaudithook(self._hear)
        event.listen(services.database.engine, "before_cursor_execute", self._execute)
        event.listen(services.database.engine, "commit", self._commit)
        self.on = True

    def _execute(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.changed |= not statement.startswith(("SELECT", "PRAGMA"))

    def _commit(self, _: Any) -> None:
        if self.changed:
            self._step()
        self.changed = False

    def _hear(self, name: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or name not in WRITES:
            return
        if name == "open" and not arguments[2] & OPEN_TO_WRITE:
            return
        if str(arguments[0]).startswith(self.root) and "/owners/" not in str(arguments[0]):
            self._step()

    def _step(self) -> None:
        if not self.on:
            return
        self.seen.append(_where())
        if self.fatal is not None and len(self.seen) > self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def _where() -> str:
    """Name the function of the service that writes: the innermost, below what all write with."""
    frame: Any = sys._getframe(1)
    place = "?"
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if PACKAGE in path.parents:
            name = path.relative_to(PACKAGE).as_posix()
            place = f"{name}:{frame.f_code.co_qualname.split('.<locals>')[0]}"
            if name not in {"state/database.py", "state/locks.py"}:
                return place
        frame = frame.f_back
    return place
