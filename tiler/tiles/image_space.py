"""Pixels of a picture that has no place on a map: a pyramid of tiles from its upper left corner."""

import math

from geosar.grid import Window
from geosar_tiler.errors import NotFoundError

TILE = 256


def maxzoom(width: int, height: int) -> int:
    """Return the zoom of full resolution; at 0 the whole picture is within one tile.

    >>> maxzoom(256, 200), maxzoom(257, 200), maxzoom(5120, 3072)
    (0, 1, 5)
    """
    return max(0, math.ceil(math.log2(max(width, height) / TILE)))


def tile_window(place: tuple[int, int, int], width: int, height: int) -> tuple[Window, int]:
    """Return the pixels of a tile (x, y, z; row 0 at the top) inside the picture, and how often they are halved.

    Raises NotFoundError for a tile that the picture does not have.

    >>> tile_window((1, 0, 1), 500, 300)
    (Window(col_off=256, row_off=0, width=244, height=256), 1)
    """
    x, y, z = place
    most = maxzoom(width, height)
    if z > most:
        raise NotFoundError(f"z is {z}; this picture has the zooms 0 to {most}.")
    factor = 2 ** (most - z)
    side = TILE * factor
    window = Window(x * side, y * side, side, side).intersection(Window(0, 0, width, height))
    if window is None:
        columns, rows = (math.ceil(length / side) for length in (width, height))
        raise NotFoundError(f"the tile {x}/{y} is outside the picture, which has {columns} x {rows} at zoom {z}.")
    return window, factor
