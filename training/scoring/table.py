"""The quick scores of networks beside their baselines, by source: the table of README, manifest and benchmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from geosar_training.pairs.pair import Pair
from geosar_training.scoring.baselines import Translator, grey_image, mean_colour, smooth_grey
from geosar_training.scoring.measures import QUICK
from geosar_training.scoring.metrics import Scores
from geosar_training.scoring.patches import PATCH, Evaluation, Row, scene_of, score_patches

__all__ = [
    "PATCH", "GroupScores", "Table", "Translator", "evaluate", "grey_image", "markdown", "mean_colour", "scene_of",
    "smooth_grey", "table_of", "to_plain",
]  # fmt: skip


@dataclass(frozen=True)
class GroupScores:
    """Means over the patches of one group.

    `matched` is after one gain and offset a channel and scene; `raw_psnr` (dB) and `raw_sharpness` are of the
    image as a user gets it.
    """

    patches: int
    raw_psnr: float
    raw_sharpness: float
    matched: Scores

    def to_dict(self) -> dict[str, float]:
        """Return plain values by name."""
        matched = {f"{key}_matched": value for key, value in asdict(self.matched).items()}
        return {"patches": self.patches, "psnr": self.raw_psnr, "sharpness": self.raw_sharpness, **matched}


Table = dict[str, dict[str, GroupScores]]
"""Scores by translator, then by group: each source, and `all`."""


def evaluate(
    translators: Mapping[str, Translator], pairs: Sequence[Pair]
) -> tuple[Table, dict[str, list[NDArray[np.uint8]]]]:
    """Score every translator on every pair, cut into 256 x 256 patches.

    Returns the scores, and the images as they were made, a list a translator in the order of `pairs`.
    """
    evaluation = score_patches(translators, pairs, QUICK)
    return table_of(evaluation), evaluation.pictures


def table_of(evaluation: Evaluation) -> Table:
    """Return the quick scores of an evaluation, by source and over all patches."""
    sources = evaluation.groups("source")
    return {
        name: {
            group: _means([row for row in rows if group in {row.source, "all"}]) for group in sorted({*sources, "all"})
        }
        for name, rows in evaluation.rows.items()
    }


def _means(rows: Sequence[Row]) -> GroupScores:
    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    matched = {measure.name: mean([row.matched[measure.name] for row in rows]) for measure in QUICK}
    psnr, sharpness = (mean([row.raw[name] for row in rows]) for name in ("psnr", "sharpness"))
    return GroupScores(len(rows), psnr, sharpness, Scores(**matched))


def to_plain(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """Return the table as plain values, for JSON."""
    return {name: {group: row.to_dict() for group, row in groups.items()} for name, groups in table.items()}


def markdown(table: Table) -> str:
    """Return the scores as a table a reader can paste: tone-matched, in brackets as the image was made."""
    lines = [
        "| source | patches | method | PSNR dB (raw) | SSIM | PSNR over 80 m | sharpness (raw) |",
        "|---|---|---|---|---|---|---|",
    ]
    for group in next(iter(table.values())):
        for name, groups in table.items():
            row = groups[group]
            lines.append(
                f"| {group} | {row.patches} | {name} | {row.matched.psnr:.2f} ({row.raw_psnr:.2f}) "
                f"| {row.matched.ssim:.3f} | {row.matched.psnr_80m:.2f} | {row.matched.sharpness:.2f} "
                f"({row.raw_sharpness:.2f}) |"
            )
    return "\n".join(lines)
