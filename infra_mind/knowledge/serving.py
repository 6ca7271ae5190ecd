"""What serving engines were measured to reach: published points, and the share of a GPU's printed peaks that they amount to."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra_mind.knowledge.gpus import Gpu
from infra_mind.knowledge.tables import Row, Table, load

Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Efficiency(Row):
    """Shares of the printed peaks that engines reach on the GPUs of a maker (`id`); `low` to `high` is the band of throughput
    reckoned over measured, for models with experts `experts_low` to `experts_high`. `measured` is False where no measurement was found and another maker's values stand in."""

    id: Annotated[str, Field(pattern=r"^(NVIDIA|AMD|Intel|Google)$")]
    prefill_mfu: Share
    decode_mfu: Share
    bandwidth_efficiency: Share
    expert_efficiency: Share
    expert_mfu: Share
    low: Share
    high: Annotated[float, Field(ge=1, le=5)]
    experts_low: Share
    experts_high: Annotated[float, Field(ge=1, le=5)]
    measured: bool

    def band(self, sparse: bool) -> tuple[float, float]:
        """The band of a dense model, or of one whose tokens take some of many experts."""
        return (self.experts_low, self.experts_high) if sparse else (self.low, self.high)


class Measurement(Row):
    """A published series on one deployment: points of (prompt tokens, answer tokens, requests in flight, value); no number in
    flight means as many as fit. `use` says whether the series gave the efficiencies (`fit`), tests them (`check`), or is `old`.
    `requests`: of a run that queues them all at once, how many at each point. `attention_dp`: only the experts were split."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]
    model: str
    gpu: str
    gpus: Annotated[int, Field(ge=1, le=64)]
    weight_dtype: Literal["", "bf16", "fp16", "fp8", "int8", "int4"] = ""
    kv_dtype: Literal["bf16", "fp16", "fp8"]
    engine: str
    quantity: Literal["output_tokens_per_s", "tpot_ms"]
    use: Literal["fit", "check", "old"]
    points: Annotated[tuple[tuple[Positive, Positive, Positive | None, Positive], ...], Field(min_length=1)]
    requests: tuple[Annotated[int, Field(ge=1)], ...] = ()
    attention_dp: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _requests_of_every_point(self) -> Measurement:
        if self.requests and len(self.requests) != len(self.points):
            raise ValueError("requests are given for every point or for none")
        return self

    @model_validator(mode="after")
    def _known_batch_for_times(self) -> Measurement:
        if self.quantity == "tpot_ms" and any(batch is None for _, _, batch, _ in self.points):
            raise ValueError("a time per token needs the number of requests in flight")
        return self


def efficiency(gpu: Gpu) -> Efficiency:
    """The shares for a GPU, by its maker. Raises TableInvalid when the table breaks its own rules."""
    return load("serving_efficiency", Efficiency, attrgetter("id")).by_key[gpu.maker]


def measurements() -> Table[Measurement]:
    """The packaged table of published measurements. Raises TableInvalid when it breaks its own rules."""
    return load("measured_serving", Measurement, attrgetter("id"))
