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
    "pass": "passed",
    "not_assessed": "not assessed",
    "unresolvable": "only known at apply time",
    "manual": "to be judged by a person",
}

_LAST = {
    "total_usd_per_month": "Total cost",
    "over_budget_usd_per_month": "Over budget",
    "usd_per_month": "Cost",
    "usd_per_million_tokens": "Cost of tokens",
    "unpriced_count": "Things without a price",
    "kwh_per_month": "Energy",
    "kgco2e_per_month": "Operational carbon",
    "embodied_kgco2e_per_month": "Embodied carbon",
    "downtime_minutes_per_year": "Expected downtime",
    "error_budget_minutes_per_30_days": "Error budget of 30 days",
    "checkpoint_interval_minutes": "Checkpoint interval",
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
}
_UNIT_ENDINGS = ("_usd_per_month", "_usd", "_minutes", "_bytes", "_per_month", "_share", "_s")


def fact_name(fact_id: str) -> str:
    """The last part of a fact's id in words: `cost.total_usd_per_month` → `Total cost`."""
    last = fact_id.rpartition(".")[2]
    if last in _LAST:
        return _LAST[last]
    for ending in _UNIT_ENDINGS:
        if last.endswith(ending) and len(last) > len(ending):
            last = last.removesuffix(ending)
            break
    return _capital(last.replace("_", " "))


def fact_label(fact_id: str) -> str:
    """With what it is about: `mlops.serving.assistant.gpus` → `GPUs, assistant`."""
    parts = fact_id.split(".")
    about = ".".join(parts[2:-1] if len(parts) > 3 else parts[1:-1])
    return f"{fact_name(fact_id)}, {about}" if about else fact_name(fact_id)


def agent_title(name: str) -> str:
    """`cost` → `Cost`; an agent that is not known here by its own name."""
    return AGENT_TITLES.get(name, _capital(name.replace("_", " ")))


def status_title(status: str) -> str:
    """`not_assessed` → `not assessed`."""
    return STATUS_TITLES.get(status, status.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
