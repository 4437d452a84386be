"""Damaged files by the hundred: refused or taken, never the end of the service. GEOSAR_DAMAGED_FILES asks for more."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from helpers.rasters import speckled, write_raster
from helpers.service import MakeService, services_of

FILES = int(os.environ.get("GEOSAR_DAMAGED_FILES", "100"))
REFUSED_OR_TAKEN = {200, 201, 413, 415, 422}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deflate": {"compress": "deflate", "predictor": 3},
    "zstd": {"compress": "zstd", "tiled": True, "blockxsize": 16, "blockysize": 16},
    "lzw": {"compress": "lzw", "interleave": "pixel"},
    "bigtiff": {"bigtiff": "YES", "compress": "lerc"},
    "jpeg": {"compress": "jpeg", "dtype": "uint8"},
    "png": {"driver": "PNG", "dtype": "uint8", "crs": None, "transform": None},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small scene in each kind of file."""
    folder = tmp_path_factory.mktemp("whole")
    decibel = 10 * np.log10(speckled((2, 40, 44), seed=31))
    contents = {}
    for kind, options in KINDS.items():
        values = np.clip(decibel * 4 + 120, 1, 255).astype(np.uint8) if "dtype" in options else decibel
        values = values[:1] if "dtype" in options else values
        names = ("VV",) if len(values) == 1 else ("VV", "VH")
        given_options = {key: value for key, value in options.items() if key != "dtype"}
        path = write_raster(folder / f"{kind}_VV.tif", values, descriptions=names, **given_options)
        contents[kind] = Path(path).read_bytes()
    return contents


MAGIC = 4
"""The first bytes say what a file is; without them it is refused before anything reads it, so they mostly stay."""


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, bytes]) -> tuple[str, bytes]:
    """A kind of file and its bytes: one in three cut off, up to 24 bits flipped, half of the time near the head."""
    random = draw(st.randoms(use_true_random=False))
    kind = random.choice(sorted(whole))
    body = bytearray(whole[kind])
    if random.random() < 1 / 3:
        body = body[: random.randint(1, len(body))]
    first = 0 if random.random() < 1 / 20 else min(MAGIC, len(body) - 1)
    last = min(len(body), 1024) if random.random() < 1 / 2 else len(body)
    for _ in range(random.randint(1, 24)):
        body[random.randrange(first, last)] ^= 1 << random.randrange(8)
    return kind, bytes(body)


def test_no_damaged_file_ends_the_service(make_service: MakeService, whole: dict[str, bytes]) -> None:
    seen: dict[int, int] = {}
    with make_service(write_rate="", read_rate="") as client:
        services_of(client).runner.stop()  # what becomes of copies for display is not looked at here

        @settings(
            max_examples=FILES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(damaged(whole))
        def send(damage: tuple[str, bytes]) -> None:
            kind, body = damage
            answer = client.post(f"/scenes?filename={kind}_VV_db.tif", content=body)
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            assert answer.status_code in REFUSED_OR_TAKEN, answer.text
            assert "Traceback" not in answer.text
            if answer.status_code == 201:
                # Its pixels are read in the service itself.
                scene = answer.json()["id"]
                for layer in ("sar", "live"):
                    shown = client.get(f"/scenes/{scene}/{layer}/preview.png?max_size=64")
                    assert shown.status_code != 500 or "could not be read" in shown.text, shown.text
                assert client.delete(f"/scenes/{scene}").status_code == 204

        send()
        print(f"answers to {FILES} damaged files: {seen}")  # noqa: T201 - told where the long run is made
        assert client.get("/readyz").json()["checks"]["database"] is True
        assert client.get("/scenes").json()["numberMatched"] == 0
    assert seen.get(422, 0) > FILES // 10
    assert seen.get(201, 0) > FILES // 20
