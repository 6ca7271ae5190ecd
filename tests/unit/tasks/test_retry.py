"""When a failed step is tried again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from infra_mind.tasks.retry import RetryPolicy

POLICY = RetryPolicy(attempts=5, base_s=1.0, cap_s=6.0)


def test_a_permanent_error_is_not_tried_again() -> None:
    assert POLICY.wait_s(1, retryable=False, chance=random.Random(1)) is None


def test_the_last_attempt_is_the_last() -> None:
    assert POLICY.wait_s(4, retryable=True, chance=random.Random(1)) is not None
    assert POLICY.wait_s(5, retryable=True, chance=random.Random(1)) is None


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_wait_doubles_up_to_the_cap_and_never_comes_at_once(attempt: int, chance: random.Random) -> None:
    full = min(6.0, 2.0 ** (attempt - 1))
    wait = POLICY.wait_s(attempt, retryable=True, chance=chance)
    assert wait is not None
    assert full / 2 <= wait <= full


def test_two_that_failed_together_do_not_come_back_together() -> None:
    chance = random.Random(7)
    waits = {POLICY.wait_s(1, retryable=True, chance=chance) for _ in range(20)}
    assert len(waits) == 20
