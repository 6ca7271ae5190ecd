"""Prices of models rented by the token, from the list that the installed `genai-prices` carries; nothing is looked up online.

The list holds prices that start or end on a date: the price in force on the list's own date counts, never today's. Where a price
depends on the length of the request (tiers), the whole request pays the tier that its input tokens reach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import genai_prices
from genai_prices import types
from genai_prices.data import providers

from infra_mind.knowledge import tables
from infra_mind.model.base import Value

# Month in which the registry shows the release: the list does not say its own date. A later release counts as the last one here.
RELEASED = {"0.2.3": "2026-11"}
SAMPLE = 1000  # tokens of the trial request; below every tier's threshold


class ApiPrice(Value):
    """USD per million tokens of one model of one provider; None where the list has no price for that direction.

    `tier_from` is the number of input tokens in one request from which a higher tier would apply, None without tiers."""

    provider: str
    model: str
    usd_per_million_input: float | None
    usd_per_million_output: float | None
    tier_from: int | None = None
    source: str
    as_of: str


def price(model: str, input_tokens_per_request: int | None = None) -> ApiPrice | None:
    """The price of `model` (`gpt-5`, or `provider/model` where several rent it out), None when the list lacks it or says zero.

    Tiers follow `input_tokens_per_request`; without it the lowest counts, and `tier_from` tells where it ends."""
    found = _find(model)
    if found is None:
        return None
    provider, info = found
    listed = info.get_prices(_in_force())
    tokens = SAMPLE if input_tokens_per_request is None else max(1, input_tokens_per_request)
    rates = _rates(listed, tokens)
    if not any(rates):
        return None
    return ApiPrice(
        provider=provider, model=info.id, usd_per_million_input=rates[0], usd_per_million_output=rates[1],
        tier_from=_tier_from(listed), source=source(), as_of=as_of(),
    )  # fmt: skip


def why_unpriced(model: str) -> str:
    """Why `price` gave None, with the nearest names."""
    bare = model.lower()
    several = sorted(f"{p.id}/{m.id}" for p, m in _models() if m.id.lower() == bare)
    if several and _find(model) is None:
        return f"{model!r} is rented out by several; say which: {', '.join(several[:6])}"
    if _find(model):
        return f"the list has no price above zero for {model!r}"
    return f"unknown model {model!r}; nearest: {', '.join(nearest(model))}"


def nearest(model: str, limit: int = 3) -> tuple[str, ...]:
    """Models of the list, as `provider/model`, whose names look most like `model`."""
    last = model.rpartition("/")[2]
    by_name: dict[str, str] = {}
    for provider, info in _models():
        by_name.setdefault(info.id.rpartition("/")[2], f"{provider.id}/{info.id}")
    return tuple(by_name[n] for n in tables.nearest(last, by_name, limit))


def names() -> tuple[tuple[str, str], ...]:
    """Every (provider, model) of the list."""
    return tuple((provider.id, info.id) for provider, info in _models())


def as_of() -> str:
    """Month of the list."""
    return RELEASED.get(genai_prices.__version__, max(RELEASED.values()))


def source() -> str:
    """The list and its version."""
    return f"genai-prices {genai_prices.__version__}, bundled list"


def _in_force() -> datetime:
    year, month = as_of().split("-")[:2]
    return datetime(int(year), int(month), 1, 12, tzinfo=UTC)


def _rates(listed: types.ModelPrice, tokens: int) -> tuple[float | None, float | None]:
    """USD per million input and output tokens in a request of `tokens` input tokens."""
    asked = listed.calc_price(types.Usage(input_tokens=tokens, output_tokens=SAMPLE))
    return (
        _per_million(asked["input_price"], tokens) if listed.input_mtok is not None else None,
        _per_million(asked["output_price"], SAMPLE) if listed.output_mtok is not None else None,
    )


def _per_million(usd: Decimal, tokens: int) -> float:
    return float(usd * 1_000_000 / tokens)


def _tier_from(listed: types.ModelPrice) -> int | None:
    starts = [
        tier.start
        for p in (listed.input_mtok, listed.output_mtok)
        if isinstance(p, types.TieredPrices)
        for tier in p.tiers
    ]
    return min(starts, default=None)


def _find(model: str) -> tuple[str, types.ModelInfo] | None:
    """By the list's own matching; then `provider/model`; then a model that a single provider has under exactly this id."""
    head, _, rest = model.partition("/")
    found = _match(model, None) or (_match(rest, head.lower()) if rest else None)
    if found:
        return found
    exact = [(p.id, m) for p, m in _models() if m.id.lower() == model.lower()]
    return exact[0] if len(exact) == 1 else None


def _match(model: str, provider: str | None) -> tuple[str, types.ModelInfo] | None:
    try:
        rented = genai_prices.data_snapshot.DataSnapshot(providers, from_auto_update=False)
        owner, info = rented.find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    return owner.id, info


@cache
def _models() -> tuple[tuple[types.Provider, types.ModelInfo], ...]:
    def each() -> Iterator[tuple[types.Provider, types.ModelInfo]]:
        for provider in sorted(providers, key=lambda p: p.id):
            for info in sorted(provider.models, key=lambda m: m.id):
                yield provider, info

    return tuple(each())
