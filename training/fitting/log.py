"""What a run says of itself while it goes on: a CSV table, and TensorBoard events where that is installed."""

import csv
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geosar.publish import published


class Log:
    """Rows of smoothed losses by update; those after a resumed run's checkpoint are dropped, as it makes them again."""

    def __init__(self, folder: Path, label: str, update: int) -> None:
        self.label = label
        self.path = folder / "log.csv"
        self.rows = [row for row in _read(self.path) if int(row["update"]) <= update]
        self.events: Any = None
        if find_spec("tensorboard"):
            writer = import_module("torch.utils.tensorboard").SummaryWriter
            self.events = writer(str(folder / "events"), purge_step=update + 1)

    def add(self, update: int, values: dict[str, float]) -> None:
        """Add one row; the table is rewritten, so that it has one header whatever the stage logs."""
        for key, value in values.items() if self.events else ():
            self.events.add_scalar(f"{self.label}/{key}", value, update)
        self.rows.append({"update": str(update)} | {key: f"{value:.5f}" for key, value in values.items()})
        names = list(dict.fromkeys(key for row in self.rows for key in row))
        with published(self.path, lasting=False) as part, part.open("w", newline="") as file:
            table = csv.DictWriter(file, names, restval="")
            table.writeheader()
            table.writerows(self.rows)

    def close(self) -> None:
        """Flush the events."""
        if self.events:
            self.events.close()


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["update"].isdigit() and None not in row.values()]
