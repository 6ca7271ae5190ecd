"""From the text of real artefacts through the readers to cloud and reliability: shapes, lines, and the same bytes each time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from infra_mind.agents import cloud, reliability
from infra_mind.agents.base import Inputs, silent
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact

KUBERNETES = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: prod}
spec:
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      initContainers:
        - {name: init, image: x, resources: {requests: {cpu: "2", memory: 64Mi}}}
      containers:
        - {name: db, image: x, resources: {requests: {cpu: 1500m, memory: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: prod}
spec: {selector: {app: db}, ports: [{port: 5432}]}
"""
COMPOSE = """\
services:
  web:
    image: x
    depends_on: [cache]
    deploy: {replicas: 2, resources: {reservations: {cpus: "0.25", memory: 256M}}}
  cache: {image: y, restart: always, cpus: 1, mem_limit: 1g}
"""
TERRAFORM = """\
variable "multi" {}
resource "aws_vpc" "main" {}
resource "aws_subnet" "a" {
  count  = 2
  vpc_id = aws_vpc.main.id
}
resource "aws_db_instance" "one" { engine = "x" }
resource "aws_db_instance" "open" { multi_az = var.multi }
resource "aws_autoscaling_group" "g" {
  min_size = 1
  max_size = 1
}
module "far" { source = "terraform-aws-modules/vpc/aws" }
"""
FILES = {"db.yaml": KUBERNETES, "compose.yaml": COMPOSE, "main.tf": TERRAFORM}


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    sent = [Artefact(path=path, content=text) for path, text in FILES.items()]
    return Inputs(brief=parse_brief({"name": "t"}), inventory=build_inventory(sent), artefacts={a.path: a for a in sent})  # fmt: skip


def test_the_sums_of_kubernetes_and_compose(inputs: Inputs) -> None:
    found = {f.id: f.value for f in cloud.AGENT.assess(inputs, silent).facts}
    assert found["cloud.vcpu_requested"] == 3 * 2 + 2 * 0.25 + 1
    assert found["cloud.memory_mib_requested"] == 3 * 1024 + 2 * 256 + 1024
    assert found["cloud.workloads"] == 3
    assert (
        found["cloud.resources"] == 1 + 1 + 2 + 1 + 2 + 2 + 1
    )  # StatefulSet, Service, compose, vpc, subnets, databases, group
    assert found["cloud.unresolved"] == 1


def test_the_edges_across_files(inputs: Inputs) -> None:
    edges = cloud.AGENT.assess(inputs, silent).details["topology"]["edges"]
    assert {(e["from"], e["to"]) for e in edges} == {
        ("Service/prod/db", "StatefulSet/prod/db"),
        ("service/web", "service/cache"),
        ("aws_subnet.a[0]", "aws_vpc.main"),
        ("aws_subnet.a[1]", "aws_vpc.main"),
    }


@pytest.mark.parametrize(
    ("rule", "resource", "status", "artefact", "line"),
    [
        ("rds-single-az", "aws_db_instance.one", Status.FAIL, "main.tf", 7),
        ("rds-single-az", "aws_db_instance.open", Status.UNRESOLVABLE, "main.tf", 8),
        ("asg-max-one", "aws_autoscaling_group.g", Status.FAIL, "main.tf", 11),
        ("k8s-single-replica", "StatefulSet/prod/db", Status.PASS, "db.yaml", 5),
        ("compose-no-restart", "service/web", Status.FAIL, "compose.yaml", 2),
        ("compose-no-restart", "service/cache", Status.PASS, "compose.yaml", 6),
    ],
)
def test_single_points_lead_to_file_and_line(
    inputs: Inputs, rule: str, resource: str, status: Status, artefact: str, line: int
) -> None:
    found = {(f.rule_id, f.resource): f for f in reliability.AGENT.assess(inputs, silent).findings}
    finding = found[f"reliability.{rule}", resource]
    assert finding.status is status
    assert (finding.evidence[0].artefact, finding.evidence[0].line_start) == (artefact, line)


SCRIPT = f"""
from infra_mind.agents import cloud, reliability
from infra_mind.agents.base import Inputs, silent
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.brief import parse_brief
from infra_mind.model.inventory import Artefact
inventory = build_inventory([Artefact(path=p, content=t) for p, t in {FILES!r}.items()])
for agent in (cloud, reliability):
    print(agent.AGENT.assess(Inputs(brief=parse_brief({{"name": "t"}}), inventory=inventory), silent).model_dump_json())
"""


def test_the_same_artefacts_give_the_same_bytes_in_every_process() -> None:
    def run(hash_seed: str) -> bytes:
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, check=True).stdout

    first = run("1")
    assert b"topology" in first
    assert run("2") == first
