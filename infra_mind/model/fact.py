"""A fact: a number (or word) that a person sees, with its formula, inputs and source."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from infra_mind.model.base import Value

FactValue = float | int | bool | str
LACKING = ("unpriced", "left_out")  # inputs that count what is not in the value


def id_part(name: str) -> str:
    """A name of the brief as a part of a fact's id: spaces, which an id cannot hold, become `_`."""
    return name.replace(" ", "_")


def id_parts(names: Iterable[str]) -> list[str]:
    """`id_part` of each name, no two alike: of names that differ only in a space (or not at all) the later get a number."""
    taken: list[str] = []
    for name in names:
        base = part = id_part(name)
        number = 2
        while part in taken:
            part, number = f"{base}_{number}", number + 1
        taken.append(part)
    return taken


class Fact(Value):
    """`id` is dotted and stable (`cost.total_usd_per_month`); `as_of` is the ISO date of the source's data."""

    id: str = Field(pattern=r"^[a-z_]+(\.[^\s]+)+$")
    value: FactValue
    unit: str = Field(
        description="SI or plain unit: USD/month, GB, bytes, 1/s, share, minutes/year, count, text"
    )
    formula: str = Field(description="The formula in the terms of `inputs`, or `given` or `looked up`")
    inputs: dict[str, FactValue] = Field(default_factory=dict)
    source: str = Field(description="Paper, price list, table or the brief's own field")
    as_of: str | None = Field(default=None, pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")

    @property
    def is_lower_bound(self) -> bool:
        """True where an input counts things that the value lacks: the whole is at least that much."""
        return any(self.inputs.get(name) for name in LACKING)


class Assumption(Value):
    """A value that nobody gave and that was used all the same: said aloud, with its source."""

    id: str
    text: str
    value: FactValue | None = None
    unit: str = ""
    source: str = ""
    field: str | None = Field(
        default=None, description="The field of the brief that would replace the assumption"
    )
