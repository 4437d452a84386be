"""Scenes by URL: from where the settings allow it, and nowhere else, whatever names and redirects say."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosar_tiler.errors import ForbiddenError
from geosar_tiler.ingest import fetch, pinned_connections
from geosar_tiler.ingest.allow_list import FetchError, addresses, check_allowed
from helpers.service import MakeService, problem, wait
from helpers.service.fetched import get, made, settings


@pytest.fixture
def files(scene_file: Path) -> Iterator[str]:
    """A server on loopback with a scene, redirects, and answers that are odd."""
    data = scene_file.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            redirects = {
                "/data/moved.tif": "/data/fields_power.tif",
                "/data/away.tif": "http://169.254.169.254/latest/meta-data",
                "/data/up.tif": "/private/fields_power.tif",
                "/data/file.tif": "file:///etc/passwd",
                "/data/loop.tif": "/data/loop.tif",
            }
            if self.path in redirects:
                self.send_response(302)
                self.send_header("Location", redirects[self.path])
                self.end_headers()
            elif self.path.endswith("fields_power.tif"):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            elif self.path == "/data/short.tif":
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[:10_000])
            elif self.path == "/data/endless.tif":
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(b"II*\0" * 2**18)
            else:
                self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_lies_under_an_allowed_url_is_fetched(files: str, scene_file: Path, tmp_path: Path) -> None:
    for name in ("fields_power.tif", "moved.tif"):
        received = get(f"{files}/data/{name}", tmp_path, settings(f"{files}/data"))
        assert received.size == scene_file.stat().st_size
        assert received.filename == "fields_power.tif"
        assert (tmp_path / "got").read_bytes() == scene_file.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/private/fields_power.tif",
        "/data/../private/fields_power.tif",
        "/data/%2e%2e/private/fields_power.tif",
        "/data%2f..%2fprivate/fields_power.tif",
        "/datafields_power.tif",
        "/data/up.tif",
        "/data/away.tif",
        "/data/file.tif",
    ],
)
def test_what_lies_beside_it_is_not_even_by_a_redirect(files: str, tmp_path: Path, path: str) -> None:
    with pytest.raises(ForbiddenError, match=r"GEOSAR_ALLOWED_HREFS|public IP address"):
        get(files + path, tmp_path, settings(f"{files}/data"))


def test_a_redirect_into_a_private_network_is_refused_even_where_the_prefix_allows_it(
    files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first IP address passes as public; the redirect's own is looked at again.
    monkeypatch.setattr(pinned_connections, "addresses", _public_first(addresses))
    allowed = settings(files, "http://169.254.169.254")
    with pytest.raises(ForbiddenError, match=r"169\.254\.169\.254"):
        get(f"{files}/data/away.tif", tmp_path, allowed)


def _public_first(real: Any) -> Any:
    def look_up(host: str, port: int, *, private: bool) -> list[str]:
        return [host] if host == "127.0.0.1" and private else list(real(host, port, private=False))

    return look_up


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.1.2.3", "::1", "fd00::1", "::ffff:127.0.0.1",
     "64:ff9b::a00:1", "2002:7f00:1::", "224.0.0.1", "100.64.0.1", "64:ff9b:1::1", "::127.0.0.1", "fec0::1",
     "192.88.99.1", "5f00::1", "3fff::1", "2620:4f:8000::1", "::ffff:0:127.0.0.1", "2001:db8::1", "2002:c058:6301::"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def answers(*_: Any, **__: Any) -> Any:
        return [(0, 0, 0, "", ("1.1.1.1", 443)), (0, 0, 0, "", (address, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with pytest.raises(ForbiddenError, match="no public IP address"):
        addresses("data.example", 443, private=False)


def test_the_connection_goes_to_the_address_that_was_looked_at(
    files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, hosts = socket.getaddrinfo, []

    def answers(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host != "data.example":
            return real(host, port, *rest, **more)
        hosts.append(host)
        if len(hosts) > 1:
            raise AssertionError("the name was looked up twice")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    port = files.rpartition(":")[2]
    received = get(
        f"http://data.example:{port}/data/fields_power.tif", tmp_path, settings(f"http://data.example:{port}/data/")
    )
    assert received.size
    assert hosts == ["data.example"]


@pytest.mark.parametrize(
    "href",
    ["https://data.example.evil/x", "https://user@data.example/x", "https://data.example:8443/x", "ftp://data.example/x",
     "https://data.example\\@evil/x", "https://[::1/x", "https://data.example/a b", "/vsicurl/https://data.example/x"],
)  # fmt: skip
def test_a_url_that_only_looks_allowed_is_not(href: str) -> None:
    with pytest.raises(ForbiddenError):
        check_allowed(href, ("https://data.example/",))


def test_https_only_unless_the_network_is_private(files: str, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenError, match="https"):
        get(f"{files}/data/fields_power.tif", tmp_path, settings(files, private=False))


def test_what_is_too_large_ends_early_or_never_ends_is_given_up(files: str, tmp_path: Path) -> None:
    allowed = settings(files)
    with pytest.raises(fetch.TooLargeError):
        get(f"{files}/data/fields_power.tif", tmp_path, allowed, limit=1000)
    with pytest.raises(fetch.TooLargeError):
        get(f"{files}/data/endless.tif", tmp_path, allowed, limit=5_000_000)
    with pytest.raises(FetchError, match=r"10000 of|stopped coming"):
        get(f"{files}/data/short.tif", tmp_path, allowed)
    with pytest.raises(FetchError, match="redirected more than"):
        get(f"{files}/data/loop.tif", tmp_path, allowed)
    with pytest.raises(FetchError, match="within"):
        get(f"{files}/data/fields_power.tif", tmp_path, allowed.model_copy(update={"href_seconds": 0}))


def test_folders_are_left_by_no_link(tmp_path: Path, scene_file: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    for folder in (inside, outside):
        (folder / "a_power.tif").write_bytes(scene_file.read_bytes())
    (inside / "link.tif").symlink_to(outside / "a_power.tif")
    (inside / "own.tif").symlink_to(inside / "a_power.tif")
    allowed = settings(str(inside))
    for name in ("a_power.tif", "own.tif"):
        assert get(str(inside / name), tmp_path, allowed).size == scene_file.stat().st_size
    assert get(f"file://{inside}/a_power.tif", tmp_path, allowed).size
    for href in (
        outside / "a_power.tif",
        inside / "link.tif",
        f"{inside}/../out/a_power.tif",
        "a_power.tif",
        "/etc/passwd",
    ):
        with pytest.raises(ForbiddenError):
            get(str(href), tmp_path, allowed)
    with pytest.raises(fetch.NotFoundError):
        get(str(inside / "none.tif"), tmp_path, allowed)
    with pytest.raises(fetch.InvalidError):
        get(str(inside), tmp_path, allowed)


def test_a_scene_is_made_of_a_url(make_service: MakeService, files: str, scene_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "b_power.tif").write_bytes(scene_file.read_bytes())
    with make_service(allowed_hrefs=(str(folder), f"{files}/data"), href_private=True) as client:
        first = made(client, {"href": f"{files}/data/fields_power.tif", "name": "Fetched"})
        assert first["name"] == "Fetched"
        again = made(client, {"href": str(folder / "b_power.tif")})
        assert again["id"] == first["id"]
        wait(client, f"/scenes/{first['id']}", lambda answer: answer["display"]["state"] == "ready")


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"href": "https://data.example/x.tif"}, 403),
        ({"href": "file:///etc/passwd"}, 403),
        ({"href": "/vsicurl/http://127.0.0.1/x.tif"}, 403),
        ({"href": "http://localhost/scenes/x/download"}, 403),
        ({"href": "/data/\0x.tif"}, 422),
        ({"href": "file:///data/%00x.tif"}, 403),
        ({"href": "https://[::1/x.tif"}, 403),
        ({"href": ""}, 422),
        ({"href": {}}, 422),
        ({"href": {"XX": "a"}}, 422),
        ({}, 422),
        ({"href": "a", "uploads": {"VV": "b"}}, 422),
        ({"uploads": {"VV": "nothing"}}, 404),
        ({"href": "a", "path": "b"}, 422),
    ],
)
def test_orders_that_are_not_allowed_are_refused(client: TestClient, order: dict[str, Any], status: int) -> None:
    problem(client.post("/scenes", json=order), status)
