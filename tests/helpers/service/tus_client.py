"""A small client of the tus protocol, for tests."""

import base64
from typing import Any

from starlette.testclient import TestClient

from helpers.service import wait

VERSION = {"tus-resumable": "1.0.0"}
CHUNK = {**VERSION, "content-type": "application/offset+octet-stream"}


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


def begin(client: Any, length: int, **said: str) -> str:
    """Create an upload; returns its path."""
    headers = {**VERSION, "upload-length": str(length), "upload-metadata": metadata(**said)}
    answer = client.post("/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return "/uploads/" + str(answer.headers["location"]).rpartition("/uploads/")[2]


def piece(client: Any, path: str, offset: int, data: bytes, **headers: str) -> Any:
    return client.patch(path, content=data, headers={**CHUNK, "upload-offset": str(offset), **headers})


def offset(client: Any, path: str) -> int:
    answer = client.head(path, headers=VERSION)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def send_whole(client: TestClient, data: bytes, **said: str) -> dict[str, Any]:
    """Send a file, and wait until it was looked at; returns the upload."""
    path = begin(client, len(data), **said)
    assert piece(client, path, 0, data).status_code == 204
    return wait(client, path, lambda answer: answer["status"] not in {"receiving", "checking"})
