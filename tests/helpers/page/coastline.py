"""Makes webmap/page/base/land.json from Natural Earth's land (public domain), as npm's world-atlas packs it.

npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
python tests/helpers/page/coastline.py package/land-50m.json webmap/page/base/land.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 50
"""A fiftieth of a degree, two kilometres: what it is rounded to."""
TOLERANCE = 3.0
"""Points nearer than this to the line between their neighbours are left out; in steps."""
WORLD = 360 * STEPS
SMALLEST = 200.0
"""Islands of fewer square steps are left out."""


def arcs_of(topology: dict[str, Any]) -> list[np.ndarray]:
    """Decode the quantised arcs to degrees."""
    scale, shift = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def ring(arcs: list[np.ndarray], numbers: list[int]) -> np.ndarray:
    """Join arcs to a ring; a negative number is an arc that runs backwards."""
    parts = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def unwrap(points: np.ndarray) -> np.ndarray:
    """Undo the leaps at the antimeridian; a ring around the pole is closed by way of the pole."""
    longitudes = np.unwrap(points[:, 0], period=360)
    longitudes -= 360 * (longitudes.max() > 360) - 360 * (longitudes.min() < -180.5)
    points = np.column_stack([longitudes, points[:, 1]])
    first, last = points[0], points[-1]
    if abs(first[0] - last[0]) > 180:
        points = np.vstack([points, (last[0], -90), (first[0], -90), first])
    return points


def simplify(points: np.ndarray) -> np.ndarray:
    """Douglas and Peucker's way, without recursion."""
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        between, start, line = points[first + 1 : last], points[first], points[last] - points[first]
        length = np.hypot(*line)
        away = (
            np.hypot(*(between - start).T)
            if length == 0
            else np.abs(line[0] * (between - start)[:, 1] - line[1] * (between - start)[:, 0]) / length
        )
        farthest = int(away.argmax())
        if away[farthest] > TOLERANCE:
            middle = first + 1 + farthest
            keep[middle] = True
            waiting += [(first, middle), (middle, last)]
    return points[keep]


def area(points: np.ndarray) -> float:
    """Return the area of a ring."""
    x, y = points.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def main(source: Path, target: Path) -> None:
    """Write the outer rings as differences of whole steps."""
    topology = json.loads(source.read_text())
    arcs = arcs_of(topology)
    rings = []
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            points = simplify(unwrap(ring(arcs, polygon[0])) * STEPS)
            if area(points) >= SMALLEST:
                # What lies across the antimeridian is drawn on both edges of the map.
                shifts = (0, -WORLD) if points[:, 0].max() > WORLD / 2 else (0,)
                for shift in shifts:
                    whole = np.rint(points + np.array([shift, 0])).astype(int)
                    rings.append(np.diff(whole, axis=0, prepend=[[0, 0]])[:-1].ravel().tolist())
    document = {"source": "Natural Earth 1:50m land, public domain", "steps": STEPS, "rings": rings}
    target.write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
