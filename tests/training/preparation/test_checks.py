"""What is looked at in each tile: shifts, clouds, duplicates."""

import numpy as np

from geosar_training.preparation.checks import Duplicates, cloud_fraction, correlate, peak


def test_phase_correlation_finds_a_known_shift() -> None:
    random = np.random.default_rng(3)
    fields = random.uniform(-1, 1, (40, 40)).repeat(8, 0).repeat(8, 1).astype(np.float32)
    sar = fields[32:288, 32:288] + random.normal(0, 0.2, (256, 256)).astype(np.float32)
    shift = peak(correlate(sar, 200 - 50 * fields[27:283, 39:295]))  # the other way round: dark where radar is bright
    assert (shift.rows, shift.columns) == (5, -7)
    assert shift.certain


def fields(seed: int) -> np.ndarray:
    """Rectangles of random size and brightness, (256, 256)."""
    random = np.random.default_rng(seed)
    widths = random.integers(5, 14, (2, 60))
    return random.uniform(-1, 1, (60, 60)).repeat(widths[0], 0).repeat(widths[1], 1)[:256, :256].astype(np.float32)


def test_images_of_different_places_have_no_certain_shift() -> None:
    assert sum(peak(correlate(fields(seed), fields(seed + 100))).certain for seed in range(12)) <= 1


def test_many_uncertain_tiles_make_one_certain_scene() -> None:
    random = np.random.default_rng(5)
    total, single = np.zeros((33, 33)), []
    for seed in range(16):
        sar = fields(seed) + random.normal(0, 9, (256, 256)).astype(np.float32)
        fits = correlate(sar, np.roll(fields(seed), (2, 1), axis=(0, 1)))
        single.append(peak(fits).certain)
        total += fits
    assert sum(single) < 8
    shift = peak(total, 16)
    assert (shift.rows, shift.columns) == (2, 1)
    assert shift.certain


def test_clouds_are_bright_and_white() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[:3] = 230  # white
    image[3:6] = (250, 200, 150)  # bright sand
    assert cloud_fraction(image) == 0.3


def test_duplicates_are_found_through_noise() -> None:
    random = np.random.default_rng(0)
    known = Duplicates()
    tiles = [random.uniform(0, 255, (8, 8)).repeat(16, 0).repeat(16, 1) for _ in range(4)]
    assert [known.of(str(i), tile, tile) for i, tile in enumerate(tiles)] == [None] * 4
    assert known.of("again", tiles[2] + random.normal(0, 2, (128, 128)), tiles[2]) == "2"
