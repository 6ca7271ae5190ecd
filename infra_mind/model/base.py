"""What all values of the model share: frozen, no unknown fields, deterministic JSON."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

JsonValue = Any  # JSON data; a recursive alias costs more in mypy than it proves here

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def to_json(self) -> bytes:
        """Deterministic UTF-8 JSON of this value: the same value gives the same bytes in every process."""
        return self.model_dump_json().encode()
