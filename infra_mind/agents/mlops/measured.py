"""The closed form against published measurements: how far off it is, point by point and per family.

`python -m infra_mind.agents.mlops.measured` prints the tables of docs/agents/mlops.md; a test holds the page to them. With the extra
`gpu` it also prints how far off the kernel tables are at the same points."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from infra_mind.agents.mlops.kernels import Tables, installed, question
from infra_mind.agents.mlops.roofline import Load, Planning, Replica, peak_flops
from infra_mind.agents.mlops.shape import shape_of
from infra_mind.knowledge import gpus
from infra_mind.knowledge.serving import Measurement, measurements
from infra_mind.model.brief import Serving


@dataclass(frozen=True)
class Point:
    """One measured point, the replica that was measured, and throughput reckoned over throughput measured (for a time: measured
    over reckoned)."""

    of: Measurement
    replica: Replica
    batch: float
    value: float
    ratio: float

    @property
    def name(self) -> str:
        load = self.replica.load
        return f"{load.input_tokens:.0f}/{load.output_tokens:.0f} @ {self.batch:.0f}"


def points() -> Iterator[Point]:
    """Every measured point, in the order of the table. KeyError for a model or GPU that the tables lack."""
    for measurement in measurements().rows:
        yield from _of(measurement)


def _of(measurement: Measurement) -> Iterator[Point]:
    given = {"weight_dtype": measurement.weight_dtype} if measurement.weight_dtype else {}
    shape = shape_of(Serving.model_validate({"name": "measured", "model": measurement.model, **given}), "")
    gpu = gpus.find(measurement.gpu)
    if shape is None or gpu is None:
        raise KeyError(measurement.id)
    peak = peak_flops(gpu, shape.weight_dtype)
    if peak is None:
        raise KeyError(measurement.id)
    totals = measurement.requests or (0,) * len(measurement.points)
    for (input_tokens, output_tokens, given_batch, value), total in zip(
        measurement.points, totals, strict=True
    ):
        load = Load(input_tokens, output_tokens, measurement.kv_dtype)
        replica = Replica(
            shape, gpu, measurement.gpus, load, peak, Planning.of(gpu), measurement.attention_dp
        )
        fit = min(replica.concurrency, replica.sequence_limit)
        batch = given_batch or float(min(fit, total) if total else fit)
        if measurement.quantity == "tpot_ms":
            ratio = value / (_tpot_s(replica, batch) * 1000)
        else:
            rate = _rate_of_waves(replica, total, int(batch)) if total else replica.rate(batch)
            ratio = rate * output_tokens / value
        yield Point(measurement, replica, batch, value, ratio)


def _rate_of_waves(replica: Replica, total: int, at_once: int) -> float:
    """Requests per second of a run of equal requests that all wait from the start: those that start together end together, and the
    last wave may be a small one."""
    full, last = divmod(total, at_once)
    seconds = full * at_once / replica.rate(at_once) + (last / replica.rate(last) if last else 0.0)
    return total / seconds


def _tpot_s(replica: Replica, in_flight: float) -> float:
    """Seconds per token with so many requests in a closed loop: a request's own prefill comes before its first token, so that
    only the prefills of the others stretch its answer."""
    others = (in_flight - 1) * replica.prefill_s / replica.load.output_tokens
    return replica.decode_s(in_flight) + others


def band(ratios: list[float]) -> tuple[float, float, float]:
    """The ratio that one point in twenty stays below, the middle one, and the one that one in twenty passes."""
    ordered = sorted(ratios)
    last = len(ordered) - 1
    return ordered[round(last * 0.05)], ordered[round(last * 0.5)], ordered[round(last * 0.95)]


def percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.0f}".replace("-", "−")


def report() -> str:
    """Two tables in Markdown: one line per series with the error at each point, and the spread per maker."""
    found = list(points())
    lines = [
        "| Model and GPUs | Measured with | Use | prompt/answer @ in flight: error in % |",
        "|---|---|---|---|",
    ]
    for measurement in measurements().rows:
        own = [p for p in found if p.of is measurement]
        errors = ", ".join(f"{p.name}: {percent(p.ratio)}" for p in own)
        where = f"{measurement.model.split('/')[1]} {measurement.weight_dtype or 'as published'}, {measurement.gpus} × {measurement.gpu}"
        what = "" if measurement.quantity == "output_tokens_per_s" else ", time per token"
        lines.append(
            f"| {where} | {measurement.engine}{what}, {measurement.as_of} | {measurement.use} | {errors} |"
        )
    lines += [
        "",
        "| Maker | Models | Use | Points | 5 % below | middle | 5 % above |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {maker} | {'with experts' if sparse else 'dense'} | {use} | {len(ratios)} | {' | '.join(map(percent, band(ratios)))} |"
        for maker in ("NVIDIA", "AMD")
        for sparse in (False, True)
        for use in ("fit", "check")
        if (
            ratios := [p.ratio for p in found if (p.of.use, _maker(p), _is_sparse(p)) == (use, maker, sparse)]
        )
    ]
    return "\n".join(lines)


def _is_sparse(point: Point) -> bool:
    return point.replica.shape.experts is not None


def _maker(point: Point) -> str:
    return point.replica.gpu.maker


def by_tables(tables: Tables) -> Iterator[tuple[Point, float]]:
    """The points that the kernel tables cover, each with throughput by the tables over throughput measured."""
    for point in points():
        asked = question(tables, point.of.model, point.replica.shape, point.replica, point.batch)
        if asked is None or point.of.use == "old":
            continue
        try:
            answer = tables.ask(asked)
        except Exception as error:  # the package's own; what it does not cover is told, not guessed
            print(f"{point.of.id} {point.name}: {type(error).__name__}", file=sys.stderr)
            continue
        is_time = point.of.quantity == "tpot_ms"
        yield point, point.value / (answer.tpot_s * 1000) if is_time else answer.tokens_per_s / point.value


def report_of_tables(tables: Tables) -> str:
    """The same two tables in Markdown for the kernel tables, and at their points for the closed form."""
    found = list(by_tables(tables))
    lines = ["| Model and GPUs | Measured with | error in % by the kernel tables |", "|---|---|---|"]
    for measurement in measurements().rows:
        own = [(p, r) for p, r in found if p.of is measurement]
        if own:
            errors = ", ".join(f"{p.name}: {percent(ratio)}" for p, ratio in own)
            lines.append(
                f"| {measurement.model.split('/')[1]}, {measurement.gpus} × {measurement.gpu} | {measurement.engine} | {errors} |"
            )
    lines += ["", "| | Points | 5 % below | middle | 5 % above |", "|---|---|---|---|---|"]
    for name, ratios in (
        ("kernel tables", [ratio for _, ratio in found]), ("closed form at the same points", [p.ratio for p, _ in found]),
    ):  # fmt: skip
        low, middle, high = band(ratios)
        lines.append(f"| {name} | {len(ratios)} | {percent(low)} | {percent(middle)} | {percent(high)} |")
    return "\n".join(lines)


def main() -> None:
    print(report())
    tables = installed()
    if tables is not None:
        print("\n" + report_of_tables(tables))


if __name__ == "__main__":
    main()
