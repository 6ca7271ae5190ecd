"""The store's numbers in the Prometheus text format. They live in the store, so every replica tells the same and a restart loses none."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from infra_mind.model.task import ENDED
from infra_mind.tasks.store import Counters, QueueStats


def exposition(counters: Counters, queue: QueueStats, dispatchers: int) -> bytes:
    """All metrics. `dispatchers` counts the live ones. The order of lines depends on the numbers' labels alone."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(counters, queue, dispatchers))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, counters: Counters, queue: QueueStats, dispatchers: int) -> None:
        self._counters, self._queue, self._dispatchers = counters, queue, dispatchers

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
            "infra_mind_dispatchers", "Dispatchers heard of lately", value=self._dispatchers
        )

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
