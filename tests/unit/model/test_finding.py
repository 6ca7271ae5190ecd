"""The identity of a finding: the same for the same thing wherever its lines move to, another one for another thing."""

from __future__ import annotations

import json

from infra_mind.agents.base import silent
from infra_mind.assessment import INVENTORY, assessor
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Evidence, Finding, Severity, Status, distinct, make_finding
from infra_mind.model.inventory import Artefact
from infra_mind.model.result import AgentResult
from infra_mind.model.submission import Submission


def found(artefact: str = "a/main.tf", line: int = 1, resource: str = "aws_s3_bucket.b") -> Finding:
    seen = Evidence(artefact=artefact, line_start=line)
    return make_finding(
        rule_id="r.x", agent="security", title="t", status=Status.FAIL, severity=Severity.LOW, resource=resource, evidence=(seen,)
    )  # fmt: skip


def test_a_moved_line_is_the_same_finding() -> None:
    assert found(line=1).id == found(line=90).id


def test_another_file_of_the_same_root_is_the_same_finding() -> None:
    assert found("a/main.tf").fingerprint == found("a/storage.tf").fingerprint


def test_the_same_address_in_another_root_is_another_finding() -> None:
    assert found("a/main.tf").id != found("b/main.tf").id


def test_a_finding_on_no_resource_does_not_depend_on_its_example() -> None:
    assert found("a/main.tf", resource="").id == found("b/main.tf", resource="").id


def test_findings_that_are_the_same_thing_are_numbered() -> None:
    one, two, three = distinct([found(), found(), found()])
    assert one == found()
    assert len({one.id, two.id, three.id}) == 3


BUCKET = 'resource "aws_s3_bucket" "b" {\n  bucket = "x"\n  acl = "public-read"\n}\nresource "aws_instance" "i" {\n  ami = "a"\n  instance_type = "m5.large"\n}\n'
POD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {replicas: 1, template: {spec: {containers: [{name: c, image: x}]}}}\n"
COMPOSE = "services:\n  api:\n    image: nginx\n    privileged: true\n"
PROVIDER = 'provider "aws" {\n  region = "us-east-1"\n}\n'


def results(files: dict[str, str]) -> dict[str, AgentResult]:
    artefacts = tuple(Artefact(path=path, content=text) for path, text in files.items())
    data = Submission.of(parse_brief({"name": "two roots"}), artefacts).to_bytes()
    run = assessor()
    done = {INVENTORY: run.run(INVENTORY, data, {}, silent)}
    for name in run.table:
        done[name] = run.run(name, data, done, silent)
    return {name: AgentResult.model_validate(json.loads(done[name])) for name in run.table}


def test_all_ids_of_a_result_are_unique_over_roots_overlays_and_files() -> None:
    files = {
        "live/a/main.tf": PROVIDER + BUCKET, "live/b/main.tf": PROVIDER + BUCKET, "dev.yaml": POD, "prod.yaml": POD,
        "overlay/dev.yaml": POD, "docker-compose.yml": COMPOSE, "x/docker-compose.yml": COMPOSE, "compose.yaml": COMPOSE,
    }  # fmt: skip
    ids = [f.id for result in results(files).values() for f in result.findings]
    assert len(ids) > 50
    assert len(set(ids)) == len(ids)


def test_a_second_root_leaves_the_ids_of_the_first_as_they_are() -> None:
    alone = results({"b/main.tf": PROVIDER + BUCKET})["security"].findings
    beside = results({"b/main.tf": PROVIDER + BUCKET, "a/main.tf": PROVIDER + BUCKET})["security"].findings
    assert {f.id for f in alone if f.status is Status.FAIL} <= {f.id for f in beside}
