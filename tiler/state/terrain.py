"""The elevation model of whoever runs the service, by which Sentinel-1 products are corrected for terrain."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyproj

from geosar.errors import GeosarError, UsageError
from geosar.scene.elevation import ElevationModel
from geosar_tiler.settings import Settings

CORRECTED = "terrain correction"
"""The placement of a scene that a model has corrected."""
DIGITS = 8


class Terrain:
    """One elevation model, or none. What it cannot correct is placed without it, and noted."""

    def __init__(self, settings: Settings) -> None:
        """Look at the model; raises UsageError where it cannot be used."""
        self._path, self._heights = settings.dem, settings.dem_heights
        self._model: ElevationModel | None = None
        if self._path is not None:
            try:
                self._model = ElevationModel.given(self._path, self._heights, optional=True)
                self.words = self._model.words
            except GeosarError as error:
                raise UsageError(f"the elevation model of GEOSAR_DEM cannot be used: {error}") from error

    @property
    def _token(self) -> str | None:
        """What tells the model from others, and from itself after a change."""
        return None if self._model is None else hashlib.sha256(self._model.identity.encode()).hexdigest()[:DIGITS]

    @property
    def options(self) -> dict[str, Any]:
        """Options of `geosar.open_scene` for a Sentinel-1 product; none without a model."""
        if self._model is None:
            return {}
        return {"dem": str(self._path), "dem_heights": self._heights, "dem_optional": True}

    def described(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the description of a scene says of the model that has corrected it."""
        return {"dem": self._token} if self._token is not None and description.get("placement") == CORRECTED else {}

    def resolved(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options of `geosar.open_scene` in which the model of now stands for the one that was told then."""
        rest = {key: value for key, value in options.items() if key != "dem"}
        return {**rest, **self.options} if "dem" in options else rest

    def has_changed(self, description: Mapping[str, Any]) -> bool:
        """Whether a product of this description may be placed otherwise by the model of now."""
        return description.get("driver") == "SAFE" and description.get("dem") != self._token

    @property
    def readable(self) -> tuple[Path, ...]:
        """Every folder that it, and PROJ's grids of the geoid, are read from."""
        if self._model is None:
            return ()
        folders = {path.parent for source in self._model.sources for path in source.read}
        return (*sorted(folders), Path(vars(pyproj.datadir)["get_user_data_dir"]()))

    def __str__(self) -> str:
        """Say which there is."""
        if self._model is None:
            return "none (GEOSAR_DEM)"
        count = len(self._model.sources)
        return f"{self.words}; {count} raster{'s' if count > 1 else ''}"
