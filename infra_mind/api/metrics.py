"""The store's numbers in the Prometheus text format. They live in the store, so every replica tells the same and a restart loses none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from infra_mind.model.task import ENDED
from infra_mind.model.workers import Alert
from infra_mind.tasks.alerts import KINDS
from infra_mind.tasks.store import Counters, QueueStats


def exposition(
    counters: Counters, queue: QueueStats, dispatchers: int, alerts: Sequence[Alert] = ()
) -> bytes:
    """All metrics. `dispatchers` counts the live ones. The order of lines depends on the numbers' labels alone."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(counters, queue, dispatchers, alerts))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(
        self, counters: Counters, queue: QueueStats, dispatchers: int, alerts: Sequence[Alert]
    ) -> None:
        self._counters, self._queue, self._dispatchers, self._alerts = counters, queue, dispatchers, alerts

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "infra_mind_tasks_accepted", "Tasks accepted", value=self._counters.accepted
        )
        yield self._ended()
        yield from self._agents()
        yield self._schedules()
        yield self._webhooks()
        yield from self._waiting()
        yield GaugeMetricFamily(
            "infra_mind_tasks_running", "Tasks claimed by a dispatcher", value=self._queue.running
        )
        yield GaugeMetricFamily(
            "infra_mind_tasks_delayed", "Tasks that wait for their time", value=self._queue.delayed
        )
        yield GaugeMetricFamily(
            "infra_mind_tasks_retrying",
            "Running tasks with an agent that waits for its next attempt",
            value=self._queue.retrying,
        )
        yield GaugeMetricFamily(
            "infra_mind_dispatchers", "Dispatchers heard of lately", value=self._dispatchers
        )
        yield from self._workers()

    def _workers(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(
            "infra_mind_worker_failures", "Worker processes lost, by kind", labels=["kind"]
        )
        alerts = GaugeMetricFamily(
            "infra_mind_alerts", "1 while workers fail repeatedly in this way", labels=["kind"]
        )
        shown = {alert.kind for alert in self._alerts}
        for kind in sorted(KINDS | shown):
            failures.add_metric([kind], self._counters.worker_failures.get(kind, 0))
            alerts.add_metric([kind], float(kind in shown))
        yield failures
        yield alerts

    def _ended(self) -> Metric:
        metric = CounterMetricFamily(
            "infra_mind_tasks_ended", "Tasks ended, by terminal state", labels=["state"]
        )
        for state in sorted(ENDED):  # all of them from the start: a rate over a missing series is no rate
            metric.add_metric([state], self._counters.ended.get(state, 0))
        return metric

    def _agents(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily(
            "infra_mind_agent_seconds", "Time agents worked, in seconds", labels=["agent"]
        )
        for agent, value in sorted(self._counters.agent_seconds.items()):
            seconds.add_metric([agent], value)
        yield seconds
        runs = CounterMetricFamily(
            "infra_mind_agent_runs", "Runs of agents, by end state", labels=["agent", "state"]
        )
        for (agent, state), count in sorted(self._counters.agent_runs.items()):
            runs.add_metric([agent, state], count)
        yield runs

    def _schedules(self) -> Metric:
        metric = CounterMetricFamily(
            "infra_mind_schedules",
            "Due times of schedules, by whether they started a task",
            labels=["outcome"],
        )
        for outcome in ("fired", "refused"):
            metric.add_metric([outcome], self._counters.schedules.get(outcome, 0))
        return metric

    def _webhooks(self) -> Metric:
        metric = CounterMetricFamily(
            "infra_mind_webhooks",
            "Webhook deliveries by how they ended, and attempts that are tried again",
            labels=["outcome"],
        )
        for outcome in ("delivered", "disabled", "failed", "retried"):
            metric.add_metric([outcome], self._counters.webhooks.get(outcome, 0))
        return metric

    def _waiting(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("infra_mind_queue_depth", "Tasks waiting", labels=["priority"])
        for priority, waiting in sorted(self._queue.depth.items()):
            depth.add_metric([priority], waiting)
        yield depth
        age = GaugeMetricFamily(
            "infra_mind_queue_oldest_age_seconds",
            "Age of the oldest waiting task; no sample where none waits",
            labels=["priority"],
        )
        for priority, seconds in sorted(self._queue.oldest_age_s.items()):
            if seconds is not None:
                age.add_metric([priority], seconds)
        yield age
