"""Killed at any moment and resumed, a translation gives the bytes of an undisturbed one."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import geosar
from helpers.rasters.large_scene import write_scene
from helpers.tiny_model import write_model

KILLS = int(os.environ.get("GEOSAR_KILLS", "8"))


def translate(source: Path, destination: Path, model: Path) -> None:
    """Run in a process of its own; module level, so that the process finds it."""
    geosar.translate(source, destination, model=model, resume=True, overwrite=True, error_band=True, threads=1)


def test_killed_at_any_moment_and_resumed_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", width=4200, height=2200)
    model = write_model(tmp_path / "tiny")
    expected_folder, folder = tmp_path / "undisturbed", tmp_path / "killed"
    expected_folder.mkdir()
    folder.mkdir()
    # A fork server that has the libraries loaded starts a process in milliseconds, so kills hit the work itself.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["geosar.translation", "geosar.engines.openvino"])
    undisturbed = context.Process(target=translate, args=(source, expected_folder / "out.tif", model))
    undisturbed.start()
    undisturbed.join()
    started = time.monotonic()
    undisturbed = context.Process(target=translate, args=(source, expected_folder / "out.tif", model))
    undisturbed.start()
    undisturbed.join()
    duration = time.monotonic() - started
    assert undisturbed.exitcode == 0
    names = ("out.tif", "out.error.tif")
    expected = [(expected_folder / name).read_bytes() for name in names]

    chance = random.Random(5)  # noqa: S311 - nothing secret
    killed = finished = resumed_with_work = 0
    while killed < KILLS or not finished:
        process = context.Process(target=translate, args=(source, folder / "out.tif", model))
        process.start()
        if killed < KILLS:
            process.join(chance.uniform(0.05, 0.9) * duration)
        else:
            process.join()
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            killed += 1
            assert_old_or_new(folder, names, expected)
            resumed_with_work += (folder / ".out.tif.geosar-part").is_dir()
            continue
        assert process.exitcode == 0
        finished += 1
        assert [(folder / name).read_bytes() for name in names] == expected
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        for name in names:
            (folder / name).unlink()
    assert resumed_with_work > KILLS / 3


def assert_old_or_new(folder: Path, names: tuple[str, ...], expected: list[bytes]) -> None:
    """Nothing half-done stands under an output's name."""
    for name, content in zip(names, expected, strict=True):
        path = folder / name
        assert not path.exists() or path.read_bytes() == content
