"""Ways to look at a file that end the process, last too long, or find something: run by the inspector's process."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def good(path: Path) -> dict[str, Any]:
    time.sleep(0.05)
    return {"name": path.name}


def deadly(path: Path) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return good(path)


def deadly_once(path: Path) -> dict[str, Any]:
    """Die, unless the file says that it was done before."""
    if path.exists():
        return good(path)
    path.touch()
    return deadly(path)


def slow(path: Path) -> dict[str, Any]:
    time.sleep(2)
    return good(path)
