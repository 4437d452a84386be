"""Averaged weights made ready for inference: they need normalisation statistics of their own."""

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader

from geosar.engines.generator import Generator
from training.config import Config
from training.data import Batch, Crops, Pair, collate

BATCHES = 60


@torch.no_grad()
def settle_norms(network: Generator, config: Config, pairs: Sequence[Pair]) -> Generator:
    """Return a copy, in evaluation mode, whose running statistics are the means over fixed training batches.

    An average of weights has other activations than any network that was averaged, so neither their
    statistics nor an average of those is right for it (Izmailov et al. 2018, section 3.2).
    """
    network = copy.deepcopy(network).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    crops = Crops(
        pairs, size=config.crop, length=BATCHES * config.batch, seed=config.seed + 1,
        source_weights=config.source_weights, align_tone=config.align_tone,
    )  # fmt: skip
    device = next(network.parameters()).device
    batch: Batch
    for batch in DataLoader(crops, config.batch, collate_fn=collate):
        network.components(batch.sar.to(device, memory_format=torch.channels_last))
    return network.eval()
