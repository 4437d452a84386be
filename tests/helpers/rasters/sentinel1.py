"""Annotations of three real Sentinel-1 GRD products, cut down to orbit, timing, conversions and control points.

Contains modified Copernicus Sentinel data 2021 and 2022. In `annotations/` beside this module.
"""

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from helpers.rasters.safe_product import write_product

PRODUCTS = ("s1a_iw_massif_central", "s1b_iw_alps", "s1a_ew_arctic")


def annotation(name: str) -> bytes:
    """Return the XML of a product's annotation."""
    return gzip.decompress((Path(__file__).parent / "annotations" / f"{name}.xml.gz").read_bytes())


def size(name: str) -> tuple[int, int]:
    """Return the columns and rows of a product's image."""
    tree = ET.fromstring(annotation(name))  # noqa: S314 - our own files
    return int(tree.findtext(".//numberOfSamples", "")), int(tree.findtext(".//numberOfLines", ""))


def control_points(name: str) -> list[GroundControlPoint]:
    """Return a product's control points: the grid of geolocation points of its annotation."""
    return [
        GroundControlPoint(
            row=float(point.findtext("line", "")),
            col=float(point.findtext("pixel", "")),
            x=float(point.findtext("longitude", "")),
            y=float(point.findtext("latitude", "")),
            z=float(point.findtext("height", "")),
        )
        for point in ET.fromstring(annotation(name)).iter("geolocationGridPoint")  # noqa: S314
    ]


def coarse_product(folder: Path, name: str, shrink: int, *, calibration: bool = False) -> Path:
    """Write a SAFE product with the geometry of a real one and pixels `shrink` times as large.

    VV holds the column and VH the row of a place in the image, times 32, counted from the outer corner of the first
    pixel. Without `calibration` tables values are digital numbers.
    """
    tree = ET.fromstring(annotation(name))  # noqa: S314
    width, height = (side // shrink for side in size(name))
    for path, by in (("numberOfSamples", 1 / shrink), ("numberOfLines", 1 / shrink), ("rangePixelSpacing", shrink),
                     ("azimuthTimeInterval", shrink), ("pixel", 1 / shrink), ("line", 1 / shrink)):  # fmt: skip
        for element in tree.iter(path):
            element.text = repr(float(element.text or "") * by)
    rows, cols = np.indices((height, width), np.float32) + 0.5
    root = write_product(
        folder, {"VV": (cols * 32).astype(np.uint16), "VH": (rows * 32).astype(np.uint16)}, calibration=calibration
    )
    points = [
        GroundControlPoint(row=p.row / shrink, col=p.col / shrink, x=p.x, y=p.y, z=p.z) for p in control_points(name)
    ]
    for image in (root / "measurement").iterdir():
        with rasterio.open(image, "r+") as target:
            target.gcps = points, CRS.from_epsg(4326)
        (root / "annotation" / f"{image.stem}.xml").write_bytes(ET.tostring(tree))
    return root
