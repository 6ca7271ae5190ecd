"""Energy and carbon of models rented by the token, by the method that the installed `ecologits` carries; nothing is looked up online.

Only its functions and tables are used, none of its wrappers around providers' clients. Its method counts output tokens: prompts are not
in it. Architectures that were never published are ranges there, so every number is a low and a high one."""

from __future__ import annotations

from functools import cache
from typing import Any

from infra_mind.knowledge import llm_api
from infra_mind.model.base import Value

AS_OF = "2026-10"  # of the release that pyproject.toml asks for at the least
# The price list's name of a provider → the energy list's.
PROVIDERS = {
    "openai": "openai", "azure": "openai", "anthropic": "anthropic", "mistral": "mistralai", "cohere": "cohere",
    "google": "google_genai", "huggingface": "huggingface_hub",
}  # fmt: skip
_NEVER = 1e15  # a request that is never cut short by its caller


class TokenImpact(Value):
    """Of `tokens` output tokens: kWh with the data centre's overhead, kgCO2e of the use and of the hardware's making, low and high."""

    provider: str
    model: str
    zone: str
    kwh: tuple[float, float]
    kgco2e: tuple[float, float]
    embodied_kgco2e: tuple[float, float]
    kgco2e_per_kwh: float
    source: str
    as_of: str


def impact(model: str, output_tokens: float) -> TokenImpact | None:
    """What `output_tokens` of this model take; None when the list has no such model."""
    from ecologits.electricity_mix_repository import electricity_mixes
    from ecologits.impacts.llm import compute_llm_impacts
    from ecologits.tracers.utils import PROVIDER_CONFIG_MAP

    found = _find(model)
    if found is None:
        return None
    owner, known = found
    where = PROVIDER_CONFIG_MAP[owner]
    mix = electricity_mixes.find_electricity_mix(zone=where.datacenter_location)
    if mix is None:
        return None
    parameters = known.architecture.parameters
    deployment = known.deployment
    # Every step is linear in the tokens but the time to the first one, which a month's total pays once: a second of a server.
    result: Any = compute_llm_impacts(
        model_active_parameter_count=getattr(parameters, "active", parameters),
        model_total_parameter_count=getattr(parameters, "total", parameters),
        output_token_count=output_tokens, request_latency=_NEVER, if_electricity_mix_adpe=mix.adpe, if_electricity_mix_pe=mix.pe,
        if_electricity_mix_gwp=mix.gwp, if_electricity_mix_wue=mix.wue, datacenter_pue=where.datacenter_pue,
        datacenter_wue=where.datacenter_wue, tps=deployment.tps if deployment else None, ttft=deployment.ttft if deployment else None,
    )  # fmt: skip
    return TokenImpact(
        provider=owner, model=known.name, zone=where.datacenter_location, kwh=_range(result.usage.energy.value),
        kgco2e=_range(result.usage.gwp.value), embodied_kgco2e=_range(result.embodied.gwp.value), kgco2e_per_kwh=mix.gwp,
        source=source(), as_of=AS_OF,
    )  # fmt: skip


@cache
def source() -> str:
    """The list and its version."""
    from importlib.metadata import version

    return f"ecologits {version('ecologits')}, bundled models and electricity mixes"


def _find(model: str) -> tuple[str, Any] | None:
    """By the price list's matching, so that a model means the same in both; then by the name as it stands."""
    from ecologits.model_repository import models

    priced = llm_api.price(model)
    names = [model.rpartition("/")[2]]
    owners = sorted(set(PROVIDERS.values()))
    if priced:
        names.insert(0, priced.model)
        owners = [PROVIDERS[priced.provider]] if priced.provider in PROVIDERS else []
    for name in names:
        for owner in owners:
            known = models.find_model(provider=owner, model_name=name)
            if known is not None:
                return owner, known
    return None


def _range(value: Any) -> tuple[float, float]:
    return (float(value.min), float(value.max)) if hasattr(value, "min") else (float(value), float(value))
