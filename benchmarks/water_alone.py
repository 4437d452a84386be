"""What can be found of water when nothing else is asked: a head for water alone, on the features of a packaged model.

The features are held; the head learns by likelihood from what the training images show (`open_water`; holes in a sheet
of water are not asked), with crops, basins and seas of `training/configs/s1-rgb.yaml`. Printed is the share of open and
of narrow water that it finds where it takes so much inland land for water. See `benchmarks/unseen.py` for the places
and the words. Needs GEOSAR_DATA, and the pairs of floods of `geosar-train falsecolour OMBRIA -o FLOODS --true-colour
--floods`. Seven minutes of one core.

    python benchmarks/water_alone.py FLOODS
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from unseen import Cells, closed, near, places
from water import CELL, measured, narrow

from geosar.backscatter import MISSING
from geosar.models import load_model
from geosar_training.fitting.checkpoint import read_packaged
from geosar_training.fitting.losses import open_water
from geosar_training.inference import mirrored
from geosar_training.methods.colouriser import ColouriserMethod
from geosar_training.pairs.crops import Crops, water_in
from geosar_training.pairs.pair import Pair, fit_normalisers, fit_tones, read_pairs
from geosar_training.pairs.planes import planes
from geosar_training.pairs.registration import registered
from geosar_training.pairs.samples import collate
from geosar_training.pairs.tone import luma_chroma
from geosar_training.settings import load_config

SETTINGS = Path(__file__).parent.parent / "training" / "configs" / "s1-rgb.yaml"
BATCH, CROP, RATE, WIDTH, SEED = 12, 256, 4e-3, 32, 5
INLAND = (0.002, 0.005, 0.01, 0.02, 0.05)
PLACES = {"Los Angeles": "volkov_T11SLT", "Long Beach": "volkov_T11SLT", "Riverside": "volkov_T11SMT"}


class Head(nn.Module):
    """A logit of water at 1/4 from the features of a colouriser at 1/16, 1/8 and 1/4."""

    def __init__(self, model: str, *, tuned: bool) -> None:
        super().__init__()
        state = read_packaged(load_model(model).folder)
        self.colouriser, self.tuned = ColouriserMethod.network(state["architecture"]), tuned
        self.colouriser.load_state_dict(state["average"])
        self.colouriser.requires_grad_(tuned)
        levels = reversed(state["architecture"]["widths"][1:4])
        self.project = nn.ModuleList([nn.Conv2d(features, WIDTH, 1) for features in levels])
        self.last = nn.Sequential(
            nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.Conv2d(WIDTH, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, sar: Tensor) -> Tensor:
        """(N, P, H, W) to (N, 1, H/4, W/4)."""
        network = self.colouriser.train(self.tuned and self.training)
        given = (sar[..., :1, :1] > 0.75 * MISSING).to(sar.dtype)
        levels = network.levels(network.entry(functional.pixel_unshuffle(sar * given, 2), given))[:3]
        size = levels[-1].shape[-2:]
        logit: Tensor = self.last(sum(
            functional.interpolate(project(level), size, mode="bilinear")
            for project, level in zip(self.project, levels, strict=True)
        ))  # fmt: skip
        return logit


class Tile(NamedTuple):
    """Radar as the network takes it, and which of the cells inside its halo are water, open or narrow, and inland."""

    sar: Tensor
    open: Cells
    narrow: Cells
    inland: Cells


def learn(head: Head, crops: Crops, updates: int) -> None:
    """Teach the head what the training images show."""
    learning = [parameter for parameter in head.parameters() if parameter.requires_grad]
    rate = RATE / 4 if head.tuned else RATE
    optimiser = torch.optim.AdamW(learning, rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, updates, pct_start=0.1)
    for update, batch in enumerate(DataLoader(crops, BATCH, collate_fn=collate), start=1):
        shown = open_water(batch.luma, functional.avg_pool2d(batch.chroma, CELL))
        whole = -functional.max_pool2d(-functional.max_pool2d(shown, 9, 1, 4), 9, 1, 4)
        sure = (functional.avg_pool2d(batch.valid, CELL) > 0.99) * batch.coloured * (shown == whole)
        with torch.autocast("cpu", torch.bfloat16):
            logit = head(batch.sar.contiguous(memory_format=torch.channels_last))
        loss = functional.binary_cross_entropy_with_logits(logit.float(), shown, weight=sure, reduction="sum")
        (loss / sure.sum().clamp(min=1)).backward()
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if update % 100 == 0:
            print(f"{update}: {float(loss.detach() / sure.sum()):.3f}", file=sys.stderr)


def tiles(data: Path, pairs: list[Pair]) -> Iterator[tuple[str, list[Tile]]]:
    """Yield the places with their tiles."""
    tones = fit_tones(pairs)
    for place, members in places(data, pairs).items():
        source = next((source for name, source in PLACES.items() if name in place), None)
        if source is None:
            continue
        moved = registered(members)
        normalisers = fit_normalisers(moved if moved[0].source not in tones else pairs)
        found = []
        for pair in moved:
            water = water_in(luma_chroma(tones[source](pair.rgb)))[0, 0].numpy() > 0
            thin, known = water & narrow(closed(water)), measured(pair)
            sar = torch.from_numpy(planes(pair, normalisers))
            found.append(Tile(sar, water & ~thin & known, thin & known, ~near(water) & known))
        yield place, found


@torch.no_grad()
def logits(head: Head, tile: Tile) -> NDArray[np.float32]:
    """Return the logits of the cells of a tile."""
    halo, stride = head.colouriser.halo, head.colouriser.stride
    with torch.autocast("cpu", torch.bfloat16):
        whole = head(torch.from_numpy(mirrored(tile.sar.numpy(), halo, stride)[None])).float()[0, 0]
    rows, cols = (slice(halo // CELL, halo // CELL + side) for side in tile.open.shape)
    values: NDArray[np.float32] = whole[rows, cols].numpy()
    return values


def main() -> None:
    """Print a table: of each place, and of all, water found at shares of inland land."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("floods", type=Path, help="pairs of floods in true colour")
    parser.add_argument("--model", default="s1-rgb")
    parser.add_argument("--updates", type=int, default=900)
    parser.add_argument("--tuned", action="store_true", help="let the features learn, too; three times as long")
    arguments = parser.parse_args()
    data = os.environ.get("GEOSAR_DATA")
    if not data:
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/, pairs_fields/ and scenes/.")
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    pairs = read_pairs(Path(data, "pairs"))
    every = [*pairs, *read_pairs(Path(data, "pairs_fields")), *read_pairs(arguments.floods)]
    config = replace(load_config(SETTINGS), crop=CROP, water_crops=0.5)
    trained = [pair for pair in every if pair.split == "train" and pair.coloured]
    head = Head(arguments.model, tuned=arguments.tuned)
    learn(head, Crops(trained, config, length=arguments.updates * BATCH, seed=SEED), arguments.updates)
    head.eval()
    print("| place: open / narrow water found | " + " | ".join(f"{100 * share:g} %" for share in INLAND) + " |")
    print("|" + "---|" * (1 + len(INLAND)))
    kinds: dict[str, list[list[NDArray[np.float32]]]] = {}
    for place, members in tiles(Path(data), pairs):
        kinds[place] = [[], [], []]
        for tile in members:
            values = logits(head, tile)
            for cells, which in zip(kinds[place], tile[1:], strict=True):
                cells.append(values[which])
    kinds["all of them"] = [[cells for found in kinds.values() for cells in found[kind]] for kind in range(3)]
    for place, found in kinds.items():
        water, thin, inland = (np.concatenate(cells) for cells in found)
        shares = [
            f"{np.mean(water > least):.2f} / {np.mean(thin > least):.2f}"
            for least in np.quantile(inland, [1 - share for share in INLAND])
        ]
        print(f"| {place} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main()
