"""What dies or hangs while it is looked at harms no other file that waits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from geosar_tiler.errors import InvalidError, OverloadedError
from geosar_tiler.state.inspector import Inspector, Look
from helpers.attack import looks


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    own = Inspector(30)
    yield own
    own.close()


def look_at_all(inspector: Inspector, files: list[tuple[Look, Path]]) -> list[Any]:
    """Look at files from as many threads; returns what was found, or the error."""

    def one(file: tuple[Look, Path]) -> Any:
        try:
            return inspector._ask(file[0], file[1], {})["name"]
        except (InvalidError, OverloadedError) as error:
            return error

    with ThreadPoolExecutor(len(files)) as pool:
        return list(pool.map(one, files))


def test_a_death_fails_the_file_in_hand_alone(inspector: Inspector, tmp_path: Path) -> None:
    names = [f"{number}.tif" for number in range(8)]
    deadly = {"2.tif", "5.tif"}
    outcomes = look_at_all(
        inspector, [(looks.deadly if name in deadly else looks.good, tmp_path / name) for name in names]
    )
    for name, one in zip(names, outcomes, strict=True):
        if name in deadly:
            assert isinstance(one, InvalidError)
            assert name in str(one)
        else:
            assert one == name


def test_what_died_once_is_looked_at_once_more(inspector: Inspector, tmp_path: Path) -> None:
    assert look_at_all(inspector, [(looks.deadly_once, tmp_path / "a.tif")]) == ["a.tif"]


def test_the_time_of_a_file_begins_when_it_is_looked_at(tmp_path: Path) -> None:
    inspector = Inspector(15)
    try:
        assert look_at_all(inspector, [(looks.good, tmp_path / "first.tif")]) == ["first.tif"]
        inspector._seconds = 6
        files = [(looks.slow, tmp_path / f"{number}.tif") for number in range(4)]
        assert look_at_all(inspector, files) == [path.name for _, path in files]
    finally:
        inspector.close()


def test_one_that_hangs_is_given_up_and_the_next_is_looked_at(tmp_path: Path) -> None:
    inspector = Inspector(15)
    try:
        inspector._ask(looks.good, tmp_path / "first.tif", {})
        inspector._seconds = 0.5
        with pytest.raises(OverloadedError, match=r"slow\.tif took longer"):
            inspector._ask(looks.slow, tmp_path / "slow.tif", {})
        inspector._seconds = 15
        assert inspector._ask(looks.good, tmp_path / "next.tif", {})["name"] == "next.tif"
    finally:
        inspector.close()


def test_nothing_is_looked_at_when_the_service_ends(inspector: Inspector, tmp_path: Path) -> None:
    inspector.close()
    with pytest.raises(OverloadedError, match="stopped"):
        inspector._ask(looks.good, tmp_path / "a.tif", {})
