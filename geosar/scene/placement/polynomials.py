"""A placement by rational polynomials, as vendors give them with images that lie on no map grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.rpc import RPC

from geosar.errors import SceneContentError
from geosar.scene.placement.base import Numbers

RPC_TERMS = 20
_ROUNDS, _SLOPE, _SETTLED = 12, 1e-4, 0.01


@dataclass(frozen=True)
class RationalPolynomials:
    """A placement by the rational polynomial coefficients (RPC00B, STDI-0002) of a raster, in degrees."""

    rpc: RPC

    def __post_init__(self) -> None:
        """Raise `SceneContentError` where a number is missing or no number."""
        numbers: list[Any] = [
            *(getattr(self.rpc, f"{name}_{kind}") for name in ("lat", "long", "height", "line", "samp")
              for kind in ("off", "scale")),
            *(number for name in ("line_num", "line_den", "samp_num", "samp_den")
              for number in getattr(self.rpc, f"{name}_coeff")),
        ]  # fmt: skip
        known = len(numbers) == 10 + 4 * RPC_TERMS and np.isfinite(np.array(numbers, np.float64)).all()
        if not known or not all(numbers[1:10:2]):
            raise SceneContentError(
                "The rational polynomial coefficients (RPC) are damaged; expected 80 coefficients, 5 offsets and 5 "
                "scales, all of them numbers and no scale zero.",
            )

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows of longitudes and latitudes."""
        rpc = self.rpc
        with np.errstate(all="ignore"):
            around = (xs - rpc.long_off + 180) % 360 - 180
            terms = _rpc_terms(
                around / rpc.long_scale,
                (ys - rpc.lat_off) / rpc.lat_scale,
                np.full_like(xs, (height - rpc.height_off) / rpc.height_scale),
            )
            col = terms @ np.array(rpc.samp_num_coeff) / (terms @ np.array(rpc.samp_den_coeff))
            row = terms @ np.array(rpc.line_num_coeff) / (terms @ np.array(rpc.line_den_coeff))
        # RPC counts from the centre of the first pixel.
        return col * rpc.samp_scale + rpc.samp_off + 0.5, row * rpc.line_scale + rpc.line_off + 0.5

    def on_earth(self, cols: Numbers, rows: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return longitudes and latitudes of places in the image, by Newton's method; NaN where it does not settle."""
        rpc = self.rpc
        lons, lats = np.full_like(cols, rpc.long_off), np.full_like(rows, rpc.lat_off)
        steps = rpc.long_scale * _SLOPE, rpc.lat_scale * _SLOPE
        for _ in range(_ROUNDS):
            col, row = self(lons, lats, height)
            east, north = self(lons + steps[0], lats, height), self(lons, lats + steps[1], height)
            a, b, c, d = east[0] - col, north[0] - col, east[1] - row, north[1] - row
            with np.errstate(all="ignore"):
                by = 1 / (a * d - b * c)
                lons = lons + (d * (cols - col) - b * (rows - row)) * by * steps[0]
                lats = lats + (a * (rows - row) - c * (cols - col)) * by * steps[1]
        reached = self(lons, lats, height)
        settled = np.hypot(reached[0] - cols, reached[1] - rows) < _SETTLED
        return np.where(settled, lons, np.nan), np.where(settled, lats, np.nan)


def _rpc_terms(lon: Numbers, lat: Numbers, height: Numbers) -> Numbers:
    """Return the twenty terms (n, 20) in the order of RPC00B."""
    one = np.ones_like(lon)
    return np.stack([
        one, lon, lat, height, lon * lat, lon * height, lat * height, lon**2, lat**2, height**2,
        lat * lon * height, lon**3, lon * lat**2, lon * height**2, lon**2 * lat, lat**3, lat * height**2,
        lon**2 * height, lat**2 * height, height**3,
    ], axis=1)  # fmt: skip
