"""What a raster in image space says of its place, as its tags carry it: control points or rational polynomials."""

from dataclasses import dataclass

from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.rpc import RPC


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Ground control points in a `crs`, or rational polynomials (RPC) of an image."""

    points: tuple[GroundControlPoint, ...] = ()
    crs: CRS | None = None
    rpc: RPC | None = None

    @classmethod
    def of(cls, dataset: DatasetReader) -> "ImagePlace | None":
        """Return what a dataset says; None where it says nothing."""
        points, crs = dataset.gcps
        if points:
            return cls(tuple(points), crs)
        return None if dataset.rpcs is None else cls(rpc=dataset.rpcs)

    def of_part(self, col: int, row: int) -> "ImagePlace":
        """Return the place of a part of the image that begins at a column and row."""
        points = tuple(GroundControlPoint(p.row - row, p.col - col, p.x, p.y, p.z) for p in self.points)
        rpc = None
        if self.rpc is not None:
            fields = self.rpc.to_dict()
            rpc = RPC(**{**fields, "samp_off": fields["samp_off"] - col, "line_off": fields["line_off"] - row})
        return ImagePlace(points, self.crs, rpc)
