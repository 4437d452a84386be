"""Pictures of polygons, whose work has a bound: how many of them, and how finely their edges are looked at."""

from typing import Any

import attr
from rasterio.crs import CRS
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import ImageData

from geosar_tiler.tiles import budget

MOST_FEATURES = 100
"""Of one request."""


class Covered(ImageData):
    """An image that divides its pixels, to see how much of each lies in a polygon, no finer than one read may."""

    @classmethod
    def of(cls, image: ImageData) -> "Covered":
        """Take an image as it is."""
        fields: Any = attr.fields(ImageData)
        return cls(**{field.name: getattr(image, field.name) for field in fields})

    def get_coverage_array(self, shape: Any, shape_crs: CRS = WGS84_CRS, cover_scale: int = 10) -> Any:
        """See rio-tiler; the scale is what the budget allows of the one that is asked for."""
        scale = budget.cover_scale(self.height * self.width, cover_scale)
        return super().get_coverage_array(shape, shape_crs, scale)
