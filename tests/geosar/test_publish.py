"""What is published is there when it is whole, and nothing is left of what was not."""

import os
import threading
from pathlib import Path

import pytest

from geosar import publish
from geosar.publish import published


def test_a_file_is_there_at_the_end_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with published(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == tmp_path
        assert part.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), published(path) as part:
        part.write_bytes(bytes([1 // 0]))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), published(tmp_path / "a.json", lasting=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_writer_that_died_left_is_written_over(tmp_path: Path) -> None:
    left = tmp_path / ".a.json.part"
    left.write_text("left by a run that was killed")
    with published(tmp_path / "a.json") as part:
        assert part == left
        part.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_writers_that_share_a_name_do_not_share_a_half(tmp_path: Path) -> None:
    parts = []

    def write() -> None:
        with published(tmp_path / "a.json", shared=True) as part:
            parts.append(part)
            part.write_text("whole")

    write()
    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert len(set(parts)) == 2
    assert str(os.getpid()) in parts[0].name


@pytest.mark.parametrize(("lasting", "flushed"), [(True, ["file", "folder"]), (False, [])])
def test_what_lasts_is_flushed_before_and_after_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lasting: bool, flushed: list[str]
) -> None:
    path, messages = tmp_path / "a.json", []

    def flush(place: Path) -> None:
        assert path.exists() == place.is_dir()
        messages.append("folder" if place.is_dir() else "file")

    monkeypatch.setattr(publish, "flush", flush)
    with published(path, lasting=lasting) as part:
        part.write_text("x")
    assert messages == flushed
