"""What a scene is normalised by: the model's reference where its backscatter is calibrated, else its own values.

A forest is as bright in any calibrated scene, so its brightness tells something; normalised by the statistics of a
scene that is all forest, it would look like the average of all land. Values without calibration have no such level.
"""

from collections.abc import Sequence
from dataclasses import replace

from geosar.backscatter import BandStatistics, Normaliser
from geosar.models.manifest import InputSpec
from geosar.scene import SarScene

PLAUSIBLE_DECIBELS = 15.0
"""A scene whose mean is further than this from the reference (calm open sea is some ten away) is not calibrated."""


def choose_normaliser(scene: SarScene, inputs: InputSpec) -> tuple[Normaliser, str]:
    """Return the normaliser of a scene for a model, and in words what it goes by; measures the scene.

    `scene` has the polarisations that the model takes, in its order.
    """
    statistics = scene.statistics
    known = [inputs.reference.get(name) for name in scene.polarisations]
    means = ", ".join(
        f"{name} {one.mean:.1f} ± {one.std:.1f}" for name, one in zip(scene.polarisations, statistics, strict=True)
    )
    declared = [pair for pair in known if pair is not None]
    if not scene.calibrated or len(declared) < len(known):
        return Normaliser(scene.unit, statistics, inputs.clip), f"normalised by the scene's own values ({means})"
    if not _plausible(statistics, declared):
        return Normaliser(scene.unit, statistics, inputs.clip), (
            f"normalised by the scene's own values ({means} dB), which are too far from calibrated backscatter"
        )
    figures = [replace(one, mean=mean, std=std) for one, (mean, std) in zip(statistics, declared, strict=True)]
    words = ", ".join(
        f"{name} {mean} ± {std} dB" for name, (mean, std) in zip(scene.polarisations, declared, strict=True)
    )
    return Normaliser(scene.unit, figures, inputs.clip), f"normalised by the model's reference ({words})"


def _plausible(statistics: Sequence[BandStatistics], declared: Sequence[tuple[float, float]]) -> bool:
    return all(abs(one.mean - mean) <= PLAUSIBLE_DECIBELS for one, (mean, _) in zip(statistics, declared, strict=True))
