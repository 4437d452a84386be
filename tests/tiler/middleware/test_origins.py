"""Where no key is asked for: foreign names of the service, and changes that other sites' pages order."""

import hashlib
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosar_tiler.settings import Settings
from helpers.service import open_service, problem
from helpers.service.serving import on_a_port

SEARCH = "/stac/search"
EVIL = "https://evil.example"


def idle(tmp_path: Path, **settings: Any) -> TestClient:
    """Make a client of a service that was not started; enough to see what it lets through."""
    client = open_service(store=tmp_path / "store", **settings)
    client.raise_server_exceptions = False
    return client


def passes(client: TestClient, headers: dict[str, str]) -> bool:
    """Whether a change is let through."""
    return client.post("/conformance", headers=headers).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},  # another program on this machine
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://localhost@evil.example"},
        {"origin": "file://localhost"},
        {"origin": EVIL, "x-forwarded-host": "evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost"},
        {"sec-fetch-site": "cross-site", "origin": EVIL},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/scenes"),
        ("POST", "/uploads"),
        ("POST", "/uploads/a"),
        ("POST", "/processes/translate/execution"),
        ("PUT", "/scenes/a/reference"),
        ("DELETE", "/scenes/a"),
        ("DELETE", "/jobs/a"),
        ("PATCH", "/scenes/a"),
        ("GET", "/places?q=a"),
    ],
)
def test_a_change_that_another_site_orders_is_refused(
    client: TestClient, headers: dict[str, str], method: str, path: str
) -> None:
    answer = client.request(method, path, headers=headers, content=b"{}")
    assert "which other sites may not without a key" in problem(answer, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {},  # curl, QGIS, Python
        {"origin": "http://localhost"},
        {"origin": "http://localhost:80"},
        {"origin": "https://localhost"},  # a proxy ended TLS
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"},
        {"host": "[::1]:8000", "origin": "http://[::1]:8000"},
        {"sec-fetch-site": "same-origin", "origin": "http://localhost"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_own_page_and_programs_may_change_what_they_like(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post(SEARCH, json={}, headers=headers).status_code == 200


def test_other_sites_may_look(client: TestClient) -> None:
    assert client.get("/scenes", headers={"sec-fetch-site": "cross-site", "origin": EVIL}).status_code == 200


def test_sites_that_cors_allows_may_change_too(tmp_path: Path) -> None:
    allowing = idle(tmp_path, cors_origins=(EVIL,))
    assert passes(allowing, {"origin": EVIL})
    assert passes(allowing, {"origin": EVIL, "sec-fetch-site": "cross-site"})
    assert not passes(allowing, {"origin": "https://other.example"})
    assert passes(idle(tmp_path, cors_origins=("*",)), {"origin": "null"})


def test_what_a_refusal_advises_works(client: TestClient, tmp_path: Path) -> None:
    refused = problem(client.post(SEARCH, json={}, headers={"origin": EVIL}), 403)
    assert f"set GEOSAR_CORS_ORIGINS={EVIL};" in refused
    assert "GEOSAR_CORS_ORIGINS" not in problem(client.post(SEARCH, json={}, headers={"origin": "null"}), 403)
    assert "set GEOSAR_HOSTS=sar.example.org." in problem(
        client.get("/", headers={"host": "sar.example.org:8000"}), 421
    )
    named = idle(tmp_path, hosts=("sar.example.org",))
    assert named.get("/", headers={"host": "SAR.example.org:8000"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example",
     "evil.example#localhost", "2130706433.evil", "localhost:8000:9000", "[localhost]"],
)  # fmt: skip
def test_a_name_that_was_made_to_lead_here_is_refused(client: TestClient, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/scenes"), ("POST", SEARCH), ("GET", "/openapi.json")):
        refused = problem(client.request(method, path, headers={"host": host}), 421)
        assert "does not go by the name" in refused
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "localhost.", "geosar.localhost", "127.0.0.1:8000", "[::1]:8000", "192.168.1.5",
     "[fe80::1]", socket.gethostname()],
)  # fmt: skip
def test_loopback_addresses_and_its_own_name_lead_here(client: TestClient, host: str) -> None:
    assert client.get("/scenes", headers={"host": host}).status_code == 200


def test_behind_a_believed_proxy_its_word_on_the_name_counts(tmp_path: Path) -> None:
    public = {"host": "127.0.0.1:8000", "x-forwarded-host": "sar.example.org", "x-forwarded-proto": "http"}
    behind = idle(tmp_path, trust_forwarded=True, hosts=("sar.example.org",))
    assert passes(behind, {**public, "origin": "https://sar.example.org"})
    assert behind.get("/conformance", headers=public).status_code == 200
    problem(behind.post("/conformance", headers={**public, "origin": EVIL}), 403)
    evil = {**public, "x-forwarded-host": "evil.example"}
    problem(behind.get("/conformance", headers=evil), 421)
    # Over TLS, for which its certificate has to be one of evil.example, it is no name that was made to lead here.
    assert behind.get("/conformance", headers={**evil, "x-forwarded-proto": "https"}).status_code == 200
    # The word of a proxy that is not believed is nobody's.
    assert idle(tmp_path).get("/conformance", headers={**evil, "x-forwarded-proto": "https"}).status_code == 200
    problem(idle(tmp_path).get("/conformance", headers={"host": "evil.example", "x-forwarded-proto": "https"}), 421)


def test_with_a_key_names_are_free_as_nobody_else_has_it(tmp_path: Path) -> None:
    hashed = hashlib.sha256(b"a key").hexdigest()
    keyed = idle(tmp_path, api_keys=(f"write:{hashed}",))
    assert passes(keyed, {"host": "sar.example.org", "origin": EVIL, "x-api-key": "a key"})


def test_curl_works_as_ever(client: TestClient, scene_file: Path) -> None:
    with on_a_port(client) as address:
        for base in (address, address.replace("127.0.0.1", "localhost")):
            command = ["curl", "--silent", "--fail", "-F", f"file=@{scene_file}", f"{base}/scenes"]
            assert json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)["id"]


@pytest.mark.parametrize("name", ["https://sar.example.org", "sar.example.org:8000", "*.example.org", "a b"])
def test_a_host_that_is_no_name_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a host"):
        Settings(hosts=(name,))
