"""The loop: one generator, an adversary when asked for, EMA weights, checkpoints that resume bit-equal."""

import copy
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from geosar.engines.generator import Generator
from training import losses
from training.averaging import settle_norms
from training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from training.colour import LUMA_DEVIATION, LUMA_MEAN
from training.config import Config
from training.data import Batch, Crops, Pair, collate
from training.discriminator import Adversary
from training.log import Log
from training.preview import save_preview

Precision = Literal["auto", "32-true", "bf16-mixed"]
LOG_EVERY = 50
CLIP_GRADIENT = 5.0


class Trainer:
    """Trains on `pairs` into `folder`: ``last.pt``, ``log.csv``, TensorBoard events and preview pictures."""

    def __init__(
        self, config: Config, pairs: list[Pair], folder: Path, *, precision: Precision = "auto", workers: int = 0
    ) -> None:
        self.config, self.folder, self.workers = config, folder, workers
        self.fabric = Fabric(devices=1, precision=_precision(precision))
        self.fabric.seed_everything(config.seed, verbose=False)
        self.train_pairs = [pair for pair in pairs if pair.split == "train"]
        self.val_pairs = [pair for pair in pairs if pair.split == "val" and pair.coloured]
        self.crops = Crops(
            self.train_pairs, size=config.crop, length=config.updates * config.batch, seed=config.seed,
            source_weights=config.source_weights, align_tone=config.align_tone,
        )  # fmt: skip
        self.generator = Generator(widths=config.widths, mean=LUMA_MEAN, deviation=LUMA_DEVIATION)
        self.average = copy.deepcopy(self.generator).requires_grad_(requires_grad=False)
        self.adversary = Adversary(width=config.adversary_width)
        for network in (self.generator, self.average, self.adversary):
            nn.utils.convert_conv2d_weight_memory_format(network.to(self.fabric.device), torch.channels_last)
        self.optimiser = torch.optim.AdamW(
            self.generator.parameters(),
            config.learning_rate,
            betas=(0.9 if not self.adversarial else 0.5, 0.99),
            weight_decay=1e-4,
        )
        self.adversary_optimiser = torch.optim.Adam(
            self.adversary.parameters(), config.adversary_learning_rate, betas=(0.5, 0.99)
        )
        self.update = 0
        self.stopping = False
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def adversarial(self) -> bool:
        """Whether this stage has an adversary."""
        return self.config.stage == "adversarial"

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        return {
            "config": self.config.to_dict(), "update": self.update, "architecture": self.generator.architecture,
            "generator": self.generator.state_dict(), "average": self.average.state_dict(),
            "adversary": self.adversary.state_dict(), "optimiser": self.optimiser.state_dict(),
            "adversary_optimiser": self.adversary_optimiser.state_dict(),
        }  # fmt: skip

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint of the same stage; raises CheckpointError for any other."""
        state = read_checkpoint(checkpoint, self.fabric.device)
        if state["config"]["stage"] != self.config.stage:
            raise CheckpointError(
                f"{checkpoint} is of the stage {state['config']['stage']}, these settings are for {self.config.stage}. "
                "Give another output folder, and this checkpoint with --from."
            )
        self._take(state, checkpoint)
        self.optimiser.load_state_dict(state["optimiser"])
        if self.adversarial:  # before that stage it is untrained, and may be of another kind
            try:
                self.adversary.load_state_dict(state["adversary"])
                self.adversary_optimiser.load_state_dict(state["adversary_optimiser"])
            except (RuntimeError, ValueError) as error:
                raise CheckpointError(
                    f"{checkpoint} holds another adversary. Use the adversary_width that it was made with, or start "
                    "again from it in another output folder with --from."
                ) from error
        self.update = int(state["update"])

    def start_from(self, checkpoint: Path) -> None:
        """Take the weights of an earlier stage; raises CheckpointError when its network is another."""
        self._take(read_checkpoint(checkpoint, self.fabric.device), checkpoint)

    def _take(self, state: dict[str, Any], checkpoint: Path) -> None:
        if state["architecture"] != self.generator.architecture:
            raise CheckpointError(
                f"{checkpoint} holds the network {state['architecture']}; these settings make "
                f"{self.generator.architecture}. Use the widths that it was made with."
            )
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])

    def fit(self) -> None:
        """Train until ``config.updates``; SIGTERM and Ctrl-C end it after the update under way, with a checkpoint.

        Raises FloatingPointError when a loss or a gradient is not finite, before it reaches the weights;
        CheckpointWriteError when a checkpoint cannot be written. The last checkpoint is intact after both.
        """
        log = Log(self.folder, self.config.stage, self.update)
        meter: dict[str, float] = {}
        started, first = time.monotonic(), self.update
        with (
            self._stopped_by_signals(),
            tqdm(total=self.config.updates, initial=self.update, unit="update", mininterval=5) as bar,
        ):
            for batch in self._batches():
                terms = self._step(batch.to(self.fabric.device))
                self.update += 1
                bar.update()
                for key, value in terms.items():
                    meter[key] = meter.get(key, value) * 0.98 + value * 0.02
                if self.update % LOG_EVERY == 0:
                    bar.set_postfix({key: f"{value:.3f}" for key, value in meter.items()}, refresh=False)
                    speed = (self.update - first) * self.config.batch / (time.monotonic() - started)
                    log.add(self.update, meter | {"crops_per_second": speed})
                if self.stopping:
                    break
                if self.update % self.config.checkpoint_every == 0:
                    self.save()
                if self.val_pairs and self.update % self.config.preview_every == 0:
                    save_preview(self.averaged(), self.val_pairs, self.folder / f"preview_{self.update:06d}.png")
            self.save()
        log.close()

    def _batches(self) -> DataLoader[Any]:
        config = self.config
        rest = range(self.update * config.batch, config.updates * config.batch)
        return DataLoader(self.crops, config.batch, sampler=rest, num_workers=self.workers, collate_fn=collate)

    def _step(self, batch: Batch) -> dict[str, float]:
        rate = min(1.0, (self.update + 1) / self.config.warmup)
        for optimiser, base in (
            (self.optimiser, self.config.learning_rate),
            (self.adversary_optimiser, self.config.adversary_learning_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = base * rate
        self.generator.train()
        terms: dict[str, Tensor] = {}
        with self.fabric.autocast():
            luma, chroma, log_error = self.generator.components(batch.sar.contiguous(memory_format=torch.channels_last))
        luma, chroma, log_error = luma.float(), chroma.float(), log_error.float()
        if self.adversarial:
            terms["adversary"] = self._adversary_step(batch, luma.detach(), chroma.detach())
        terms |= losses.fidelity(luma, chroma, batch)
        terms["error"] = losses.expected_error(self.generator, log_error, luma, chroma, batch)
        if self.adversarial:
            self.adversary.requires_grad_(requires_grad=False)
            with self.fabric.autocast():
                fake = self.adversary(batch, luma, chroma)
                with torch.no_grad():
                    real = self.adversary(batch, batch.luma, functional.avg_pool2d(batch.chroma, 4))
            terms["adversarial"] = -torch.stack([verdict.float().mean() for verdict, _ in fake]).mean()
            matches = [losses.feature_matching(r[1], f[1]) for r, f in zip(real, fake, strict=True)]
            terms["features"] = torch.stack(matches).mean().float()
            self.adversary.requires_grad_(requires_grad=True)
        weights = vars(self.config.weights)
        total = sum((weights[key] * value for key, value in terms.items() if key in weights), torch.zeros(()))
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        values = {key: float(value.detach()) for key, value in terms.items()}
        self._descend(self.optimiser, self.generator, CLIP_GRADIENT, values)
        self._update_average()
        return values

    def _adversary_step(self, batch: Batch, luma: Tensor, chroma: Tensor) -> Tensor:
        with self.fabric.autocast():
            real = self.adversary(batch, batch.luma, functional.avg_pool2d(batch.chroma, 4))
            fake = self.adversary(batch, luma, chroma)
        hinges = [losses.adversary_hinge(r[0].float(), f[0].float()) for r, f in zip(real, fake, strict=True)]
        loss = torch.stack(hinges).mean()
        self.adversary_optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self._descend(self.adversary_optimiser, self.adversary, math.inf, {"adversary": float(loss.detach())})
        return loss.detach()

    def _descend(
        self, optimiser: torch.optim.Optimizer, network: nn.Module, clip: float, values: dict[str, float]
    ) -> None:
        """Step down the gradients, if they and the losses are finite."""
        norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip))
        if not math.isfinite(norm) or not all(math.isfinite(value) for value in values.values()):
            raise FloatingPointError(
                f"A loss or gradient is not finite at update {self.update + 1}: {values}, gradient {norm:.3g}. The "
                "last checkpoint is intact; go on with a smaller learning_rate or with --precision 32-true."
            )
        optimiser.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema, (1 + self.update) / (10 + self.update))
        averaged: list[Tensor] = list(self.average.parameters())
        current: list[Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(averaged, current, 1.0 - decay)
        for mine, new in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(new)

    def averaged(self) -> Generator:
        """Return the averaged weights with normalisation statistics of their own, ready for inference."""
        with self.fabric.autocast():
            return settle_norms(self.average, self.config, self.train_pairs)

    def save(self) -> None:
        """Write ``last.pt``; raises CheckpointWriteError, after which the old one is still there."""
        write_checkpoint(self.state(), self.folder / "last.pt")

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: object) -> None:
            self.stopping = True

        earlier = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def _precision(wanted: Precision) -> Literal["32-true", "bf16-mixed"]:
    """bf16 where the hardware multiplies in it; elsewhere autocast halves the speed instead of doubling it."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else "32-true"
