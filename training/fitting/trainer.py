"""The loop for every method: data, devices, schedule, log, previews, and checkpoints that resume bit-equal."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from geosar_training.config import Config
from geosar_training.errors import CheckpointError, ConfigError
from geosar_training.fitting.averaging import settle_norms
from geosar_training.fitting.checkpoint import read_checkpoint, read_packaged, restore, write_checkpoint
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.fitting.folder import held
from geosar_training.fitting.log import Log
from geosar_training.fitting.preview import save_preview
from geosar_training.fitting.runs import differences, names_of, settings_in
from geosar_training.fitting.validation import Validation
from geosar_training.methods import method_named
from geosar_training.networks.painter import Network
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.dates import Dates, Place
from geosar_training.pairs.pair import Pair, shared
from geosar_training.pairs.samples import Samples, Share, collate

Precision = Literal["auto", "32-true", "bf16-mixed"]
LOG_EVERY = 50


class Trainer:
    """Trains on `pairs` into `folder`: ``last.pt``, ``log.csv``, TensorBoard events and preview pictures.

    Where the settings ask for scores, ``best.pt`` is the checkpoint of the best one.

    With several `devices` (or under ``torchrun``), each process takes its share of every batch, so that the number of
    devices changes the speed and not the training; the first one writes.
    """

    def __init__(
        self,
        config: Config,
        pairs: list[Pair],
        folder: Path,
        *,
        precision: Precision = "auto",
        workers: int = 0,
        devices: int = 1,
        nodes: int = 1,
        places: Sequence[Place] = (),
    ) -> None:
        self.config, self.folder, self.workers = config, folder, workers
        strategy = "ddp" if devices * nodes > 1 else "auto"
        self.fabric = Fabric(devices=devices, num_nodes=nodes, strategy=strategy, precision=_precision(precision))
        self.fabric.launch()
        for key in ("batch", "dates"):
            if getattr(config, key) % self.fabric.world_size:
                raise ConfigError(
                    f"{key} is {getattr(config, key)}; expected a multiple of the {self.fabric.world_size} processes "
                    "that share it."
                )
        self.fabric.seed_everything(config.seed, verbose=False)
        kind = method_named(config.method)
        usable = [pair for pair in pairs if pair.coloured or not kind.colour_only]
        usable = [pair for pair in usable if not set(config.left_out) & set(pair.source.split("/"))]
        self.train_pairs = shared([pair for pair in usable if pair.split == "train"], config.share)
        self.val_pairs = [pair for pair in usable if pair.split == "val" and pair.coloured]
        self.validation = Validation.of(config, pairs) if config.validate_every else None
        crops = Crops(self.train_pairs, config, length=config.updates * config.batch, seed=config.seed)
        self.samples = Samples(crops, _dates(config, places) if config.dates else None)
        self.method = kind(config)
        for network in self.method.networks.values():
            nn.utils.convert_conv2d_weight_memory_format(network.to(self.fabric.device), torch.channels_last)
        self.descent = Descent(self.fabric)
        self.update = 0
        self.stopping = False
        self._spent = 0.0  # share of the seconds that `fit` was given
        folder.mkdir(parents=True, exist_ok=True)

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        return {
            "config": self.config.to_dict(), "update": self.update, "architecture": self.method.generator.architecture,
            "pairs": names_of(self.train_pairs),
            **({"validation": self.validation.state_dict()} if self.validation else {}),
        } | {name: part.state_dict() for name, part in self.method.parts.items()}  # fmt: skip

    def resume(self, checkpoint: Path) -> list[str]:
        """Go on from a checkpoint of the same method and stage; raises CheckpointError for any other.

        Returns in words which settings and pairs are others than those that it was made with.
        """
        state = read_checkpoint(checkpoint, self.fabric.device)
        label = settings_in(state, checkpoint).label
        if label != self.config.label:
            raise CheckpointError(
                f"{checkpoint} is of {label}, these settings are for {self.config.label}. "
                "Give another output folder, and this checkpoint with --from."
            )
        self._check_architecture(state, checkpoint)
        restore(self.method.parts, state, checkpoint)
        self.update = int(state["update"])
        if self.validation and "validation" in state:
            self.validation.load_state_dict(state["validation"])
        return differences(state, self.state())

    def start_from(self, checkpoint: Path) -> None:
        """Take the generator of another run, or of a packaged model's folder.

        Raises CheckpointError when its network is another, or a file cannot be read.
        """
        read = read_packaged if checkpoint.is_dir() else read_checkpoint
        state = read(checkpoint, self.fabric.device)
        self._check_architecture(state, checkpoint)
        self.method.start(state, checkpoint)

    def _check_architecture(self, state: dict[str, Any], checkpoint: Path) -> None:
        if not self.method.takes(state["architecture"]):
            raise CheckpointError(
                f"{checkpoint} holds the network {state['architecture']}; these settings make "
                f"{self.method.generator.architecture}. Use the settings (widths and the like) that it was made with."
            )

    def fit(self, seconds: float | None = None) -> None:
        """Train until ``config.updates``, or for so many seconds if that is less.

        SIGTERM and Ctrl-C end it after the update under way, with a checkpoint. Raises NotFiniteError when a loss
        or a gradient is not finite, before it reaches the weights; CheckpointWriteError when a checkpoint cannot be
        written. The last checkpoint is intact after both.
        """
        first_process = self.fabric.is_global_zero
        log = Log(self.folder, self.config, self.update) if first_process else None
        meter: dict[str, float] = {}
        self._spent = 0.0
        started, first = time.monotonic(), self.update
        with (
            held(self.folder) if first_process else nullcontext(),
            self._stopped_by_signals(),
            tqdm(
                total=self.config.updates, initial=self.update, unit="update", mininterval=5, disable=not first_process
            ) as bar,
        ):
            for batch in self._batches():
                terms = self._step(batch.to(self.fabric.device))
                self.update += 1
                bar.update()
                for key, value in _numbers(terms).items():
                    meter[key] = meter.get(key, value) * 0.98 + value * 0.02
                scores = self._validated(bar) if first_process else {}
                if log and self.update % LOG_EVERY == 0:
                    bar.set_postfix({key: f"{value:.3f}" for key, value in meter.items()}, refresh=False)
                    speed = (self.update - first) * self.config.batch / (time.monotonic() - started)
                    scores |= meter | {"crops_per_second": speed}
                if log and scores:
                    log.add(self.update, scores)
                if seconds is not None:
                    self._spent = (time.monotonic() - started) / seconds
                    self.stopping = self.stopping or self._spent > 1
                if self._any_stopping():
                    break
                if self.update % self.config.checkpoint_every == 0:
                    self.save()
                if first_process and self.val_pairs and self.update % self.config.preview_every == 0:
                    save_preview(self.averaged(), self.val_pairs, self.folder / f"preview_{self.update:06d}.png")
            self.save()
        if log:
            log.close()

    def _validated(self, bar: "tqdm[Any]") -> dict[str, float]:
        """Score the network where that is due, keep it where it is the best, and stop where it gets no better."""
        due = self.update % max(self.config.validate_every, 1) == 0 or self.update == self.config.updates
        if self.validation is None or not due:
            return {}
        scores = self.validation.score(self.averaged())
        best = self.validation.is_best(self.update, scores)
        note = "the best so far" if best else f"the best was {self.validation.words}"
        bar.write(f"update {self.update}: {scores['val_psnr']:.2f} dB on {self.validation.place}; {note}")
        if best:
            self.save("best.pt")
        self.stopping = self.stopping or self.validation.over
        return scores

    def _batches(self) -> DataLoader[Any]:
        mine = Share(
            range(self.update, self.config.updates), self.config.batch, self.fabric.global_rank,
            self.fabric.world_size, self.config.dates,
        )  # fmt: skip
        pinned = self.fabric.device.type == "cuda"  # pages that the card reads while the next batch is cut
        return DataLoader(
            self.samples, mine.size, sampler=mine, num_workers=self.workers, collate_fn=collate, pin_memory=pinned
        )

    def _step(self, batch: Any) -> Terms:
        # What a method draws depends on the seed and the update alone, as its crops do.
        torch.manual_seed((self.config.seed * 1_000_003 + self.update) * 64 + self.fabric.global_rank)
        pace = self._pace()
        for name, optimiser in self.method.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.method.rates[name] * pace
        self.descent.update = self.update
        return self.method.step(batch, self.descent)

    def _pace(self) -> float:
        """Share of the learning rates that the next update takes: they rise at first, and may fall at the end."""
        left = 1.0 - max(self.update / self.config.updates, self._spent)
        fallen = left / self.config.cooldown if self.config.cooldown else 1.0
        return max(0.0, min(1.0, (self.update + 1) / self.config.warmup, fallen))

    def averaged(self) -> Network:
        """Return the averaged weights with normalisation statistics of their own, ready for inference."""
        with self.fabric.autocast():
            return settle_norms(self.method.average, self.config, self.train_pairs)

    def save(self, name: str = "last.pt") -> None:
        """Write a checkpoint; raises CheckpointWriteError, after which the old one is still there."""
        if self.fabric.is_global_zero:
            write_checkpoint(self.state(), self.folder / name)

    def _any_stopping(self) -> bool:
        if self.fabric.world_size > 1:  # all stop after the same update
            stopping = self.fabric.all_reduce(torch.tensor(float(self.stopping)), reduce_op="sum")
            self.stopping = bool(stopping)
        return self.stopping

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


def _dates(config: Config, places: Sequence[Place]) -> Dates:
    if not places:
        raise ConfigError("These settings learn from places on several dates; give their folder with --dates.")
    dropout = config.augmentation.polarisation_dropout
    return Dates(places, config.crop, seed=config.seed, several=0.25, dropout=dropout)


def _numbers(terms: Terms) -> dict[str, float]:
    """Read all losses in one exchange with the device."""
    values: Tensor = torch.stack([value.detach().float().reshape(()) for value in terms.values()])
    return dict(zip(terms, values.tolist(), strict=True))


def _precision(setting: Precision) -> Literal["32-true", "bf16-mixed"]:
    """bf16 where the hardware multiplies in it; elsewhere autocast halves the speed instead of doubling it."""
    if setting != "auto":
        return setting
    if torch.cuda.is_available():
        return "bf16-mixed"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else "32-true"
