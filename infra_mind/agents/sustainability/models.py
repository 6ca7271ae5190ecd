"""Own GPUs for serving and training, and models rented by the token."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple, TypeVar

from infra_mind.agents.free_gpus import FreeGpus
from infra_mind.agents.sustainability import energy
from infra_mind.agents.sustainability.sheet import Part, Sheet, Site, embodied_of_gpus
from infra_mind.knowledge import gpus, instances, llm_energy
from infra_mind.knowledge.gpus import Gpu
from infra_mind.model.brief import Brief, Hosting, LlmApi, Serving, Training
from infra_mind.model.fact import FactValue, id_parts
from infra_mind.model.result import AgentResult

STANDS_WITH_MLOPS = "What is lacking stands with the mlops agent."
T = TypeVar("T", Serving, Training, LlmApi)


class Served(NamedTuple):
    """A served model with its GPUs; `on_nodes` of them are those of `hosting.nodes`."""

    place: int
    part: str
    item: Serving
    card: Gpu
    board_watts: float
    gpus: float
    on_nodes: int


def served_models(brief: Brief, mlops: AgentResult | None, sheet: Sheet) -> list[Served]:
    """The served models whose number of GPUs is known; GPUs of the nodes are handed out once."""
    free = _of_nodes(brief.hosting)
    found = []
    for index, (part, item) in enumerate(_named(brief.llm_serving)):
        count = number_of(mlops, f"mlops.serving.{part}.gpus")
        card = gpus.find(item.gpu) if item.gpu else None
        path = f"llm_serving.{index}"
        if count is None or card is None:
            known = card is not None or item.gpu is not None
            sheet.missing("serving", f"{path}.gpu" if card is None else path, f"{item.name}: its number of GPUs is not known, so its energy is not", STANDS_WITH_MLOPS if known else "", item.name if card else item.gpu or "")  # fmt: skip
        elif card.board_watts is None:
            sheet.missing(
                "serving", f"{path}.gpu", f"{item.name}: the board power of {card.id} is not published in the table", given=card.id
            )  # fmt: skip
        else:
            taken = free.take(
                card.id, int(count), int(number_of(mlops, f"mlops.serving.{part}.gpus_per_replica") or 1)
            )
            found.append(Served(index, part, item, card, card.board_watts, count, taken))
    return found


def assess_serving(served: Sequence[Served], mlops: AgentResult | None, sheet: Sheet) -> None:
    """Facts `serving.<name>.*`: GPUs by their board power at the load that mlops gives, and the rest of the server."""
    site = sheet.site
    for model in served if site else ():
        assert site is not None
        prefix = f"serving.{model.part}"
        load = number_of(mlops, f"mlops.serving.{model.part}.utilisation")
        if load is None:
            load = 1.0
            sheet.assume(f"{prefix}.load", f"The GPUs of {model.item.name} are always busy", load, "share", "upper bound", f"llm_serving.{model.place}.requests_per_s")  # fmt: skip
        load = min(1.0, load)
        draw = energy.gpu_watts(model.board_watts, load)
        hosts = model.gpus - model.on_nodes
        kwh = energy.kwh(draw, model.gpus, energy.HOURS, site.pue) + energy.kwh(energy.HOST_WATTS_PER_GPU, hosts, energy.HOURS, site.pue)  # fmt: skip
        sheet.fact(
            f"{prefix}.kwh_per_month", kwh, "kWh/month",
            "(board_watts · (idle + load · (full − idle)) · gpus + host_watts · gpus_beside_nodes) · hours · PUE / 1000",
            {"board_watts": model.board_watts, "gpu": model.card.id, "idle": energy.GPU_IDLE, "full": energy.GPU_FULL, "load": load,
             "gpus": model.gpus, "host_watts": energy.HOST_WATTS_PER_GPU, "gpus_beside_nodes": hosts, "hours": energy.HOURS, "PUE": site.pue},
            f"{model.card.source}; {energy.CCF}; {energy.ECOLOGITS}", model.card.as_of,
        )  # fmt: skip
        sheet.carbon_fact(f"{prefix}.kgco2e_per_month", kwh)
        # What stands on nodes was made with them and is counted there.
        making = embodied_of_gpus(f"{prefix}.embodied_kgco2e_per_month", hosts * energy.HOURS, "kgCO2e/month", sheet) if hosts else 0.0  # fmt: skip
        sheet.parts.append(Part(prefix, kwh, site.kg(kwh), kwh / site.pue, making))
        sheet.assume("gpu_power", "A GPU draws 11.5 % of its board power idle and 101.75 % at full load, in step with the load in between", None, "", energy.CCF)  # fmt: skip


def assess_training(brief: Brief, mlops: AgentResult | None, sheet: Sheet) -> None:
    """Facts `training.<name>.*`: once, and in no monthly total."""
    site = sheet.site
    for index, (part, job) in enumerate(_named(brief.training)):
        hours = number_of(mlops, f"mlops.training.{part}.gpu_hours")
        card = gpus.find(job.gpu) if job.gpu else None
        path = f"training.{index}"
        if hours is None or card is None or card.board_watts is None:
            known = card is not None or job.gpu is not None
            unknown = "the board power of its GPU is" if card and hours is not None else "its GPU hours are"
            sheet.missing("training", path if card else f"{path}.gpu", f"{job.name}: {unknown} not known, so its energy is not", STANDS_WITH_MLOPS if known and hours is None else "", job.name if card else job.gpu or "")  # fmt: skip
        elif site is not None:
            _training(part, hours, card, card.board_watts, site, sheet)


def _training(part: str, hours: float, card: Gpu, board: float, site: Site, sheet: Sheet) -> None:
    prefix = f"training.{part}"
    kwh = energy.kwh(board * energy.TRAINING_LOAD + energy.HOST_WATTS_PER_GPU, hours, 1.0, site.pue)
    sheet.fact(
        f"{prefix}.kwh", kwh, "kWh", "(board_watts · load + host_watts) · gpu_hours · PUE / 1000, once",
        {"board_watts": board, "gpu": card.id, "load": energy.TRAINING_LOAD, "host_watts": energy.HOST_WATTS_PER_GPU, "gpu_hours": hours,
         "PUE": site.pue},
        f"{card.source}; {energy.LLAMA}; {energy.ECOLOGITS}", card.as_of,
    )  # fmt: skip
    sheet.carbon_fact(f"{prefix}.kgco2e", kwh, "kgCO2e")
    embodied_of_gpus(f"{prefix}.embodied_kgco2e", hours, "kgCO2e", sheet)
    sheet.assume("training_load", "GPUs draw their whole board power while they train", energy.TRAINING_LOAD, "share", energy.LLAMA)  # fmt: skip


def assess_api(items: Sequence[LlmApi], sheet: Sheet) -> None:
    """Facts `api.<name>.*`: the middle of the range, its ends beside it. In the data centre of whoever rents the model out."""
    for index, (part, item) in enumerate(_named(items)):
        path = f"llm_api.{index}"
        if item.output_tokens_per_month == 0 == item.input_tokens_per_month:
            continue  # nothing is asked of it
        if item.output_tokens_per_month is None:
            sheet.missing("api", f"{path}.output_tokens_per_month", f"{item.name}: energy goes by output tokens, and they are not given")  # fmt: skip
            continue
        found = llm_energy.impact(item.model, item.output_tokens_per_month)
        if found is None:
            sheet.missing("api", f"{path}.model", f"{item.name}: no published estimate of the energy of {item.model}", given=item.model)  # fmt: skip
            continue
        if not all(isfinite(end) for end in (*found.kwh, *found.kgco2e)):
            sheet.missing("api", f"{path}.output_tokens_per_month", f"{item.name}: more tokens than can be reckoned with")  # fmt: skip
            continue
        _api(part, item, found, sheet)


def _api(part: str, item: LlmApi, found: llm_energy.TokenImpact, sheet: Sheet) -> None:
    prefix = f"api.{part}"
    inputs: dict[str, FactValue] = {"output_tokens": item.output_tokens_per_month or 0.0, "model": f"{found.provider}/{found.model}", "zone": found.zone}  # fmt: skip
    for name, ends, unit in (
        ("kwh_per_month", found.kwh, "kWh/month"),
        ("kgco2e_per_month", found.kgco2e, "kgCO2e/month"),
        ("embodied_kgco2e_per_month", found.embodied_kgco2e, "kgCO2e/month"),
    ):
        low, high = ends
        sheet.fact(
            f"{prefix}.{name}", (low + high) / 2, unit, "middle of low and high, as ecologits reckons them for the output tokens",
            {**inputs, "low": low, "high": high}, found.source, found.as_of,
        )  # fmt: skip
    middle = [(low + high) / 2 for low, high in (found.kwh, found.kgco2e, found.embodied_kgco2e)]
    sheet.parts.append(Part(prefix, middle[0], middle[1], None, middle[2]))
    sheet.assume(
        "api.method", "Rented models: prompts are not counted, 64 requests share a server, and the architecture of models that were never "
        "published is a range; the grid is that of the country where the provider's data centres are taken to be, whole life cycle",
        None, "", found.source,
    )  # fmt: skip


def number_of(result: AgentResult | None, id: str) -> float | None:
    """The number of a fact; None where it is missing, a word, or not finite."""
    fact = next((f for f in result.facts if f.id == id), None) if result else None
    if fact is None or isinstance(fact.value, str | bool) or not isfinite(fact.value):
        return None
    return float(fact.value)


def _of_nodes(hosting: Hosting | None) -> FreeGpus:
    found = FreeGpus()
    for node in hosting.nodes if hosting and hosting.provider else ():
        known = instances.instance(str(hosting.provider if hosting else ""), node.instance)
        if known and known.gpu:
            found.add(known.gpu, known.gpus, node.count)
    return found


def _named(items: Sequence[T]) -> list[tuple[str, T]]:
    return list(zip(id_parts(item.name for item in items), items, strict=True))
