"""Averages of weights, made ready for inference: they need normalisation statistics of their own."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.data import DataLoader

from geosar.engines.unet import UNet
from geosar_training.config import Config
from geosar_training.networks.painter import Network
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.pair import Pair
from geosar_training.pairs.samples import collate

if TYPE_CHECKING:
    from geosar_training.pairs.batch import Batch

BATCHES = 60


@torch.no_grad()
def settle_norms(network: Network, config: Config, pairs: Sequence[Pair], batches: int | None = None) -> Network:
    """Return a copy, in evaluation mode, whose running statistics are the means over fixed training batches (60).

    An average of weights has other activations than any network that was averaged, so neither their
    statistics nor an average of those is right for it (Izmailov et al. 2018, section 3.2).
    """
    network = copy.deepcopy(network).train()
    if isinstance(network, UNet):
        network.dropout = 0.0
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    if norms:
        crops = Crops(pairs, config, length=(batches or BATCHES) * config.batch, seed=config.seed + 1)
        device = norms[0].weight.device
        batch: Batch
        for batch in DataLoader(crops, config.batch, collate_fn=collate):
            network(batch.sar.to(device, memory_format=torch.channels_last))
    return network.eval()
