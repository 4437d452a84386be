"""One run's settings; `geosar_training.settings` reads them from a YAML file.

Dataclasses and not pydantic, so that the loop runs on a machine for training that has little more than torch. Each
method adds its own settings to `Config` by a subclass; in the file they stand beside the others.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from geosar.vocabulary import POLARISATIONS
from geosar_training.errors import ConfigError

TRACKERS = ("tensorboard", "mlflow", "wandb", "none")
DESPECKLING = ("none", "lee", "refined-lee")


@dataclass(frozen=True)
class Augmentation:
    """What is varied in each crop, beside flips and quarter turns; 0 turns a part off."""

    zoom: float = 0.0
    """Share of crops that are cut smaller, by up to a third, and enlarged."""
    gain: float = 0.2
    """Deviation of an offset of the normalised decibels: another calibration."""
    gamma: float = 0.25
    """Contrast is multiplied by up to 1 + gamma, or divided by it."""
    speckle: float = 0.5
    """Share of crops with more speckle, of a drawn number of looks."""
    looks: float = 0.2
    """Share of crops with less speckle: a product with more looks."""
    stretch: float = 0.0
    """Share of crops whose contrast is bent, as by another stretch to 8 bit."""
    swath_edge: float = 0.06
    """Share of crops of which a part is empty."""
    basins: float = 0.0
    """Share of crops into which other crops' water is pasted, in the shapes of a harbour's basins."""
    seas: float = 0.0
    """Half of the crops without calibration are shown as if the sea covered up to this share of their scene."""
    polarisation_dropout: float = 0.25
    """Share of crops of several polarisations in which one is missing."""


@dataclass(frozen=True)
class Config:
    """What decides a run of any method, apart from where its data lies."""

    method: str = "pix2pix"
    polarisations: list[str] = field(default_factory=list)
    """Input channels in order; none stands for one channel of whatever polarisation."""
    seed: int = 1
    updates: int = 20_000
    batch: int = 8
    crop: int = 256
    learning_rate: float = 1e-3
    warmup: int = 200
    cooldown: float = 0.0
    """Share of the run at whose end the learning rates fall to nothing, in a straight line."""
    ema: float = 0.999
    align_tone: bool = True
    register: bool = False
    """Move each pair's optical image, piece by piece, onto its radar before training."""
    share: float = 1.0
    """Share of the training pairs of each source that is used, drawn by name; for learning curves."""
    left_out: list[str] = field(default_factory=list)
    """Sources whose pairs are not trained on, so that they can be scored as places never seen."""
    calibrated: bool = False
    """Take the pairs that have their backscatter in decibels in that form as well; see `in_decibels`."""
    source_weights: dict[str, float] = field(default_factory=dict)
    water_crops: float = 0.0
    """Share of crops that are drawn around water, told from the optical image."""
    classes: list[str] = field(default_factory=list)
    """Words of the manifest's land cover that are told apart; the first that occurs in it counts."""
    balance_classes: bool = False
    """Draw each of the classes equally often."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    despeckle: str = "none"
    """`none`, `lee` or `refined-lee`: a filter that becomes part of the network."""
    tracking: str = "tensorboard"
    """Where losses and scores go beside log.csv: `tensorboard` (where installed), `mlflow`, `wandb` or `none`."""
    checkpoint_every: int = 250
    preview_every: int = 1000
    validate_every: int = 0
    """Updates between scores on land that is not learnt from: the places left out, else the split `val`; 0 for none."""
    validate_pairs: int = 60
    """How many of its pairs are scored, evenly drawn."""
    patience: int = 0
    """The run ends when so many scores in a row were no better than the best; 0 for never."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as the checkpoint and the manifest keep them."""
        return asdict(self)

    @property
    def label(self) -> str:
        """What the run trains, for logs and messages."""
        return self.method

    @property
    def channels(self) -> int:
        """Polarisations that the network sees."""
        return max(1, len(self.polarisations))

    @property
    def stride(self) -> int:
        """What crops must be a multiple of."""
        return 1

    @property
    def declares_missing(self) -> bool:
        """Whether the network takes pairs of one or both polarisations, and is told which is missing."""
        return False

    @property
    def dates(self) -> int:
        """How many crops of places on two dates an update takes beside those of pairs."""
        return 0

    @property
    def places_of_pairs(self) -> list[str]:
        """What the names of pairs begin with that show one place on several dates, in decibels."""
        return []

    def check(self) -> None:
        """Raise ConfigError for a value that cannot be used; subclasses check theirs as well."""
        for key in ("updates", "batch", "warmup", "checkpoint_every", "preview_every"):
            at_least(self, key, 1)
        at_least(self, "crop", 64)
        at_least(self, "validate_every", 0)
        at_least(self, "validate_pairs", 1)
        at_least(self, "patience", 0)
        if self.patience and not self.validate_every:
            raise ConfigError("patience waits for better scores, but validate_every is 0; say how often to score.")
        if self.crop % self.stride:
            raise ConfigError(f"crop is {self.crop}; expected a multiple of the network's stride, {self.stride}.")
        if not (0 <= self.ema < 1 and self.learning_rate > 0):
            raise ConfigError("learning rates must be above 0, and ema at least 0 and below 1.")
        if not 0 < self.share <= 1:
            raise ConfigError(f"share is {self.share}; expected more than 0 and at most 1.")
        if not all(isinstance(weight, int | float) and weight >= 0 for weight in self.source_weights.values()):
            raise ConfigError(f"source_weights is {self.source_weights}; expected numbers of 0 or more.")
        one_of(self, "despeckle", DESPECKLING)
        one_of(self, "tracking", TRACKERS)
        self._check_polarisations()
        if self.balance_classes and not self.classes:
            raise ConfigError("balance_classes is true, but classes is empty; name the land cover to tell apart.")
        varied = {f"augmentation.{key}": value for key, value in asdict(self.augmentation).items()}
        for key, value in (varied | {"cooldown": self.cooldown, "water_crops": self.water_crops}).items():
            if value < 0 or (value > 1 and key != "augmentation.gamma"):
                raise ConfigError(f"{key} is {value}; expected 0 to 1.")

    def _check_polarisations(self) -> None:
        strange = [name for name in self.polarisations if name not in POLARISATIONS]
        if strange or len(set(self.polarisations)) < len(self.polarisations):
            raise ConfigError(f"polarisations is {self.polarisations}; expected some of {', '.join(POLARISATIONS)}.")
        if self.calibrated and self.polarisations and not self.declares_missing:
            raise ConfigError("calibrated is for a network of one polarisation, whichever; leave polarisations out.")


def at_least(config: Config, key: str, least: float) -> None:
    """Raise ConfigError when a setting is less than that."""
    if getattr(config, key) < least:
        raise ConfigError(f"{key} is {getattr(config, key)}; expected {least} or more.")


def one_of(config: Config, key: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError when a setting is none of the choices."""
    if getattr(config, key) not in choices:
        raise ConfigError(f"{key} is {getattr(config, key)!r}; expected {' or '.join(choices)}.")
