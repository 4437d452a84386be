"""Parameters that make no picture are refused beforehand; a fault of our own is one."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from geosar_tiler import problems
from geosar_tiler.errors import InvalidError
from geosar_tiler.tiles import parameters
from helpers.service import problem


@pytest.mark.parametrize(
    "query",
    [
        "preview.png?color_formula=gamma R", "preview.png?color_formula=saturation 2&bidx=1", "preview.png?colormap=1",
        'preview.png?bidx=1&colormap={"a":"%23000"}', 'preview.png?bidx=1&colormap=[[["a","b"],[1,2,3]]]',
        "preview.png?nodata=nan", "preview.tif?nodata=1e39", "statistics?histogram_range=5,1", "statistics?p=101",
        "bbox/nan,0,1,1.png", "point/76,10?expression=complex(b1,b1)",
    ],
)  # fmt: skip
def test_what_makes_no_picture_is_refused(client: TestClient, scene: dict[str, Any], query: str) -> None:
    assert "make no picture" not in problem(client.get(f"/scenes/{scene['id']}/sar/{query}"), 422)


@pytest.mark.parametrize("kind", [ArithmeticError, KeyError, MemoryError, TypeError, ValueError])
def test_a_fault_of_our_own_is_a_fault(kind: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/scenes/a/sar/preview.png")
    def broken() -> None:
        raise kind("of ours")

    answer = TestClient(app, raise_server_exceptions=False).get("/scenes/a/sar/preview.png")
    assert answer.status_code == 500
    assert caplog.records[0].levelname == "ERROR"


def test_values_that_pixels_can_have_are_taken() -> None:
    parameters.check_nodata(255, "uint8")
    parameters.check_nodata("nan", "float32")
    with pytest.raises(InvalidError, match="0 to 255"):
        parameters.check_nodata(256, "uint8")
