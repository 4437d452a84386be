"""Random crops of pairs for training.

The crop of index i is a pure function of the seed and i, so a resumed run sees what an undisturbed one would have
seen, and any number of loader workers or processes gives the same stream.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from geosar_training.config import Config
from geosar_training.errors import PairsError
from geosar_training.fitting.losses import open_water
from geosar_training.pairs.augmentation import augment, basins, beside_sea
from geosar_training.pairs.pair import Pair, fit_normalisers, fit_tones, set_of
from geosar_training.pairs.planes import drawn_planes, placed
from geosar_training.pairs.tone import luma_chroma
from geosar_training.torchvision_operators import module

transforms: Any = module("torchvision.transforms.v2.functional")  # as functions: the transforms draw from torch's state

LARGEST_ZOOM = 1.5

LEAST_WATER = 0.005
"""Share of an optical image that must show water before crops are drawn around it."""

SHORE = 4
"""Cells of 4 x 4 pixels from land that are a shore: a third of the crops around water are drawn around one."""

NARROW = (16, 0.25)
"""Water is narrow (rivers, harbours, ponds) where it covers at most that share of the cells up to so many away: a third
of the crops around water are drawn around such."""

HALF = 0.5
"""Share of the crops without calibration that are shown as if beside a sea."""

DARK = -1.0
"""Mean normalised backscatter below which water is certain enough to be pasted elsewhere."""

Images = tuple[Tensor, ...]
"""Radar (P, H, W), optical (3, H, W) and where both are valid (1, H, W), of one square."""


class Square(NamedTuple):
    """One square of a pair as a network takes it: (P, H, W) normalised, (H, W, 3) luma and chroma, (H, W)."""

    backscatter: NDArray[np.float32]
    target: NDArray[np.float32]
    valid: NDArray[np.bool_]


class Crops(Dataset[tuple[Tensor, ...]]):
    """Random augmented crops; sources are drawn by weight, patches of a source by their area."""

    def __init__(self, pairs: Sequence[Pair], config: Config, *, length: int, seed: int) -> None:
        size = config.crop
        self.pairs = [pair for pair in pairs if min(pair.shape) >= 0.45 * size]
        if not self.pairs:
            raise PairsError(
                f"{len(pairs)} training pairs were given, none of them large enough for crops of {size} pixels. "
                "Give a folder with pairs in the split train, or a smaller crop."
            )
        self.declares_missing = config.declares_missing
        wrong = [pair.name for pair in self.pairs if len(pair.bands) != config.channels and not config.declares_missing]
        if wrong:
            raise PairsError(
                f"The pair {wrong[0]} has not the {config.channels} polarisations of the settings; read the pairs with "
                "them (the settings' polarisations)."
            )
        self.size, self.length, self.seed, self.augmentation = size, length, seed, config.augmentation
        self.normalisers = fit_normalisers(self.pairs)
        self.tones = fit_tones(self.pairs, align=config.align_tone)
        self.labels = [label_of(pair, config.classes) for pair in self.pairs]
        weights = self._weights(config)
        self.probability = np.cumsum(weights)
        self.water_share, self.water = config.water_crops, {}
        if config.water_crops or config.augmentation.basins:
            self.water = {index: kinds for index in range(len(self.pairs)) if (kinds := self._water(index))}
            if not self.water:
                raise PairsError("water_crops or basins is above 0, but no optical image shows water; set both to 0.")
            wet = np.array(list(self.water))
            self.water_probability = np.cumsum(weights[wet] / weights[wet].sum())
        self.dark = self._dark() if config.augmentation.basins else {}

    def _weights(self, config: Config) -> NDArray[np.float64]:
        weights = config.source_weights
        area = np.array([pair.sar.size for pair in self.pairs], dtype=np.float64)
        kind = [set_of(pair) if pair.coloured else "grey" for pair in self.pairs]
        total = {key: area[[other == key for other in kind]].sum() for key in set(kind)}
        default = weights.get("other", 1.0)
        weight = np.array([weights.get(key, default * total[key] / area.sum()) for key in kind]) * area
        weight /= np.array([total[key] for key in kind])
        if config.balance_classes:
            labels = np.array(self.labels)
            share = {label: weight[labels == label].sum() for label in set(self.labels)}
            weight = np.array(
                [w / share[k] if k and share[k] > 0 else 0.0 for w, k in zip(weight, labels, strict=True)]
            )
        if not weight.any():
            what = f"no pair of the classes {', '.join(config.classes)}" if config.balance_classes else "no source"
            raise PairsError(
                f"source_weights leaves {what} among {', '.join(sorted(set(kind)))} with a weight above 0; "
                "give one of them a weight, or other classes."
            )
        normed: NDArray[np.float64] = weight / weight.sum()
        return normed

    def _water(self, index: int) -> list[NDArray[np.int64]]:
        """Rows and columns (N, 2) of the cells of 4 x 4 pixels that show water, of those by a shore, and of the narrow.

        Nothing where hardly any cell does; all of them for a kind that is not there.
        """
        pair = self.pairs[index]
        if not pair.coloured:
            return []
        water_cells = water_in(luma_chroma(self.tones[pair.source](pair.rgb)))[0]
        near, wide = (
            functional.avg_pool2d(water_cells, 2 * reach + 1, 1, reach, count_include_pad=False)[0]
            for reach in (SHORE, NARROW[0])
        )
        mask = functional.avg_pool2d(torch.from_numpy(pair.mask[None].astype(np.float32)), 4)[0]
        water = water_cells[0] * (mask == 1)
        if water.sum() <= LEAST_WATER * water.numel():
            return []
        kinds = [torch.nonzero(kind).numpy() for kind in (water, water * (near < 1), water * (wide <= NARROW[1]))]
        return [cells if len(cells) else kinds[0] for cells in kinds]

    def _dark(self) -> dict[str, list[int]]:
        """Which pairs of each source show water that is dark in radar as well."""
        groups = defaultdict(list)
        for index, (cells, *_) in self.water.items():
            pair = self.pairs[index]
            if self.normalisers[pair.source](pair.bands, pair.mask)[:, 4 * cells[:, 0], 4 * cells[:, 1]].mean() < DARK:
                groups[pair.source].append(index)
        return dict(groups)

    def __len__(self) -> int:
        return self.length

    def _drawn(self, random: np.random.Generator) -> tuple[int, NDArray[np.int64] | None]:
        """Draw a pair and, for a crop around water, one of its pixels (row, column)."""
        if not self.water_share or random.random() >= self.water_share:
            return int(np.searchsorted(self.probability, random.random()).clip(0, len(self.pairs) - 1)), None
        wet = list(self.water)
        drawn = wet[int(np.searchsorted(self.water_probability, random.random()).clip(0, len(wet) - 1))]
        return drawn, self._wet(drawn, random)

    def _wet(self, drawn: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Draw a pixel (row, column) of a pair's water."""
        cells = self.water[drawn][int(random.integers(3))]  # all of its water, its shore, or what is narrow
        pixel: NDArray[np.int64] = 4 * cells[int(random.integers(len(cells)))]
        return pixel

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        random = np.random.default_rng((self.seed, index))
        drawn, around = self._drawn(random)
        pair, how = self.pairs[drawn], self.augmentation
        square = self._square(drawn, around, random)
        if pair.source in self.dark and random.random() < how.basins:
            wet = int(random.choice(self.dark[pair.source]))
            other = self._square(wet, self._wet(wet, random), random)
            square = pasted(square, other, basins(square.valid.shape, random))
        if how.seas and not pair.calibrated and random.random() < HALF:
            square = square._replace(backscatter=beside_sea(square.backscatter, random.uniform(0, how.seas)))
        if self.declares_missing:
            backscatter, mask = augment(square.backscatter, square.valid, replace(how, polarisation_dropout=0), random)
            shown, channels = drawn_planes(len(backscatter), pair.polarisations, how.polarisation_dropout, random)
            backscatter = placed(backscatter[shown], channels)
        else:
            backscatter, mask = augment(square.backscatter, square.valid, how, random)
        return (
            torch.from_numpy(backscatter),
            torch.from_numpy(square.target[None, ..., 0].copy()),
            torch.from_numpy(np.moveaxis(square.target[..., 1:], -1, 0).copy()),
            torch.from_numpy(mask[None].astype(np.float32)),
            torch.full((1, 1, 1), float(pair.coloured)),
            torch.full((1, 1, 1), self.labels[drawn]),
        )

    def _square(self, drawn: int, around: NDArray[np.int64] | None, random: np.random.Generator) -> Square:
        """Cut a square, zoomed and turned, and normalise it."""
        pair = self.pairs[drawn]
        zoom = float(random.uniform(1.0, LARGEST_ZOOM)) if random.random() < self.augmentation.zoom else 1.0
        images = _random_crop(pair, round(self.size / zoom), random, around)
        if zoom > 1.0:
            images = _enlarged(images, self.size)
        images = _turned(images, int(random.integers(4)), flip=bool(random.integers(2)))
        sar, optical, valid = (image.numpy() for image in images)
        target = luma_chroma(self.tones[pair.source](np.moveaxis(optical, 0, -1)))
        return Square(self.normalisers[pair.source](sar, valid[0]), target, valid[0])


