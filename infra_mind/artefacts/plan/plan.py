"""What one plan gives, before it is joined with the files of its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra_mind.model.inventory import Resource, UnreadFile


@dataclass
class Plan:
    """`declared` are the blocks of its configuration, `module.net.aws_vpc.main` or a call `module.net`, each with whether a `count` or a
    `for_each`, its own or of a call around it, may leave it out. `variables` are resources of kind `tfvars`; `inputs` their values, those
    that are sensitive left out: those are `hidden`. `later` has, for a resource, the attributes that apply time decides and that its
    configuration does not name."""

    path: str
    resources: list[Resource] = field(default_factory=list)
    variables: list[Resource] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    later: dict[str, list[str]] = field(default_factory=dict)
    declared: dict[str, bool] = field(default_factory=dict)
    unread: list[UnreadFile] = field(default_factory=list)

    def packed(self) -> dict[str, Any]:
        """As plain data for another process."""
        return {
            "plan": self.path,
            "resources": [r.to_json().decode() for r in self.resources],
            "variables": [r.to_json().decode() for r in self.variables],
            "inputs": self.inputs,
            "hidden": self.hidden,
            "later": self.later,
            "declared": self.declared,
            "unread": [u.to_json().decode() for u in self.unread],
        }

    @classmethod
    def unpacked(cls, data: dict[str, Any]) -> Plan:
        """The plan that was packed."""
        return cls(
            data["plan"],
            [Resource.model_validate_json(r) for r in data["resources"]],
            [Resource.model_validate_json(r) for r in data["variables"]],
            data["inputs"],
            data["hidden"],
            data["later"],
            data["declared"],
            [UnreadFile.model_validate_json(u) for u in data["unread"]],
        )
