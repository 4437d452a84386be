"""What the tests of scenes by URL share."""

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from geosar_tiler.ingest.fetch import fetch
from geosar_tiler.ingest.receive import Received
from geosar_tiler.settings import Settings
from helpers.service import wait

MANY = 10**12


def settings(*allowed: str, private: bool = True, **more: Any) -> Settings:
    return Settings(allowed_hrefs=allowed, href_private=private, **more)


def get(href: str, folder: Path, settings: Settings, *, limit: int = MANY) -> Received:
    return fetch(href, folder / "got", settings, limit=limit, free_bytes=lambda: MANY)


def made(client: TestClient, order: dict[str, Any]) -> dict[str, Any]:
    """Order a scene; a slow service says where to ask."""
    answer = client.post("/scenes", json=order)
    if answer.status_code == 202:
        where = answer.headers["location"]
        done = wait(client, where, lambda state: state["status"] in {"done", "failed"})
        assert done["received"] == done["length"]
        answer = client.get(f"/scenes/{done['scene']}")
    assert answer.status_code in {200, 201}, answer.text
    scene: dict[str, Any] = answer.json()
    return scene
