"""A packaged model as a STAC item: what version 1.5.0 of the extension's schema asks for."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest

from geosar.models import load_model
from geosar.models.mlm import mlm_item
from helpers.tiny_model import write_dual_model, write_model

MADE = datetime(2026, 12, 1, tzinfo=UTC)
REQUIRED = {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"}
OF_ASSETS = {"mlm:framework", "mlm:artifact_type"}


@pytest.fixture(params=["one", "two", "s1-rgb", "odd"])
def item(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    models = {
        "one": lambda: write_model(tmp_path / "one"),
        "two": lambda: write_dual_model(tmp_path / "two"),
        "s1-rgb": lambda: "s1-rgb",
        "odd": lambda: write_model(tmp_path / "odd", name="3", version="1 (draft)", licence="not stated"),
    }
    return mlm_item(load_model(models[request.param]()).manifest, MADE)


def test_the_item_has_what_the_schema_asks_for(item: dict[str, Any]) -> None:
    properties = item["properties"]
    assert properties.keys() >= REQUIRED
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", properties["mlm:name"])
    assert set(properties["mlm:tasks"]) <= {"regression", "generative"}
    assert all(key in {*REQUIRED, "mlm:hyperparameters"} for key in properties if key.startswith("mlm:"))
    known = {one["name"] for one in properties["bands"]}
    for one, key in ((properties["mlm:input"][0], "input"), *((out, "result") for out in properties["mlm:output"])):
        assert set(one[key]) == {"shape", "dim_order", "data_type"}
        assert one[key]["shape"][one[key]["dim_order"].index("bands")] == len(one["bands"])
        assert set(one["bands"]) <= known
    scaling = properties["mlm:input"][0]["value_scaling"]
    assert scaling is None or [set(one) for one in scaling] == [{"type", "mean", "stddev"}] * len(scaling)
    models = [asset for asset in item["assets"].values() if "mlm:model" in asset["roles"]]
    assert models
    for asset in item["assets"].values():
        assert ("mlm:artifact_type" in asset) == (asset in models)
        assert {key for key in asset if key.startswith("mlm:")} <= OF_ASSETS
    stac = pystac.Item.from_dict(item)
    assert (stac.id, stac.datetime) == (item["id"], MADE)
    assert re.fullmatch(r"[\w\-.]+|other", properties["license"])


def test_it_names_each_file_with_its_checksum(tmp_path: Path) -> None:
    model = load_model(write_model(tmp_path / "tiny"))
    assets = mlm_item(model.manifest, MADE)["assets"]
    files = {
        asset["href"].removeprefix("./"): asset["file:checksum"]
        for asset in assets.values()
        if "file:checksum" in asset
    }
    expected = {name: f"1220{digest}" for spec in model.manifest.files.values() for name, digest in spec.parts()}
    assert files == expected
