"""Terraform: secrets that stand in the files."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.declarations import DECLARED
from infra_mind.agents.security.literals import literals
from infra_mind.agents.security.rule import ANY_KIND, Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.secrets import (
    Token,
    assigned,
    is_secret_name,
    literal_secret,
    mask,
    may_hold_token,
    tokens,
)
from infra_mind.agents.security.stores import stored_secret
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format, is_unresolvable

RULES = RuleSet(Format.TERRAFORM)
_START_UP = (
    "user_data",
    "user_data_base64",
    "custom_data",
    "metadata_startup_script",
    "metadata",
    "startup_script",
)
_MACHINES = (
    "aws_instance", "aws_launch_configuration", "aws_launch_template", "aws_spot_instance_request", "azurerm_linux_virtual_machine",
    "azurerm_windows_virtual_machine", "azurerm_virtual_machine", "azurerm_linux_virtual_machine_scale_set",
    "google_compute_instance", "google_compute_instance_template", "google_compute_project_metadata",
)  # fmt: skip
_FUNCTIONS = {
    "aws_lambda_function": "environment", "aws_ecs_task_definition": "container_definitions", "aws_batch_job_definition": "container_properties",
    "aws_codebuild_project": "environment", "aws_apprunner_service": "source_configuration", "azurerm_linux_function_app": "app_settings",
    "azurerm_linux_web_app": "app_settings", "azurerm_windows_web_app": "app_settings", "azurerm_app_service": "app_settings",
    "azurerm_container_group": "container", "google_cloudfunctions_function": "environment_variables",
    "google_cloudfunctions2_function": "service_config", "google_cloud_run_service": "template", "google_cloud_run_v2_service": "template",
    "aws_sagemaker_model": "primary_container", "helm_release": "set",
}  # fmt: skip
_SENSITIVE_SET = "set_sensitive"
_PROVIDER_ATTRIBUTES = (
    "access_key",
    "secret_key",
    "token",
    "client_secret",
    "credentials",
    "api_key",
    "api_token",
    "password",
)


@RULES.add(
    "IM-TF-SECRET-001", "Keys of a provider stand in the file", severity=Severity.CRITICAL,
    reason="Whoever reads the repository acts in the cloud account with the rights that build it.",
    family=Family.SECRETS, kinds=(ANY_KIND,), fix="Remove them, revoke them now, and log in through the environment, SSO or OIDC.",
    references=("https://registry.terraform.io/providers/hashicorp/aws/latest/docs#authentication-and-configuration",), ckv=("CKV_AWS_41",), controls=("secrets-management", "access-control"),
)  # fmt: skip
def provider_keys(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.resource.kind.startswith("provider."):
        return
    found = False
    for name in _PROVIDER_ATTRIBUTES:
        value = subject.raw(name)
        token = (next(tokens(value), None) or literal_secret(name, value)) if isinstance(value, str) else None
        if token:
            found = True
            yield failed(name, f"{name} = {token.shown}", "no key in the file")
    if not found:
        yield passed()


@RULES.add(
    "IM-TF-SECRET-002", "A secret stands in a machine's start-up script", severity=Severity.CRITICAL,
    reason="Every process on the machine, and everyone who may describe it, reads the script.",
    family=Family.SECRETS, kinds=_MACHINES, fix="Give the machine a role and let it read a secret store; revoke the secret now.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html",), ckv=("CKV_AWS_46", "CKV_AZURE_45"), controls=("secrets-management",),
)  # fmt: skip
def start_up_secret(subject: Subject, context: Context) -> Iterator[Outcome]:
    present = [name for name in _START_UP if subject.has(name)]
    for name in present:
        texts = [_plain(text) for _, text in subject.leaves(name)]
        found = list(dict.fromkeys(t for text in texts for t in (*tokens(text), *assigned(text))))
        if not found:  # a script that apply time completes: its text is still here
            where = subject.resource.lines_of(subject.at(name))
            text = "\n".join(
                line for n, line in context.source(subject.resource) if where.start <= n <= where.end
            )
            found = list(dict.fromkeys((*tokens(text), *_quoted(text))))
        if found:
            yield failed(subject.at(name), "; ".join(f"{t.kind}: {t.shown}" for t in found), "no secret")
        else:
            yield passed(subject.at(name))


def _quoted(text: str) -> Iterator[Token]:
    """Literals of HCL that stand under a telling name: the variables of a template that was not handed in."""
    for literal in literals(text):
        token = literal_secret(literal.path[-1], literal.text)
        if token:
            yield token
        elif "\n" in literal.text:
            yield from assigned(literal.text)


def _plain(text: str) -> str:
    """The text and, if it is base64 of text, that too."""
    try:
        return f"{text}\n{base64.b64decode(text, validate=True).decode()}"
    except (binascii.Error, ValueError):
        return text


@RULES.add(
    "IM-TF-SECRET-003", "A secret stands in the environment of a function or container, or in the values of a chart", severity=Severity.HIGH,
    reason="It shows in the console, in the state and in every dump of the environment.",
    family=Family.SECRETS, kinds=tuple(_FUNCTIONS), fix="Refer to Secrets Manager, Parameter Store, Key Vault or Secret Manager; revoke the secret now.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",), ckv=("CKV_AWS_45",), controls=("secrets-management",),
)  # fmt: skip
def environment_secret(subject: Subject, _: Context) -> Iterator[Outcome]:
    attributes = [_FUNCTIONS[subject.resource.kind]]
    attributes += [_SENSITIVE_SET] if subject.resource.kind == "helm_release" else []
    present = [attribute for attribute in attributes if subject.has(attribute)]
    if not present and not subject.has("values"):
        return
    found: list[tuple[str, str, Token]] = []
    for path, name, value in (named for attribute in present for named in _named_values(subject, attribute)):
        token = next(tokens(value), None) or (None if _names_entry(path) else literal_secret(name, value))
        if token:
            found.append((path, name, token))
    if subject.resource.kind == "helm_release":
        found += [(path, t.kind, t) for path, text in subject.leaves("values") for t in assigned(text)]
    for path, name, token in found:
        yield failed(path, f"{name} = {token.shown}", "a reference to a secret store")
    if not found:
        subject.settle(*present)
        yield passed(subject.at(present[0] if present else "values"))


def _named_values(subject: Subject, attribute: str) -> Iterator[tuple[str, str, str]]:
    value, path = subject.raw(attribute), subject.at(attribute)
    if isinstance(value, str):  # ECS and Batch take their containers as JSON text
        try:
            value = json.loads(value)
        except ValueError:
            return
        yield from ((path, name, text) for _, name, text in _walk(value, path))
    else:
        yield from _walk(value, path)


def _walk(value: object, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        pair = value.get("name"), value.get("value")
        if isinstance(pair[0], str) and isinstance(pair[1], str):  # {name: DB_PASSWORD, value: ...}
            yield f"{path}.value", pair[0], pair[1]
        for key, inner in value.items():
            if key not in {"name", "value"}:
                yield from _walk(inner, f"{path}.{key}", str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}.{index}", name)


@RULES.add(
    "IM-TF-SECRET-004", "A password or key attribute has a literal value", severity=Severity.HIGH,
    reason="Everyone who reads the repository or the state knows it, and it is rarely changed.",
    family=Family.SECRETS, kinds=(ANY_KIND,), fix="Let the service make and rotate it (`manage_master_user_password`), or read it from a secret store; change it now.",
    effort=Effort.HOURS, references=("https://developer.hashicorp.com/terraform/language/manage-sensitive-data",), controls=("secrets-management",),
)  # fmt: skip
def literal_password(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.resource.kind.startswith("provider."):
        return
    for path, value in subject.leaves():
        name = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
        root = path.split(".")[0]
        if (
            root in (_SAID if subject.resource.kind in DECLARED else _ELSEWHERE)
            or not is_secret_name(name)
            or subject.resource.kind in _HELD
            or _names_entry(path)
        ):
            continue
        token = literal_secret(name, value)
        yield (
            failed(path, f"{name} = {mask(token.value)}", "a reference to a secret store")
            if token
            else passed(path)
        )


def _names_entry(path: str) -> bool:
    """True where `secret = "db"` names an entry of a secret store, as in a `secret_key_ref` or a volume of secrets."""
    *blocks, name = [part for part in path.split(".") if not part.isdigit()]
    return name == "secret" and bool(_OF_A_STORE.intersection(blocks))


_OF_A_STORE = frozenset({"secret_key_ref", "secret_environment_variables", "secret_volumes", "volumes"})
_SAID = frozenset({"tags", "labels"})
_ELSEWHERE = frozenset({*_START_UP, *_FUNCTIONS.values(), *_SAID})


_HELD: dict[str, str] = {
    "aws_secretsmanager_secret_version": "secret_string", "aws_ssm_parameter": "value", "azurerm_key_vault_secret": "value",
    "google_secret_manager_secret_version": "secret_data", "kubernetes_secret": "data", "kubernetes_secret_v1": "data",
    "github_actions_secret": "plaintext_value",
}  # fmt: skip


@RULES.add(
    "IM-TF-SECRET-006", "The value of a secret store's entry stands in the file", severity=Severity.HIGH,
    reason="The store guards a value that everyone who reads the repository or the state knows.",
    family=Family.SECRETS, kinds=tuple(_HELD), fix="Let a person or a generator set the value outside of Terraform (or a write-only attribute); change it now.",
    effort=Effort.HOURS, references=("https://developer.hashicorp.com/terraform/language/manage-sensitive-data",), controls=("secrets-management",),
)  # fmt: skip
def held_secret(subject: Subject, _: Context) -> Iterator[Outcome]:
    attribute = _HELD[subject.resource.kind]
    if subject.resource.kind == "aws_ssm_parameter" and subject.text("type") != "SecureString":
        return
    found = False
    for path, name, text in _held_values(subject, attribute):
        token = None if "${" in text else stored_secret(name, text)
        if token:
            found = True
            yield failed(path, f"{name} = {token.shown}", "no value in the file")
    if not found:
        yield passed(attribute)


def _held_values(subject: Subject, attribute: str) -> Iterator[tuple[str, str, str]]:
    """(path, name, text): what is written as a map of entries, or as JSON text of one, entry by entry. In such a text a value that
    apply time decides stands as its marker, which is no text."""
    for path, text in subject.leaves(attribute):
        entries = _entries(text)
        if entries is None:
            yield path, path.rpartition(".")[2], text
        else:
            found = _leaves(entries, "")
            yield from ((path, name, inner) for name, inner in found)


def _entries(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict) and not is_unresolvable(value):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)


@RULES.add(
    "IM-TF-SECRET-005", "A key or token stands in the file", severity=Severity.CRITICAL,
    reason="Its form is that of a live credential: whoever reads the repository can use it.",
    family=Family.SECRETS, kinds=(ANY_KIND,), fix="Revoke it now, and read it from a secret store.", effort=Effort.HOURS,
    references=("https://developer.hashicorp.com/terraform/language/manage-sensitive-data",), ckv=("CKV_SECRET_2",), controls=("secrets-management",),
)  # fmt: skip
def token_in_text(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.resource.kind.startswith("provider."):
        return
    found: dict[str, tuple[str, Token]] = {}
    elsewhere = frozenset[str]() if subject.resource.kind in DECLARED else _ELSEWHERE - _SAID
    texts = [(path, text) for path, text in subject.leaves()]
    texts += [(context.path_at(subject.resource, n), line) for n, line in context.source(subject.resource)]
    for path, text in texts:
        name = path.split(".")[0]
        for token in tokens(text) if name not in elsewhere else ():
            if (
                literal_secret(
                    next((p for p in reversed(path.split(".")) if not p.isdigit()), ""), token.value
                )
                is None
            ):
                found.setdefault(token.value, (path, token))
    for path, token in found.values():
        yield failed(path, f"{token.kind}: {token.shown}", "no secret")
    if not found and any(may_hold_token(text) for _, text in texts):
        yield passed()
