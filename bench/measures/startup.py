"""How long each side takes from its command to its first good answer."""

from __future__ import annotations

from bench.numbers import Budget, Measured, Row, median
from bench.setting import SLOTS, Bench
from bench.sides import Ours, idle_cpu_share, memory_mib


async def ready(bench: Bench) -> Measured:
    """(g) `infra-mind up` → ready, by itself on the machine; then what both sides take while nothing is to do."""
    bench.stop_sides()
    out = Measured()
    for i in range(bench.counts.ups - 1):
        side = Ours(
            bench.directory / f"up{i}", slots=SLOTS, agents="bench.steps:table", settings=bench.settings
        )
        side.stop()
        out.samples.setdefault("Infra Mind s", []).append(side.ready_s)
    out.samples.setdefault("Infra Mind s", []).append(bench.ours.ready_s)
    out.samples["Celery s"] = [bench.seed.ready_s]
    ours, theirs = median(out.samples["Infra Mind s"]), out.samples["Celery s"][0]
    out.rows.append(
        Row("g", "`infra-mind up` → ready, p50", "s", ours, "Celery", theirs, budget=Budget(10.0, "value"))
    )
    for what, unit, of in (
        ("cores used while idle", "cores", _idle),
        ("memory while idle (PSS)", "MiB", memory_of),
    ):
        mine, other = of(bench, True), of(bench, False)
        out.samples[f"Infra Mind, {what}"], out.samples[f"Celery, {what}"] = [mine], [other]
        out.rows.append(Row("g", what, unit, mine, "Celery", other))
    out.notes.append("The seed's time is its store, its API and its worker started together.")
    return out


def _idle(bench: Bench, ours: bool) -> float:
    return idle_cpu_share(bench.ours if ours else bench.seed, bench.counts.idle_s)


def memory_of(bench: Bench, ours: bool) -> float:
    return memory_mib(bench.ours if ours else bench.seed)
