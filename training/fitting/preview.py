"""Pictures of a network's work: SAR | generated | true optical, row by row, each with its caption."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from geosar_training.inference import generate, grey
from geosar_training.networks.painter import Network
from geosar_training.pairs.pair import Pair, fit_normalisers, fit_tones
from geosar_training.pairs.planes import planes

SIDE = 256
CAPTION = 16
"""Height of the line above each picture, in pixels."""
CAPTIONS = ("radar", "generated (synthetic)", "true")


def save_preview(network: Network, pairs: Sequence[Pair], path: Path, rows: int = 8, columns: int = 3) -> None:
    """Save a sheet of `rows` x `columns` triples, drawn evenly from the pairs; truth is tone-aligned.

    Above each stands what it is, and above the radar the name of its pair.
    """
    normalisers, tones = fit_normalisers(pairs), fit_tones(pairs)
    chosen = [pairs[int(i)] for i in np.linspace(0, len(pairs) - 1, min(rows * columns, len(pairs)))]
    height = SIDE + CAPTION
    sheet = Image.new("RGB", (columns * 3 * SIDE, rows * height))
    words = ImageDraw.Draw(sheet)
    for index, pair in enumerate(chosen):
        backscatter = planes(pair, normalisers)[..., : SIDE * 2, : SIDE * 2]
        truth = tones[pair.source](pair.optical)[: SIDE * 2, : SIDE * 2].astype(np.uint8)
        image = generate(network, backscatter)[..., :3].astype(np.uint8)
        left, top = index % columns * 3 * SIDE, index // columns * height
        captions = (f"{CAPTIONS[0]}: {pair.name}"[:40], *CAPTIONS[1:])
        for place, picture in enumerate((np.repeat(grey(backscatter)[..., None], 3, 2), image, truth)):
            words.text((left + place * SIDE + 4, top + 2), captions[place], "white")
            sheet.paste(Image.fromarray(picture[:SIDE, :SIDE]), (left + place * SIDE, top + CAPTION))
    sheet.save(path)
