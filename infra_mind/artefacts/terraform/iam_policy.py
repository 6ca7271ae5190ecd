"""`data.aws_iam_policy_document` → the policy that AWS would get, since it is made of nothing but its arguments."""

from __future__ import annotations

from typing import Any

from infra_mind.artefacts.terraform.values import encoded
from infra_mind.model.inventory import is_unresolvable

_FIELDS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


def policy_json(values: dict[str, Any]) -> str:
    """The policy as JSON text; unknown parts as the inventory's marker.

    `source_policy_documents` and the overriding ones come in where they are known; a statement with an equal Sid is replaced."""
    statements: list[Any] = []
    for text in values.get("source_policy_documents") or []:
        _take(statements, _statements_of(text))
    _take(statements, [s if is_unresolvable(s) else _statement(s) for s in values.get("statement") or []])
    for text in values.get("override_policy_documents") or []:
        _take(statements, _statements_of(text))
    document = {"Version": values.get("version") or "2012-10-17", "Statement": statements}
    if values.get("policy_id"):
        document["Id"] = values["policy_id"]
    return encoded(document)


def _take(statements: list[Any], more: list[Any]) -> None:
    for statement in more:
        sid = statement.get("Sid") if isinstance(statement, dict) else None
        at = next(
            (i for i, s in enumerate(statements) if sid and isinstance(s, dict) and s.get("Sid") == sid), None
        )
        if at is None:
            statements.append(statement)
        else:
            statements[at] = statement


def _statements_of(text: Any) -> list[Any]:
    from infra_mind.artefacts.terraform.functions import load_json

    if not isinstance(text, str):
        return [text]
    try:
        document = load_json(text)
    except (ValueError, RecursionError):
        return []
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return found if isinstance(found, list) else [found]


def _statement(block: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": block.get("effect") or "Allow"}
    if block.get("sid"):
        found["Sid"] = block["sid"]
    for argument, name in _FIELDS:
        if block.get(argument):
            found[name] = _single(block[argument])
    for argument, name in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        if block.get(argument):
            found[name] = _principals(block[argument])
    if block.get("condition"):
        found["Condition"] = _conditions(block["condition"])
    return found


def _single(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _principals(blocks: list[Any]) -> Any:
    found: dict[str, Any] = {}
    for block in blocks:
        if is_unresolvable(block) or not isinstance(block.get("type"), str):
            return block
        who = _single(block.get("identifiers"))
        if block["type"] == "*" and who == "*":
            return "*"
        found[block["type"]] = who
    return found


def _conditions(blocks: list[Any]) -> Any:
    found: dict[str, Any] = {}
    for block in blocks:
        if (
            is_unresolvable(block)
            or not isinstance(block.get("test"), str)
            or not isinstance(block.get("variable"), str)
        ):
            return block
        found.setdefault(block["test"], {})[block["variable"]] = _single(block.get("values"))
    return found
