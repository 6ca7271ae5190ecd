"""IAM policies in every form that Terraform gives them: JSON text, jsonencode, `aws_iam_policy_document`, inline blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from infra_mind.agents.security.subject import OddShape, Subject
from infra_mind.model.inventory import contains_unresolvable, is_unresolvable

# Rights with which their holder can take wider ones, alone or with one more step. Facts: the AWS Service Authorization
# Reference (action names) and the public catalogue of IAM escalation paths (pathfinding.cloud, Rhino Security Labs), as of 2025.
ESCALATION = (
    "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:PutUserPolicy",
    "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:AddUserToGroup", "iam:UpdateAssumeRolePolicy", "iam:PassRole",
    "lambda:UpdateFunctionCode", "glue:UpdateDevEndpoint",
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """One statement: `path` of it in the resource; lists as written; `unknown` where apply time decides who may
    do what (an unknown resource is the ARN of one thing, as a rule, and not `*`)."""

    path: str
    allow: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditioned: bool
    unknown: bool

    @property
    def every_resource(self) -> bool:
        return "*" in self.resources

    @property
    def every_action(self) -> bool:
        return any(a in {"*", "*:*"} for a in self.actions)

    def grants(self, action: str) -> bool:
        """True if one of the actions, with its wildcards, covers `action`."""
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions)


def statements(subject: Subject, attribute: str) -> Iterator[Statement]:
    """The statements of the policy under `attribute`. Raises Unknown for one that apply time makes, OddShape for what is none."""
    value = subject.known(attribute)
    if value is None:
        return
    path = subject.at(attribute)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise OddShape(path, value, "a JSON policy") from None
    if not isinstance(value, dict):
        raise OddShape(path, value, "a policy document")
    for entry in _many(value.get("Statement")):
        if isinstance(entry, dict) and not is_unresolvable(entry):
            yield _from_json(entry, path)


def document_statements(subject: Subject) -> Iterator[Statement]:
    """The statements of a `data "aws_iam_policy_document"`."""
    for block in subject.blocks("statement"):
        if not isinstance(block.data, dict) or is_unresolvable(block.data):
            block.known("")
            continue
        principals = [
            name for p in block.blocks("principals") if isinstance(p.data, dict) for name in p.strings("identifiers")
            if str(p.raw("type")) in {"AWS", "*"}
        ]  # fmt: skip
        yield Statement(
            path=block.base, allow=block.text("effect", "Allow") == "Allow", actions=_known(block.raw("actions")),
            not_actions=_known(block.raw("not_actions")), resources=_known(block.raw("resources")),
            not_resources=_known(block.raw("not_resources")), principals=tuple(principals),
            conditioned=block.has("condition"),
            unknown=any(contains_unresolvable(block.raw(a)) for a in ("effect", "actions", "not_actions", "principals")),
        )  # fmt: skip


def _from_json(entry: dict[str, Any], path: str) -> Statement:
    return Statement(
        path=path, allow=entry.get("Effect", "Allow") == "Allow", actions=_known(entry.get("Action")),
        not_actions=_known(entry.get("NotAction")), resources=_known(entry.get("Resource")),
        not_resources=_known(entry.get("NotResource")), principals=_principals(entry.get("Principal")),
        conditioned=bool(entry.get("Condition")),
        unknown=any(contains_unresolvable(entry.get(name)) for name in ("Effect", "Action", "NotAction", "Principal")),
    )  # fmt: skip


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict) and not is_unresolvable(value):
        return _known(value.get("AWS")) + (("*",) if "*" in value else ())
    return _known(value)


def _known(value: Any) -> tuple[str, ...]:
    return tuple(item for item in _many(value) if isinstance(item, str))


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
