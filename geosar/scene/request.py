"""How a caller wants a scene opened."""

from dataclasses import dataclass
from typing import Any

from rasterio.crs import CRS
from rasterio.errors import CRSError

from geosar.errors import UsageError
from geosar.scene.elevation import ElevationModel


@dataclass(frozen=True, slots=True)
class Request:
    """How a caller wants a scene opened."""

    dst_crs: Any = None
    resolution: float | None = None
    force: bool = False
    wanted: tuple[str, ...] | None = None
    elevation: ElevationModel | None = None

    def __post_init__(self) -> None:
        if self.resolution is not None and not 0 < self.resolution < float("inf"):
            raise UsageError(f"The resolution is {self.resolution}; expected metres above zero.")

    def crs(self) -> CRS | None:
        """Return the CRS that was asked for; raises `UsageError` if there is no such thing."""
        if self.dst_crs is None:
            return None
        try:
            return CRS.from_user_input(self.dst_crs)
        except CRSError as error:
            raise UsageError(f"{self.dst_crs!r} is no CRS ({error}); give one such as EPSG:32643.") from error
