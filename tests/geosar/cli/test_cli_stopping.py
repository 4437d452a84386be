"""Ctrl-C and SIGTERM: no half file, a word on how to go on, and going on gives the same bytes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.rasters.large_scene import write_scene
from helpers.tiny_model import write_model


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_resume_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    scene = write_scene(tmp_path / "scene.tif", height=2300, holes=False)
    words = [
        sys.executable, "-m", "geosar.cli", "translate", str(scene), "--model", str(write_model(tmp_path / "tiny")),
        "--progress", "json", "--threads", "1", "-o",
    ]  # fmt: skip
    assert subprocess.run([*words, str(tmp_path / "whole.tif")], check=False, capture_output=True).returncode == 0
    target = tmp_path / "out.tif"
    with subprocess.Popen([*words, str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if json.loads(line).get("windows_done"):
                process.send_signal(number)
                break
        process.stdout.read()
        errors = process.stderr.read()
    assert process.returncode == 130, errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert not target.exists()
    resumed = subprocess.run([*words, str(target), "--resume"], check=False, capture_output=True, text=True)
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout.splitlines()[-1])["windows_resumed"] >= 1
    assert target.read_bytes() == (tmp_path / "whole.tif").read_bytes()
