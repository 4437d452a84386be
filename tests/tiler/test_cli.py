"""`geosar serve`: where it says that it listens, and when it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
from click.testing import CliRunner

from geosar.cli import group
from helpers.service.serving import ROOT
from helpers.tiny_model import write_model


def serving(store: Path, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "geosar.cli", "serve", "--port", "0", "--until-eof"]
    known = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "GEOSAR_STORE": str(store), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=known, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_free_port_is_named_and_the_service_ends_with_who_started_it(tmp_path: Path) -> None:
    with serving(tmp_path / "store", GEOSAR_MODEL=str(write_model(tmp_path / "tiny"))) as process:
        assert process.stdout is not None
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert match is not None
        assert int(match[1]) > 0
        # Whoever reads the line is answered.
        assert httpx2.get(f"{match[0]}healthz", timeout=60).json()["version"]
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


BEGUN_AND_ENDED = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from geosar_tiler.app import create_app
from geosar_tiler.settings import Settings
with TestClient(create_app(Settings(store=Path(sys.argv[1])))):
    pass
"""


def test_it_ends_in_peace_while_its_model_is_being_loaded(tmp_path: Path) -> None:
    """A process that ends amid that is aborted by the runtime that compiles the model."""
    command = [sys.executable, "-c", BEGUN_AND_ENDED, str(tmp_path / "store")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr


def test_ctrl_c_ends_it_in_peace_while_it_reads_standard_input(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, -signal.SIGINT)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert "Traceback" not in errors
    assert "terminate" not in errors


def test_a_port_that_is_taken_is_said_before_anything_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(group, ["serve", "--port", str(port), "--store", str(tmp_path)])
    assert result.exit_code == 2
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use." in result.output
    assert "Choose another --port" in result.output
    assert "geosar serves" not in result.output
