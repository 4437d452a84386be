"""A sheet of patches for the eye: radar | each network | truth, block beside block."""

from pathlib import Path

import numpy as np
from PIL import Image

from geosar_training.scoring.baselines import BASELINES
from geosar_training.scoring.patches import PATCH, Evaluation

ROWS = 16
GAP = 8


def save_sheet(evaluation: Evaluation, path: Path, count: int = 16) -> None:
    """Save `count` patches, drawn evenly over all of them, as a PNG."""
    networks = [name for name in evaluation.rows if name not in BASELINES] or list(evaluation.rows)
    rows = evaluation.rows[networks[0]]
    chosen = [rows[int(index)] for index in np.linspace(0, len(rows) - 1, min(count, len(rows)))]
    deep, width = min(ROWS, len(chosen)), (len(networks) + 2) * PATCH
    blocks = -(-len(chosen) // deep)
    sheet = Image.new("RGB", (blocks * (width + GAP) - GAP, deep * PATCH), "white")
    for place, row in enumerate(chosen):
        images = [evaluation.pictures[name][row.image][..., :3] for name in networks]
        left, top = place // deep * (width + GAP), place % deep * PATCH
        for column, picture in enumerate((evaluation.radars[row.image], *images, evaluation.pairs[row.image].optical)):
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture[row.area])), (left + column * PATCH, top))
    sheet.save(path)
