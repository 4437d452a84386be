"""What the scores say, in sentences, so that nobody has to read a table to know whether a network is any good."""

from collections.abc import Mapping
from dataclasses import dataclass

from geosar_training.scoring.baselines import BASELINES
from geosar_training.scoring.patches import Evaluation
from geosar_training.scoring.reliability import Reliability


@dataclass(frozen=True)
class Finding:
    """Sentences about one network."""

    network: str
    says: str


def findings(evaluation: Evaluation, bands: Mapping[str, Reliability]) -> list[Finding]:
    """Say of each network how it does against the baselines, how sharp it is, and whether its error band is right."""
    result = []
    for name in (name for name in evaluation.rows if name not in BASELINES):
        ours = _mean(evaluation, name, "psnr")
        against = [
            f"{_signed(ours - _mean(evaluation, other, 'psnr'))} dB against {title}"
            for other, title in (("mean colour", "the scene's mean colour"), ("smooth grey", "smoothed radar"))
            if other in evaluation.rows
        ]
        sharp = _mean(evaluation, name, "sharpness", matched=False)
        sentences = [
            f"{ours:.2f} dB tone-matched{': ' if against else ''}{' and '.join(against)}.",
            f"{_of_sharpness(sharp)} (sharpness {sharp:.2f}; 1 is the truth's).",
            *([_of_band(bands[name])] if name in bands else []),
        ]
        result.append(Finding(name, " ".join(sentences)))
    return result


def _mean(evaluation: Evaluation, name: str, measure: str, *, matched: bool = True) -> float:
    summary = evaluation.summary(name, measure, matched=matched)
    return summary.mean if summary else float("nan")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _of_sharpness(value: float) -> str:
    if value < 0.3:
        return "Blurred"
    if value < 0.6:
        return "Softer than the truth"
    return "About as detailed as the truth" if value <= 1.3 else "More detail than the truth has, so some is noise"


def _of_band(band: Reliability) -> str:
    right = sum(decile.calibrated for decile in band.matched)
    worst = max(band.matched, key=lambda decile: abs(decile.ratio - 1))
    knows = "it tells good pixels from bad" if band.correlation > 0.2 else "it hardly tells good pixels from bad"
    return (
        f"After the tone match the error band is within 20 % in {right} of {len(band.matched)} tenths of the pixels "
        f"(worst: {worst.stated:.0f} stated, {worst.true:.0f} true); {knows} (correlation {_signed(band.correlation)})."
    )
