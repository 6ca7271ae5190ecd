"""When a schedule is due. Clock changes of 2026: Berlin 29 March 02:00→03:00 and 25 October 03:00→02:00, Lord Howe by half an hour."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.tasks.schedules.cron import CATCH_UP, CronInvalid, Rule

MINUTE = 60_000
DAY = 86_400_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def next_times(cron: str, zone: str, after: str, count: int) -> list[str]:
    rule, at, found = Rule.of(cron, zone), ms(after), []
    for _ in range(count):
        following = rule.after(at)
        assert following is not None
        at = following
        found.append(datetime.fromtimestamp(at / 1000, UTC).strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 6 * * 1", "UTC", "2026-01-14T00:00", ["01-19 06:00", "01-26 06:00"]),
        ("0 6 * * MON", "Europe/Berlin", "2026-01-14T00:00", ["01-19 05:00", "01-26 05:00"]),
        ("*/15 * * * *", "UTC", "2026-01-14T00:14:59", ["01-14 00:15", "01-14 00:30"]),
        ("0 0 1,15 * *", "UTC", "2026-01-14T00:00", ["01-15 00:00", "02-01 00:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-14T00:00", ["02-29 00:00"]),
        # day of month and day of week: either, when both are given (crontab(5))
        (
            "0 0 13 * 5",
            "UTC",
            "2026-01-01T00:00",
            ["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"],
        ),
        ("30 9 * * *", "Asia/Kolkata", "2026-01-14T00:00", ["01-14 04:00", "01-15 04:00"]),
        # the clock goes from 02:00 to 03:00: a time in the gap is due at its end, and once
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:00", "03-30 00:30"]),
        # the clock goes from 03:00 back to 02:00: 02:30 comes twice, and is due the first time
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
        # hours given as * go by real time: every half past, also the repeated one
        ("30 * * * *", "Europe/Berlin", "2026-10-24T23:45", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00", ["03-29 00:30", "03-29 01:30", "03-29 02:30"]),
        # a change by half an hour: 02:00 to 02:30 on 4 October
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T16:00", ["10-03 15:30", "10-04 15:15"]),
        # a zone without changes
        ("30 2 * * *", "UTC", "2026-03-28T12:00", ["03-29 02:30", "03-30 02:30"]),
    ],
)
def test_when_it_is_due(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert next_times(cron, zone, after, len(expected)) == expected


@given(
    st.sampled_from(["* * * * *", "30 2 * * *", "0,30 1-3 * * *", "*/20 2 * * *", "59 23 31 * *", "0 */2 * * *", "5 * * * 0"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"]),
    st.integers(ms("2020-01-01T00:00"), ms("2030-01-01T00:00")),
)  # fmt: skip
def test_due_times_only_grow_by_a_minute_at_least_and_are_whole_minutes(
    cron: str, zone: str, at: int
) -> None:
    rule = Rule.of(cron, zone)
    first = rule.after(at)
    assert first is not None
    second = rule.after(first)
    assert second is not None
    assert at < first < second
    assert (first % MINUTE, second % MINUTE) == (0, 0)


# -- missed times ---------------------------------------------------------------------------------------------------------


def test_missed_times_coalesce_to_one() -> None:
    rule = Rule.of("0 * * * *", "UTC")
    due, now = ms("2026-01-14T01:00"), ms("2026-01-14T05:20")
    assert rule.next_due(due, now, coalesce=True) == ms("2026-01-14T06:00")


def test_without_coalescing_they_come_one_after_another() -> None:
    rule = Rule.of("0 * * * *", "UTC")
    due, now = ms("2026-01-14T01:00"), ms("2026-01-14T05:20")
    found = []
    while (following := rule.next_due(due, now, coalesce=False)) is not None and following <= now:
        found.append(following)
        due = following
    assert found == [ms(f"2026-01-14T0{hour}:00") for hour in (2, 3, 4, 5)]
    assert rule.next_due(due, now, coalesce=False) == ms("2026-01-14T06:00")


def test_no_more_are_made_up_for_than_a_hundred() -> None:
    """A week away with a schedule of every minute must not start ten thousand assessments."""
    rule, now = Rule.of("* * * * *", "UTC"), ms("2026-01-14T00:00")
    due, found = now - 7 * DAY, []
    while (following := rule.next_due(due, now, coalesce=False)) is not None and following <= now:
        found.append(following)
        due = following
    assert found == [now - number * MINUTE for number in range(CATCH_UP - 1, -1, -1)]


def test_on_time_both_ways_give_the_next_time() -> None:
    rule, due = Rule.of("0 * * * *", "UTC"), ms("2026-01-14T01:00")
    for coalesce in (True, False):
        assert rule.next_due(due, due + 400, coalesce=coalesce) == ms("2026-01-14T02:00")


def test_a_clock_that_went_back_fires_nothing_twice() -> None:
    rule, due = Rule.of("0 * * * *", "UTC"), ms("2026-01-14T01:00")
    assert rule.next_due(due, due - 90 * MINUTE, coalesce=True) == ms("2026-01-14T02:00")


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "five fields"), ("* * * *", "five fields"), ("0 * * * * *", "five fields"), ("@daily", "five fields"),
        ("60 * * * *", "minute"), ("* 24 * * *", "hour"), ("* * 32 * *", "day-of-month"), ("* * * 13 *", "month"),
        ("* * * * 8", "day-of-week"), ("*/0 * * * *", "minute"), ("a * * * *", "minute"), ("1-0 * * * *", "minute"),
        ("0 0 30 2 *", "day-of-month"), ("-1 * * * *", "minute"), ("* * * * *" + " " * 100, "100 characters"),
        ("٣ * * * *", "minute"), ("1/1/1 * * * *", "minute"), (", * * * *", "minute"),
    ],
)  # fmt: skip
def test_a_bad_cron_is_named(cron: str, says: str) -> None:
    with pytest.raises(CronInvalid, match=says) as bad:
        Rule.of(cron, "UTC")
    assert bad.value.field == "cron"


@pytest.mark.parametrize(
    "zone", ["", "Europe/Nowhere", "Europe", "../etc/passwd", "/etc/passwd", "\0", "x" * 300, "CEST"]
)
def test_a_bad_zone_is_named(zone: str) -> None:
    with pytest.raises(CronInvalid, match="IANA") as bad:
        Rule.of("* * * * *", zone)
    assert bad.value.field == "timezone"


@given(st.text(alphabet="0123456789*/,-#LW MONSU", max_size=30), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_whatever_is_written_is_refused_or_has_a_next_time(cron: str, zone: str) -> None:
    try:
        rule = Rule.of(cron, zone)
    except CronInvalid:
        return
    assert (rule.after(ms("2026-01-14T00:00")) or ms("2100-01-01T00:00")) > ms("2026-01-14T00:00")