def label_of(pair: Pair, classes: Sequence[str]) -> int:
    """Which class occurs in the pair's land cover, counted from 1; 0 for none of them."""
    words = pair.landcover.lower()
    return next((index for index, name in enumerate(classes, start=1) if name.lower() in words), 0)


def water_in(target: NDArray[np.float32]) -> Tensor:
    """Cells of 4 x 4 pixels that show open water, 0 or 1 (1, 1, H/4, W/4), of luma and chroma (H, W, 3)."""
    image = torch.from_numpy(np.moveaxis(target, -1, 0)[None].copy())
    return open_water(image[:, :1], functional.avg_pool2d(image[:, 1:], 4))


def pasted(square: Square, wet: Square, where: NDArray[np.bool_]) -> Square:
    """Return the square with the other's open water, radar and optical, `where` (H, W) the other has any.

    Few pairs have water between buildings. Copy-paste (Ghiasi et al. 2021) makes more.
    """
    inner = functional.avg_pool2d(water_in(wet.target), 3, 1, 1, count_include_pad=False) == 1
    water = functional.interpolate(inner.float(), where.shape)[0, 0].numpy().astype(np.bool_) & where & wet.valid
    return Square(
        np.where(water, wet.backscatter, square.backscatter),
        np.where(water[..., None], wet.target, square.target),
        square.valid | water,
    )


