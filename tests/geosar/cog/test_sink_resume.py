"""Killed, torn, tampered and foreign spools: what a resumed run makes of them."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geosar
from geosar.cog import CogSink
from geosar.errors import ResumeError, TargetError
from geosar.grid import windows
from helpers.rasters.cog_images import TILE, WINDOW, grid_of, names_in, smooth_image, spool_of, write_image

SIZE = (1100, 700)
PLAN = {"source": "abc", "model": "m 1"}


def sink_at(path: Path, **options: object) -> CogSink:
    settings = {"tile": TILE, "window_size": WINDOW, "plan": PLAN, "resume": True, **options}
    return CogSink(path, grid_of(*SIZE), bands=3, **settings)


def begin(path: Path, count: int, **options: object) -> list[tuple[int, int]]:
    """Write the first windows and stop, keeping the spool."""
    pixels, valid = smooth_image(*SIZE)
    sink = sink_at(path, **options)
    for window in windows(*SIZE, WINDOW)[:count]:
        sink.write(window, pixels[window.slices], valid[window.slices])
    sink.abandon(keep=True)
    return sorted(sink.finished)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_image(tmp_path_factory.mktemp("whole") / "a.tif", smooth_image(*SIZE), plan=PLAN).read_bytes()


def finish(path: Path, **options: object) -> bytes:
    return write_image(path, smooth_image(*SIZE), plan=PLAN, resume=True, **options).read_bytes()


def test_a_resumed_run_gives_the_bytes_of_an_undisturbed_one(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.tif"
    done = begin(path, 7)
    sink = sink_at(path)
    assert sorted(sink.finished) == done
    assert len(done) == 7
    sink.abandon(keep=True)
    assert finish(path) == undisturbed
    assert names_in(tmp_path) == ["a.tif"]


@pytest.mark.parametrize("moment", ["after a window", "in a window", "while closing"])
def test_a_killed_run_leaves_the_old_file_and_a_spool_that_resumes(
    tmp_path: Path, undisturbed: bytes, moment: str
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"the old file")
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from helpers.rasters.cog_images import *
        from geosar.cog.spool import Spool
        moment, calls = {moment!r}, 0

        def die(*_: Any):
            os.kill(os.getpid(), signal.SIGKILL)

        class Deadly(Spool):
            def append(self, key, pieces):
                global calls
                calls += 1
                if calls == 5 and moment == "in a window":
                    self._enter = die
                super().append(key, pieces)
                if calls == 5 and moment == "after a window":
                    die()
                return self.records[key]

            def copy_to(self, *arguments: Any):
                super().copy_to(*arguments)
                die()

        import geosar.cog.sink
        geosar.cog.sink.Spool = Deadly
        write_image(Path({str(path)!r}), smooth_image(*{SIZE}), plan={PLAN}, overwrite=True)
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(geosar.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"the old file"

    sink = sink_at(path, overwrite=True)
    expected = {"after a window": 5, "in a window": 4, "while closing": len(windows(*SIZE, WINDOW))}
    assert len(sink.finished) == expected[moment]
    sink.abandon(keep=True)
    assert finish(path, overwrite=True) == undisturbed


@pytest.mark.parametrize("torn", [1, 20])
def test_a_torn_last_line_counts_as_not_written(tmp_path: Path, undisturbed: bytes, torn: int) -> None:
    path = tmp_path / "a.tif"
    done = begin(path, 4)
    journal = spool_of(path) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-torn])
    sink = sink_at(path)
    assert sorted(sink.finished) == sorted(done)[: len(sink.finished)]
    assert len(sink.finished) == 3
    sink.abandon(keep=True)
    assert finish(path) == undisturbed


@pytest.mark.parametrize("end", [b"[12", b'[5,{"col_off":0}]\n', b"\0" * 300, b"[1,2]\n", b"{}\n"])
def test_rubbish_at_the_journals_end_is_ignored(tmp_path: Path, undisturbed: bytes, end: bytes) -> None:
    path = tmp_path / "a.tif"
    done = begin(path, 4)
    with (spool_of(path) / "journal.jsonl").open("ab") as journal:
        journal.write(end)
    sink = sink_at(path)
    assert sorted(sink.finished) == done
    sink.abandon(keep=True)
    assert finish(path) == undisturbed


def test_a_window_whose_bytes_changed_is_written_again(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.tif"
    begin(path, 4)
    lines = (spool_of(path) / "journal.jsonl").read_text().splitlines()
    record = json.loads(lines[2])[1]
    with (spool_of(path) / "tiles.bin").open("r+b") as tiles:
        tiles.seek(record["offset"] + record["size"] // 2)
        byte = tiles.read(1)
        tiles.seek(-1, os.SEEK_CUR)
        tiles.write(bytes([byte[0] ^ 1]))
    sink = sink_at(path)
    assert (record["col_off"], record["row_off"]) not in sink.finished
    assert len(sink.finished) == 3
    sink.abandon(keep=True)
    assert finish(path) == undisturbed


def test_a_spool_cut_short_loses_only_what_was_cut(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.tif"
    begin(path, 4)
    tiles = spool_of(path) / "tiles.bin"
    os.truncate(tiles, tiles.stat().st_size - 10)
    sink = sink_at(path)
    assert len(sink.finished) == 3
    sink.abandon(keep=True)
    assert finish(path) == undisturbed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plan": {"source": "abc", "model": "m 2"}}, r"plan model was m 1, now m 2\. "),
        ({"plan": {"source": "abc"}}, "plan model was m 1, now not given"),
        ({"compress": "lzw"}, "compression was zstd, now lzw"),
        ({"window_size": 2 * WINDOW}, "window size was 256, now 512"),
    ],
)
def test_another_job_may_not_resume_and_is_told_what_differs(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "a.tif"
    begin(path, 3)
    with pytest.raises(ResumeError, match=message):
        sink_at(path, **options)
    sink = sink_at(path)
    assert len(sink.finished) == 3, "the refused attempt did no harm"
    sink.abandon(keep=True)


def test_without_resume_an_old_spool_is_begun_anew(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.tif"
    begin(path, 3, plan={"another": "job"})
    sink = sink_at(path, resume=False)
    assert sink.finished == frozenset()
    sink.abandon(keep=True)
    assert finish(path) == undisturbed


def test_resume_without_a_spool_begins_and_one_empty_of_records_goes_on(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.tif"
    assert begin(path, 0) == []
    assert finish(path) == undisturbed


def test_two_runs_cannot_write_one_output_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    sink = sink_at(path)
    for resume in (True, False):
        with pytest.raises(TargetError, match="another run is writing"):
            sink_at(path, resume=resume)
    sink.abandon(keep=False)
    sink_at(path).abandon(keep=False)


def test_an_exception_keeps_the_spool_when_something_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    window = windows(*SIZE, WINDOW)[0]
    sink = sink_at(path)
    sink.write(window, np.ones((WINDOW, WINDOW, 3), np.uint8), np.ones((WINDOW, WINDOW), np.bool_))
    with pytest.raises(ZeroDivisionError), sink:
        raise ZeroDivisionError
    assert spool_of(path).is_dir()
    sink = sink_at(path)
    assert sink.finished == {(0, 0)}
    sink.abandon(keep=True)


def test_an_exception_before_anything_is_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), sink_at(tmp_path / "a.tif"):
        raise ZeroDivisionError
    assert names_in(tmp_path) == []


def test_bytes_are_flushed_before_the_journal_says_that_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = sink_at(tmp_path / "a.tif")
    happened: list[tuple[str, str]] = []

    def noting(name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def noted(descriptor: int, *rest: Any) -> Any:
            happened.append((name, Path(f"/proc/self/fd/{descriptor}").readlink().name))
            return call(descriptor, *rest)

        return noted

    for name in ("pwrite", "fdatasync"):
        monkeypatch.setattr(os, name, noting(name))
    window = windows(*SIZE, WINDOW)[0]
    sink.write(window, np.ones((WINDOW, WINDOW, 3), np.uint8), np.ones((WINDOW, WINDOW), np.bool_))
    assert happened == [
        ("pwrite", "tiles.bin"),
        ("fdatasync", "tiles.bin"),
        ("pwrite", "journal.jsonl"),
        ("fdatasync", "journal.jsonl"),
    ]
    sink.abandon(keep=False)
