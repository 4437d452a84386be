"""Ways to look at a file that end the process, last too long, or find something: run by the inspector's process."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
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


def spying(path: Path) -> dict[str, Any]:
    """Say what this process can do that looking at a file does not need; the file names a port, and its neighbours."""
    port, *others = path.read_text().split()
    tries = {
        **{f"read {Path(name).name}": lambda name=name: Path(name).read_bytes() for name in others},
        "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
        "list the store": lambda: list(path.parent.parent.parent.iterdir()),
        "write": lambda: path.with_name("written").touch(),
        "remove": path.unlink,
        "connect": lambda: socket.create_connection(("127.0.0.1", int(port)), 2).close(),
        "run": lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True),
    }
    done = []
    for name, attempt in tries.items():
        with suppress(OSError):
            attempt()
            done.append(name)
    return {"name": path.name, "done": done}
