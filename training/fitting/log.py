"""What a run says of itself while it goes on: a CSV table, and where the settings say so, a tracker's runs."""

import csv
import json
import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geosar.publish import published
from geosar_training.config import Config
from geosar_training.errors import ConfigError


class Log:
    """Rows of smoothed losses by update; those after a resumed run's checkpoint are dropped, as it makes them again."""

    def __init__(self, folder: Path, config: Config, update: int) -> None:
        self.label = config.label
        self.path = folder / "log.csv"
        self.rows = [row for row in _read(self.path) if int(row["update"]) <= update]
        self.tracker = _TRACKERS[config.tracking](folder, config, update)

    def add(self, update: int, values: dict[str, float]) -> None:
        """Add one row; the table is rewritten, so that it has one header whatever the stage logs."""
        if self.tracker:
            self.tracker.log_metrics({f"{self.label}/{key}": value for key, value in values.items()}, step=update)
        self.rows.append({"update": str(update)} | {key: f"{value:.5f}" for key, value in values.items()})
        names = list(dict.fromkeys(key for row in self.rows for key in row))
        with published(self.path, lasting=False) as part, part.open("w", newline="") as file:
            table = csv.DictWriter(file, names, restval="")
            table.writeheader()
            table.writerows(self.rows)

    def close(self) -> None:
        """Flush what the tracker has."""
        if self.tracker:
            self.tracker.finalize("success")


def _nothing(_folder: Path, _config: Config, _update: int) -> None:
    """Track nothing."""


def _tensorboard(folder: Path, _config: Config, update: int) -> Any:
    """Write events, where TensorBoard is installed; those of after the checkpoint are dropped."""
    if not find_spec("tensorboard"):
        return None
    logger = import_module("lightning_fabric.loggers").TensorBoardLogger
    return logger(folder, name="", version="events", purge_step=update + 1)


def _mlflow(folder: Path, config: Config, _update: int) -> Any:
    """Send to the server of MLFLOW_TRACKING_URI, else to a database of the run's; a resumed run is one run."""
    ids = _ids(folder)
    own = f"sqlite:///{(folder / 'mlflow.db').resolve()}"  # MLflow 3 refuses plain folders
    logger = _lightning("mlflow", "MLFlowLogger")(
        experiment_name="geosar", run_name=folder.name, run_id=ids.get("mlflow"),
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or own,
    )  # fmt: skip
    _keep(folder, {**ids, "mlflow": logger.run_id})
    logger.log_hyperparams(config.to_dict())
    return logger


def _wandb(folder: Path, config: Config, _update: int) -> Any:
    """Send to Weights & Biases, or with WANDB_MODE=offline to the run's folder; a resumed run is one run."""
    ids = _ids(folder)
    logger = _lightning("wandb", "WandbLogger")(
        project="geosar", name=folder.name, save_dir=str(folder), id=ids.get("wandb"), resume="allow"
    )
    _keep(folder, {**ids, "wandb": logger.experiment.id})
    logger.log_hyperparams(config.to_dict())
    return logger


_TRACKERS: dict[str, Callable[[Path, Config, int], Any]] = {
    "tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb, "none": _nothing,
}  # fmt: skip


def _lightning(package: str, name: str) -> Any:
    """Return a logger of Lightning's; raises ConfigError where that, or what it speaks to, is not installed."""
    missing = [one for one in ("lightning", package) if not find_spec(one)]
    if missing:
        raise ConfigError(
            f"tracking is {package}, and {' and '.join(missing)} cannot be imported. Install with: "
            f"pip install 'geosar[{package}]', or set tracking to tensorboard or none."
        )
    return getattr(import_module("lightning.pytorch.loggers"), name)


def _ids(folder: Path) -> dict[str, str]:
    path = folder / "tracking.json"
    ids: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    return ids


def _keep(folder: Path, names: dict[str, str]) -> None:
    """Keep by which names trackers know the run."""
    with published(folder / "tracking.json") as part:
        part.write_text(json.dumps(names))


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["update"].isdigit() and None not in row.values()]
