"""Defaults of the brief that were used: nobody gave the value, so it is said aloud as an assumption that names the field.

The agent that owns a section says it, once, for all who use it. A value that is written in the brief is no assumption, also where it
is the default: `model_fields_set` tells the two apart, and what stores or sends a brief keeps it (`Submission.to_bytes`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from infra_mind.model.base import Value
from infra_mind.model.brief import Budget, Compliance, Component, Node, Service, Serving, Storage
from infra_mind.model.fact import Assumption, FactValue

BRIEF = "default of the brief (/schema/brief.json)"


class Default(NamedTuple):
    """What the default means to the one who reads the result, and why it is this one; `value` where the model itself has none to show."""

    text: str
    reason: str
    unit: str = ""
    value: FactValue | None = None


DEFAULTS: Mapping[tuple[type[Value], str], Default] = {
    (Node, "count"): Default("One node of the type", "the fewest that a listed node can be", "count"),
    (Storage, "replicas"): Default("The data is kept, and paid, once", "the fewest that stored data can be", "count"),
    (Component, "replicas"): Default("One of it stands in the path", "the fewest that a listed component can be", "count"),
    (Component, "needed"): Default("One of its replicas carries all requests", "the fewest that can serve", "count"),
    (Budget, "commitment_coverage"): Default("No commitments: all compute is paid on demand", "list prices hold without a contract", "share"),
    (Budget, "commitment_discount"): Default("What is committed is paid at list price", "no discount is known unless it is given", "share"),
    (Budget, "commitment_utilisation"): Default("All of what is committed is used", "nothing idle is known unless it is given", "share"),
    (Serving, "weight_dtype"): Default("The weights are served in 16 bit", "not quantised unless the brief says so", "text"),
    (Serving, "kv_dtype"): Default("The cache of keys and values is kept in 16 bit",
                                   "vLLM, kv_cache_dtype `auto`: the width of the model, not quantised", "text"),
    (Serving, "ttft_s"): Default("No target for the time to the first token: it does not limit the split", "no limit unless the brief has one", "text", "none"),
    (Serving, "tpot_s"): Default("No target for the time per output token: it does not limit the batch", "no limit unless the brief has one", "text", "none"),
    (Service, "arrivals_sigma"): Default("The arrivals are taken as certain", "brief: absent means a point estimate", "sigma of the logarithm", 0.0),
    (Compliance, "data_classes"): Default("No class of data is named: findings keep the severity that they have for ordinary data",
                                          "no data is taken for sensitive unless the brief says so", "text", "none"),
    (Service, "service_sigma"): Default("The service time is taken as certain", "brief: absent means a point estimate", "sigma of the logarithm", 0.0),
}  # fmt: skip


def used(agent: str, given: Value, path: str, *fields: str) -> tuple[Assumption, ...]:
    """One assumption for each of `fields` that the brief leaves out at `path` (`hosting.nodes.0`), in their order.

    KeyError for a field that `DEFAULTS` does not explain: a default without a reason cannot be said."""
    return tuple(
        _assumption(agent, given, f"{path}.{field}", field, DEFAULTS[type(given), field])
        for field in fields
        if field not in given.model_fields_set or getattr(given, field) is None
    )


def _assumption(agent: str, given: Value, path: str, field: str, default: Default) -> Assumption:
    value = getattr(given, field) if default.value is None else default.value
    return Assumption(
        id=f"{agent}.default.{path}",
        text=default.text,
        value=value,
        unit=default.unit,
        source=f"{BRIEF}: {default.reason}",
        field=path,
    )
