"""What the cost agent takes for granted stands in its result: behind every advice, and behind every default of a provider."""

from __future__ import annotations

import pytest

from infra_mind.model.result import AgentResult
from tests.unit.agents.test_cost import API, HOSTING, SERVING, finding, sized
from tests.unit.agents.test_cost import cost as cost_of_brief
from tests.unit.agents.test_cost_artefacts import AWS, cost
from tests.unit.agents.test_cost_purchases import cost as cost_with_research

VOLUME = 'resource "aws_ebs_volume" "data" {\n  availability_zone = "us-east-1a"\n  size = 100\n}\n'
SIZED = sized(**{"serving.chat.gpus": 8})
QUIET = {"llm_serving": [{**SERVING, "requests_per_s": 0.1}], "llm_api": [API]}


def ids(result: AgentResult) -> set[str]:
    return {assumption.id for assumption in result.assumptions}


@pytest.mark.parametrize(
    ("rule", "assumption", "result"),
    [
        ("cost.gp2-volume", "cost.gp3_base", cost(AWS + VOLUME)),
        (
            "cost.older-generation",
            "cost.newer_generation",
            cost_of_brief(hosting={**HOSTING, "nodes": [{"instance": "m4.xlarge"}]}),
        ),
        (
            "cost.rent-is-cheaper",
            "cost.rent_or_host",
            cost_of_brief(SIZED, hosting={**HOSTING, "nodes": []}, **QUIET),
        ),
        ("cost.commit-gpus", "cost.committed_all_term", cost_with_research()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_advice_names_what_it_takes_for_granted(rule: str, assumption: str, result: AgentResult) -> None:
    assert finding(result, rule).assumptions == (assumption,)
    assert assumption in ids(result)


def test_training_at_spot_is_taken_as_uninterrupted() -> None:
    assert "cost.spot_interruptions" in ids(cost_with_research())


def test_hours_and_system_are_said_also_of_what_the_files_order() -> None:
    assert {"cost.hours", "cost.linux"} <= ids(
        cost(AWS + 'resource "aws_instance" "web" {\n  instance_type = "m5.xlarge"\n}\n')
    )
    assert "cost.hours" not in ids(cost(AWS + VOLUME))


def test_a_default_of_the_provider_is_said_with_its_value() -> None:
    (default,) = [a for a in cost(AWS + VOLUME).assumptions if ".default." in a.id]
    assert (default.id, default.value) == ("cost.default.aws_ebs_volume.type", "gp2")
    written = VOLUME.replace("size = 100\n", 'size = 100\n  type = "gp3"\n')
    assert not any(".default." in assumption for assumption in ids(cost(AWS + written)))


@pytest.mark.parametrize(
    ("assumption", "text"),
    [
        (
            "cost.default.aws_eks_node_group.instance_types",
            AWS + 'resource "aws_eks_node_group" "n" {\n  scaling_config {\n    desired_size = 2\n  }\n}\n',
        ),
        (
            "cost.scaling",
            AWS + 'resource "aws_eks_node_group" "n" {\n  scaling_config {\n    desired_size = 2\n  }\n}\n',
        ),
        (
            "cost.default.aws_vpc_endpoint.subnet_ids",
            AWS + 'resource "aws_vpc_endpoint" "e" {\n  vpc_endpoint_type = "Interface"\n}\n',
        ),
        (
            "cost.default.azurerm_mssql_database.license_type",
            'resource "azurerm_mssql_database" "d" {\n  location = "East US"\n  sku_name = "GP_Gen5_2"\n}\n',
        ),
        (
            "cost.regional_zones",
            'resource "google_container_cluster" "c" {\n  location = "europe-west4"\n  initial_node_count = 1\n}\n',
        ),
    ],
)
def test_what_the_files_leave_open_is_said(assumption: str, text: str) -> None:
    assert assumption in ids(cost(text))


def test_a_stateful_set_without_replicas_is_one_pod() -> None:
    manifest = """
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db}
    spec:
      volumeClaimTemplates:
        - metadata: {name: data}
          spec: {resources: {requests: {storage: 10Gi}}}
    """
    hosting = {"provider": "aws", "region": "us-east-1"}
    assert "cost.kubernetes.replicas" in ids(cost({"db.yaml": manifest}, hosting=hosting))
    assert "cost.kubernetes.replicas" not in ids(
        cost(
            {"db.yaml": manifest.replace("spec:\n      vol", "spec:\n      replicas: 3\n      vol")},
            hosting=hosting,
        )
    )
