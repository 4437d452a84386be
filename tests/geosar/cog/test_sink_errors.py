"""Targets that cannot be written, and disks that fill up, at every write."""

import errno
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import geosar
from geosar.cog import CogSink
from geosar.errors import TargetError, TargetExistsError
from geosar.grid import windows
from geosar.publish import target_errors
from helpers.rasters.cog_images import TILE, WINDOW, grid_of, names_in, smooth_image, spool_of, write_image

SIZE = (700, 500)


def open_sink(path: Path, **options: object) -> CogSink:
    return CogSink(path, grid_of(*SIZE), bands=3, tile=TILE, window_size=WINDOW, **options)


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"old")
    with pytest.raises(TargetExistsError, match=r"a\.tif exists; choose another name") as caught:
        open_sink(path)
    assert isinstance(caught.value, FileExistsError)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.tif"]
    write_image(path, smooth_image(*SIZE), overwrite=True)
    assert path.read_bytes()[:2] == b"II"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    sink = open_sink(path)
    for window in windows(*SIZE, WINDOW):
        sink.write_empty(window)
    path.write_bytes(b"somebody else's")
    with pytest.raises(TargetExistsError), sink:
        pass
    assert path.read_bytes() == b"somebody else's"


def test_the_old_file_stays_whole_until_the_new_one_is(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"old")
    with open_sink(path, overwrite=True) as sink:
        for window in windows(*SIZE, WINDOW):
            sink.write_empty(window)
        sink.prepare()
        assert path.read_bytes() == b"old"
    assert path.read_bytes()[:2] == b"II"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"the folder .*/missing does not exist; make it first"):
        open_sink(tmp_path / "missing" / "a.tif")


def test_a_folder_as_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is a folder; give the name of a file"):
        open_sink(tmp_path)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TargetError, match="does not exist"):
        open_sink(tmp_path / "file" / "a.tif")


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(TargetError, match=r"cannot write .*a\.tif: Permission denied; give a file name") as caught:
        open_sink(tmp_path / "a.tif")
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_tells_what_is_needed(number: int) -> None:
    with (
        pytest.raises(TargetError, match=r"no room left on the disk of .*: 5 MB are needed\. Free some") as caught,
        target_errors(Path("/a/b.tif"), lambda: "5 MB are needed"),
    ):
        raise OSError(number, os.strerror(number))
    assert caught.value.errno == number


class Full:
    """What disk_usage says of a full disk."""

    free = 10


class FullDisk:
    """Lets a number of bytes through and then says that the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        for name in ("pwrite", "write", "copy_file_range"):
            monkeypatch.setattr(os, name, self.limited(getattr(os, name)))

    def limited(self, call: Callable[..., int]) -> Callable[..., int]:
        def limited_call(*arguments: Any, **options: Any) -> int:
            if self.free_bytes <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            done = call(*arguments, **options)
            self.free_bytes -= done
            return done

        return limited_call


def test_wherever_the_disk_fills_up_the_spool_stays_and_a_resumed_run_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = smooth_image(*SIZE)
    expected = write_image(tmp_path / "whole.tif", image).read_bytes()
    path = tmp_path / "a.tif"
    messages: list[tuple[int | None, str]] = []
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, 1)
        while not path.exists():
            try:
                write_image(path, image, resume=True)
            except TargetError as error:
                messages.append((error.errno, str(error)[:13]))
                disk.free_bytes = 200_000 * len(messages)
    assert len(messages) > 3
    assert set(messages) == {(errno.ENOSPC, "no room left ")}
    assert path.read_bytes() == expected


def test_no_room_for_the_finished_file_is_found_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = open_sink(tmp_path / "a.tif")
    for window in windows(*SIZE, WINDOW):
        sink.write_empty(window)
    monkeypatch.setattr("geosar.cog.sink.shutil.disk_usage", lambda _path: Full)
    with pytest.raises(TargetError, match=r"about .* MB are needed in all .* stand side by side"), sink:
        pass
    assert "assembled.tif" not in names_in(spool_of(sink.path))


def test_a_limit_of_the_system_on_file_sizes_reads_as_a_full_disk(tmp_path: Path) -> None:
    script = f"""
        import resource, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from helpers.rasters.cog_images import *
        from geosar.errors import TargetError
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            write_image(Path({str(tmp_path / "a.tif")!r}), smooth_image(*{SIZE}))
        except TargetError as error:
            print(error)
    """
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    environment = {**os.environ, "PYTHONPATH": str(Path(geosar.__file__).parents[1])}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    ended = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert ended.stdout.startswith("no room left on the disk of")
    assert "MB are needed in all" in ended.stdout
    assert [name for name in names_in(tmp_path) if not name.startswith(".")] == []


def test_a_file_that_does_not_validate_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rio_cogeo.cogeo.cog_validate", lambda *_args, **_options: (False, ["broken layout"], []))
    with pytest.raises(TargetError, match="is no valid COG: broken layout"):
        write_image(tmp_path / "a.tif", smooth_image(*SIZE))
    assert not (tmp_path / "a.tif").exists()
