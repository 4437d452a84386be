"""A few views look as they did: compared small, so that another machine's letters make no difference."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from helpers.page.pictures import COMPARED, REFERENCES, reduced, shoot
from helpers.page.visits import Service

FARTHEST = 24
"""Levels of 255; letters differ by less at this size, a part that is missing or elsewhere by more."""
SHARE = 0.04


@pytest.mark.data
@pytest.mark.parametrize("name", COMPARED)
def test_a_view_looks_as_it_did(browser: Browser, service: Service, dual: dict[str, Any], name: str) -> None:
    with Image.open(REFERENCES / f"{name}.png") as opened:
        expected = np.asarray(opened.convert("RGB")).astype(int)
    seen = np.asarray(reduced(shoot(browser, service, {"dual": dual}, COMPARED[name]))).astype(int)
    assert seen.shape == expected.shape
    away = np.abs(seen - expected).max(axis=-1)
    assert (away > FARTHEST).mean() < SHARE
