"""The loop: one generator, an adversary when asked for, EMA weights, checkpoints that resume bit-equal."""

import copy
import csv
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from geosar.engines.generator import Generator
from training import losses
from training.averaging import settle_norms
from training.colour import LUMA_DEVIATION, LUMA_MEAN
from training.config import Config
from training.data import Batch, Crops, Pair, collate
from training.discriminator import PatchDiscriminator
from training.preview import save_preview


class Trainer:
    """Trains on `pairs` into `folder`: ``last.pt``, ``log.csv``, TensorBoard events and preview pictures."""

    def __init__(
        self, config: Config, pairs: list[Pair], folder: Path, *, precision: str = "auto", workers: int = 0
    ) -> None:
        self.config, self.folder, self.workers = config, folder, workers
        folder.mkdir(parents=True, exist_ok=True)
        self.fabric = Fabric(devices=1, precision=_precision(precision))  # type: ignore[arg-type]
        self.fabric.seed_everything(config.seed, verbose=False)
        self.train_pairs = [pair for pair in pairs if pair.split == "train"]
        self.val_pairs = [pair for pair in pairs if pair.split == "val" and pair.coloured]
        self.generator = Generator(widths=config.widths, mean=LUMA_MEAN, deviation=LUMA_DEVIATION)
        self.average = copy.deepcopy(self.generator).requires_grad_(requires_grad=False)
        self.adversary = PatchDiscriminator(width=config.adversary_width)
        for network in (self.generator, self.average, self.adversary):
            network.to(self.fabric.device, memory_format=torch.channels_last)
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
        """Go on from a checkpoint of the same stage."""
        state = torch.load(checkpoint, map_location=self.fabric.device, weights_only=True)
        self.start_from(state)
        self.adversary.load_state_dict(state["adversary"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.adversary_optimiser.load_state_dict(state["adversary_optimiser"])
        self.update = int(state["update"])

    def start_from(self, state: dict[str, Any]) -> None:
        """Take the weights of an earlier stage."""
        if state["architecture"] != self.generator.architecture:
            raise ValueError(
                f"The checkpoint holds a network of {state['architecture']}; this run wants {self.generator.architecture}. "
                "Use the settings that the checkpoint was made with."
            )
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])

    def fit(self) -> None:
        """Train until ``config.updates``; SIGTERM and Ctrl-C save a checkpoint first."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        writer = SummaryWriter(str(self.folder / "events"))  # type: ignore[no-untyped-call]
        meter: dict[str, float] = {}
        started, crops = time.monotonic(), 0
        with tqdm(total=self.config.updates, initial=self.update, unit="update", mininterval=5) as bar:
            for batch in self._batches():
                terms = self._step(batch.to(self.fabric.device))
                self.update += 1
                crops += self.config.batch
                bar.update()
                for key, value in terms.items():
                    meter[key] = meter.get(key, value) * 0.98 + value * 0.02
                if not all(value == value for value in terms.values()):  # noqa: PLR0124 - NaN alone differs from itself
                    raise FloatingPointError(
                        f"The loss is not a number at update {self.update}: {terms}. The last checkpoint is intact; "
                        "resume with a smaller learning rate or with --precision 32-true."
                    )
                if self.update % 50 == 0:
                    bar.set_postfix({key: f"{value:.3f}" for key, value in meter.items()}, refresh=False)
                    self._log(writer, meter | {"crops_per_second": crops / (time.monotonic() - started)})
                if self.update % self.config.checkpoint_every == 0 or self.stopping:
                    self.save()
                if self.update % self.config.preview_every == 0:
                    save_preview(self.averaged(), self.val_pairs, self.folder / f"preview_{self.update:06d}.png")
                if self.stopping:
                    break
        self.save()
        writer.close()  # type: ignore[no-untyped-call]

    def _batches(self) -> DataLoader[Any]:
        config = self.config
        crops = Crops(
            self.train_pairs, size=config.crop, length=config.updates * config.batch, seed=config.seed,
            source_weights=config.source_weights, align_tone=config.align_tone,
        )  # fmt: skip
        rest = range(self.update * config.batch, config.updates * config.batch)
        return DataLoader(crops, config.batch, sampler=rest, num_workers=self.workers, collate_fn=collate)

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
            terms["adversary"] = self._adversary_step(batch, luma.detach())
        terms |= losses.fidelity(luma, chroma, batch)
        terms["error"] = losses.expected_error(self.generator, log_error, luma, chroma, batch)
        if self.adversarial:
            self.adversary.requires_grad_(requires_grad=False)
            with self.fabric.autocast():
                verdict, fake = self.adversary(batch.sar, luma * batch.valid)
                with torch.no_grad():
                    _, real = self.adversary(batch.sar, batch.luma * batch.valid)
            terms["adversarial"] = -verdict.float().mean()
            terms["features"] = losses.feature_matching(real, fake).float()
            self.adversary.requires_grad_(requires_grad=True)
        weights = vars(self.config.weights)
        total = sum((weights[key] * value for key, value in terms.items() if key in weights), torch.zeros(()))
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
        self.optimiser.step()
        self._update_average()
        return {key: float(value.detach()) for key, value in terms.items()}

    def _adversary_step(self, batch: Batch, luma: Tensor) -> Tensor:
        with self.fabric.autocast():
            real, _ = self.adversary(batch.sar, batch.luma * batch.valid)
            fake, _ = self.adversary(batch.sar, luma * batch.valid)
        loss = losses.adversary_hinge(real.float(), fake.float())
        self.adversary_optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.adversary_optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema, (1 + self.update) / (10 + self.update))
        averaged, current = list(self.average.parameters()), list(self.generator.parameters())
        torch._foreach_lerp_(averaged, current, 1.0 - decay)
        for mine, new in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(new)

    def averaged(self) -> Generator:
        """Return the averaged weights with normalisation statistics of their own, ready for inference."""
        with self.fabric.autocast():
            return settle_norms(self.average, self.config, self.train_pairs)

    def save(self) -> None:
        """Write ``last.pt`` beside its target and rename it, so that a full disk loses nothing."""
        target = self.folder / "last.pt"
        temporary = target.with_suffix(".part")
        torch.save(self.state(), temporary)
        temporary.replace(target)

    def _log(self, writer: SummaryWriter, values: dict[str, float]) -> None:
        for key, value in values.items():
            writer.add_scalar(f"{self.config.stage}/{key}", value, self.update)  # type: ignore[no-untyped-call]
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as log:
            rows = csv.writer(log)
            if new:
                rows.writerow(["update", *values])
            rows.writerow([self.update, *(f"{value:.5f}" for value in values.values())])

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self.stopping = True


def _precision(wanted: str) -> str:
    """bf16 where the hardware multiplies in it; elsewhere autocast halves the speed instead of doubling it."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else "32-true"
