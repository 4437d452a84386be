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
    given: Sequence[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say which of a scene's polarisations the model gets, and in words what was assumed.

    `requested` is one polarisation or several with commas (``"VV"``, ``"VV,VH"``), of which the model gets those that
    it takes; without it the first of the model's accepted sets that the scene has is taken, and of these one with what
    was `given` by name, where a file of another polarisation was found beside it. A single band of unknown
    polarisation is accepted by a model that takes one alone. Raises PolarisationError when nothing fits.
    """
    accepts = manifest.inputs.accepts
    blank = tuple(available) == (UNKNOWN,) and manifest.inputs.alone is not None
    if requested is not None:
        return _requested(available, manifest, requested, blank=blank)
    fitting = [accepted for accepted in accepts if set(accepted) <= set(available)]
    if fitting:
        return next((one for one in fitting if set(one) & set(given)), fitting[0]), ()
    if blank:
        (preferred,) = manifest.inputs.alone or (UNKNOWN,)
        return (UNKNOWN,), (
            f"the scene does not say its polarisation; taken as {preferred}, the model's preferred one",
        )
    raise PolarisationError(
        f"the scene has {_plus(available)}, but the model {manifest.name} takes {_sets(accepts)}. "
        f"{_advice(available, accepts[0])}",
    )


def _requested(
    available: Sequence[str], manifest: ModelManifest, requested: str, *, blank: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    accepts = manifest.inputs.accepts
    names = parse(requested)
    accepted = names if names in accepts else next((one for one in accepts if set(one) <= set(names)), None)
    if accepted is None:
        raise PolarisationError(
            f"polarisation {requested!r} was asked for, but the model {manifest.name} takes {_sets(accepts)}. "
            "Ask for one of these, or use another model.",
        )
    if blank and len(accepted) == 1:
        return (UNKNOWN,), (f"the scene does not say its polarisation; taken as {accepted[0]}, as asked",)
    if not set(accepted) <= set(available):
        raise PolarisationError(
            f"polarisation {requested!r} was asked for, but the scene has {_plus(available)}. "
            f"{_advice(available, accepted)}",
        )
    return accepted, () if accepted == names else (f"of {_plus(names)} the model takes {_plus(accepted)}",)


def _advice(available: Sequence[str], names: Sequence[str]) -> str:
    if UNKNOWN in available:
        return "Say which band is which: `--band VV=1 --band VH=2`."
    alike = {"VV": "HH", "HH": "VV", "VH": "HV", "HV": "VH"}
    places = [(name, alike[name]) for name in names if alike[name] in available]
    if places:
        words = " ".join(f"--band {name}={own}" for name, own in places)
        return f"To have {places[0][1]} taken for {places[0][0]}, which is much alike, say `{words}`."
    return "Ask for what it has, add the missing file (--pol VV=FILE --pol VH=FILE), or use another model."


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
        "things for what they are not; on the command line --resample-to-model brings the scene to its size"
    )
    return (warning,)


def _plus(polarisations: Sequence[str]) -> str:
    return "+".join(polarisations)


def _sets(accepts: Sequence[Sequence[str]]) -> str:
    return " or ".join(_plus(accepted) for accepted in accepts)
