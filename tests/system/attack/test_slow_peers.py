"""Peers that say nothing, stop in the middle, drip, or take nothing: they hold no connection and no thread for ever."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse

from geosar.cli import group
from geosar_tiler import cli, geocoder
from geosar_tiler.connections import Connection
from geosar_tiler.ingest.allow_list import FetchError
from helpers.service.fetched import get, settings
from helpers.service.serving import in_a_thread

PATIENCE = 20
"""Seconds; far more than any of the times of these tests."""


class Impatient(Connection):
    HEAD_SECONDS = 0.5
    STALLED_SECONDS = 0.5


@pytest.fixture
def port() -> Iterator[int]:
    """A service of two routes that has no time, which answers six connections at once."""
    app = FastAPI()

    @app.get("/small")
    def small() -> Response:
        return Response("x")

    @app.get("/slow")
    def slow() -> Response:
        time.sleep(1.5)
        return Response("x")

    @app.get("/large")
    def large() -> StreamingResponse:
        return StreamingResponse(b"x" * 2**20 for _ in range(64))

    with in_a_thread(app, http=Impatient, limit_concurrency=6) as address:
        yield int(address.rpartition(":")[2])


def opened(port: int, beginning: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(beginning)
    return connection


def is_dropped(peer: socket.socket) -> bool:
    """Read to the end of a connection; the service ends it, or the test fails by the time-out."""
    with contextlib.suppress(ConnectionError):
        while peer.recv(2**16):
            pass
    return True


@pytest.mark.parametrize("beginning", [b"", b"GET /small HTT", b"GET /small HTTP/1.1\r\nHost: localhost\r\nX-A: b"])
def test_idle_and_half_sent_connections_are_dropped_and_make_room(port: int, beginning: bytes) -> None:
    peers = [opened(port, beginning) for _ in range(6)]
    assert all(is_dropped(peer) for peer in peers)
    assert httpx2.get(f"http://127.0.0.1:{port}/small").status_code == 200


def test_geosar_serve_speaks_by_such_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[uvicorn.Config] = []

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        served.append(server.config)
        server.started = True
        for one in sockets:
            one.close()

    monkeypatch.setenv("GEOSAR_STORE", "")  # so that what the command sets is undone
    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr(cli, "make", FastAPI)
    result = CliRunner().invoke(group, ["serve", "--port", "0", "--store", str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    served[0].load()
    assert served[0].http_protocol_class is Connection


def test_a_head_that_drips_has_no_more_time_than_another(port: int) -> None:
    peer = opened(port, b"GET /small HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < end:
            peer.sendall(b"a")
            time.sleep(0.05)
    assert time.monotonic() < end


def test_a_second_head_that_stops_in_the_middle_is_dropped_too(port: int) -> None:
    whole = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
    peer = opened(port, whole)
    assert peer.recv(2**16).startswith(b"HTTP/1.1 200")
    peer.sendall(whole[:20])
    assert is_dropped(peer)


def test_a_client_that_takes_nothing_of_its_answer_is_dropped(port: int) -> None:
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(PATIENCE)
    peer.connect(("127.0.0.1", port))
    peer.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(1.5)
    received = 0
    with contextlib.suppress(ConnectionError):
        while data := peer.recv(2**20):
            received += len(data)
    assert received < 64 * 2**20


def test_patience_is_for_answers_that_are_being_made_and_taken(port: int) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        assert client.get("/slow").text == "x"
        assert len(client.get("/large").content) == 64 * 2**20
        time.sleep(1)  # idle after an answer, which has its own, longer time
        assert client.get("/small").status_code == 200


@contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """Serve an answer that never ends, but never stops either; returns its URL."""
    stopped = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    peer.recv(2**16)
                    peer.sendall(head)
                    while not stopped.wait(0.05):
                        peer.sendall(b"a")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


HEADS = [
    b"",
    b"HTTP/1.1 200 OK\r\nX-Slow: ",
    b"HTTP/1.1 200 OK\r\n\r\nII*\0",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_what_drips_is_fetched_no_longer_than_the_settings_say(tmp_path: Path, head: bytes) -> None:
    with dripping(head) as address, pytest.raises(FetchError, match=r"slow\.tif did not come within 0\.4 s"):
        get(f"{address}/slow.tif", tmp_path, settings(f"{address}/", href_seconds=0.4))


@pytest.mark.parametrize("head", HEADS)
def test_a_geocoder_that_drips_holds_no_thread_for_longer_than_it_may(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geocoder, "SECONDS", 0.4)
    began = time.monotonic()
    with dripping(head) as address, pytest.raises(geocoder.GeocoderError, match=r"did not answer|too long"):
        geocoder.Geocoder(f"{address}/?q={{query}}").places("Riga")
    assert time.monotonic() - began < PATIENCE
