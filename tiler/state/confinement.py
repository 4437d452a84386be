"""Confines the process that looks at uploads: no network, no other programs, and of all files those it needs.

It reads what Python, its libraries and GDAL's and PROJ's data are, and the folder in which uploads come in; it writes
nothing. Landlock and a network of its own do that where the system has them; `geosar doctor` says what holds here.
This module imports little, so that the process is confined before libraries begin threads of their own.
"""

import ctypes
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

# Numbers of Linux, the same on all machines since 2021 (landlock.h, prctl.h, sched.h).
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_OWN_USERS_AND_NETWORK = 0x10000000 | 0x40000000
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights over files each version of Landlock knows, from the one that brought them."""
_TCP, _TCP_SINCE = 0b11, 4
_SCOPES, _SCOPES_SINCE = 0b11, 6

_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/dev/null", "/dev/urandom",
)  # fmt: skip
_DATA = ("GDAL_DATA", "PROJ_DATA", "PROJ_LIB")


def begin(service: int, memory: int, incoming: Path | None, also: Sequence[Path] = ()) -> None:
    """Limit a process that was just started: it ends with the service, and takes no more memory than this."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    if incoming is not None:
        confine(incoming, also)
    threading.Thread(target=_end_with, args=(service,), daemon=True).start()


def _end_with(service: int) -> None:
    while os.getppid() == service:
        time.sleep(1)
    os._exit(0)


def version() -> int:
    """Which version of Landlock the system has; 0 for none."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def confine(incoming: Path, also: Sequence[Path] = ()) -> None:
    """Confine this process as far as the system allows it, for good; folders that it may read `also` are trusted."""
    _library().unshare(_OWN_USERS_AND_NETWORK)  # refused in many containers; then TCP alone is closed, below
    known = version()
    if not known:
        return
    rights = (1 << max(count for since, count in _FILE_RIGHTS.items() if since <= known)) - 1
    network = _TCP if known >= _TCP_SINCE else 0
    scopes = _SCOPES if known >= _SCOPES_SINCE else 0
    words = (rights, network, scopes)[: 1 + (known >= _TCP_SINCE) + (known >= _SCOPES_SINCE)]
    attributes = struct.pack(f"={len(words)}Q", *words)
    rules = _call(_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return
    try:
        for path in (*_readable(incoming.parent), incoming, *also):
            _allow(rules, path)
        if _library().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
            _call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _readable(store: Path) -> Iterator[Path]:
    """Name what Python and its libraries read; of a folder that holds the store too, our packages alone."""
    store = store.resolve()
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *_SYSTEM}
    places |= {os.environ[name] for name in _DATA if os.environ.get(name)}
    for place in filter(None, sorted(places)):
        path = Path(place).resolve()
        if path != store and path not in store.parents:
            yield path
        # By themselves too: src/ of a checkout holds links to them.
        packages = (path / name for name in ("geosar", "geosar_tiler"))
        yield from (package.resolve() for package in packages if (package / "__init__.py").is_file())


def _allow(rules: int, path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = _READ_FILE | (_READ_FOLDER if path.is_dir() else 0)
            _call(_ADD, rules, _BENEATH, struct.pack("=Qi", allowed, descriptor), 0)
        finally:
            os.close(descriptor)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int | bytes | None) -> int:
    if not sys.platform.startswith("linux"):
        return -1
    values = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(_library().syscall(ctypes.c_long(number), *values))


def described() -> str:
    """Say in words how the process that looks at uploads is confined here; asked of a process that tries."""
    with tempfile.TemporaryDirectory(prefix="geosar-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        arguments = [folder, str(server.getsockname()[1])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-P", "-m", "geosar_tiler.state.confinement", *arguments]
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    try:
        reads, connects = json.loads(output)
    except ValueError:
        return "could not be tried"
    files = "reads what comes in alone" if not reads else "reads what the service reads (no Landlock here)"
    return f"{files}; {'no network' if not connects else 'network as the service has it'}"


def tried(folder: Path, port: int) -> tuple[bool, bool]:
    """Say whether a confined process can read a file beside the store's, and reach a port of this machine."""
    beside = folder / "beside"
    beside.touch()
    incoming = folder / "store" / "incoming"
    incoming.mkdir(parents=True)
    confine(incoming)
    return _works(beside.read_bytes), _works(lambda: socket.create_connection(("127.0.0.1", port), 1).close())


def _works(what: Callable[[], object]) -> bool:
    try:
        what()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(tried(Path(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201 - it is a program
