"""Odd requests of every kind, chosen by Hypothesis: never an answer 5xx but 503 and 507, and never a traceback.

In CI the same few each time. With GEOSAR_FUZZ_SECONDS others, for so long (`make fuzz`).
"""

import json
import os
import socket
import time
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from geosar_tiler.connections import Connection
from helpers.service.serving import in_a_thread

SECONDS = float(os.environ.get("GEOSAR_FUZZ_SECONDS", "0"))
EXAMPLES = 150
NOT_NOW = {503, 507}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
LOOKING = METHODS[:3]

ODD = (
    "", "0", "-1", "1", "2", "256", "4096", "1e308", "-1e308", "1e400", "nan", "inf", "-inf", "null", "true", "0x10",
    "9" * 30, "\u0661", "\u00b2", "\x00", "\ud800", "\uffff", "../..", "%2e%2e", "/etc/passwd", "file:///etc/passwd",
    "EPSG:4326", "EPSG:0", "EPSG:32643", "png", "tif", "npy", "jpg", "b1", "b1;b2", "1/0", "b1/0", "b1**b1", "viridis",
    "nearest", "cubic", "0,0,0,0", "76,9,77,10", "76.1,10.8,76.2,10.9", "-180,-90,180,90", "0,0,1", "0,0,nan,1",
    "{}", "[]", '{"0": "#ff0000"}', "[[[0,1],[0,0,0,0]]]", "gamma R 0", "sigmoidal RGB 1e9 1", "2020-01-01/..",
    "x" * 3000,
)  # fmt: skip
MEMBERS = (
    "inputs", "scene", "type", "coordinates", "geometry", "features", "properties", "bbox", "ids", "query", "title",
    "eq", "sortby", "field", "fields", "href", "uploads", "VV", "name",
)  # fmt: skip
SAID = (
    "1.0.0", "bytes=0-0", "bytes=-1", "bytes=9-1", "*", "respond-async", "application/json", "text/html", "sha1 x",
    "multipart/form-data; boundary=x", "application/offset+octet-stream", "filename eA==", "Basic Og==", "PATCH",
    "DELETE", "0", "10", "-1", "attachment; filename=\xe9",
)  # fmt: skip
LINES = (
    b"GET / HTTP/1.1", b"Host: localhost", b"Content-Length: 5", b"Content-Length: -1", b"Expect: 100-continue",
    b"Transfer-Encoding: chunked", b"Connection: upgrade", b"Upgrade: websocket", b"", b"5", b"ffffffffff",
    b"OPTIONS * HTTP/1.1", b"GET http://x/ HTTP/1.0", b"CONNECT x:1 HTTP/1.1", b"\x16\x03\x01", b": x",
)  # fmt: skip
PLACE = {
    "process_id": "translate", "collection_id": "results", "z": "9", "x": "364", "y": "240", "scale": "2",
    "format": "png", "image_format": "png", "tileMatrixSetId": "WebMercatorQuad", "lon": "76.1", "lat": "10.9",
    "output": "optical", "name": "s1-rgb",
}  # fmt: skip
values = st.one_of(st.sampled_from(ODD), st.integers().map(str), st.floats().map(str), st.text(max_size=20))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(ODD), st.text(max_size=10))
bodies = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(MEMBERS), inner, max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(("range", "if-none-match", "prefer", "accept", "content-type", "tus-resumable", "upload-length",
                     "upload-offset", "upload-metadata", "upload-checksum", "x-http-method-override", "x-request-id",
                     "authorization", "content-disposition")),
    st.one_of(
        st.sampled_from(SAID),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
    ),
    max_size=3,
)  # fmt: skip


def rounds(test: Any) -> None:
    """Run a test of Hypothesis once, or anew until its time is over."""
    end = time.monotonic() + SECONDS
    bound = settings(
        max_examples=EXAMPLES, derandomize=not SECONDS, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    bounded = bound(test)
    bounded()
    while time.monotonic() < end:
        bounded()


def test_no_odd_request_is_a_failure(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    transport: Any = client._transport
    described = client.get("/openapi.json").json()["paths"]
    routes = [path for path in described if not path.endswith("/events")]  # a stream has no end
    real = {
        **PLACE, "scene_id": scene["id"], "job_id": job["jobID"], "item_id": job["jobID"],
    }  # fmt: skip

    @given(st.data())
    def ask(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(routes))
        method = data.draw(
            st.sampled_from([*(name.upper() for name in described[path]), data.draw(st.sampled_from(METHODS))])
        )
        operation = described[path].get(method.lower(), {})
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
        # What only looks is also asked of the scene and the job that there are.
        real_names = set(real) if method in LOOKING and data.draw(st.booleans()) else set()
        places = {name: real[name] if name in real_names else _quoted(data.draw(values)) for name in names}
        url = path
        for name, value in places.items():
            url = url.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
        known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        query = data.draw(st.lists(st.tuples(st.sampled_from([*known, "url"]), values), max_size=3))
        sent = data.draw(headers)
        content = b"" if method in LOOKING else json.dumps(data.draw(bodies)).encode()
        if method in LOOKING or data.draw(st.booleans()):
            sent = {"content-type": "application/json", **sent} if content else sent
        encoded = {name: value.encode("latin-1") for name, value in sent.items()}
        address = f"{url}?{urlencode([(key, _encoded(value)) for key, value in query])}"
        answer = client.request(method, address, headers=encoded, content=content, follow_redirects=False)
        assert answer.status_code < 500 or answer.status_code in NOT_NOW, (method, address, sent, content, answer.text)
        assert b"Traceback" not in answer.content

    before = transport.raise_server_exceptions
    transport.raise_server_exceptions = False
    try:
        rounds(ask)
    finally:
        transport.raise_server_exceptions = before
    assert client.get(f"/scenes/{scene['id']}").status_code == 200
    assert client.get("/readyz").status_code == 200


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _quoted(text: str) -> str:
    return quote(_encoded(text), safe="") or "-"


lines = st.one_of(st.sampled_from(LINES), st.binary(max_size=30))


def test_no_odd_bytes_on_a_connection_are_a_failure(client: TestClient) -> None:
    with in_a_thread(client.app, lifespan="off", http=Connection) as address:
        port = int(address.rpartition(":")[2])

        @given(st.lists(lines, min_size=1, max_size=8))
        def ask(said: list[bytes]) -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
                peer.sendall(b"\r\n".join(said) + b"\r\n\r\n")
                peer.shutdown(socket.SHUT_WR)
                answer = b""
                try:
                    while data := peer.recv(2**16):
                        answer += data
                except ConnectionError:
                    return
            assert not answer or answer.split(b" ", 2)[1] < b"500" or b" 503 " in answer.partition(b"\r\n")[0], said

        rounds(ask)
        assert client.get("/healthz").status_code == 200
