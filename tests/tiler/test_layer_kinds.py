"""The one table of layers, and that everything else about layers follows from it."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosar_tiler import layer_kinds
from geosar_tiler.layer_kinds import KINDS, NAMES, kind_of
from geosar_tiler.middleware.auth import SIGNABLE
from geosar_tiler.problems import LAYER
from geosar_tiler.tiles.factory import SERVED

PACKAGE = Path(layer_kinds.__file__).parent


def test_every_kind_is_read_and_nothing_else() -> None:
    assert set(SERVED) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_paths_of_every_kind_are_signed_and_are_no_writing(name: str) -> None:
    path = f"/scenes/abc/{name}/tiles/1/2/3.png"
    signed = SIGNABLE.match(path)
    assert signed is not None
    assert signed[1] == "scenes/abc"
    assert LAYER.match(path)
    assert not LAYER.match(f"/scenes/abc/{name}s/tiles/1/2/3.png")


def test_every_kind_has_its_routes_under_its_own_heading(client: TestClient) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    for name in NAMES:
        route = document["paths"][f"/scenes/{{scene_id}}/{name}/tilejson.json"]["get"]
        assert route["tags"] == [f"Layer {name}"]


def test_what_a_network_made_says_so() -> None:
    assert {kind.name for kind in KINDS if kind.synthetic} == {"optical", "error", "live"}
    for kind in KINDS:
        text = f"{kind.statement} {kind.legend}".lower().replace("not synthetic", "")
        assert ("synthetic" in text) == kind.synthetic
    assert kind_of("error").title("Rome") == "Rome (expected error)"
    assert kind_of("sar").title("Rome") == "Rome"


def test_no_other_file_lists_the_layers() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        listed = re.search(r"optical\W+error\W+live|sar\W+(despeckled\W+)?optical\W+error", text)
        assert listed is None, path
