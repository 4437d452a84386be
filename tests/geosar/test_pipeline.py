"""The three stages: in order, bounded, and stopped by the first error of any of them."""

import threading
import time

import pytest

from geosar.pipeline import READ_AHEAD, Pipeline


class Stop(Exception):  # noqa: N818 - a signal for these tests
    """Raised by a stage."""


def never() -> None:
    """Let it go on."""


def test_every_item_passes_every_stage_and_empty_ones_skip_the_middle() -> None:
    computed: list[int] = []
    written: dict[int, int | None] = {}
    done: list[int] = []

    def compute(item: int, block: int) -> int:
        computed.append(item)
        return block + 1

    pipeline = Pipeline(
        lambda item: None if item == 2 else item * 10, compute, written.__setitem__, writers=2, check=never
    )
    pipeline.run(range(5), done.append)
    assert computed == [0, 1, 3, 4]
    assert written == {0: 1, 1: 11, 2: None, 3: 31, 4: 41}
    assert done == [0, 1, 2, 3, 4]
    assert set(pipeline.clock.seconds) == {"read", "compute", "write"}


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
def test_an_error_of_a_stage_surfaces_as_it_is_and_stops_the_others(stage: str) -> None:
    reads: list[int] = []

    def fail(where: str, item: int) -> int:
        if where == "read":
            reads.append(item)
        if where == stage and item == 3:
            raise Stop(where)
        return item

    pipeline = Pipeline(
        lambda item: fail("read", item), lambda item, _: fail("compute", item),
        lambda item, _: fail("write", item) and None, writers=1, check=never,
    )  # fmt: skip
    with pytest.raises(Stop, match=stage):
        pipeline.run(range(1000), lambda _: None)
    assert len(reads) < 12
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("geosar-")]


def test_a_stages_own_time_out_is_no_reason_to_wait_on() -> None:
    def late(_: int) -> int:
        raise TimeoutError("the server is silent")

    pipeline = Pipeline(late, lambda _, block: block, lambda _, __: None, writers=1, check=never)
    with pytest.raises(TimeoutError, match="silent"):
        pipeline.run(range(3), lambda _: None)


def test_the_number_of_blocks_that_are_held_is_bounded() -> None:
    alive, most = set(), []

    def read(item: int) -> int:
        alive.add(item)
        most.append(len(alive))
        return item

    def write(item: int, _: int | None) -> None:
        time.sleep(0.005)
        alive.discard(item)

    writers = 2
    Pipeline(read, lambda _, block: block, write, writers=writers, check=never).run(range(60), lambda _: None)
    # One is being computed, and one more may wait for a writer.
    assert max(most) <= READ_AHEAD + 1 + writers + 1


def test_a_check_that_raises_stops_even_a_slow_stage() -> None:
    checks = 0

    def check() -> None:
        nonlocal checks
        checks += 1
        if checks > 3:
            raise Stop

    def slow(item: int) -> int:
        time.sleep(0.4)
        return item

    started = time.monotonic()
    with pytest.raises(Stop):
        Pipeline(slow, lambda _, block: block, lambda _, __: None, writers=1, check=check).run(
            range(50), lambda _: None
        )
    assert time.monotonic() - started < 2
