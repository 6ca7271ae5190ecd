"""Words for ids: what a person reads instead of `cost.total_usd_per_month`."""

from __future__ import annotations

AGENT_TITLES = {
    "cloud": "Resources and topology",
    "security": "Security",
    "reliability": "Availability against target",
    "mlops": "GPU sizing and training",
    "capacity": "Capacity",
    "research": "Market data",
    "compliance": "Compliance",
    "cost": "Cost",
    "sustainability": "Energy and carbon",
    "adoption": "AI readiness",
    "strategy": "Strategy",
}

STATUS_TITLES = {
    "fail": "failed",
    "suppressed": "failed and suppressed",
    "pass": "passed",
    "not_assessed": "not assessed",
    "unresolvable": "only known at apply time",
    "manual": "to be judged by a person",
}

_LAST = {
    "options": "Recommendations",
    "offers": "Prices looked at",
    "alternatives": "Other models looked at",
    "person_days": "Work in all",
    "capacity_person_days_per_30_days": "Work the team can do in 30 days",
    "beyond_90_days": "Recommendations that end after day 90",
    "total_usd_per_month": "Total cost",
    "over_budget_usd_per_month": "Over budget",
    "usd_per_month": "Cost",
    "usd": "One-off cost",
    "artefacts_usd_per_month": "What the artefacts would cost",
    "priced_share": "Share with a price, by number of lines",
    "usd_per_million_tokens": "Cost of tokens",
    "unpriced_count": "Things without a price",
    "kwh_per_month": "Energy",
    "kgco2e_per_month": "Operational carbon",
    "embodied_kgco2e_per_month": "Embodied carbon",
    "kwh": "Energy",
    "kgco2e": "Operational carbon",
    "embodied_kgco2e": "Embodied carbon",
    "compute_kwh_per_month": "Energy of the processors",
    "compute_kwh_per_month_by_average": "Energy of the processors, by the provider's average",
    "memory_kwh_per_month": "Energy of memory beyond the measured servers'",
    "gpu_kwh_per_month": "Energy of the GPUs",
    "idle_kwh_per_month": "Energy of idle capacity",
    "artefacts_kwh_per_month": "Energy of what the artefacts ask for",
    "watts_per_vcpu": "Power of a vCPU",
    "energy_share": "Share of the energy",
    "network_kwh_per_tb": "Energy of a terabyte of traffic",
    "best_start_utc": "Cleanest hours start (UTC)",
    "worst_start_utc": "Dirtiest hours start (UTC)",
    "saving_share": "Saving",
    "on_demand_usd_per_hour": "An hour on demand",
    "cheapest_on_demand_usd_per_hour": "Cheapest hour on demand",
    "on_demand_usd_per_gpu_hour": "A GPU hour on demand",
    "cheapest_on_demand_usd_per_gpu_hour": "Cheapest GPU hour on demand",
    "spot_usd_per_hour": "An hour at spot",
    "cheapest_spot_usd_per_hour": "Cheapest hour at spot",
    "spot_usd_per_gpu_hour": "A GPU hour at spot",
    "cheapest_spot_usd_per_gpu_hour": "Cheapest GPU hour at spot",
    "committed_1y_usd_per_hour": "An hour committed for one year",
    "cheapest_committed_1y_usd_per_hour": "Cheapest hour committed for one year",
    "committed_1y_usd_per_gpu_hour": "A GPU hour committed for one year",
    "cheapest_committed_1y_usd_per_gpu_hour": "Cheapest GPU hour committed for one year",
    "committed_3y_usd_per_hour": "An hour committed for three years",
    "cheapest_committed_3y_usd_per_hour": "Cheapest hour committed for three years",
    "committed_3y_usd_per_gpu_hour": "A GPU hour committed for three years",
    "cheapest_committed_3y_usd_per_gpu_hour": "Cheapest GPU hour committed for three years",
    "highest_on_demand_usd_per_hour": "Dearest hour on demand",
    "highest_on_demand_usd_per_gpu_hour": "Dearest GPU hour on demand",
    "spot_saving_share": "Saving at spot",
    "usd_per_million_input": "A million input tokens",
    "usd_per_million_output": "A million output tokens",
    "cheapest_elsewhere_usd_per_month": "The same model elsewhere",
    "cheapest_newer_usd_per_month": "A newer model of the line",
    "age_days": "Age of the oldest price",
    "newest": "Newest price data",
    "refused": "Prices refused",
    "readiness": "Readiness",
    "choice": "Build or rent",
    "ml": "Machine learning",
    "cloud": "Cloud platforms",
    "kubernetes": "Kubernetes",
    "platform_people": "People for the platform",
    "people": "People for the data",
    "weeks": "Weeks",
    "answered": "Questions answered",
    "weakest": "Weakest dimension",
    "phase": "Phase of adoption",
    "gaps": "Gaps",
    "roadmap_weeks": "Weeks to close the gaps",
    "risk_tier": "Risk tier of the AI use",
    "downtime_minutes_per_year": "Expected downtime",
    "error_budget_minutes_per_30_days": "Error budget of 30 days",
    "checkpoint_interval_minutes": "Checkpoint interval",
    "allowed_downtime_minutes_per_year": "Downtime the target allows",
    "replicas_for_target": "Replicas that meet the target",
    "kv_room_bytes": "Room for the KV cache",
    "requests_per_s_per_replica": "Requests a replica serves",
    "batch_limit": "Largest batch within the time per token",
    "utilisation": "Utilisation",
    "prefill_s": "Prefill of one request",
    "days": "Duration",
    "waste": "Time lost to checkpoints and failures",
    "weights_bytes": "Weights in memory",
    "kv_bytes_per_token": "KV cache of a token",
    "gpus": "GPUs",
    "gpus_per_replica": "GPUs in a replica",
    "gpu_hours": "GPU hours",
    "ttft_s": "Time to first token",
    "tpot_s": "Time per output token",
    "requests_per_s": "Requests",
    "flops": "FLOPs",
    "memory_bytes": "Memory",
    "p_wait": "Chance of having to wait",
    "p_within": "Served within the wait target",
    "mean_wait_s": "Mean wait",
    "servers": "Servers needed",
    "servers_p5": "Servers needed, 5 % case",
    "servers_p50": "Servers needed, median",
    "servers_p95": "Servers needed, 95 % case",
    "vcpu_requested": "vCPU requested",
    "memory_mib_requested": "Memory requested",
    "machine_checkable": "Checkable by machine",
    "manual": "Only for people to answer",
}
# What a name's ending says about the unit; `_per_s` stands before `_s`, which it ends in.
_UNIT_ENDINGS = {
    "_usd_per_month": "USD/month",
    "_usd_per_hour": "USD/h",
    "_usd": "USD",
    "_minutes_per_year": "minutes/year",
    "_minutes": "minutes",
    "_hours": "hours",
    "_bytes": "bytes",
    "_mib": "MiB",
    "_gb": "GB",
    "_share": "share",
    "_per_s": "1/s",
    "_s": "s",
}
_ACRONYMS = {
    "usd": "USD", "gpu": "GPU", "gpus": "GPUs", "cpu": "CPU", "vcpu": "vCPU", "kv": "KV", "id": "ID", "mib": "MiB",
    "mfu": "MFU", "ttft": "TTFT", "tpot": "TPOT", "pue": "PUE", "kwh": "kWh", "gdpr": "GDPR", "hipaa": "HIPAA",
    "dora": "DORA", "ai": "AI", "eu": "EU", "api": "API",
}  # fmt: skip
# Names that stand in the middle of ids, as people write them.
_ABOUT = {
    "gdpr": "GDPR", "hipaa": "HIPAA", "pci_dss": "PCI DSS", "soc2": "SOC 2", "iso27001": "ISO 27001", "nist_800_53": "NIST 800-53",
    "ccpa": "CCPA", "eu_ai_act": "EU AI Act", "nis2": "NIS 2", "dora": "DORA",
    "roadmap": "",  # what is reckoned of it says so itself
}  # fmt: skip
# Ids below these end in the id of a rule or a priority, not in a word for what the fact is.
_BELOW = {"strategy.utility.": "Utility", "strategy.weight.": "Weight"}
_IMPACT = "strategy.impact."
_SAVED = {
    "usd_per_month": "Money saved",
    "kgco2e_per_month": "Carbon saved",
    "downtime_minutes_per_year": "Downtime avoided",
}
_WHOLE_NAMES = {"bytes": "bytes", "share": "share", "utilisation": "share", "usd_per_month": "USD/month"}


