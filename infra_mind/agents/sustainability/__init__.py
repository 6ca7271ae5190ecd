"""Sustainability: energy, operational and embodied carbon of what the brief runs, and where and when the same would emit less."""

from __future__ import annotations

from collections import Counter

from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.sustainability import energy
from infra_mind.agents.sustainability.hosting import assess_hosting
from infra_mind.agents.sustainability.idle import assess_idle
from infra_mind.agents.sustainability.models import (
    assess_api,
    assess_serving,
    assess_training,
    number_of,
    served_models,
)
from infra_mind.agents.sustainability.regions import assess_hours, assess_regions
from infra_mind.agents.sustainability.sheet import NAME, Sheet, site_of, totals
from infra_mind.model.result import AgentResult


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `sustainability.*`. GPUs come from `mlops`; `cloud` says what the artefacts ask for, where no nodes are given."""
    brief, mlops = inputs.brief, inputs.results.get("mlops")
    sheet = Sheet(site=None)
    if brief.hosting or brief.llm_serving or brief.training:
        sheet.site = site_of(brief.hosting, sheet)
    elif not brief.llm_api:
        sheet.missing("hosting", "hosting", "Nothing that draws power is described, so nothing was reckoned")
    served = served_models(brief, mlops, sheet)
    taken: Counter[str] = Counter()
    for model in served:
        taken[model.card.id] += model.on_nodes
    groups = assess_hosting(brief.hosting, taken, sheet)
    if brief.hosting and sheet.site:
        assess_idle(brief.hosting, groups, brief.budget, sheet.site, sheet)
    _requested(inputs, sheet)
    progress(1, 4, "hosting")
    assess_serving(served, mlops, sheet)
    assess_training(brief, mlops, sheet)
    assess_api(brief.llm_api, sheet)
    progress(2, 4, "models")
    _network(sheet)
    totals(sheet)
    progress(3, 4, "totals")
    assess_regions(brief, served, mlops, sheet)
    assess_hours(brief, mlops, sheet)
    progress(4, 4, "regions and hours")
    return sheet.result()


def _requested(inputs: Inputs, sheet: Sheet) -> None:
    """What the workloads of the artefacts ask for, at the provider's average: beside the total, as they run on the nodes."""
    cloud, site = inputs.results.get("cloud"), sheet.site
    vcpu = number_of(cloud, "cloud.vcpu_requested")
    if vcpu is None or site is None or site.provider.per != "vcpu":
        return
    draw = energy.watts(site.provider.min_watts, site.provider.max_watts, energy.UTILISATION)
    sheet.fact(
        "artefacts_kwh_per_month", energy.kwh(draw, vcpu, energy.HOURS, site.pue), "kWh/month",
        "watts · cloud.vcpu_requested · hours · PUE / 1000, at the provider's average and half load; beside the total, never in it",
        {"watts": draw, "cloud.vcpu_requested": vcpu, "hours": energy.HOURS, "PUE": site.pue}, site.provider.source, site.provider.as_of,
    )  # fmt: skip


def _network(sheet: Sheet) -> None:
    """The brief has no field for traffic. What a terabyte of it would take is said, so that nobody takes it for nothing."""
    if not sheet.parts:
        return
    sheet.fact(
        "network_kwh_per_tb", energy.NETWORK_KWH_PER_GB * 1000, "kWh/TB", "kwh_per_gb · 1000", {"kwh_per_gb": energy.NETWORK_KWH_PER_GB},
        energy.CCF, energy.AS_OF,
    )  # fmt: skip
    sheet.assume("network", "Traffic is in no sum: the brief has no field for it; a terabyte between data centres takes about one kWh", energy.NETWORK_KWH_PER_GB, "kWh/GB", energy.CCF)  # fmt: skip


AGENT = Agent(
    name=NAME,
    assess=assess,
    needs=("cloud", "mlops"),
    reads=("hosting", "budget", "compliance", "llm_api", "llm_serving", "training"),
    title="Energy and carbon",
    version=3,
)
