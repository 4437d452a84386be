"""Edges: their strength by hand, and who agrees with another date."""

import numpy as np
import pytest

from geosar_training.pairs.dates import Place
from geosar_training.scoring.structure import edges, structure

SIDE = 128


def test_the_edge_of_a_step_is_where_it_is_and_has_no_sign() -> None:
    step = np.zeros((40, 40), np.float32)
    step[:, 20:] = 10
    strength = edges(step)
    assert strength[20].argmax() in {19, 20}
    np.testing.assert_allclose(strength[5:-5, 18:22], np.broadcast_to(strength[20, 18:22], (30, 4)), rtol=1e-5)
    np.testing.assert_allclose(strength, edges(-step), atol=1e-4)
    # Sobel's weights sum to 4 on each side, and a blurred step rises by 10 times the Gaussian's share of two pixels.
    bell = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    bell /= bell.sum()
    assert strength[20, 20] == pytest.approx(4 * 10 * (bell[6] + bell[7]), rel=1e-4)


def test_an_even_image_has_none() -> None:
    assert edges(np.full((20, 20), 7, np.float32)).max() < 1e-4


def places() -> list[Place]:
    random = np.random.default_rng(0)
    places_made = []
    for index in range(3):
        land = np.kron(random.normal(size=(16, 16)), np.ones((8, 8)))
        looks = np.stack([land + 0.4 * random.normal(size=land.shape) for _ in range(2)])[:, None]
        places_made.append(Place(f"p{index}", looks.astype(np.float32), np.ones((SIDE, SIDE), bool)))
    return places_made


def shown(grey: np.ndarray) -> np.ndarray:
    return np.repeat((128 + 25 * grey)[..., None], 3, axis=2)


def test_the_radar_itself_keeps_all_and_invention_nothing() -> None:
    random = np.random.default_rng(1)
    scores = structure(
        {
            "as it is": shown,
            "dark for bright": lambda radar: shown(-radar),
            "made up": lambda radar: shown(random.normal(size=radar.shape)),
        },
        places(),
    )
    assert scores.places == 3
    assert scores.radar > 0.5
    assert abs(scores.chance) < 0.2
    assert scores.kept("as it is") == pytest.approx(1, abs=0.02)
    assert scores.kept("dark for bright") == pytest.approx(1, abs=0.02)
    assert abs(scores.kept("made up")) < 0.1
