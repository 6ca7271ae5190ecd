"""Nodes and storage of the brief: what they draw and what their making cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

from infra_mind.agents.sustainability import energy
from infra_mind.agents.sustainability.sheet import Part, Sheet, Site, embodied_of_gpus
from infra_mind.knowledge import carbon, gpus, instances
from infra_mind.knowledge.carbon import MachineRow, ProcessorRow
from infra_mind.knowledge.instances import Instance
from infra_mind.model.brief import Hosting, Node
from infra_mind.model.fact import id_part


@dataclass(frozen=True)
class Group:
    """All nodes of one instance type. Watts are linear in the utilisation, so its mean over the nodes gives the same sum."""

    name: str
    count: int
    utilisation: float
    vcpu: float
    known: Instance | None
    machine: MachineRow | None

    @property
    def processors(self) -> tuple[ProcessorRow, ...]:
        return carbon.processors(self.machine.processors) if self.machine else ()

    @property
    def units(self) -> float:
        return self.count * self.vcpu

    def watts(self, site: Site) -> tuple[float, float]:
        """Idle and full-load watts of a vCPU (or, for own hardware, of a server)."""
        rows = self.processors
        return energy.mean_watts(rows) if rows else (site.provider.min_watts, site.provider.max_watts)

    def extra_memory_gb(self, site: Site) -> float:
        """Of one node, beyond that of the measured servers; 0 where its machine is not in the table."""
        if self.machine is None:
            return 0.0
        return energy.extra_memory_gb(self.vcpu, self.machine, self.processors, site.provider)

    @property
    def gpu_hours(self) -> float:
        """Of all its GPUs in a month; 0 for a machine without."""
        return self.count * (self.known.gpus if self.known else 0) * energy.HOURS


def assess_hosting(
    hosting: Hosting | None, used_gpus: Mapping[str, int], sheet: Sheet
) -> list[tuple[Group, int]]:
    """Parts and facts of nodes and storage; `used_gpus` are those that a served model takes: they are reckoned with the model.

    Gives the groups, each with how many of its GPUs the served models take."""
    site = sheet.site
    if hosting is None or site is None:
        return []
    if not hosting.nodes:
        sheet.missing("nodes", "hosting.nodes", "No nodes are given, so none were reckoned")
    served = dict(used_gpus)
    groups = [(group, _nodes(group, site, served, sheet)) for group in _groups(hosting, sheet)]
    _storage(hosting, site, sheet)
    return groups


def _groups(hosting: Hosting, sheet: Sheet) -> list[Group]:
    provider = str(hosting.provider)
    by_name: dict[str, list[tuple[int, Node]]] = {}
    for index, node in enumerate(hosting.nodes):
        by_name.setdefault(instances.canonical(provider, node.instance), []).append((index, node))
    found = []
    for name, nodes in sorted(by_name.items()):
        known = instances.instance(provider, name) if provider != "on_prem" else None
        if known is None and provider != "on_prem":
            near = ", ".join(instances.nearest(provider, name))
            sheet.missing(
                "instance", f"hosting.nodes.{nodes[0][0]}.instance", f"{name} is in no list of {provider}: its vCPUs are not known",
                f"Use a known instance; nearest: {near}." if near else "", given=name,
            )  # fmt: skip
            continue
        count = sum(node.count for _, node in nodes)
        load = fsum(node.count * _utilisation(index, node, sheet) for index, node in nodes) / count
        found.append(
            Group(name, count, load, known.vcpu if known else 1.0, known, carbon.machine(provider, name))
        )
    return found


def _utilisation(index: int, node: Node, sheet: Sheet) -> float:
    if "count" not in node.model_fields_set:
        sheet.assume(f"nodes.{index}.count", f"One node of {node.instance}", node.count, "count", "the brief's default", f"hosting.nodes.{index}.count")  # fmt: skip
    if node.utilisation is not None:
        return node.utilisation
    sheet.assume(
        f"nodes.{index}.utilisation", f"Mean CPU utilisation of {node.instance}", energy.UTILISATION, "share",
        f"{energy.CCF}: mean of large cloud providers", f"hosting.nodes.{index}.utilisation",
    )  # fmt: skip
    return energy.UTILISATION


def _nodes(group: Group, site: Site, served: dict[str, int], sheet: Sheet) -> int:
    """Adds the part; gives how many of its GPUs the served models take."""
    prefix, unit = f"hosting.{id_part(group.name)}", site.provider.per
    low, high = group.watts(site)
    rows = group.processors
    source, as_of = (rows[0].source, rows[0].as_of) if rows else (site.provider.source, site.provider.as_of)
    draw = energy.watts(low, high, group.utilisation)
    if not rows:
        sheet.assume(
            f"{prefix}.watts", f"{group.name} draws the average of {site.provider.provider.replace('_', '-')}: its processor is not in the table",
            draw, f"W/{unit}", source, "hosting.nodes",
        )  # fmt: skip
    kind = ", ".join(r.processor for r in rows) or f"average of {site.provider.provider}"
    sheet.fact(
        f"{prefix}.watts_per_{unit}", draw, "W", "min_watts + utilisation · (max_watts − min_watts)",
        {"min_watts": low, "max_watts": high, "utilisation": group.utilisation, "processor": kind}, source, as_of,
    )  # fmt: skip
    compute = energy.kwh(draw, group.units, energy.HOURS, site.pue)
    _kwh(f"{prefix}.compute_kwh_per_month", compute, draw, group, site, sheet, source, as_of)
    if rows:
        average = energy.watts(site.provider.min_watts, site.provider.max_watts, group.utilisation)
        _kwh(
            f"{prefix}.compute_kwh_per_month_by_average", energy.kwh(average, group.units, energy.HOURS, site.pue), average, group, site,
            sheet, site.provider.source, site.provider.as_of,
        )  # fmt: skip
    memory = _memory(prefix, group, site, sheet)
    cards, taken = _gpus(prefix, group, site, served, sheet)
    kwh = compute + memory + cards
    sheet.carbon_fact(f"{prefix}.kgco2e_per_month", kwh)
    sheet.parts.append(Part(prefix, kwh, site.kg(kwh), kwh / site.pue, _embodied(prefix, group, sheet)))
    return taken


def _kwh(id: str, value: float, draw: float, group: Group, site: Site, sheet: Sheet, source: str, as_of: str) -> None:  # fmt: skip
    unit = site.provider.per
    sheet.fact(
        id, value, "kWh/month", f"watts · count · {unit} · hours · PUE / 1000",
        {"watts": draw, "count": group.count, unit: group.vcpu, "hours": energy.HOURS, "PUE": site.pue}, source, as_of,
    )  # fmt: skip


def _memory(prefix: str, group: Group, site: Site, sheet: Sheet) -> float:
    """Memory beyond that of the measured servers. Without the machine in the table the amount is not known, and said so."""
    if group.machine is None:
        if site.provider.per == "vcpu":
            sheet.assume(
                f"{prefix}.memory", f"Memory of {group.name} is counted as far as the average server's watts hold it: how much more its machine has "
                "is not in the table", None, "", energy.CCF,
            )  # fmt: skip
        return 0.0
    extra = group.extra_memory_gb(site)
    kwh = extra * group.count * energy.MEMORY_KWH_PER_GB_H * energy.HOURS * site.pue
    sheet.fact(
        f"{prefix}.memory_kwh_per_month", kwh, "kWh/month", "extra_gb · count · kwh_per_gb_hour · hours · PUE",
        {"extra_gb": extra, "count": group.count, "kwh_per_gb_hour": energy.MEMORY_KWH_PER_GB_H, "hours": energy.HOURS, "PUE": site.pue},
        energy.CCF, energy.AS_OF,
    )  # fmt: skip
    return kwh


def _gpus(prefix: str, group: Group, site: Site, served: dict[str, int], sheet: Sheet) -> tuple[float, int]:
    """kWh of the GPUs that no served model takes, at the utilisation of their node, and how many a model takes."""
    known = group.known
    if known is None or not known.gpus:
        return 0.0, 0
    card = gpus.find(known.gpu) if known.gpu else None
    if card is None or card.board_watts is None:
        sheet.missing(
            "gpu", "hosting.nodes", f"The board power of the GPUs of {group.name} is not in the table: they are not in its energy",
            given=group.name,
        )  # fmt: skip
        return 0.0, 0
    there = known.gpus * group.count
    taken = min(there, served.get(card.id, 0))
    served[card.id] = served.get(card.id, 0) - taken
    draw = energy.gpu_watts(card.board_watts, group.utilisation)
    kwh = energy.kwh(draw, there - taken, energy.HOURS, site.pue)
    sheet.fact(
        f"{prefix}.gpu_kwh_per_month", kwh, "kWh/month", "board_watts · (idle + utilisation · (full − idle)) · gpus · hours · PUE / 1000",
        {"board_watts": card.board_watts, "idle": energy.GPU_IDLE, "full": energy.GPU_FULL, "utilisation": group.utilisation,
         "gpus": there - taken, "gpus_of_served_models": taken, "hours": energy.HOURS, "PUE": site.pue},
        f"{card.source}; {energy.CCF}", card.as_of,
    )  # fmt: skip
    sheet.assume("gpu_load", "GPUs of nodes are as busy as their CPUs", None, "", energy.CCF, "hosting.nodes")
    return kwh, taken


def _embodied(prefix: str, group: Group, sheet: Sheet) -> float | None:
    machine = group.machine
    if machine is None and group.gpu_hours:
        sheet.assume(f"{prefix}.embodied", f"The making of {group.name} is not published: each of its GPUs is counted with its share of a server of 8", None, "", energy.ECOLOGITS)  # fmt: skip
        return embodied_of_gpus(f"{prefix}.embodied_kgco2e_per_month", group.gpu_hours, "kgCO2e/month", sheet)
    if machine is None:
        sheet.missing(
            "embodied",
            "hosting.nodes",
            f"No embodied carbon is published for {group.name}: it is in no sum",
            given=group.name,
        )
        return None
    share = group.count * min(1.0, group.vcpu / machine.platform_vcpu)
    kg = energy.embodied(machine.embodied_kgco2e, share, energy.HOURS)
    sheet.fact(
        f"{prefix}.embodied_kgco2e_per_month", kg, "kgCO2e/month", "machine_kgco2e · hours / life_hours · count · vcpu / platform_vcpu",
        {"machine_kgco2e": machine.embodied_kgco2e, "hours": energy.HOURS, "life_hours": energy.LIFESPAN_H, "count": group.count,
         "vcpu": group.vcpu, "platform_vcpu": machine.platform_vcpu},
        machine.source, machine.as_of,
    )  # fmt: skip
    return kg


def _storage(hosting: Hosting, site: Site, sheet: Sheet) -> None:
    by_kind: dict[str, float] = {}
    if not hosting.storage:
        sheet.assume("no_storage", "No storage is described, so none draws power", 0, "TB", "the brief's hosting", "hosting.storage")  # fmt: skip
    for index, item in enumerate(hosting.storage):
        if "replicas" not in item.model_fields_set:
            sheet.assume(f"storage.{index}.replicas", f"One copy of the {item.kind} storage beside those of the provider", item.replicas, "count", "the brief's default", f"hosting.storage.{index}.replicas")  # fmt: skip
        by_kind[item.kind] = by_kind.get(item.kind, 0.0) + item.tb * item.replicas
    for kind, tb in sorted(by_kind.items()):
        copies = site.provider.copies[kind]  # type: ignore[index]
        wh = energy.STORAGE_WH_PER_TB_H[kind]
        kwh = energy.kwh(wh, tb * copies, energy.HOURS, site.pue)
        sheet.fact(
            f"storage.{kind}.kwh_per_month", kwh, "kWh/month", "watts_per_tb · tb · copies · hours · PUE / 1000; tb with the brief's replicas",
            {"watts_per_tb": wh, "tb": tb, "copies": copies, "hours": energy.HOURS, "PUE": site.pue}, energy.CCF, energy.AS_OF,
        )  # fmt: skip
        sheet.carbon_fact(f"storage.{kind}.kgco2e_per_month", kwh)
        sheet.parts.append(Part(f"storage.{kind}", kwh, site.kg(kwh), kwh / site.pue))
    if by_kind:
        sheet.assume("storage.embodied", "The making of disks is not counted: the method has no figure for it", None, "", energy.CCF)  # fmt: skip
