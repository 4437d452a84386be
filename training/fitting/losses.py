"""What the generator and its adversary are asked for. All terms are means over the valid pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from geosar.engines.colouriser import Colouriser
from geosar.engines.generator import Generator
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN, picture

BLUE_OVER_RED, BLUE_OVER_GREEN, BRIGHT, UNEVEN, FEW = 12.0, 3.0, 105.0, 3.0, 0.3
"""What tells water in an optical image: the least blue over red and green, the most luma and deviation of luma (all of
255), and the least share of a cell and its neighbours."""

FINE, WINDOW = 5, 7
"""Pixels on a side of the mean that detail is the difference from, and of the window in which it is compared."""

FLAT = 1e-4
"""Variance that is added to that of detail (standardised): half a grey level of luma is none."""


@dataclass(frozen=True)
class Weights:
    """Weights of the loss terms; `adversarial` and `features` only count in the adversarial stage.

    `frequency` is the focal frequency loss of luma (Jiang et al. 2021); `structure` and `contrast` are of its detail
    (see `detail`). The median that L1 asks for is dull, and water only where water is likelier than all else: in the
    coarse terms a cell of water counts `water` times, and any cell 1 + `rare` times the distance of its colour from the
    mean of all land, in deviations.
    """

    luma: float = 1.0
    luma_coarse: float = 1.0
    chroma: float = 1.0
    error: float = 0.1
    frequency: float = 0.0
    structure: float = 0.0
    contrast: float = 0.0
    adversarial: float = 1.0
    features: float = 5.0
    water: float = 1.0
    rare: float = 0.0

    @property
    def detail(self) -> bool:
        """Whether structure or contrast count."""
        return self.structure > 0 or self.contrast > 0


def masked_l1(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference where `weight` is above zero; tensors broadcast."""
    weight = weight.expand_as(predicted)
    return ((predicted - target).abs() * weight).sum() / weight.sum().clamp(min=1.0)


def fidelity(luma: Tensor, chroma: Tensor, batch: Batch, weights: Weights | None = None) -> dict[str, Tensor]:
    """L1 of luma pixel by pixel and over 4 x 4 and 16 x 16 pixels; of chroma over 4 x 4 and 16 x 16.

    The coarse terms ask for the right land cover, more for what `weights` call water and rare; the fine one asks for
    blur where detail cannot be known, which is why an adversarial stage weighs it less.
    """
    weights = weights or Weights()
    quarter = _pool_valid(batch.valid, 4)
    sixteenth = _pool_valid(batch.valid, 16)
    coarse = functional.avg_pool2d
    chroma_target = coarse(batch.chroma, 4)
    if weights.water != 1.0 or weights.rare:
        more = emphasis_of_cover(batch, weights.water, weights.rare)
        quarter, sixteenth = quarter * more, sixteenth * coarse(more, 4)
    return {
        "luma": masked_l1(luma, batch.luma, batch.valid),
        "luma_coarse": 0.5 * masked_l1(coarse(luma, 4), coarse(batch.luma, 4), quarter)
        + 0.5 * masked_l1(coarse(luma, 16), coarse(batch.luma, 16), sixteenth),
        "chroma": masked_l1(chroma, chroma_target, quarter * batch.coloured)
        + masked_l1(coarse(chroma, 4), coarse(chroma_target, 4), sixteenth * batch.coloured),
    }


