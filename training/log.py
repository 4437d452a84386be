"""What a run says of itself while it goes on: a CSV table and TensorBoard events."""

import csv
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class Log:
    """Rows of smoothed losses by update; those after a resumed run's checkpoint are dropped, as it makes them again."""

    def __init__(self, folder: Path, stage: str, update: int) -> None:
        self.stage = stage
        self.path = folder / "log.csv"
        self.rows = [row for row in _read(self.path) if int(row["update"]) <= update]
        self.events = SummaryWriter(str(folder / "events"), purge_step=update + 1)

    def add(self, update: int, values: dict[str, float]) -> None:
        """Add one row; the table is rewritten, so that it has one header whatever the stage logs."""
        for key, value in values.items():
            self.events.add_scalar(f"{self.stage}/{key}", value, update)
        self.rows.append({"update": str(update)} | {key: f"{value:.5f}" for key, value in values.items()})
        names = list(dict.fromkeys(key for row in self.rows for key in row))
        temporary = self.path.with_suffix(".part")
        with temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, names, restval="")
            table.writeheader()
            table.writerows(self.rows)
        temporary.replace(self.path)

    def close(self) -> None:
        """Flush the events."""
        self.events.close()


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["update"].isdigit() and None not in row.values()]
