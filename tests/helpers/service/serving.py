"""Services on a port: `geosar serve` as a person runs it, a process of its own, or an app in a thread of this one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any, Literal

import httpx2
import uvicorn
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def start(
    store: Path, model: Path | None, port: int, *options: str, log: IO[bytes] | None = None, **settings: str
) -> "subprocess.Popen[bytes]":
    """Start a service, with the built-in model unless one is given; settings are environment variables without GEOSAR_.

    What it says goes into `log`; without one, errors go where the tests' own go.
    """
    variables = {f"GEOSAR_{name.upper()}": value for name, value in settings.items()}
    environment = {**os.environ, "GEOSAR_STORE": str(store), "PYTHONPATH": str(ROOT / "src")}
    if model is not None:
        environment["GEOSAR_MODEL"] = str(model)
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", str(port), *options]
    if log is not None:
        return subprocess.Popen(command, env={**environment, **variables}, stdout=log, stderr=log)
    command += ["--log-level", "warning"]
    return subprocess.Popen(command, env={**environment, **variables}, stdout=subprocess.DEVNULL)


def until_it_answers(client: httpx2.Client, process: "subprocess.Popen[bytes]", path: str = "/healthz") -> None:
    """Wait until a service that was started answers with success."""
    end = time.monotonic() + 180
    while True:
        try:
            if client.get(path).is_success:
                return
        except httpx2.TransportError:
            pass
        assert process.poll() is None, "the service ended by itself"
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def in_a_thread(app: Any, *, lifespan: Literal["on", "off"] = "on", **options: Any) -> Iterator[str]:
    """Serve an app from a thread of this process until the end of the block; returns its URL."""
    config = uvicorn.Config(app, port=0, lifespan=lifespan, log_level="error", timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def on_a_port(client: TestClient) -> Iterator[str]:
    """Let programs that speak real HTTP reach the app of a test client, which began with it; returns its URL."""
    with in_a_thread(client.app, lifespan="off") as address:
        yield address


@contextmanager
def serving(
    store: Path, model: Path, port: int, *options: str, **settings: str
) -> Iterator[tuple["subprocess.Popen[bytes]", httpx2.Client]]:
    """Run a service until the end of the block."""
    process = start(store, model, port, *options, **settings)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:
            until_it_answers(client, process)
            yield process, client
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)
