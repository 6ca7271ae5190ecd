"""The bench's reckoning: percentiles, ratios, verdicts, the longest chain."""

from __future__ import annotations

import pytest

from bench.measures.assessment import longest_chain
from bench.numbers import Budget, Row, percentile
from infra_mind.tasks.plan import Plan, Step


def test_percentile_is_the_nearest_rank() -> None:
    samples = [4.0, 1.0, 3.0, 2.0]
    assert [percentile(samples, share) for share in (0.25, 0.5, 0.51, 0.99)] == [1.0, 2.0, 3.0, 4.0]


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="of nothing"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("ours", "theirs", "budget", "met"),
    [
        (5.0, 10.0, Budget(0.5), True),
        (5.1, 10.0, Budget(0.5), False),
        (20.0, 10.0, Budget(2.0, sense="at least"), True),
        (19.0, 10.0, Budget(2.0, sense="at least"), False),
        (0.9, None, Budget(1.0, "value"), True),
        (1.1, 99.0, Budget(1.0, "value"), False),
        (5.0, None, Budget(0.5), None),
        (5.0, -1.0, Budget(0.5), None),
        (5.0, 10.0, None, None),
    ],
)
def test_verdict(ours: float, theirs: float | None, budget: Budget | None, met: bool | None) -> None:
    assert Row("x", "something", "ms", ours, "the other", theirs, budget=budget).met is met


def test_longest_chain_follows_needs_and_after() -> None:
    plan = Plan(
        (
            Step("a"),
            Step("b"),
            Step("c", needs=("a",)),
            Step("d", after=("b",)),
            Step("e", after=("a", "b", "c", "d")),
        )
    )
    assert longest_chain(plan, {"a": 1.0, "b": 5.0, "c": 2.0, "d": 0.5, "e": 0.25}) == 5.75