def fact_name(fact_id: str) -> str:
    """The last part of a fact's id in words: `cost.total_usd_per_month` → `Total cost`."""
    if (what := below(fact_id)[0]) or (
        fact_id.startswith(_IMPACT) and (what := _SAVED.get(fact_id.rpartition(".")[2], ""))
    ):
        return what
    last = fact_id.rpartition(".")[2]
    if last in _LAST:
        return _LAST[last]
    return _capital(last.removesuffix(_ending(last)).replace("_", " "))


def below(fact_id: str) -> tuple[str, str]:
    """What the fact is and the id of which it is that, where it ends in one: `strategy.utility.cloud.zone-loss`; else two empty words."""
    for prefix, what in _BELOW.items():
        if fact_id.startswith(prefix):
            return what, fact_id.removeprefix(prefix)
    return "", ""


def unit_of(key: str) -> str:
    """The unit that a key of an agent's own table names: `prefill_s` → `s`, `name` → nothing."""
    return _WHOLE_NAMES.get(key) or _UNIT_ENDINGS.get(_ending(key), "")


def fact_label(fact_id: str) -> str:
    """With what it is about: `mlops.serving.assistant.gpus` → `GPUs, assistant`."""
    what, rest = below(fact_id)
    if what:
        return f"{what}, {rest}"
    if fact_id.startswith(_IMPACT):
        rule = fact_id.removeprefix(_IMPACT).rpartition(".")[0]
        return f"{fact_name(fact_id)}, {rule}"
    parts = fact_id.split(".")
    about = ".".join(parts[2:-1] if len(parts) > 3 else parts[1:-1])
    about = _ABOUT.get(about, about)
    return f"{fact_name(fact_id)}, {about}" if about else fact_name(fact_id)


def agent_title(name: str) -> str:
    """`cost` → `Cost`; an agent that is not known here by its own name."""
    return AGENT_TITLES.get(name, _capital(name.replace("_", " ").replace(".", ": ")))


def status_title(status: str) -> str:
    """`not_assessed` → `not assessed`."""
    return STATUS_TITLES.get(status, status.replace("_", " "))


def _ending(name: str) -> str:
    return next((end for end in _UNIT_ENDINGS if name.endswith(end) and len(name) > len(end)), "")


def _capital(text: str) -> str:
    words = [_ACRONYMS.get(word, word) for word in text.split(" ")]
    first = words[0]
    return " ".join([first if first in _ACRONYMS.values() else first[:1].upper() + first[1:], *words[1:]])
