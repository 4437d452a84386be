"""Which service a job or an upload belongs to, and whether it still lives: by a lock that ends with its life."""

import fcntl
import os
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

KEPT_SECONDS = 3600
"""An owner's file is there so much longer than its owner, for others to see that it ended."""


class Owner:
    """One service process, or a part of it; holds a lock on a file of the store for as long as it lives.

    A name and a process's number are not enough: in a container that was started again the same number, 1, belongs to
    another life, and containers may share a host's name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        token = uuid.uuid4().hex
        self.name = f"{socket.gethostname()}/{os.getpid()}/{token}"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / token).open("wb")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Say that it ends."""
        (self._folder / self.name.rpartition("/")[2]).unlink(missing_ok=True)
        self._file.close()

    def knows_dead(self, name: str | None) -> bool:
        """Whether the owner of that name is known to have ended; of another machine's one may know by silence alone."""
        host, _, rest = (name or "").partition("/")
        token = rest.rpartition("/")[2]
        if not token.isalnum() or name == self.name:
            return False
        path = self._folder / token
        try:
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            # It was released, or never had a lock: an earlier version of the service named itself so.
            return host == socket.gethostname()
        except OSError:  # it is held, or there are no locks here
            return False
        return True

    def sweep(self) -> None:
        """Remove the files of owners that ended; call it when what they left was taken over."""
        for path in self._folder.iterdir():
            with suppress(OSError):
                old = path.stat().st_mtime < time.time() - KEPT_SECONDS
                if old and self.knows_dead(f"{socket.gethostname()}/0/{path.name}"):
                    path.unlink()
