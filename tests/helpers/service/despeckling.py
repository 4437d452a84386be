"""A service whose model makes despeckled radar, and translations that it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from helpers.rasters import speckled, write_raster
from helpers.service import wait

EXECUTION = "/processes/translate/execution"
ASYNC = {"prefer": "respond-async"}
SHAPE = (2, 320, 360)


def decibels() -> np.ndarray:
    """Backscatter of VV and VH, the second 8 dB weaker, with a hole; far from both ends of the tiny model's clip."""
    values = 10 * np.log10(speckled(SHAPE, seed=11))
    values[1] -= 8
    values[:, 40:60, 50:90] = np.nan
    return values.astype(np.float32)


def write_scene(path: Path) -> Path:
    """Write them as a scene in decibels."""
    return write_raster(path, decibels(), nodata=np.nan, descriptions=("VV", "VH"), units="dB")


def translated(client: TestClient, scene: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    """Ask for a translation, and wait until it is over."""
    answer = client.post(EXECUTION, json={"inputs": {"scene": scene["id"], **inputs}}, headers=ASYNC)
    assert answer.status_code in {200, 201}, answer.text
    return wait(client, f"/jobs/{answer.json()['jobID']}", lambda one: one["status"] not in {"accepted", "running"})
