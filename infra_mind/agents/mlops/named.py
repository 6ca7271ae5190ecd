"""The models that a brief names: served on own GPUs, trained, or rented by the token."""

from __future__ import annotations

from infra_mind.agents.security.secrets import scrub
from infra_mind.knowledge import checkpoints, models
from infra_mind.model.brief import Brief
from infra_mind.model.result import ModelUse


def models_of(brief: Brief) -> tuple[ModelUse, ...]:
    """In the order of the brief. An id of the Hub stands only beside what the table of models knows by that name."""
    served = (
        ModelUse(
            name=scrub(item.model), known_as=_published_as(item.model), use="served", workload=item.name,
            path=f"llm_serving.{n}.model",
        )
        for n, item in enumerate(brief.llm_serving)
    )  # fmt: skip
    trained = (
        ModelUse(name=item.name, use="trained", workload=item.name, path=f"training.{n}.name")
        for n, item in enumerate(brief.training)
    )
    rented = (
        ModelUse(name=scrub(item.model), use="rented", workload=item.name, path=f"llm_api.{n}.model")
        for n, item in enumerate(brief.llm_api)
    )
    return (*served, *trained, *rented)


def _published_as(name: str) -> str:
    """The name as its makers spell it. Other names of a row have its shape and not its weights, so none stands in for another."""
    known = models.find(name)
    if known is None:
        quantised = checkpoints.find(name)
        return quantised.id if quantised else ""
    return next((n for n in (known.id, *known.aliases) if n.lower() == name.strip().lower()), "")
