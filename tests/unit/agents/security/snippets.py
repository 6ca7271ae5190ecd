"""From the short forms of the examples to artefacts, and from artefacts to the agent's result."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import yaml

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.security import AGENT, REGISTRY
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Finding, Status
from infra_mind.model.inventory import Artefact, Format, Inventory
from infra_mind.model.result import AgentResult
from tests.unit.agents.security.examples_aws import AWS
from tests.unit.agents.security.examples_cloud import AZURE, GCP
from tests.unit.agents.security.examples_containers import COMPOSE, DOCKERFILE, KUBERNETES
from tests.unit.agents.security.examples_hardening import HARDENING
from tests.unit.agents.security.examples_services import (
    AWS_SERVICES,
    AZURE_SERVICES,
    GCP_SERVICES,
)

EXAMPLES = {
    **AWS, **AZURE, **GCP, **KUBERNETES, **COMPOSE, **DOCKERFILE, **AWS_SERVICES, **AZURE_SERVICES, **GCP_SERVICES, **HARDENING,
}  # fmt: skip
_SHORT = re.compile(r"^([a-z][a-z0-9_]+): ([\s\S]*)$")


def artefact_of(rule_id: str, text: str) -> Artefact:
    """The file for one example of a rule, by the rule's format."""
    form = REGISTRY[rule_id].format
    if form is Format.TERRAFORM:
        return Artefact(path="main.tf", content="\n".join(_terraform(part) for part in text.split("\n---\n")))
    if form is Format.KUBERNETES:
        return Artefact(
            path="app.yaml", content="\n---\n".join(_manifest(part) for part in text.split("\n---\n"))
        )
    if form is Format.COMPOSE:
        return Artefact(
            path="compose.yaml", content=yaml.safe_dump({"services": {"x": yaml.safe_load(text)}})
        )
    return Artefact(path="Dockerfile", content=text + "\n")


def _terraform(part: str) -> str:
    short = _SHORT.match(part)
    if not short:
        return part
    body = "\n".join(f"  {line}" for line in short[2].split("\n"))
    return f'resource "{short[1]}" "x" {{\n{body}\n}}\n'


def _manifest(part: str) -> str:
    data = yaml.safe_load(part)
    if "container" in data:
        data = {"pod": {"containers": [{"name": "c", **data["container"]}]}}
    if "pod" in data:
        data = {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"spec": data["pod"]}},
        }  # fmt: skip
    return str(yaml.safe_dump(data, sort_keys=False))


def run(*artefacts: Artefact, data_classes: tuple[str, ...] = ()) -> AgentResult:
    """The agent's result through the real readers."""
    return run_inventory(build_inventory(artefacts), *artefacts, data_classes=data_classes)


def run_inventory(
    inventory: Inventory, *artefacts: Artefact, data_classes: tuple[str, ...] = ()
) -> AgentResult:
    brief = parse_brief({"name": "test", "compliance": {"data_classes": list(data_classes)}})
    inputs = Inputs(brief=brief, inventory=inventory, artefacts={a.path: a for a in artefacts})
    return with_patches(AGENT.assess(inputs, silent), inputs)


def with_patches(result: AgentResult, inputs: Inputs) -> AgentResult:
    """The result as a whole assessment has it: the step of the patches comes after the agent."""
    assert AGENT.later is not None
    added = AGENT.later.work(replace(inputs, results={AGENT.name: result}), silent)
    return AGENT.later.put(result, json.loads(json.dumps(added)))


def of(result: AgentResult, rule_id: str, status: Status = Status.FAIL) -> list[Finding]:
    """The findings of one rule with one status."""
    return [f for f in result.findings if f.rule_id == rule_id and f.status is status]