def coarse_colour(
    luma: Tensor, chroma: Tensor, batch: Batch, *, water: float = 1.0, rare: float = 0.0
) -> dict[str, Tensor]:
    """L1 of coarse luma (N, 1, H/8, W/8), over 8 x 8 and 32 x 32 pixels, and of chroma (N, 2, H/4, W/4), over 4 to 32.

    Of grey truths no chroma is asked for. What `water` and `rare` do: see `Weights`.
    """
    pool = functional.avg_pool2d
    known = {size: (pool(batch.valid, size) > 0.9).float() for size in (4, 8, 32)}
    if water != 1.0 or rare:
        more = emphasis_of_cover(batch, water, rare)
        known = {size: valid * pool(more, size // 4) for size, valid in known.items()}
    true_luma, true_chroma = pool(batch.luma, 8), pool(batch.chroma, 4)
    return {
        "luma": masked_l1(luma, true_luma, known[8]) + 0.5 * masked_l1(pool(luma, 4), pool(true_luma, 4), known[32]),
        "chroma": masked_l1(chroma, true_chroma, known[4] * batch.coloured)
        + masked_l1(pool(chroma, 2), pool(true_chroma, 2), known[8] * batch.coloured)
        + 0.5 * masked_l1(pool(chroma, 8), pool(true_chroma, 8), known[32] * batch.coloured),
    }


def emphasis_of_cover(batch: Batch, water: float, rare: float) -> Tensor:
    """How often a cell of 4 x 4 pixels counts, (N, 1, H/4, W/4): see `Weights`."""
    chroma = functional.avg_pool2d(batch.chroma, 4)
    wet = batch.coloured * open_water(batch.luma, chroma)
    colour = torch.cat([functional.avg_pool2d(batch.luma, 4), chroma * batch.coloured], dim=1)
    times: Tensor = (1.0 + (water - 1.0) * wet) * (1.0 + rare * colour.norm(dim=1, keepdim=True))
    return times


def squared(predicted: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error of (N, 1, H, W) where `valid` is above zero."""
    error: Tensor = ((predicted - target).square() * valid).sum() / valid.sum().clamp(min=1.0)
    return error


def mean_kept(despeckled: Tensor, radar: Tensor, valid: Tensor) -> Tensor:
    """Squared difference of means over 16 x 16 pixels of despeckled and measured backscatter (N, P, H, W).

    Decibels, and each stretch to 8 bit, have other speckle than the dates that teach to filter it; the mean stays.
    `valid` is (N, 1, H, W).
    """
    known = _pool_valid(valid, 16).expand(-1, radar.shape[1], -1, -1)
    off = functional.avg_pool2d(despeckled - radar, 16)
    loss: Tensor = (off.square() * known).sum() / known.sum().clamp(min=1.0)
    return loss


def hatch(despeckled: Tensor) -> Tensor:
    """Mean squared difference of the four phases of a 2 x 2 pixel shuffle, averaged over 16 x 16 pixels.

    Land has none that keeps step with the pixels of a window; what does is the network's own.
    """
    phases = functional.pixel_unshuffle(despeckled.flatten(0, 1)[:, None], 2)
    means = functional.avg_pool2d(phases, 8)
    loss: Tensor = (means - means.mean(dim=1, keepdim=True)).square().mean()
    return loss


def open_water(luma: Tensor, chroma: Tensor) -> Tensor:
    """Where an image shows water, 0 or 1 (N, 1, H/4, W/4): cells of 4 x 4 pixels, dark, blue and even, a few together.

    `luma` is (N, 1, H, W), `chroma` (N, 2, H/4, W/4), standardised. Some shade and hazy fields are taken for water, and
    muddy rivers for land.
    """
    mean, square = functional.avg_pool2d(luma, 4), functional.avg_pool2d(luma.square(), 4)
    even = (square - mean.square()).clamp(min=0.0).sqrt() * LUMA_DEVIATION[0] < UNEVEN
    dark = mean * LUMA_DEVIATION[0] + LUMA_MEAN[0] < BRIGHT
    red, green, blue = torch.split(picture(mean, chroma) * 127.5, 1, dim=1)
    water: Tensor = (even & dark & (blue - red > BLUE_OVER_RED) & (blue - green > BLUE_OVER_GREEN)).float()
    return water * (functional.avg_pool2d(water, 3, 1, 1, count_include_pad=False) > FEW).float()


def focal_frequency(predicted: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Squared difference of the spectra of (N, 1, H, W), those weighed most that are farthest off (Jiang et al. 2021).

    The weights are the differences themselves, of at most 1 in each image; what is not valid counts as right.
    """
    off = torch.fft.rfft2((predicted - target) * valid, norm="ortho").abs()
    weight = off.detach() / off.detach().amax(dim=(-2, -1), keepdim=True).clamp(min=1e-6)
    loss: Tensor = (weight * off.square()).mean()
    return loss


def detail(luma: Tensor, chroma: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Structure and contrast of detail: what is finer than 5 x 5 pixels, compared in windows of 7 x 7.

    They are two parts of SSIM (Wang et al. 2004), apart. Where detail can only be guessed, their product, like L1, is
    best served by a flat image. Apart, `structure` (one less the correlation, of luma at full, half and quarter
    resolution, and half as much of chroma from a quarter on) asks for the edges that the radar does show, whatever
    their contrast, and `contrast` (L1 of luma's deviation, at full and half) for as much detail as the truth has.
    """
    structure, contrast = _detail(luma, batch.luma, batch.valid)
    known = _pool_valid(batch.valid, 4) * batch.coloured
    colour, _ = _detail(chroma, functional.avg_pool2d(batch.chroma, 4), known)
    return {"structure": structure + 0.5 * colour, "contrast": contrast}


def _detail(predicted: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Structure over three resolutions (where windows fit), and contrast at the first two, of images (N, C, H, W)."""
    structure, contrast = [], []
    reach = FINE + WINDOW - 1
    for size in (1, 2, 4):
        if min(target.shape[-2:]) < reach * size:
            break
        ours, true = (_finer(functional.avg_pool2d(image, size)) for image in (predicted, target))
        known = 1.0 - functional.max_pool2d(1.0 - _pool_valid(valid, size), reach, 1)
        spread, spread_of_truth = ((_windows(band * band) + FLAT).sqrt() for band in (ours, true))
        correlation = _windows(ours * true) / (spread * spread_of_truth)
        structure.append(masked_l1(correlation, torch.ones(()), known * spread_of_truth))
        contrast.append(masked_l1(spread, spread_of_truth, known))
    return torch.stack(structure).mean(), torch.stack(contrast[:2]).mean()


def _finer(image: Tensor) -> Tensor:
    margin = FINE // 2
    return image[..., margin:-margin, margin:-margin] - functional.avg_pool2d(image, FINE, 1)


def _windows(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values, WINDOW, 1)


def expected_error(
    generator: Generator | Colouriser, log_error: Tensor, luma: Tensor, chroma: Tensor, batch: Batch
) -> Tensor:
    """Laplace likelihood of the absolute error, whose optimum is the error's expectation (0 to 255 units).

    The image is detached, so that the network does not learn to be predictable instead of right.
    """
    with torch.no_grad():
        truth = generator.rgb(batch.luma, functional.avg_pool2d(batch.chroma, 4))
        error = (generator.rgb(luma, chroma) - truth).abs().mean(dim=1, keepdim=True)
        error = functional.avg_pool2d(error, 4) / generator.deviation[:, :1]
        weight = _pool_valid(batch.valid, 4) * batch.coloured
    log_error = log_error.clamp(-6.0, 4.0)
    return ((log_error + error * torch.exp(-log_error)) * weight).sum() / weight.sum().clamp(min=1.0)


def adversary_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim & Ye 2017); 2 is chance, 0 is a win that teaches nothing."""
    return functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean()


def feature_matching(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Mean L1 between the discriminator's features of real and generated images (Wang et al. 2018)."""
    terms = [(f - r.detach()).abs().mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def _pool_valid(valid: Tensor, size: int) -> Tensor:
    return (functional.avg_pool2d(valid, size) > 0.99).float()
