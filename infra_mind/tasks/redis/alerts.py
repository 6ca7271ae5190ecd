"""Alerts about worker processes."""

from __future__ import annotations

import json
from typing import Any

from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.records import clip, iso
from infra_mind.tasks.redis.link import Link


class Alerts:
    """The part of `TaskStore` that watches the worker processes."""

    _link: Link

    async def worker_failed(self, failure: WorkerFailure, *, tell: bool = False) -> Alert | None:
        """Never sent twice: a failure too few is better than an alert too many."""
        answer: bytes = await self._link.call(
            "worker_failed",
            [self._link.keys.failures(failure.kind), self._link.keys.alerts],
            [failure.kind, failure.step, clip(failure.message), max(1, failure.times), int(tell)],
        )
        return alert_of(json.loads(answer)) if answer else None

    async def alerts(self) -> list[Alert]:
        found, now = await self._link.with_time("HGETALL", self._link.keys.alerts)
        known = [{"kind": kind.decode(), **json.loads(raw)} for kind, raw in sorted(found.items())]
        return [alert_of(said) for said in known if int(said["until"]) > now]


def alert_of(said: dict[str, Any]) -> Alert:
    """As worker_failed.lua writes it."""
    return Alert(
        kind=said["kind"],
        count=int(said["count"]),
        since=iso(int(said["since"])),
        last_at=iso(int(said["last"])),
        step=said["step"],
        message=said["message"],
    )
