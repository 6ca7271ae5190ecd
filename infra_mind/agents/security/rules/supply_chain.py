"""Terraform: modules and providers that may be other ones tomorrow (`declarations.py` reads them from the text)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.secrets import scrub
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_SOURCES = "https://developer.hashicorp.com/terraform/language/modules/sources"
_COMMIT = re.compile(r"ref=[0-9a-f]{40}\b")
_REGISTRY = re.compile(r"^(?:[\w.-]+\.[a-z]+/)?[\w-]+/[\w-]+/[\w-]+(?://.*)?$")
_BOUNDED = re.compile(r"^\s*(?:=\s*)?v?\d|~>|<")


@RULES.add(
    "IM-TF-MODULE-001", "Module is not pinned to a version", severity=Severity.MEDIUM,
    reason="The next `terraform init` may fetch other code, which runs with the rights that build the infrastructure.",
    family=Family.SUPPLY_CHAIN, kinds=("module",), fix="Give `version` for a registry module, `?ref=` for a git source.",
    references=(_SOURCES,), ckv=("CKV_TF_2",), controls=("supply-chain",),
)  # fmt: skip
def module_version(subject: Subject, _: Context) -> Iterator[Outcome]:
    source = subject.text("source")
    if not source or source.startswith(("./", "../", "/")):
        return
    pinned = (
        _BOUNDED.search(subject.text("version"))
        if _REGISTRY.match(source)
        else "ref=" in source or "versionId=" in source
    )
    observed = subject.text("version") if subject.has("version") else scrub(source)
    yield passed("source") if pinned else failed("source", observed, "an exact version or a ref")


@RULES.add(
    "IM-TF-MODULE-002", "Git module is not pinned to a commit", severity=Severity.INFO,
    reason="A tag or branch can be moved to other code by whoever may push; a commit's hash cannot.",
    family=Family.SUPPLY_CHAIN, kinds=("module",), fix="Give `?ref=` with the 40 digits of the commit.",
    references=(_SOURCES + "#selecting-a-revision",), ckv=("CKV_TF_1",), controls=("supply-chain",),
)  # fmt: skip
def module_commit(subject: Subject, _: Context) -> Iterator[Outcome]:
    source = subject.text("source")
    if "ref=" in source:
        yield (
            passed("source")
            if _COMMIT.search(source)
            else failed("source", scrub(source), "ref=<40 hex digits>")
        )


@RULES.add(
    "IM-TF-MODULE-003", "Module is fetched in the clear", severity=Severity.HIGH,
    reason="Whoever sits on the way puts in code that runs with the rights that build the infrastructure.",
    family=Family.SUPPLY_CHAIN, kinds=("module",), fix="Use https or ssh.", references=(_SOURCES,), controls=("supply-chain", "encryption-in-transit"),
)  # fmt: skip
def module_transport(subject: Subject, _: Context) -> Iterator[Outcome]:
    source = subject.text("source")
    if "://" in source:
        clear = re.match(r"^(?:git::|hg::)?(?:http|git)://", source)
        yield failed("source", scrub(source), "https or ssh") if clear else passed("source")


@RULES.add(
    "IM-TF-PROVIDER-001", "Provider's version is open", severity=Severity.LOW,
    reason="A new major version changes defaults and removes attributes, unless a committed lock file holds it back.",
    family=Family.SUPPLY_CHAIN, kinds=("required_provider",), fix='Give `version = "~> 5.0"` and commit `.terraform.lock.hcl`.',
    references=("https://developer.hashicorp.com/terraform/language/providers/requirements",), controls=("supply-chain",),
)  # fmt: skip
def provider_version(subject: Subject, context: Context) -> Iterator[Outcome]:
    version = subject.text("version")
    if version and context.is_called(subject.resource):
        yield passed("version")  # a module gives its least version alone; the root that calls it bounds it
        return
    yield (
        passed("version")
        if _BOUNDED.search(version)
        else failed("version", version or "absent", "an upper bound")
    )
