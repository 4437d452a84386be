"""What is looked at in each tile: whether radar and optical lie on each other, clouds, and duplicates. Pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEARCH = 16
"""Pixels of shift, in each direction, that are looked for."""

CONFIDENT = 7.0
"""Deviations above the other shifts from which a peak is taken for true: reached by 1 in 100 tiles of 256 x 256 pixels
whose optical image is that of another place (Los Angeles, 120 tiles), and by 44 of 120 whose image is their own."""

BRIGHT, WHITE = 190, 30
"""A cloud's darkest channel is at least that, and its channels differ by at most this (of 255)."""


@dataclass(frozen=True)
class Shift:
    """Pixels by which the optical image lies too far down and right of the radar; the peak's height in deviations."""

    rows: int
    columns: int
    confidence: float

    @property
    def distance(self) -> float:
        """Length in pixels."""
        return float(np.hypot(self.rows, self.columns))

    @property
    def certain(self) -> bool:
        """Whether the peak stands out; over water and open fields none does."""
        return self.confidence >= CONFIDENT


def correlate(sar: NDArray[np.float32], grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how well each shift of brightness against normalised radar fits: (2 SEARCH + 1, 2 SEARCH + 1).

    In deviations above all shifts; no shift is in the middle.

    A field's border is one in radar and optical images, whichever side is brighter. Both images (H, W) have sides of
    at least 2 SEARCH + 1.
    """
    return correlate_edges(edges(sar), edges(grey))


def correlate_edges(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the same of what `edges` gave, or of parts of it: phase correlation (Kuglin & Hines 1975)."""
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1])).astype(np.float32)
    spectra = (np.fft.rfft2((image - image.mean()) * window) for image in (first, second))
    cross = next(spectra).conj() * next(spectra)
    cross /= np.abs(cross) + 1e-3 * np.abs(cross).mean() + 1e-12
    rows = np.fft.fftfreq(first.shape[0])[:, None]
    columns = np.fft.rfftfreq(first.shape[1])[None]
    cross *= np.exp(-((rows**2 + columns**2) / (2 * 0.12**2)))  # noise lives in the highest frequencies
    fits = np.fft.fftshift(np.fft.irfft2(cross, s=first.shape))
    fits = (fits - np.median(fits)) / max(float(fits.std()), 1e-12)
    row, column = (length // 2 for length in first.shape)
    near: NDArray[np.float64] = fits[row - SEARCH : row + SEARCH + 1, column - SEARCH : column + SEARCH + 1]
    return near


def peak(fits: NDArray[np.float64], tiles: int = 1) -> Shift:
    """Return the best shift of what `correlate` gave, or of a sum over so many tiles, which tells more than each."""
    row, column = np.unravel_index(int(fits.argmax()), fits.shape)
    return Shift(int(row) - SEARCH, int(column) - SEARCH, float(fits.max() / np.sqrt(tiles)))


def edges(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the magnitude of the gradient of (H, W), smoothed."""
    down, across = np.gradient(_blurred(image.astype(np.float64)))
    strength = np.hypot(down, across)
    strength = np.minimum(strength, np.percentile(strength, 99))  # a few corner reflectors would decide alone
    result: NDArray[np.float32] = strength.astype(np.float32)
    return result


def _blurred(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over 5 x 5 pixels, borders repeated."""
    for axis in (0, 1):
        padded = np.pad(image, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        image = sum((np.take(padded, range(i, i + image.shape[axis]), axis=axis) for i in range(5)), 0 * image) / 5
    return image


def cloud_fraction(rgb: NDArray[np.uint8]) -> float:
    """Share of pixels of (H, W, 3) that are as bright and white as a cloud; so are snow and bare salt."""
    return float(np.mean((rgb.min(axis=-1) >= BRIGHT) & (np.ptp(rgb, axis=-1) <= WHITE)))


def fingerprint(grey: NDArray[Any]) -> int:
    """Return 64 bits that hardly change with noise: which of neighbours in 8 x 9 means is brighter."""
    rows, columns = (
        np.linspace(0, length, count + 1).astype(int) for length, count in zip(grey.shape, (8, 9), strict=True)
    )
    sums = np.add.reduceat(np.add.reduceat(grey.astype(np.float64), rows[:-1], axis=0), columns[:-1], axis=1)
    bits = (np.diff(sums, axis=1) > 0).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


class Duplicates:
    """Knows the tiles so far, and which one a new tile repeats."""

    def __init__(self, nearest: int = 3) -> None:
        self.nearest = nearest
        self._names: list[str] = []
        self._prints: list[int] = []

    def of(self, name: str, sar: NDArray[Any], grey: NDArray[Any]) -> str | None:
        """Return the name of an earlier tile of which at most `nearest` of 128 bits differ; else remember this one."""
        mine = fingerprint(sar) << 64 | fingerprint(grey)
        for other, known in zip(self._names, self._prints, strict=True):
            if (mine ^ known).bit_count() <= self.nearest:
                return other
        self._names.append(name)
        self._prints.append(mine)
        return None

    def forget(self, name: str) -> None:
        """Take a tile out again, if it is known."""
        if name in self._names:
            index = self._names.index(name)
            del self._names[index], self._prints[index]
