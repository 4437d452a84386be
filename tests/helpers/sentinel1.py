"""Annotations of three real Sentinel-1 GRD products, cut down to orbit, timing, conversions and control points.

Contains modified Copernicus Sentinel data 2021 and 2022. In `annotations/` beside this module.
"""

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

from rasterio.control import GroundControlPoint

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
