"""IAM policies in every form that Terraform gives them: JSON text, jsonencode, `aws_iam_policy_document`, inline blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from infra_mind.agents.security.subject import OddShape, Subject, first_reason
from infra_mind.model.inventory import UNRESOLVABLE_KEY, contains_unresolvable, is_unresolvable

# Rights with which their holder can take wider ones, alone or with one more step. Facts: the AWS Service Authorization
# Reference (action names) and the public catalogue of IAM escalation paths (pathfinding.cloud, Rhino Security Labs), as of 2025.
ESCALATION = (
    "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:PutUserPolicy",
    "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:AddUserToGroup", "iam:UpdateAssumeRolePolicy", "iam:PassRole",
    "lambda:UpdateFunctionCode", "glue:UpdateDevEndpoint",
)  # fmt: skip

_STAR = 'Principal "*"'
_EFFECT = "the effect of a statement for everyone"
_ALL_BUT = "everyone but the principals in NotPrincipal"
_SET_BY_PEOPLE = ("var.", "local.", "each.", "module.")


@dataclass(frozen=True)
class Test:
    """One test of a condition: operator and variable as written, empty where apply time gives them; `values` as they came."""

    operator: str
    variable: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Statement:
    """One statement: `path` of it in the resource; lists as written; `unknown` where apply time decides what is allowed
    (an unknown resource is the ARN of one thing, as a rule, and not `*`).

    `on_resource` tells a policy on a resource from one of an identity, whoever its principals are. `everyone` says how
    it names them all, or is empty. `open_principal` is the value of apply time that may be `*`: a variable may, an
    attribute of a resource may not. `federated` are the identity providers that are named; `tests` what conditions ask of the caller."""

    path: str
    allow: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditioned: bool
    unknown: bool
    on_resource: bool
    everyone: str
    open_principal: str
    federated: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()

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
        if is_unresolvable(entry):
            yield open_statement(path, first_reason(entry))
        elif isinstance(entry, dict):
            yield _from_json(entry, path)


def document_statements(subject: Subject) -> Iterator[Statement]:
    """The statements of a `data "aws_iam_policy_document"`."""
    for block in subject.blocks("statement"):
        if is_unresolvable(block.data):
            yield open_statement(block.base, first_reason(block.data))
        elif isinstance(block.data, dict):
            yield _from_block(block)


def open_statement(path: str, reason: str) -> Statement:
    """A statement, or several, that apply time makes: it may allow anything to anybody."""
    return Statement(
        path, True, (), (), (), (), False, unknown=True, on_resource=False, everyone="", open_principal=reason
    )


def _from_block(block: Subject) -> Statement:
    return _statement(
        block.base, block.raw("effect") in (None, "Allow"), block.data,
        ("actions", "not_actions", "resources", "not_resources"), block.has("condition"), _document_principals(block),
        tuple(_tests_of_block(block)),
    )  # fmt: skip


def _from_json(entry: dict[str, Any], path: str) -> Statement:
    return _statement(
        path, entry.get("Effect", "Allow") == "Allow", entry, ("Action", "NotAction", "Resource", "NotResource"),
        bool(entry.get("Condition")), _json_principals(entry), tuple(_tests_of_json(entry.get("Condition"))),
    )  # fmt: skip


def _statement(
    path: str, allow: bool, data: dict[str, Any], names: tuple[str, str, str, str], conditioned: bool, who: _Principals,
    tests: tuple[Test, ...],
) -> Statement:  # fmt: skip
    actions, not_actions, resources, not_resources = (data.get(name) for name in names)
    open_effect = contains_unresolvable([data.get("effect"), data.get("Effect")])
    return Statement(
        path=path, allow=allow or open_effect, actions=() if open_effect else _known(actions), not_actions=_known(not_actions),
        resources=_known(resources), not_resources=_known(not_resources), conditioned=conditioned,
        unknown=open_effect or contains_unresolvable([actions, not_actions]) or (who.unsure and not who.given),
        on_resource=who.given, everyone="" if open_effect else who.everyone,
        open_principal=_EFFECT if open_effect and (who.everyone or who.open) else who.open, federated=who.federated, tests=tests,
    )  # fmt: skip


def _tests_of_block(block: Subject) -> Iterator[Test]:
    for entry in _many(block.raw("condition")):
        if not isinstance(entry, dict) or is_unresolvable(entry):
            yield Test("", "", (entry,))
        else:
            yield Test(
                _word(entry.get("test")), _word(entry.get("variable")), tuple(_many(entry.get("values")))
            )


def _tests_of_json(condition: Any) -> Iterator[Test]:
    if condition is None:
        return
    if not isinstance(condition, dict) or is_unresolvable(condition):
        yield Test("", "", (condition,))
        return
    for operator, asked in condition.items():
        if not isinstance(asked, dict) or is_unresolvable(asked):
            yield Test(operator, "", (asked,))
            continue
        for variable, values in asked.items():
            yield Test(operator, variable, tuple(_many(values)))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class _Principals:
    """Whom a statement names: `given` if it names anybody, `unsure` if apply time decides even that."""

    given: bool
    everyone: str = ""
    open: str = ""
    unsure: bool = False
    federated: tuple[str, ...] = ()


def _document_principals(block: Subject) -> _Principals:
    entries = _many(block.raw("principals"))
    known = [e for e in entries if isinstance(e, dict) and not is_unresolvable(e)]
    names = [n for e in known if str(e.get("type")) in {"AWS", "*"} for n in _many(e.get("identifiers"))]
    if block.has("not_principals"):
        return _Principals(True, _ALL_BUT)
    federated = _known(
        [n for e in known if e.get("type") == "Federated" for n in _many(e.get("identifiers"))]
    )
    return _Principals(
        bool(known),
        _STAR if "*" in names else "",
        _may_be_star(names),
        contains_unresolvable(entries),
        federated,
    )


def _json_principals(entry: dict[str, Any]) -> _Principals:
    if entry.get("NotPrincipal") is not None:
        return _Principals(True, _ALL_BUT)
    value, federated = entry.get("Principal"), tuple[str, ...]()
    if isinstance(value, dict) and not is_unresolvable(value):
        federated = _known(value.get("Federated"))
        names = [*_many(value.get("AWS")), *(["*"] if "*" in value else [])]
    else:
        names = _many(value)
    return _Principals(
        value is not None, _STAR if "*" in names else "", _may_be_star(names), federated=federated
    )


def _may_be_star(names: list[Any]) -> str:
    """The first name that apply time gives and that a person may have set to `*`."""
    reasons = [str(n[UNRESOLVABLE_KEY]) for n in names if is_unresolvable(n)]
    return next((r for r in reasons if any(p.strip().startswith(_SET_BY_PEOPLE) for p in r.split(","))), "")


def _known(value: Any) -> tuple[str, ...]:
    return tuple(item for item in _many(value) if isinstance(item, str))


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
