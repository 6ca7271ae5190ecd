"""The formulas, each a pure function, with the coefficients that are no table.

Cloud Carbon Footprint, methodology (https://www.cloudcarbonfootprint.org/docs/methodology): compute by min and max watts per vCPU,
memory beyond that of the measured servers, storage by the terabyte, a PUE on top, grams by the region's grid, embodied carbon as a
share of the machine over its life."""

from __future__ import annotations

from math import fsum

from infra_mind.knowledge.carbon import MachineRow, ProcessorRow, ProviderRow

HOURS = 730.0
CCF = "Cloud Carbon Footprint, methodology; constants of cloud-carbon-footprint/cloud-carbon-footprint, commit b7a049c"
AS_OF = "2024-03-25"
MEMORY_KWH_PER_GB_H = 0.000392
STORAGE_WH_PER_TB_H = {"ssd": 1.2, "hdd": 0.65, "object": 0.65}
NETWORK_KWH_PER_GB = 0.001
UTILISATION = 0.5  # mean of servers of large cloud providers, CCF: AVG_CPU_UTILIZATION_2020
LIFESPAN_H = 35_040.0  # four years

# GPUs. CCF has an A100 (400 W board) at 46 W idle and 407 W at full load; its T4, A10G and V100 rows have the same two shares.
GPU_IDLE, GPU_FULL = 46 / 400, 407 / 400
ECOLOGITS = "ecologits 0.11.3, impacts/llm.py: a server of 8 GPUs takes 1.2 kW and 5 700 kgCO2e beside them, a GPU of 80 GB 273 kgCO2e, 3 years"
ECOLOGITS_AS_OF = "2026-10"
HOST_WATTS_PER_GPU = 1200 / 8
EMBODIED_PER_GPU = 273 + 5700 / 8
GPU_LIFESPAN_H = 3 * 365 * 24.0
# Published training footprints count the whole board power: 1 720 320 h × 400 W for Llama 2 70B (model card, 2023-07).
TRAINING_LOAD = 1.0
LLAMA = "Llama 2 model card (2023-07): GPU hours × board power; so does Llama 3's (2024-04)"


def watts(low: float, high: float, utilisation: float) -> float:
    """W = min + utilisation · (max − min)."""
    return low + utilisation * (high - low)


def kwh(power: float, units: float, hours: float, pue: float) -> float:
    """kWh = W · units · h · PUE / 1000."""
    return power * units * hours * pue / 1000


def mean_watts(rows: tuple[ProcessorRow, ...]) -> tuple[float, float]:
    """Of an instance that may run on several processors the mean of each, as CCF does."""
    return fsum(r.min_watts for r in rows) / len(rows), fsum(r.max_watts for r in rows) / len(rows)


def extra_memory_gb(
    vcpu: float, machine: MachineRow, rows: tuple[ProcessorRow, ...], average: ProviderRow
) -> float:
    """GB of an instance's share of its machine's memory that the measured servers did not have; their power is in the watts per vCPU.

    max(0, platform GB − chips · GB per chip) · vCPU / platform vCPU."""
    per_chip = fsum(r.gb_per_chip for r in rows) / len(rows) if rows else average.gb_per_chip or 0.0
    beyond = max(0.0, machine.platform_memory_gb - machine.chips * per_chip)
    return beyond * min(1.0, vcpu / machine.platform_vcpu)


def gpu_watts(board: float, load: float) -> float:
    """Of one GPU: its idle share of the board power and, in step with the load, up to its full share."""
    return board * watts(GPU_IDLE, GPU_FULL, load)


def embodied(machine_kg: float, share: float, hours: float, lifespan_h: float = LIFESPAN_H) -> float:
    """M = TE · (TR/EL) · (RR/TR) of the Software Carbon Intensity specification: kg of the machine · hours / life · share of it."""
    return machine_kg * hours / lifespan_h * share
