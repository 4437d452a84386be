"""From pixels to pictures: which bands are shown, from which value to which, and in which colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import Query
from rio_tiler.models import ImageData
from titiler.core.dependencies import BidxExprParams, ColorMapParams, PartFeatureParams
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from geosar.display import ERROR_COLOURS
from geosar_tiler.errors import InvalidError
from geosar_tiler.tiles.parameters import check_formula

COMPOSITE = "b1;b2;b1-b2"
"""In decibel a difference is a ratio."""
PART_SIDE = 2048
RAW = {ImageType.tif, ImageType.npy}
PNG_LEVEL = 4
"""Of zlib: half the time of its usual 6, for files that are 4 % larger."""


@dataclass
class SarBands(BidxExprParams):
    """Bands or an expression, or the usual composite of two polarisations."""

    composite: Annotated[
        bool,
        Query(description="Red, green, blue: first polarisation, second, and their ratio, in decibel."),
    ] = False

    def __post_init__(self) -> None:
        """Turn the composite into rio-tiler's expression."""
        parent: Any = super()
        if hasattr(parent, "__post_init__"):
            parent.__post_init__()
        if self.composite:
            self.expression, self.indexes = COMPOSITE, None

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        """Return what rio-tiler's readers take."""
        parameters: dict[str, Any] = super().as_dict(exclude_none)
        parameters.pop("composite", None)
        return parameters


@dataclass
class PartParams(PartFeatureParams):
    """Size of a part; at most what fits a picture, unless it is said."""

    def __post_init__(self) -> None:
        """Bound what nobody bounded."""
        parent: Any = super()
        if hasattr(parent, "__post_init__"):
            parent.__post_init__()
        if self.max_size is None and self.width is None and self.height is None:
            self.max_size = PART_SIDE


def error_colours(
    colormap_name: Annotated[str | None, Query(max_length=50, description=f"Default: {ERROR_COLOURS}.")] = None,
) -> Any:
    """Return the colours of the layer of the expected error."""
    return ColorMapParams(colormap_name or ERROR_COLOURS)


def no_algorithm() -> None:
    """TiTiler's algorithms are for elevations and vegetation; none is offered."""


def render(
    image: ImageData,
    colormap: Any = None,
    output_format: ImageType | None = None,
    add_mask: bool = True,
    rescale: Sequence[tuple[float, float]] | None = None,
    **options: Any,
) -> tuple[bytes, str]:
    """Render as TiTiler does, but show SAR stretched by the scene's statistics, and no band as transparency.

    GeoTIFF and NumPy get the values as they are.
    """
    if output_format is ImageType.tif and image.array.dtype == np.bool_:
        image.array = np.ma.asarray(image.array, dtype=np.uint8)
    if output_format not in RAW:
        if image.count == 2 or image.count > 3:
            image = _first_bands(image, 1 if image.count == 2 else 3)
        if rescale is None and image.array.dtype != "uint8":
            rescale = image.dataset_statistics or None
        if rescale is None and colormap and image.count == 1:
            rescale = image.dataset_statistics or None
        if rescale is None and image.array.dtype != "uint8":
            raise InvalidError("the range of values of an expression is not known; say it, as in rescale=-5,15.")
        output_format = output_format or ImageType.png
        if output_format is ImageType.png:
            options["ZLEVEL"] = PNG_LEVEL
        if formula := options.get("color_formula"):
            check_formula(formula, 3 if colormap else image.count)
    content, media_type = render_image(
        image, colormap=colormap, output_format=output_format, add_mask=add_mask, rescale=rescale, **options
    )
    return content, media_type


def _first_bands(image: ImageData, count: int) -> ImageData:
    statistics = image.dataset_statistics
    return ImageData(
        image.array[:count], assets=image.assets, crs=image.crs, bounds=image.bounds,
        band_names=image.band_names[:count], dataset_statistics=statistics[:count] if statistics else None,
    )  # fmt: skip
