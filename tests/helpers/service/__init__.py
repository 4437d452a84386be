"""What the tests of the service share: sending, waiting, reading its pictures and its complaints."""

import io
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
from PIL import Image
from starlette.testclient import TestClient

MERCATOR = morecantile.tms.get("WebMercatorQuad")
MakeService = Callable[..., AbstractContextManager[TestClient]]
MakeRaster = Callable[..., Path]


def open_service(**settings: Any) -> TestClient:
    """Make a client of a service in this process, by its settings."""
    from geosar_tiler.app import create_app  # noqa: PLC0415 - the fixtures are there for all tests, and most need no service
    from geosar_tiler.settings import Settings  # noqa: PLC0415

    return TestClient(create_app(Settings(**settings)), base_url="http://localhost")


def installed(program: str) -> str | None:
    """Find a program, also where Debian keeps those of servers."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    return shutil.which(program, path=os.pathsep.join(folders))


def send(client: TestClient, path: Path, **query: Any) -> dict[str, Any]:
    """Upload a file, and wait until it is prepared."""
    with path.open("rb") as file:
        answer = client.post("/scenes", params=query, files={"file": (path.name, file)})
    assert answer.status_code in {200, 201}, answer.text
    return wait(client, f"/scenes/{answer.json()['id']}", lambda state: state["display"]["state"] != "preparing")


def wait(client: Any, path: str, done: Callable[[dict[str, Any]], bool], seconds: float = 150) -> dict[str, Any]:
    """Ask until it is so; jobs are the last to get a processor, so on a busy machine that takes its time."""
    end = time.monotonic() + seconds
    while True:
        answer: dict[str, Any] = client.get(path).json()
        if done(answer):
            return answer
        assert time.monotonic() < end, answer
        time.sleep(0.05)


def problem(answer: Any, status: int) -> str:
    """Check that an answer is a problem document of this status; give its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert "Traceback" not in answer.text
    return str(body["detail"])


def services_of(client: TestClient) -> Any:
    """Return the inner parts of the service that a test client speaks with."""
    app: Any = client.app
    return app.state.services


def picture(answer: Any) -> np.ndarray:
    """Read an image that was answered: red, green, blue and opacity (h, w, 4)."""
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def middle_tile(scene: dict[str, Any], zoom: int = 13) -> str:
    """Name the tile in which the middle of a scene lies."""
    west, south, east, north = scene["bbox"]
    tile = MERCATOR.tile((west + east) / 2, (south + north) / 2, zoom)
    return f"{tile.z}/{tile.x}/{tile.y}"
