"""Own GPUs for serving and training, models rented by the token, and where the one gets cheaper than the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from infra_mind.agents.cost.gpu_nodes import Wanted, assess_gpu_nodes, priced_gpus
from infra_mind.agents.cost.ledger import HOURS, Ledger, Place
from infra_mind.agents.free_gpus import FreeGpus
from infra_mind.knowledge import gpus, instances, llm_api, prices
from infra_mind.knowledge.prices import GpuOffer
from infra_mind.model.brief import Brief, Hosting, LlmApi, Serving, Training
from infra_mind.model.fact import id_parts
from infra_mind.model.finding import Status
from infra_mind.model.numbers import counted, money
from infra_mind.model.result import AgentResult

SECONDS = HOURS * 3600.0  # a month
MILLION = 1e6
SERVING, TRAINING, RENTED = Place(kind="llm_serving"), Place(kind="training"), Place(kind="llm_api")
T = TypeVar("T", Serving, Training, LlmApi)


@dataclass(frozen=True)
class Served:
    """A served model that has a price: USD/month and the load it was reckoned for; `name` as in the ids of its facts."""

    item: Serving
    name: str
    usd_per_month: float
    fact: str


@dataclass(frozen=True)
class Rented:
    """A rented model that has a price."""

    item: LlmApi
    name: str
    price: llm_api.ApiPrice


def assess_models(
    brief: Brief, mlops: AgentResult | None, ledger: Ledger
) -> tuple[list[Served], list[Rented]]:
    """Facts `cost.serving.*`, `cost.training.*` and `cost.api.*`, their lines, and what has no price."""
    own = priced_gpus(brief.hosting)
    served = [
        s
        for name, item in _named(brief.llm_serving)
        if (s := _serving(brief.hosting, item, name, mlops, own, ledger))
    ]
    assess_gpu_nodes(brief.hosting, [*_wanted(brief.llm_serving, mlops)], ledger)
    for name, job in _named(brief.training):
        _training(brief.hosting, job, name, mlops, ledger)
    rented = [r for name, item in _named(brief.llm_api) if (r := _api(item, name, ledger))]
    return served, rented


def _named(items: Sequence[T]) -> list[tuple[str, T]]:
    """Items with the part of the fact ids that is theirs alone, as mlops gives it."""
    return list(zip(id_parts(item.name for item in items), items, strict=True))


def _wanted(items: Sequence[Serving], mlops: AgentResult | None) -> Iterator[Wanted]:
    for name, item in _named(items):
        facts = tuple(f"mlops.serving.{name}.{f}" for f in ("gpus", "gpus_low"))
        count, least = (_number(mlops, fact) for fact in facts)
        if item.gpu and count:
            replica = int(_number(mlops, f"mlops.serving.{name}.gpus_per_replica") or 1)
            yield Wanted(
                item.name, item.gpu, int(count), int(least or count), replica, facts if least else facts[:1]
            )


def _serving(
    hosting: Hosting | None,
    item: Serving,
    name: str,
    mlops: AgentResult | None,
    own: FreeGpus,
    ledger: Ledger,
) -> Served | None:
    what = f"serving {item.name}"
    count = _number(mlops, f"mlops.serving.{name}.gpus")
    if count is None or count <= 0:
        ledger.miss(what, _why_unsized(mlops, f"mlops.serving.{name}.gpus", item.name), SERVING)
        return None
    per_replica = int(_number(mlops, f"mlops.serving.{name}.gpus_per_replica") or 1)
    offer = _gpu_offer(hosting, item.gpu, per_replica, what, SERVING, ledger)
    if offer is None:
        return None
    usd_per_hour = count * offer.usd_per_gpu_hour
    month = ledger.fact(
        f"serving.{name}.usd_per_month", usd_per_hour * HOURS, "USD/month", "gpus × hours × usd_per_gpu_hour",
        {"gpus": count, "hours": HOURS, "usd_per_gpu_hour": offer.usd_per_gpu_hour, "instance": offer.offer.instance,
         "gpus_per_instance": offer.gpus, "region": offer.offer.region},
        offer.offer.source, offer.offer.as_of,
    )  # fmt: skip
    if item.requests_per_s and item.output_tokens:
        tokens = item.requests_per_s * item.output_tokens
        ledger.fact(
            f"serving.{name}.usd_per_million_tokens", usd_per_hour / (tokens * 3600.0) * MILLION, "USD/million output tokens",
            "usd_per_hour / (output_tokens_per_s × 3600) × 1e6, output tokens at the brief's load",
            {"usd_per_hour": usd_per_hour, "output_tokens_per_s": tokens, "requests_per_s": item.requests_per_s,
             "output_tokens": item.output_tokens},
            offer.offer.source, offer.offer.as_of,
        )  # fmt: skip
    _book(item, name, offer, int(count), per_replica, own, ledger)
    return Served(item, name, usd_per_hour * HOURS, month)


def _book(
    item: Serving, name: str, offer: GpuOffer, count: int, replica: int, own: FreeGpus, ledger: Ledger
) -> None:
    covered = own.take(offer.gpu, count, replica)
    if covered:
        ledger.assume(
            f"serving.{name}.on_own_nodes",
            f"{covered} of {counted(count, 'GPU')} of {item.name} {'is one' if covered == 1 else 'are those'} of hosting.nodes and not paid twice",
            value=covered, unit="count", source="hosting.nodes", field="hosting.nodes",
        )  # fmt: skip
    if count > covered:
        what = f"serving {item.name}: {count - covered} × {offer.gpu}"
        ledger.compute(what, offer.offer, (count - covered) / offer.gpus)
    whole = math.ceil(count / offer.gpus)
    if whole * offer.gpus != count:
        ledger.assume(
            f"serving.{name}.shared_instances",
            f"{counted(count, 'GPU')} of {item.name} {'is charged as its' if count == 1 else 'are charged as their'} share of {offer.offer.instance} ({offer.gpus} GPUs); "
            f"rented whole, {whole} of them would cost {money(whole * HOURS * offer.offer.usd_per_hour)} a month",
            value=whole * HOURS * offer.offer.usd_per_hour, unit="USD/month", source=offer.offer.source,
        )  # fmt: skip


def _training(
    hosting: Hosting | None, job: Training, name: str, mlops: AgentResult | None, ledger: Ledger
) -> None:
    what = f"training {job.name}, once"
    hours = _number(mlops, f"mlops.training.{name}.gpu_hours")
    if hours is None or hours <= 0:
        ledger.miss(what, _why_unsized(mlops, f"mlops.training.{name}.gpu_hours", job.name), TRAINING)
        return
    offer = _gpu_offer(hosting, job.gpu, 1, what, TRAINING, ledger, many=job.gpus or 1)
    if offer is None:
        return
    ledger.fact(
        f"training.{name}.usd", hours * offer.usd_per_gpu_hour, "USD", "gpu_hours × usd_per_gpu_hour, once and not a month",
        {"gpu_hours": hours, "usd_per_gpu_hour": offer.usd_per_gpu_hour, "instance": offer.offer.instance, "region": offer.offer.region},
        offer.offer.source, offer.offer.as_of,
    )  # fmt: skip


def _gpu_offer(
    hosting: Hosting | None,
    gpu: str | None,
    at_least: int,
    what: str,
    place: Place,
    ledger: Ledger,
    many: int = 1,
) -> GpuOffer | None:
    """A GPU's hour in the brief's region; in another of the same provider, said aloud, when the region has none."""
    if hosting is not None and hosting.provider == "on_prem":
        ledger.miss(what, "own hardware has no list price", place)
        return None
    if hosting is None or hosting.provider is None or hosting.region is None or gpu is None:
        ledger.miss(what, f"{_absent(hosting, gpu)} not given", place)
        return None
    known = gpus.find(gpu)
    if known is None:
        ledger.miss(what, f"unknown GPU {gpu!r}", place)
        return None
    provider, region = hosting.provider, prices.region_name(hosting.provider, hosting.region)
    offer = _cheapest(provider, region, known.id, at_least, many)
    if offer:
        return offer
    elsewhere = prices.gpu_regions(provider, known.id)
    if not elsewhere or region not in prices.regions(provider):
        reason = (
            f"no dated price of {known.id} at {provider}"
            if not elsewhere
            else f"no price list for region {hosting.region!r} of {provider}"
        )
        ledger.miss(what, reason, place)
        return None
    offers = [o for r in elsewhere if (o := _cheapest(provider, r, known.id, at_least, many))]
    best = min(
        offers,
        key=lambda o: (
            o.offer.region.split("-")[0] != region.split("-")[0],
            o.usd_per_gpu_hour,
            o.offer.region,
        ),
    )
    ledger.assume(
        f"gpu.{known.id}.region",
        f"{provider} has no dated price of {known.id} in {region}: priced as in {best.offer.region} ({best.offer.instance})",
        value=best.usd_per_gpu_hour, unit="USD/GPU hour", source=best.offer.source, field="hosting.region",
    )  # fmt: skip
    return best


def _absent(hosting: Hosting | None, gpu: str | None) -> str:
    """What a price needs and the brief lacks."""
    lacking = ["the GPU"] if gpu is None else []
    lacking += [f"hosting.{f}" for f in ("provider", "region") if getattr(hosting, f, None) is None]
    return " and ".join(lacking)


def _cheapest(provider: str, region: str, gpu: str, at_least: int, many: int) -> GpuOffer | None:
    """Of instances large enough for one replica; for many GPUs at once of the largest, since a cluster is made of whole nodes."""
    sizes = sorted({i.gpus for i in instances.with_gpu(provider, gpu)}, reverse=True)
    wanted = next((s for s in sizes if s <= many), 1) if many > 1 else at_least
    return (
        prices.gpu_hour(provider, region, gpu, wanted)
        or prices.gpu_hour(provider, region, gpu, at_least)
        or prices.gpu_hour(provider, region, gpu)
    )


def _api(item: LlmApi, name: str, ledger: Ledger) -> Rented | None:
    what = f"model API {item.name} ({item.model})"
    asked = {"input": item.input_tokens_per_month, "output": item.output_tokens_per_month}
    if all(tokens is None for tokens in asked.values()):
        ledger.miss(what, "input_tokens_per_month and output_tokens_per_month are not given", RENTED)
        return None
    found = llm_api.price(item.model)
    if found is None:
        ledger.miss(what, llm_api.why_unpriced(item.model), RENTED)
        return None
    rates = {"input": found.usd_per_million_input, "output": found.usd_per_million_output}
    if any(asked[d] and rates[d] is None for d in asked):
        ledger.miss(
            what,
            f"the list has no price of {found.model} for {' and '.join(d for d in asked if asked[d] and rates[d] is None)} tokens",
            RENTED,
        )
        return None
    _say_what_is_open(item, name, found, ledger)
    usd = [
        ledger.tokens(f"{what}, {d} tokens", found.model, found.provider, (asked[d] or 0.0) / MILLION, rates[d] or 0.0, found.source, found.as_of)
        for d in ("input", "output") if asked[d]
    ]  # fmt: skip
    ledger.fact(
        f"api.{name}.usd_per_month", math.fsum(usd), "USD/month",
        "(input_tokens × usd_per_million_input + output_tokens × usd_per_million_output) / 1e6",
        {"input_tokens": asked["input"] or 0.0, "output_tokens": asked["output"] or 0.0,
         "usd_per_million_input": rates["input"] or 0.0, "usd_per_million_output": rates["output"] or 0.0, "model": f"{found.provider}/{found.model}"},
        found.source, found.as_of,
    )  # fmt: skip
    return Rented(item, name, found)


def _say_what_is_open(item: LlmApi, name: str, found: llm_api.ApiPrice, ledger: Ledger) -> None:
    if found.tier_from is not None:
        ledger.assume(
            f"api.{name}.tier",
            f"No request of {item.name} has more than {found.tier_from} input tokens: above that a higher tier is charged",
            value=found.tier_from, unit="tokens", source=found.source,
        )  # fmt: skip
    for direction in ("input", "output"):
        if getattr(item, f"{direction}_tokens_per_month") is None:
            what = f"model API {item.name} ({item.model}), {direction} tokens"
            ledger.miss(what, f"llm_api {item.name}: {direction}_tokens_per_month is not given", RENTED)


def _number(mlops: AgentResult | None, id: str) -> float | None:
    fact = next((f for f in mlops.facts if f.id == id), None) if mlops else None
    if fact is None or isinstance(fact.value, str | bool) or not math.isfinite(fact.value):
        return None
    return float(fact.value)


def _why_unsized(mlops: AgentResult | None, id: str, name: str) -> str:
    """What mlops itself says about an item that it gave no size for."""
    said = (
        [
            f.title
            for f in mlops.findings
            if f.status is not Status.PASS
            and f.rule_id.startswith(".".join(id.split(".")[:2]))
            and f.title.startswith(f"{name}: ")
        ]
        if mlops
        else []
    )
    return f"mlops gave no {id}" + (f": {said[0]}" if said else "")