def _random_crop(pair: Pair, size: int, random: np.random.Generator, around: NDArray[np.int64] | None = None) -> Images:
    """Cut the same square out of both images, one that holds a pixel where one is given.

    Smaller patches are mirrored up to the size.
    """
    short = [max(0, size - length) for length in pair.shape]
    slack = [max(length, size) - size for length in pair.shape]
    if around is None:
        top, left = (int(random.integers(rest + 1)) for rest in slack)
    else:
        top, left = (int(np.clip(at - random.integers(size), 0, rest)) for at, rest in zip(around, slack, strict=True))
    cut = pair.cut(slice(top, top + size), slice(left, left + size))
    images = (cut.bands, np.moveaxis(cut.rgb, -1, 0), cut.mask[None])
    sar, optical, valid = (torch.from_numpy(image.copy()) for image in images)
    if not any(short):
        return sar, optical, valid
    below, beside = short
    border = [beside // 2, below // 2, beside - beside // 2, below - below // 2]
    return tuple(transforms.pad(image, border, padding_mode="symmetric") for image in (sar, optical, valid))


def _enlarged(images: Images, size: int) -> Images:
    """Resample square images to `size` pixels a side, bicubic; invalid is what an invalid pixel reaches."""
    bicubic = transforms.InterpolationMode.BICUBIC
    bands, optical, mask = (
        transforms.resize(image, [size, size], bicubic) for image in (*images[:2], images[2].float())
    )
    return bands, optical, (mask > 0.999) & bands.isfinite().all(dim=0, keepdim=True)


def _turned(images: Images, quarters: int, *, flip: bool) -> Images:
    """Turn square images by so many quarters and mirror them."""
    turned = [torch.rot90(image, quarters, (1, 2)) for image in images]
    return tuple(transforms.horizontal_flip(image) if flip else image for image in turned)
