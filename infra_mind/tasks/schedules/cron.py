"""When a schedule is due: five cron fields in an IANA time zone.

Clock changes as in Debian's cron (cronsim's model): a fixed time that a change skips is due at the first moment after it; one that
comes twice is due once, the first time. Minutes or hours given as `*` go by real time."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cronsim import CronSim, CronSimError

MOST_CHARACTERS = 100
CATCH_UP = 100  # missed due times of one schedule that are made up for when it does not coalesce
_FIELDS = 5


class CronInvalid(ValueError):  # noqa: N818 - says what it is, as `OptionInvalid` does
    """`field` is `cron` or `timezone`."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        super().__init__(problem)


@dataclass(frozen=True)
class Rule:
    """Use `Rule.of`, which checks."""

    cron: str
    timezone: str

    @classmethod
    def of(cls, cron: str, timezone: str) -> Rule:
        """CronInvalid for anything but five fields of cron that are due some day, and a time zone of the IANA database."""
        rule = cls(" ".join(cron.split()), timezone)
        if len(cron) > MOST_CHARACTERS:
            raise CronInvalid("cron", f"is longer than {MOST_CHARACTERS} characters")
        if len(rule.cron.split()) != _FIELDS:
            raise CronInvalid("cron", "must have five fields: minute, hour, day of month, month, day of week")
        _ = rule.zone
        if rule.after(0) is None:
            raise CronInvalid("cron", "is never due")
        return rule

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        try:
            return zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise CronInvalid(
                "timezone", "is not a time zone of the IANA database, such as Europe/Berlin or UTC"
            ) from None

    def after(self, ms: int) -> int | None:
        """The first due time after `ms`, both in ms since 1970; None when there is none within fifty years."""
        return next((found for found in self._times(ms, reverse=False) if found > ms), None)

    def next_due(self, due: int, now: int, *, coalesce: bool) -> int | None:
        """What follows `due` once that was acted on at `now`, in ms since 1970.

        Coalescing, everything that was missed until now counts as done with it; otherwise the missed times come one after another,
        the newest CATCH_UP of them."""
        if coalesce:
            return self.after(max(due, now))
        missed = [found for found in self._latest(now) if found > due]
        return min(missed) if len(missed) == CATCH_UP else self.after(due)

    def _latest(self, now: int) -> list[int]:
        found = self._times(now + 1, reverse=True)
        return [at for at, _ in zip(found, range(CATCH_UP), strict=False)]

    def _times(self, ms: int, *, reverse: bool) -> Iterator[int]:
        begin = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(self.zone)
        try:
            times = CronSim(self.cron, begin, reverse=reverse)
        except CronSimError as error:
            raise CronInvalid("cron", _explained(str(error))) from None
        for one in times:
            yield math.floor(one.timestamp()) * 1000


def _explained(problem: str) -> str:
    """cronsim says `Bad minute`; the fields are named as in crontab(5)."""
    return problem.lower().replace("bad ", "has a bad ") if problem.startswith("Bad ") else problem.lower()
