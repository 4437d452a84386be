"""What the flood study found, as ``flood.md``, ``flood.json`` and ``flood.png``."""

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geosar_training.flood.chips import Chip
from geosar_training.flood.inputs import BOTH, COLORIZED, INPUTS, RADAR, Mask
from geosar_training.flood.scores import WaterScores, pooled
from geosar_training.flood.study import LEVEL, METHODS, UNET, Study, verdicts
from geosar_training.inference import grey

SHOWN = 12
SIDE = 256
WATER, MISSED, ALARM, LAND = (31, 111, 168), (232, 163, 23), (190, 62, 62), (240, 242, 243)


def write_study(folder: Path, study: Study, setting: str) -> str:
    """Write the three files; returns the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(study, setting)
    (folder / "flood.md").write_text(text)
    (folder / "flood.json").write_text(json.dumps(to_plain(study), indent=1, allow_nan=False) + "\n")
    save_pictures(study, folder / "flood.png")
    return text


def markdown(study: Study, setting: str) -> str:
    """Return verdicts and tables."""
    lines = [setting, "", *(f"- {word}" for word in verdicts(study)), ""]
    for group, names in study.groups().items():
        lines += [
            f"### {group}: {len(names)} chips", "| segmentation | given | IoU | F1 | precision | recall |",
            "|---|---|---|---|---|---|",
        ]  # fmt: skip
        for method, inputs in _rows(study):
            counts = study.of(method, inputs, names)
            if counts:
                part = f" ({len(counts)} chips)" if len(counts) < len(names) else ""
                lines.append(
                    f"| {method} | {inputs}{part} | {_cells(pooled(counts))}{_spread(study, method, inputs, names)} |"
                )
        lines.append("")
    return "\n".join(lines)


def _rows(study: Study) -> list[tuple[str, str]]:
    return [(method, inputs) for method in METHODS for inputs in INPUTS if (method, inputs) in study.counts]


def _cells(scores: WaterScores) -> str:
    return " | ".join(f"{value:.3f}" if isfinite(value) else "" for value in asdict(scores).values())


def _spread(study: Study, method: str, inputs: str, names: list[str]) -> str:
    """Return the IoU of each seed, where there are several."""
    runs = study.counts[method, inputs]
    if len(runs) < 2:
        return ""
    each = [pooled([run[name] for name in names if name in run]).iou for run in runs]
    return f" (IoU by seed: {', '.join(f'{iou:.3f}' for iou in each)})"


def to_plain(study: Study) -> dict[str, object]:
    """Return scores by group, method and input, and the differences from radar alone, as plain values."""
    return {
        group: [
            {
                "method": method, "given": inputs, "chips": len(counts),
                **{key: value if isfinite(value) else None for key, value in asdict(pooled(counts)).items()},
                **({} if inputs == RADAR else {"iou_minus_radar": asdict(study.against_radar(method, inputs, names))}),
            }
            for method, inputs in _rows(study)
            if (counts := study.of(method, inputs, names))
        ]
        for group, names in study.groups().items()
    }  # fmt: skip


def save_pictures(study: Study, path: Path) -> None:
    """Save radar | colorized | optical | water from radar | from colorized | from both, a row a chip.

    By the U-Nets, or without them by one threshold.

    Blue is water found, amber water missed, red land taken for water, white unknown.
    """
    method = UNET if (UNET, RADAR) in study.masks else LEVEL
    chosen = [study.chips[int(i)] for i in np.linspace(0, len(study.chips) - 1, min(SHOWN, len(study.chips)))]
    sheet = Image.new("RGB", (6 * SIDE, len(chosen) * SIDE), "white")
    for row, chip in enumerate(chosen):
        blank = np.full((*chip.water.shape, 3), 255, np.uint8)
        maps = [_map(study.masks[method, inputs][chip.name], chip) for inputs in (RADAR, COLORIZED, BOTH)]
        optical = blank if chip.optical is None else chip.optical
        pictures = (grey(chip.radar), study.colours[chip.name], optical, *maps)
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture).resize((SIDE, SIDE)), (column * SIDE, row * SIDE))
    sheet.save(path)


def _map(mask: Mask, chip: Chip) -> NDArray[np.uint8]:
    picture = np.full((*chip.water.shape, 3), 255, np.uint8)
    for colour, where in (
        (LAND, ~mask & ~chip.water), (WATER, mask & chip.water), (MISSED, ~mask & chip.water),
        (ALARM, mask & ~chip.water),
    ):  # fmt: skip
        picture[where & chip.known] = colour
    return picture
