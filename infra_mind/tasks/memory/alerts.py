"""Alerts about worker processes."""

from __future__ import annotations

from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import WorkerFailure
from infra_mind.tasks.memory.state import State
from infra_mind.tasks.records import clip, iso


class Alerts:
    """The part of `TaskStore` that watches the worker processes."""

    _state: State

    async def worker_failed(self, failure: WorkerFailure, *, tell: bool = False) -> Alert | None:
        self._state.tick()
        state, limits, kind, times = self._state, self._state.limits, failure.kind, max(1, failure.times)
        state.worker_failures[kind] += times
        newest = state.newest_failures[kind]
        newest[:0] = [state.now] * min(times, limits.alert_after)
        del newest[limits.alert_after :]
        before, until = state.alerts.get(kind, (None, 0))
        raised = before is None or until <= state.now
        if raised:
            window = limits.alert_window_s * 1000
            if len(newest) < limits.alert_after or state.now - newest[-1] >= window:
                return None
            since, count = iso(newest[-1]), limits.alert_after
        else:
            assert before is not None  # `raised` says so
            since, count = before.since, before.count + times
        alert = Alert(
            kind=kind, count=count, since=since, last_at=iso(state.now), step=failure.step, message=clip(failure.message)
        )  # fmt: skip
        state.alerts[kind] = alert, state.now + round(limits.alert_ttl_s * 1000)
        if raised and tell:
            state.outbox.tell_alert(alert, state.now)
        return alert if raised else None

    async def alerts(self) -> list[Alert]:
        self._state.tick()
        return [alert for _, (alert, until) in sorted(self._state.alerts.items()) if until > self._state.now]
