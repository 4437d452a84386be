"""Scores of a network beside its baselines, by source, on the validation split."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from torch.nn import functional

from training.data import Pair, fit_normalisers, normalised
from training.metrics import Image, Scores, match_tone, score
from training.preview import grey

PATCH = 256
Translator = Callable[[NDArray[np.float32]], Image]
"""Normalised backscatter (H, W) to red, green, blue (H, W, 3 or 4) of 0 to 255."""


def scene_of(pair: Pair) -> str:
    """What shares one optical stretch: the source, and for patches with a stretch of their own the patch."""
    return pair.name if pair.source.endswith("_panels") else pair.source


def mean_colour(training: Sequence[Pair]) -> Translator:
    """Baseline: the mean colour of the training set."""
    colour = np.mean([pair.optical.reshape(-1, 3).mean(axis=0) for pair in training if pair.coloured], axis=0)
    return lambda sar: np.broadcast_to(colour.astype(np.float32), (*sar.shape, 3))


def grey_image(sar: NDArray[np.float32]) -> Image:
    """Baseline: the radar itself as a grey picture."""
    return np.repeat(grey(sar)[..., None].astype(np.float32), 3, axis=2)


def smooth_grey(sar: NDArray[np.float32]) -> Image:
    """Baseline: the radar under a 9 x 9 box; the tone match fits it a channel at a time."""
    import torch  # noqa: PLC0415

    padded = torch.from_numpy(np.pad(sar, 4, mode="edge"))[None, None]
    smooth = functional.avg_pool2d(padded, 9, stride=1)[0, 0].numpy()
    return np.repeat((smooth[..., None] + 2) * 64, 3, axis=2).astype(np.float32)


def evaluate(
    translators: Mapping[str, Translator], pairs: Sequence[Pair]
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, list[Image]]]:
    """Score every translator on every pair, cut into 256 x 256 patches.

    Returns ``{translator: {group: {score: mean}}}`` with groups by source and `all`, scores raw and (suffix
    ``_matched``) after one gain and offset a channel and scene; and the tone-matched images, a list a
    translator in the order of `pairs`.
    """
    normalisers = fit_normalisers(pairs)
    backscatter = [normalised(pair, normalisers) for pair in pairs]
    truths = [pair.optical.astype(np.float32) for pair in pairs]
    table: dict[str, dict[str, dict[str, float]]] = {}
    pictures: dict[str, list[Image]] = {}
    for name, translate in translators.items():
        images = [translate(sar)[..., :3] for sar in backscatter]
        curves = {
            scene: match_tone(
                [image for image, pair in zip(images, pairs, strict=True) if scene_of(pair) == scene],
                [truth for truth, pair in zip(truths, pairs, strict=True) if scene_of(pair) == scene],
            )
            for scene in {scene_of(pair) for pair in pairs}
        }
        matched = [curves[scene_of(pair)](image) for image, pair in zip(images, pairs, strict=True)]
        groups: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
        for pair, raw, fitted, truth in zip(pairs, images, matched, truths, strict=True):
            for area in _patches(pair.sar.shape):
                row = asdict(score(raw[area], truth[area]))
                row |= {f"{key}_matched": value for key, value in asdict(score(fitted[area], truth[area])).items()}
                for group in (pair.source.split("_T11")[0], "all"):
                    groups[group].append(row)
        table[name] = {
            group: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"patches": len(rows)}
            for group, rows in sorted(groups.items())
        }
        pictures[name] = matched
    return table, pictures


def _patches(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Whole patches of 256 pixels; a smaller image is one patch."""
    starts = [range(0, max(length - PATCH, 0) + 1, PATCH) for length in shape]
    return [(slice(top, top + PATCH), slice(left, left + PATCH)) for top in starts[0] for left in starts[1]]


def markdown(table: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the scores as a table a reader can paste: tone-matched, raw PSNR in brackets."""
    lines = [
        "| source | patches | method | PSNR dB (raw) | SSIM | PSNR over 80 m | sharpness |",
        "|---|---|---|---|---|---|---|",
    ]
    for group in next(iter(table.values())):
        for name, groups in table.items():
            row = groups[group]
            lines.append(
                f"| {group} | {row['patches']:.0f} | {name} | {row['psnr_matched']:.2f} ({row['psnr']:.2f}) "
                f"| {row['ssim_matched']:.3f} | {row['psnr_80m_matched']:.2f} | {row['sharpness_matched']:.2f} |"
            )
    return "\n".join(lines)


def write_report(
    folder: Path, table: Mapping[str, Mapping[str, Mapping[str, float]]], pictures: Mapping[str, list[Image]],
    pairs: Sequence[Pair],
) -> None:  # fmt: skip
    """Write ``metrics.json``, ``report.md`` and ``sheet.png`` (SAR | each method | truth, a row a pair)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(table, indent=1))
    (folder / "report.md").write_text(markdown(table) + "\n")
    normalisers = fit_normalisers(pairs)
    names = list(pictures)
    chosen = [int(i) for i in np.linspace(0, len(pairs) - 1, min(len(pairs), 16))]
    sheet = Picture.new("RGB", ((len(names) + 2) * PATCH, len(chosen) * PATCH))
    for row, index in enumerate(chosen):
        pair = pairs[index]
        sar = np.repeat(grey(normalised(pair, normalisers))[..., None], 3, axis=2)
        for column, image in enumerate((sar, *(pictures[name][index] for name in names), pair.optical)):
            tile = Picture.fromarray(image[:PATCH, :PATCH].astype(np.uint8))
            sheet.paste(tile, (column * PATCH, row * PATCH))
    sheet.save(folder / "sheet.png")


__all__ = ["Scores", "evaluate", "grey_image", "markdown", "mean_colour", "smooth_grey", "write_report"]
