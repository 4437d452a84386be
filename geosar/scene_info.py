"""What a scene is, and what a model will do with it, as plain values."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from geosar.errors import PolarisationError
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations, spacing_warnings
from geosar.normalisation import choose_normaliser
from geosar.scene import open_scene
from geosar.scene.elevation import GEOID
from geosar.scene.foreign import own_errors
from geosar.vocabulary import DEFAULT_MODEL


@own_errors
def describe_scene(
    source: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Model | None = DEFAULT_MODEL,
    polarisation: str | None = None,
    scale: str | None = None,
    dst_crs: str | None = None,
    force: bool = False,
    dem: str | None = None,
    dem_heights: str = GEOID,
) -> dict[str, Any]:
    """Describe a scene for JSON: grid, unit, polarisations, statistics in decibel, and the model's use of it.

    With `model` None the scene alone is described. Raises what `geosar.open_scene` and `geosar.load_model` raise; a
    scene that the model cannot take is no error here, ``refused`` then says why.
    """
    packaged = load_model(model) if model is not None and not isinstance(model, Model) else model
    opening: dict[str, Any] = {"dst_crs": dst_crs, "force": force, "dem": dem, "dem_heights": dem_heights}
    with open_scene(source, scale=scale, polarisation=polarisation, **opening) as scene:
        grid = scene.grid
        size = grid.pixel_size_metres()
        found: dict[str, Any] = {
            "source": scene.source,
            "driver": scene.driver,
            "width": grid.width,
            "height": grid.height,
            "megapixels": round(grid.window.area / 1e6, 3),
            "crs": grid.crs.to_string() if grid.crs else None,
            "transform": list(grid.transform)[:6],
            "bounds": list(grid.bounds),
            "pixel_size_metres": None if size is None else [round(one, 4) for one in size],
            "placement": scene.placement,
            "placement_error_metres": scene.placement_error_metres,
            "dtype": str(scene.dtype),
            "unit": scene.unit.value,
            "polarisations": list(scene.polarisations),
            "acquired": scene.acquired.isoformat() if scene.acquired else None,
            "statistics": {
                f"{number} {name}": asdict(figures)
                for number, (name, figures) in enumerate(zip(scene.polarisations, scene.statistics, strict=True), 1)
            },
            "notes": list(scene.notes),
        }
        if packaged is None:
            return found
        manifest = packaged.manifest
        found["model"] = f"{manifest.name} {manifest.version}"
        try:
            used, assumed = choose_polarisations(scene.polarisations, manifest, polarisation)
        except PolarisationError as error:
            return {**found, "used": [], "assumed": [], "warnings": [], "refused": str(error)}
        warnings = list(spacing_warnings(grid, manifest))
        assumed = (*assumed, choose_normaliser(scene.select(used), manifest.inputs)[1])
        return {**found, "used": list(used), "assumed": list(assumed), "warnings": warnings, "refused": None}
