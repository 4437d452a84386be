"""Requests on QGIS's network: long uploads beside a living window, lines that are cut, and keys that stay at home."""

import base64
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from geosar_qgis import connections
from geosar_qgis.client.messages import RefusedError, Request, UnreachableError, UntrustedError
from geosar_qgis.client.service import Service
from geosar_qgis.client.uploads import UploadFile, upload
from geosar_qgis.connections import Connection
from geosar_qgis.network import Conversation, send
from geosar_qgis.provider import GeosarProvider
from inside import Run, ask, spin, wait
from qgis.core import Qgis, QgsApplication, QgsAuthMethodConfig
from qgis.PyQt.QtCore import QTimer

Make = Callable[..., Path]


@pytest.fixture(autouse=True, scope="module")
def provider(qgis_app: Any) -> Iterator[None]:
    instance = GeosarProvider()
    QgsApplication.processingRegistry().addProvider(instance)
    yield
    QgsApplication.processingRegistry().removeProvider(instance)


class Relay(threading.Thread):
    """A line to a service that breaks once, after so many bytes of what is sent."""

    def __init__(self, url: str, after: int) -> None:
        super().__init__(daemon=True)
        self._target = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._left = after
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        try:
            while data := one.recv(65536):
                if counted and not self.cuts:
                    self._left -= len(data)
                    if self._left < 0:
                        self.cuts += 1
                        break
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


def test_the_event_loop_turns_during_an_upload_of_100_megabytes(served: Any, make_sar: Make) -> None:
    path = make_sar("padded_vv.tif", seed=41)
    with path.open("ab") as file:
        file.truncate(100_000_000)  # a GeoTIFF with zeros behind it is still one
    beats: list[float] = []
    clock = QTimer()
    clock.timeout.connect(lambda: beats.append(time.monotonic()))
    clock.start(20)
    task = Run("upload", {"INPUT": str(path), "CONNECTION": served.url})
    scene = task.result(240)["SCENE_ID"]
    clock.stop()
    gaps = [later - earlier for earlier, later in pairwise(beats)]
    assert len(beats) > 10
    # A GUI thread that did the work would stand still for nearly all of it.
    assert max(gaps) < max(1.0, 0.4 * (beats[-1] - beats[0]))
    assert len({share for share in task.feedback.shares if share < 90}) > 5
    uploaded = ask(Connection("c", served.url), Service(served.url).scene(scene))
    assert uploaded.size == 100_000_000


def test_an_upload_that_is_cut_off_goes_on(served: Any, make_sar: Make) -> None:
    relay = Relay(served.url, after=300_000)
    path = make_sar("cut_vv.tif", width=500, height=400, seed=42)
    scene = ask(Connection("r", relay.url), upload(Service(relay.url), UploadFile(path)))
    relay.close()
    assert relay.cuts == 1
    assert scene.size == path.stat().st_size


def test_a_service_that_is_away_is_said_to_be_so_soon(qgis_app: Any) -> None:
    with pytest.raises(UnreachableError, match="Is the service running"):
        send(Connection("c", "http://127.0.0.1:9"))(Request("GET", "http://127.0.0.1:9/"), lambda: False)


def test_a_service_that_never_answers_can_be_given_up(qgis_app: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        task = Run("listscenes", {"CONNECTION": url, "OUTPUT": "TEMPORARY_OUTPUT"})
        spin(0.5)
        task.feedback.cancel()
        assert "Stopped" in task.trouble()
        assert time.monotonic() - begun < 20


def test_a_conversation_that_is_stopped_says_nothing_more(served: Any) -> None:
    messages: list[object] = []
    conversation = Conversation(Service(served.url).scenes(), Connection("c", served.url))
    conversation.succeeded.connect(messages.append)
    conversation.failed.connect(messages.append)
    wait(lambda: conversation._exchange is not None)
    conversation.stop()
    spin(0.5)
    assert messages == []
    ended = Conversation(Service(served.url).scenes(), Connection("c", served.url))
    ended.succeeded.connect(messages.append)
    wait(lambda: bool(messages))
    spin(0.1)
    ended.stop()


def test_a_key_goes_to_its_own_service_only(qgis_app: Any) -> None:
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert QgsApplication.authManager().setMasterPassword("of the tests", True)
        connection = Connection("c", f"{url}/geosar", connections.keep_key("ear", "secret"))
        send(connection)(Request("GET", f"{url}/geosar/scenes"), lambda: False)
        send(connection)(Request("GET", f"{url}/elsewhere"), lambda: False)
        server.shutdown()
    assert [base64.b64decode(one.partition(" ")[2]).decode() for one in heard] == ["api-key:secret", ""]


def kept(method: str, values: dict[str, str]) -> str:
    """Make an authentication configuration, as one does by hand; returns its id."""
    config = QgsAuthMethodConfig(method)
    config.setName(f"made by hand: {method}")
    config.setConfigMap(values)
    stored = QgsApplication.authManager().storeAuthenticationConfig(config)
    assert stored[0] if isinstance(stored, tuple) else stored
    return str(config.id())


def test_a_key_may_be_kept_in_each_way_that_qgis_has(locked: Any) -> None:
    manager = QgsApplication.authManager()
    assert manager.setMasterPassword("of the tests", True)
    ways: dict[str, list[dict[str, str]]] = {
        "Basic": [{"username": "anybody", "password": locked.key}],
        "APIHeader": [{"Authorization": f"Bearer {locked.key}"}, {"X-API-Key": locked.key}],  # since QGIS 3.24
    }
    known = set(ways) & set(manager.authMethodsKeys())
    assert known >= ({"Basic"} if Qgis.QGIS_VERSION_INT < 32400 else set(ways))
    for method in known:
        for values in ways[method]:
            connection = Connection("by hand", locked.url, kept(method, values))
            assert ask(connection, Service(locked.url).models())
    wrong = Connection("wrong", locked.url, kept("Basic", {"username": "anybody", "password": "guessed"}))
    with pytest.raises(RefusedError, match="key"):
        ask(wrong, Service(locked.url).models())


def test_a_certificate_that_nobody_vouches_for_is_refused_in_words(qgis_app: Any, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_port}"
        with pytest.raises(UntrustedError, match="is not trusted"):
            ask(Connection("c", url), Service(url).models())
        server.shutdown()


def test_a_file_that_is_short_of_what_was_promised_is_not_taken_for_whole(qgis_app: Any, tmp_path: Path) -> None:
    def serve(server: socket.socket) -> None:
        for _ in range(5):
            near, _peer = server.accept()
            near.recv(4096)
            near.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
            near.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        flow = Service(url).download(f"{url}/x", tmp_path / "x.tif")
        with pytest.raises(UnreachableError, match="cut off"):
            ask(Connection("c", url), flow)
    assert list(tmp_path.iterdir()) == []
