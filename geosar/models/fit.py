"""Whether a scene suits a model: which polarisations to feed it, and whether its pixels have the right size."""

import math
from collections.abc import Sequence

from geosar.errors import PolarisationError
from geosar.grid import MapGrid
from geosar.models.manifest import ModelManifest
from geosar.scene.polarisations import parse
from geosar.vocabulary import UNKNOWN

SPACING_TOLERANCE = 1.5
"""Ratio of pixel sizes, either way, beyond which the model sees a scale that it was not trained for."""


def choose_polarisations(
    available: Sequence[str],
    manifest: ModelManifest,
    requested: str | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which of a scene's polarisations the model gets, and in words what was assumed.

    `requested` is one polarisation or several with commas (``"VV"``, ``"VV,VH"``); without it the first of the
    model's accepted sets that the scene has is taken. A single band of unknown polarisation is accepted by a
    model that takes one alone. Raises PolarisationError when nothing fits.
    """
    accepts = manifest.inputs.accepts
    alone = manifest.inputs.alone
    blank = tuple(available) == (UNKNOWN,) and alone is not None
    if requested is not None:
        wanted = parse(requested)
        if wanted not in accepts:
            raise PolarisationError(
                f"polarisation {requested!r} was asked for, but the model {manifest.name} takes {_sets(accepts)}. "
                "Ask for one of these, or use another model.",
            )
        if blank and len(wanted) == 1:
            return (UNKNOWN,), (f"the scene does not say its polarisation; taken as {wanted[0]}, as asked",)
        if not set(wanted) <= set(available):
            raise PolarisationError(
                f"polarisation {requested!r} was asked for, but the scene has {_plus(available)}. "
                "Ask for what it has, or add the missing file (--pol VV=... --pol VH=...).",
            )
        return wanted, ()
    for accepted in accepts:
        if set(accepted) <= set(available):
            return accepted, ()
    if blank and alone is not None:
        return (UNKNOWN,), (f"the scene does not say its polarisation; taken as {alone[0]}, the model's preferred one",)
    advice = "Say which file is which with --pol VV=... --pol VH=..." if UNKNOWN in available else "Use a model for it"
    raise PolarisationError(
        f"the scene has {_plus(available)}, but the model {manifest.name} takes {_sets(accepts)}. {advice}.",
    )


def spacing_warnings(grid: MapGrid, manifest: ModelManifest) -> tuple[str, ...]:
    """Warn when the pixels' size on the ground is far from what the model was trained on."""
    size = grid.pixel_size_metres()
    trained = manifest.ground_sampling_distance
    if size is None:
        return (
            f"the scene has no map grid, so the size of its pixels is unknown; the model was trained at {trained:g} m",
        )
    metres = math.sqrt(size[0] * size[1])
    if max(metres / trained, trained / metres) <= SPACING_TOLERANCE:
        return ()
    warning = (
        f"pixels are {metres:.3g} m on the ground, but the model was trained at {trained:g} m, so it may take "
        "things for what they are not; --resample-to-model brings the scene to the model's size"
    )
    return (warning,)


def _plus(polarisations: Sequence[str]) -> str:
    return "+".join(polarisations)


def _sets(accepts: Sequence[Sequence[str]]) -> str:
    return " or ".join(_plus(accepted) for accepted in accepts)
