"""When the time of a task begins and when it is over; the clock is the test's own, except where something waits."""

from __future__ import annotations

import asyncio

from infra_mind.tasks.run_clock import RunClock


class Hands:
    """What `now` gives."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def test_nothing_is_over_before_it_has_begun() -> None:
    hands = Hands()
    clock = RunClock(600, 900, hands)
    hands.at += 1e6
    assert (clock.begun, clock.over, clock.soft_left_s) == (False, False, None)


def test_it_counts_from_the_beginning() -> None:
    hands = Hands()
    clock = RunClock(600, 900, hands)
    hands.at += 1e6
    clock.begin(0.0)
    hands.at += 899
    assert (clock.over, clock.soft_left_s) == (False, 0.0)
    hands.at += 1
    assert clock.over


def test_what_has_run_for_a_while_when_it_is_heard_of_began_then() -> None:
    clock = RunClock(600, 900, Hands())
    clock.begin(100.0)
    assert clock.soft_left_s == 500


def test_the_first_to_begin_counts_whichever_is_heard_of_first() -> None:
    for ran_s in ((100.0, 700.0), (700.0, 100.0)):
        clock = RunClock(800, 900, Hands())
        for one in ran_s:
            clock.begin(one)
        assert clock.soft_left_s == 100


def test_a_soft_limit_that_is_put_off_begins_again_and_the_hard_one_does_not() -> None:
    hands = Hands()
    clock = RunClock(600, 900, hands)
    clock.begin(0.0)
    hands.at += 600
    clock.put_off_soft()
    assert clock.soft_left_s == 600
    hands.at += 300
    assert clock.over


async def test_who_waits_is_told_that_nothing_has_begun_and_then_when_it_is_over() -> None:
    clock = RunClock(0.01, 0.02, asyncio.get_running_loop().time)
    await clock.wait()
    assert not clock.over
    clock.begin(0.0)
    await clock.wait()
    assert clock.over


async def test_who_waits_hears_of_an_earlier_beginning() -> None:
    """By its first beginning it would wait for an hour."""
    clock = RunClock(3_000, 3_600, asyncio.get_running_loop().time)
    clock.begin(0.0)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(clock.wait())
        await asyncio.sleep(0)
        clock.begin(3_600.0)
