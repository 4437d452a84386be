"""No parameters make one read take gigabytes, of whatever layer, on whatever route."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from affine import Affine
from sqlalchemy import update
from starlette.testclient import TestClient

from geosar_tiler.errors import TooMuchError
from geosar_tiler.state.database import Scene
from geosar_tiler.tiles import budget
from helpers.rasters import speckled, write_raster
from helpers.service import open_service, problem, send, services_of

BUDGET_KIBIBYTES = 700 * 1024
"""Of memory that one read may add: its values a few times over."""
FEATURE = {
    "type": "Feature",
    "properties": {},
    "geometry": {"type": "Polygon", "coordinates": [[[-9, 0], [-8.99, 0], [-8.99, 80], [-9, 80], [-9, 0]]]},
}
MANY = "&".join(["bidx=1"] * 200)
TERMS = ";".join(["b1"] * 400)
GREEDY = (
    f"preview.npy?max_size=1024&{MANY}",
    f"preview.tif?width=4096&height=4096&{'&'.join(['bidx=1'] * 20)}",
    f"preview.npy?max_size=1024&expression={TERMS}",
    "preview.npy?width=4096&height=4096&expression=b1;b1;b1;b1",
    "preview.npy?width=4096",
    f"statistics?{MANY}",
    f"statistics?expression={TERMS}",
    f"tiles/WebMercatorQuad/0/0/0.tif?tilesize=4096&{MANY}",
    "bbox/76,9,76.0000001,11.png?width=4096",
    f"bbox/76,9,77,11/4096x4096.npy?{MANY}",
    f"image/0?{MANY}",
    f"crop.tif?bbox=0,0,1,3000&width=256&{'&'.join(['bidx=1'] * 60)}",
    "crop.tif?bbox=0,0,1,3000&width=4096",
    f"histogram?{MANY}",
    f"point/76,10?{MANY}",
    "map?width=4096",
)


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    """A service with a scene of 40 x 3000 pixels."""
    folder = tmp_path_factory.mktemp("thin")
    path = write_raster(folder / "thin_VV.tif", speckled((1, 3000, 40)), units="power")
    with open_service(store=folder / "store", model=str(model)) as service:
        yield service, send(service, path)


def grown(since: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - since


@pytest.mark.parametrize("layer", ["sar", "live"])
@pytest.mark.parametrize("query", GREEDY)
def test_a_greedy_read_is_refused_before_it_takes_memory(
    thin: tuple[TestClient, dict[str, Any]], layer: str, query: str
) -> None:
    service, scene = thin
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = service.get(f"/scenes/{scene['id']}/{layer}/{query}")
    assert grown(before) < BUDGET_KIBIBYTES
    assert answer.status_code < 500
    if answer.status_code != 200:
        assert problem(answer, answer.status_code)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"preview.npy?max_size=1024&{MANY}", "200 bands are asked for; one picture has 64 at most"),
        ("crop.tif?bbox=0,0,1,3000&width=4096", "would have 4096 x 12288000 pixels in 1 bands"),
        ("bbox/76,9,76.0000001,11.png?width=4096", "at most 128 MiB are made at once"),
        (f"preview.png?expression={TERMS}", "400 bands are asked for"),
    ],
)
def test_it_is_told_what_was_asked_what_is_allowed_and_what_to_do(
    thin: tuple[TestClient, dict[str, Any]], query: str, words: str
) -> None:
    service, scene = thin
    detail = problem(service.get(f"/scenes/{scene['id']}/sar/{query}"), 422)
    assert words in detail
    assert "Ask" in detail


def test_a_feature_is_measured_as_its_box_is(thin: tuple[TestClient, dict[str, Any]]) -> None:
    service, scene = thin
    for path in ("feature.tif?width=4096", "statistics?width=4096"):
        assert "at most 128 MiB" in problem(service.post(f"/scenes/{scene['id']}/sar/{path}", json=FEATURE), 422)


@pytest.mark.parametrize(
    "query",
    ["preview.png", "preview.npy?max_size=1024&bidx=1&bidx=1&bidx=1", "statistics", "crop.png?bbox=0,0,40,3000",
     "image/tilejson.json", "preview.tif?expression=10**(b1/10);b1*2;sqrt(abs(b1))"],
)  # fmt: skip
def test_what_is_within_the_budget_is_answered(thin: tuple[TestClient, dict[str, Any]], query: str) -> None:
    service, scene = thin
    assert service.get(f"/scenes/{scene['id']}/sar/{query}").status_code == 200


@pytest.mark.parametrize(
    "expression",
    ["b1%2B9**9**9**9", "9**9**7*b1", "-" * 1900 + "b1", "(" * 300 + "b1" + ")" * 300, "b1*" * 600 + "b1", "b7", "bA",
     "sum(b1)", "1;b1", "b1;;;x", "b1.real", ";", "complex(b1,b1)", "real(b1)"],
)  # fmt: skip
def test_an_expression_neither_hangs_nor_fails(thin: tuple[TestClient, dict[str, Any]], expression: str) -> None:
    service, scene = thin
    for path in ("preview.npy", "point/76,10", "statistics"):
        answer = service.get(f"/scenes/{scene['id']}/sar/{path}?expression={expression}")
        assert 400 <= answer.status_code < 500, answer.text


def test_a_squeezed_picture_is_measured_by_what_it_is_made_of() -> None:
    """4096 columns in 1 row come of the overview that fits the columns (20000 / 4 = 5000), with all its rows."""
    grid = budget.Grid(None, Affine(10, 0, 0, 0, -10, 0), 20_000, 1_000_000, 1, 4, 1024)
    with pytest.raises(TooMuchError, match="20000 x 1000000 pixels of the layer in 1 bands, 4768 MiB"):
        budget.check_read(grid, None, None, {"width": 4096, "height": 1})
    budget.check_read(grid, None, None, {"max_size": 4096})


def test_a_block_that_takes_too_much_to_decode_is_decoded_by_jobs_alone(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """56 MB in tiles of 490 MiB, of 40 bands together, grew the service by 1.3 GiB, and each other one by 0.6."""
    monkeypatch.setattr(budget, "MOST_BLOCK", 128 * 128 * 4 * 2 - 1)
    tiles: dict[str, Any] = {"tiled": True, "blockxsize": 128, "blockysize": 128, "interleave": "pixel"}
    path = write_raster(tmp_path / "s.tif", speckled((2, 256, 256)), descriptions=("VV", "VH"), units="power", **tiles)
    with open_service(store=tmp_path / "store", model=str(model)) as service:
        services_of(service).runner.stop()
        here = f"/scenes/{service.post('/scenes?filename=s.tif', content=path.read_bytes()).json()['id']}"
        waiting = service.get(f"{here}/sar/preview.png")
        assert "being prepared" in problem(waiting, 503)
        assert waiting.headers["retry-after"] == "2"
        assert "in 2 bands" in (detail := problem(service.get(f"{here}/live/preview.png"), 422))
        assert "as a job" in detail
        with services_of(service).database.begin() as session:
            session.execute(update(Scene).values(display="failed"))
        assert "at most 0 MiB" in problem(service.get(f"{here}/sar/preview.png"), 422)
