"""What a scene is, and what a model will do with it, as plain values."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from geosar.errors import PolarisationError
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations, spacing_warnings
from geosar.models.manifest import ModelManifest
from geosar.normalisation import choose_normaliser
from geosar.scene import SarScene, open_scene
from geosar.scene.evidence import Topic, Weight
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
    **opening: Any,
) -> dict[str, Any]:
    """Describe a scene for JSON: grid, unit, polarisations, statistics in decibel, and the model's use of it.

    `opening` are further options of `geosar.open_scene`. With `model` None the scene alone is described. Raises what
    `geosar.open_scene` and `geosar.load_model` raise; a scene that the model cannot take is no error here, ``refused``
    then says why.
    """
    packaged = load_model(model) if model is not None and not isinstance(model, Model) else model
    with open_scene(source, scale=scale, polarisation=polarisation, dst_crs=dst_crs, **opening) as scene:
        description = describe_opened(scene)
        return description if packaged is None else {**description, **_use(scene, packaged.manifest, polarisation)}


@own_errors
def describe_opened(scene: SarScene) -> dict[str, Any]:
    """Describe a scene that is open, without a model, as `describe_scene` does."""
    grid = scene.grid
    size = grid.pixel_size_metres()
    return {
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
        "unit_certain": scene.verdict.inference.certain,
        "polarisations": list(scene.polarisations),
        "acquired": scene.acquired.isoformat() if scene.acquired else None,
        "statistics": {
            f"{number} {name}": asdict(figures)
            for number, (name, figures) in enumerate(zip(scene.polarisations, scene.statistics, strict=True), 1)
        },
        "notes": list(scene.notes),
        "evidence": _evidence(scene),
    }


def _use(scene: SarScene, manifest: ModelManifest, polarisation: str | None) -> dict[str, Any]:
    """Return what a model would do with the scene."""
    name = f"{manifest.name} {manifest.version}"
    try:
        used, assumed = choose_polarisations(scene.polarisations, manifest, polarisation, scene.given)
    except PolarisationError as error:
        return {"model": name, "used": [], "assumed": [], "warnings": [], "refused": str(error)}
    warnings = list(spacing_warnings(scene.grid, manifest))
    assumed = (*assumed, choose_normaliser(scene.select(used), manifest.inputs)[1])
    return {"model": name, "used": list(used), "assumed": list(assumed), "warnings": warnings, "refused": None}


def _evidence(scene: SarScene) -> list[dict[str, Any]]:
    """Return what says what about the scene, the surest first, as plain values; `band` is None where it is all."""
    refuted = {(one.evidence.weight, one.evidence.words): one.reason for one in scene.verdict.refuted}
    grouped: dict[tuple[str, int, str, str], list[int]] = {}
    for one in scene.evidence:
        bands = grouped.setdefault((one.topic.value, -one.weight, str(one.value), one.words), [])
        bands += [] if one.band is None else [one.band]
    return [
        {
            "about": about, "value": value, "source": Weight(-surest).name.lower(), "words": words,
            "band": scene.polarisations[bands[0]] if len(bands) < len(scene.polarisations) and bands else None,
            "refuted": refuted.get((Weight(-surest), words)) if about == Topic.UNIT else None,
        }
        for (about, surest, value, words), bands in sorted(grouped.items())
    ]  # fmt: skip
