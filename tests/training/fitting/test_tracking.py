"""Where the figures of a run go: log.csv always, and the tracker that the settings name."""

from pathlib import Path
from typing import Any

import pytest

from geosar_training.errors import ConfigError
from geosar_training.fitting import log
from geosar_training.fitting.log import Log
from helpers.training.laboratory import tiny_config


class Logger:
    """Takes what Lightning's loggers take, and keeps it."""

    made: list["Logger"] = []  # noqa: RUF012 - emptied by each test

    def __init__(self, **options: Any) -> None:
        self.options, self.told = options, list[Any]()
        self.run_id = options.get("run_id") or "fresh"
        self.made.append(self)

    def log_hyperparams(self, values: dict[str, Any]) -> None:
        self.told.append(values["method"])

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append((values, step))

    def finalize(self, status: str) -> None:
        self.told.append(status)


def test_a_resumed_run_is_one_run_of_the_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_lightning", lambda _package, _name: Logger)
    Logger.made.clear()
    for update in (50, 100):
        tracked = Log(tmp_path, tiny_config(tracking="mlflow"), update - 50)
        tracked.add(update, {"luma": 1.5})
        tracked.close()
    first, second = Logger.made
    assert (first.options["run_id"], second.options["run_id"]) == (None, "fresh")
    assert second.told == ["pix2pix", ({"pix2pix-regression/luma": 1.5}, 100), "success"]
    assert [row["update"] for row in tracked.rows] == ["50", "100"]


@pytest.mark.parametrize("tracking", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracking: str
) -> None:
    monkeypatch.setattr(log, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=rf"lightning and {tracking} cannot.*pip install 'geosar\[{tracking}\]'"):
        Log(tmp_path, tiny_config(tracking=tracking), 0)


def test_events_are_written_unless_the_settings_say_none(tmp_path: Path) -> None:
    for tracking in ("none", "tensorboard"):
        tracked = Log(tmp_path / tracking, tiny_config(tracking=tracking), 0)
        (tmp_path / tracking).mkdir(exist_ok=True)
        tracked.add(50, {"luma": 1.5})
        tracked.close()
    assert not (tmp_path / "none" / "events").exists()
    assert len(list((tmp_path / "tensorboard" / "events").iterdir())) == 1
    with pytest.raises(ConfigError, match="tracking is 'paper'"):
        tiny_config(tracking="paper")
