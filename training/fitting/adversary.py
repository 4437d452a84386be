"""An update of an adversary and what it asks of a generator, for every method that paints luma and chroma."""

import torch
from torch import Tensor
from torch.nn import functional

from geosar_training.fitting import losses
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.networks.discriminator import Adversary
from geosar_training.pairs.batch import Batch


def adversary_step(
    adversary: Adversary,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    painted: tuple[Tensor, Tensor],
    descent: Descent,
) -> Tensor:
    """Teach the adversary to tell luma and chroma that were made, detached, from the truth; returns its hinge loss."""
    with descent.autocast():
        real = adversary(batch, batch.luma, functional.avg_pool2d(batch.chroma, 4))
        fake = adversary(batch, *painted)
    hinges = [losses.adversary_hinge(r[0].float(), f[0].float()) for r, f in zip(real, fake, strict=True)]
    loss = torch.stack(hinges).mean()
    descent(optimiser, loss, {"adversary": loss})
    return loss.detach()


def adversarial_terms(adversary: Adversary, batch: Batch, luma: Tensor, chroma: Tensor, descent: Descent) -> Terms:
    """Return what the adversary asks of the generator: to be taken for real, and to have the features of the truth."""
    adversary.requires_grad_(requires_grad=False)
    with descent.autocast():
        fake = adversary(batch, luma, chroma)
        with torch.no_grad():
            real = adversary(batch, batch.luma, functional.avg_pool2d(batch.chroma, 4))
    adversary.requires_grad_(requires_grad=True)
    matches = [losses.feature_matching(r[1], f[1]) for r, f in zip(real, fake, strict=True)]
    return {
        "adversarial": -torch.stack([verdict.float().mean() for verdict, _ in fake]).mean(),
        "features": torch.stack(matches).mean().float(),
    }
