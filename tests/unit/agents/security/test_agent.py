"""What the agent makes of the rules' outcomes: findings, facts, exposure, coverage."""

from __future__ import annotations

import pytest

from infra_mind.agents.base import Inputs, Stopped, silent
from infra_mind.agents.security import AGENT, REGISTRY
from infra_mind.model.brief import Brief
from infra_mind.model.finding import Finding, Severity, Status
from infra_mind.model.inventory import Artefact, Format, Inventory, Resource, UnreadFile, unresolvable
from infra_mind.model.result import AgentResult
from tests.unit.agents.security.snippets import of, run, run_inventory


def _resource(kind: str, name: str = "x", **values: object) -> Resource:
    block = f"{kind}.{name}"
    return Resource(
        address=block, block=block, format=Format.TERRAFORM, kind=kind, name=name, artefact="main.tf",
        line_start=1, line_end=9, values=values,
    )  # fmt: skip


def _facts(result: AgentResult) -> dict[str, object]:
    return {f.id: f.value for f in result.facts}


def test_without_artefacts_it_names_what_is_missing() -> None:
    result = AGENT.assess(Inputs(brief=Brief(name="b")), silent)
    assert [f.status for f in result.findings] == [Status.NOT_ASSESSED]
    assert result.findings[0].evidence[0].path == "artefacts"
    assert not result.facts


def test_a_file_and_line_stand_beside_what_failed() -> None:
    text = 'resource "aws_db_instance" "db" {\n  engine = "mysql"\n  publicly_accessible = true\n}\n'
    (finding,) = of(run(Artefact(path="infra/db.tf", content=text)), "IM-AWS-RDS-001")
    evidence = finding.evidence[0]
    assert (evidence.artefact, evidence.line_start, evidence.path) == (
        "infra/db.tf",
        3,
        "publicly_accessible",
    )
    assert (evidence.observed, evidence.expected) == ("true", "false")
    assert finding.resource == "aws_db_instance.db"


def test_instances_of_one_block_are_one_finding() -> None:
    text = 'resource "aws_db_instance" "db" {\n  count = 3\n  publicly_accessible = true\n}\n'
    (finding,) = of(run(Artefact(path="db.tf", content=text)), "IM-AWS-RDS-001")
    assert finding.resource == "aws_db_instance.db"


def test_one_pass_finding_says_how_many_of_how_many() -> None:
    resources = [_resource("aws_kms_key", f"k{n}", enable_key_rotation=n > 0) for n in range(4)]
    (finding,) = of(run_inventory(Inventory(resources=tuple(resources))), "IM-AWS-KMS-001", Status.PASS)
    assert finding.evidence[0].observed == "3 of 4 pass"


def test_a_value_of_apply_time_is_unresolvable_and_neither_pass_nor_fail() -> None:
    key = _resource("aws_kms_key", enable_key_rotation=unresolvable("var.rotate"))
    result = run_inventory(Inventory(resources=(key,)))
    (finding,) = of(result, "IM-AWS-KMS-001", Status.UNRESOLVABLE)
    assert finding.evidence[0].observed == "var.rotate"
    assert not of(result, "IM-AWS-KMS-001", Status.PASS)
    assert "security.pass_rate" not in {f.id for f in result.facts if f.value == 0}


def test_an_open_rule_is_found_beside_one_that_apply_time_decides() -> None:
    wild = {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}
    group = _resource("aws_security_group", ingress=[unresolvable("var.rules"), wild])
    result = run_inventory(Inventory(resources=(group,)))
    assert of(result, "IM-AWS-SG-002")[0].evidence[0].path == "ingress.1.cidr_blocks"
    assert of(result, "IM-AWS-SG-002", Status.UNRESOLVABLE)


def test_a_shape_that_cannot_be_is_not_assessed_and_named() -> None:
    group = _resource("aws_security_group", ingress="everything")
    result = run_inventory(Inventory(resources=(group, _resource("aws_kms_key"))))
    (finding,) = of(result, "IM-AWS-SG-002", Status.NOT_ASSESSED)
    assert "IM-AWS-SG-002" in finding.evidence[0].observed
    assert "aws_security_group.x" in finding.evidence[0].observed
    assert of(result, "IM-AWS-KMS-001")


def test_facts_add_up() -> None:
    resources = (_resource("aws_kms_key"), _resource("aws_kms_key", "y", enable_key_rotation=True))
    result = run_inventory(Inventory(resources=resources))
    facts = _facts(result)
    states = ("passed", "failed", "unresolvable", "not_assessed")
    numbers = [facts[f"security.{state}"] for state in states]
    assert facts["security.checks"] == sum(n for n in numbers if isinstance(n, int))
    rate = next(f for f in result.facts if f.id == "security.pass_rate")
    assert rate.value == facts["security.passed"] / (facts["security.passed"] + facts["security.failed"])  # type: ignore[operator]
    assert rate.inputs == {"passed": facts["security.passed"], "failed": facts["security.failed"]}
    assert facts["security.rules"] == len(REGISTRY)
    for severity in Severity:
        counted = sum(f.status is Status.FAIL and f.severity is severity for f in result.findings)
        assert facts[f"security.findings.{severity}"] == counted


def test_no_decided_check_gives_no_pass_rate() -> None:
    result = run_inventory(Inventory(resources=(_resource("aws_unheard_of"),), unread=()))
    passes = [f for f in result.findings if f.status is Status.PASS]
    assert ("security.pass_rate" in _facts(result)) is bool(passes)
    only_unread = run_inventory(Inventory(unread=(UnreadFile(artefact="a.tf", reason="broken", line=3),)))
    assert "security.pass_rate" not in _facts(only_unread)


def test_an_unread_file_is_not_assessed_and_a_remote_module_unresolvable() -> None:
    broken = UnreadFile(artefact="a.tf", reason="line 3: no closing brace", line=3)
    remote = UnreadFile(artefact="b.tf", reason="remote module x", line=7, kind="remote_module")
    result = run_inventory(Inventory(unread=(broken, remote)))
    found = {f.evidence[0].artefact: f for f in result.findings if f.rule_id == "IM-ARTEFACT-UNREAD"}
    assert found["a.tf"].status is Status.NOT_ASSESSED
    assert found["a.tf"].evidence[0].line_start == 3
    assert found["b.tf"].status is Status.UNRESOLVABLE


def test_files_that_are_not_read_for_one_reason_are_one_finding_whatever_their_number() -> None:
    def of_files(names: list[str]) -> list[Finding]:
        foreign = [UnreadFile(artefact=n, reason="no manifest", kind="unsupported") for n in names]
        broken = UnreadFile(artefact="x/a.yaml", reason="line 3: no value", line=3)
        unread = (*reversed(foreign), broken)
        return of(run_inventory(Inventory(unread=unread)), "IM-ARTEFACT-UNREAD", Status.NOT_ASSESSED)

    few, many = of_files(["b/1.yaml"]), of_files([f"a/{n:04}.yaml" for n in range(900)] + ["b/1.yaml"])
    assert len(few) == len(many) == 2
    assert [f.fingerprint for f in few] == [f.fingerprint for f in many]
    (grouped,) = [f for f in many if f.evidence[0].path == "unsupported"]
    assert grouped.title == "901 files were not assessed: no manifest"
    assert [e.artefact for e in grouped.evidence] == [f"a/{n:04}.yaml" for n in range(50)]
    assert grouped.evidence[-1].observed == "no manifest (and 851 more)"


@pytest.mark.parametrize(
    ("classes", "severity"),
    [((), Severity.MEDIUM), (("public",), Severity.MEDIUM), (("health", "personal"), Severity.HIGH)],
)
def test_sensitive_data_raises_medium_exposure_to_high_and_says_so(
    classes: tuple[str, ...], severity: Severity
) -> None:
    text = 'resource "aws_sns_topic" "t" {\n  name = "t"\n}\n'
    (finding,) = of(run(Artefact(path="a.tf", content=text), data_classes=classes), "IM-AWS-SNS-001")
    assert finding.severity is severity
    assert finding.remediation
    assert ("health" in finding.remediation.text) is ("health" in classes)


def test_exposure_names_the_group_and_what_stands_behind_it() -> None:
    text = (
        'resource "aws_security_group" "web" {\n  ingress {\n    protocol = "tcp"\n    from_port = 22\n    to_port = 22\n'
        '    cidr_blocks = ["0.0.0.0/0"]\n  }\n}\n'
        'resource "aws_instance" "host" {\n  vpc_security_group_ids = [aws_security_group.web.id]\n}\n'
    )
    rows = run(Artefact(path="a.tf", content=text)).details["exposure"]
    by_ssh = [row["address"] for row in rows if row["rule"] == "IM-AWS-SG-002"]
    assert by_ssh == ["aws_instance.host", "aws_security_group.web"]


def test_settings_in_a_resource_of_their_own_count_for_their_bucket_alone() -> None:
    text = (
        'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n}\nresource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n'
        'resource "aws_s3_bucket_public_access_block" "a" {\n  bucket = aws_s3_bucket.a.id\n}\n'
    )
    assert [f.resource for f in of(run(Artefact(path="a.tf", content=text)), "IM-AWS-S3-002")] == [
        "aws_s3_bucket.b"
    ]


def test_a_setting_whose_bucket_is_unknown_leaves_the_bucket_undecided() -> None:
    bucket = _resource("aws_s3_bucket", bucket="a")
    block = _resource("aws_s3_bucket_public_access_block", "y", bucket=unresolvable("var.bucket"))
    result = run_inventory(Inventory(resources=(bucket, block)))
    assert not of(result, "IM-AWS-S3-002")
    assert of(result, "IM-AWS-S3-002", Status.UNRESOLVABLE)


def test_a_fingerprint_does_not_move_with_the_line() -> None:
    text = 'resource "aws_kms_key" "k" {\n}\n'
    first = of(run(Artefact(path="a.tf", content=text)), "IM-AWS-KMS-001")[0]
    later = of(run(Artefact(path="a.tf", content="\n\n\n" + text)), "IM-AWS-KMS-001")[0]
    assert first.fingerprint == later.fingerprint
    assert first.evidence[0].line_start != later.evidence[0].line_start


def test_progress_is_work_done_over_work_known_and_can_stop_the_run() -> None:
    inventory = Inventory(resources=tuple(_resource("aws_kms_key", f"k{n}") for n in range(50)))
    seen: list[tuple[int, int]] = []
    AGENT.assess(
        Inputs(brief=Brief(name="b"), inventory=inventory), lambda d, t, note="": seen.append((d, t))
    )
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]

    def stop(done: int, total: int, note: str = "") -> None:
        raise Stopped

    with pytest.raises(Stopped):
        AGENT.assess(Inputs(brief=Brief(name="b"), inventory=inventory), stop)


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob"])
@pytest.mark.parametrize("group", ["containers", "initContainers"])
def test_every_kind_of_workload_and_its_init_containers_are_seen(kind: str, group: str) -> None:
    spec = f"{{{group}: [{{name: c, securityContext: {{privileged: true}}}}]}}"
    spec = spec if kind == "Pod" else f"{{template: {{spec: {spec}}}}}"
    spec = f"{{jobTemplate: {{spec: {spec}}}}}" if kind == "CronJob" else spec
    version = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(kind, "apps/v1")
    text = f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}"
    assert len(of(run(Artefact(path="a.yaml", content=text)), "IM-K8S-POD-001")) == 1


def test_one_finding_for_a_namespace_without_policy() -> None:
    manifest = (
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {0}, namespace: shop}}, spec: {{containers: []}}}}"
    )
    text = "\n---\n".join(
        manifest.format(name).replace("containers: []", "containers: [{name: c}]") for name in "abc"
    )
    (finding,) = of(run(Artefact(path="a.yaml", content=text)), "IM-K8S-NET-001")
    assert "shop" in finding.evidence[0].observed


def test_work_grows_with_the_resources_and_no_faster() -> None:
    def work(number: int) -> int:
        resources = tuple(_resource("aws_s3_bucket", f"b{n}", bucket=f"b{n}") for n in range(number))
        totals: list[int] = []
        inputs = Inputs(brief=Brief(name="b"), inventory=Inventory(resources=resources))
        AGENT.assess(inputs, lambda done, total, note="": totals.append(total))
        return totals[-1]

    assert work(40) == 4 * work(10)


def test_every_failure_of_a_secret_value_is_masked_in_text_and_details() -> None:
    text = 'resource "aws_ssm_parameter" "p" {\n  type = "SecureString"\n  value = "q8Zp3rTt0vKx"\n}\n'
    result = run(Artefact(path="a.tf", content=text))
    assert of(result, "IM-TF-SECRET-006")
    assert "q8Zp3rTt0vKx" not in result.model_dump_json()


def test_the_advice_on_a_remote_module_is_one_that_helps() -> None:
    call = 'module "net" {\n  source = "%s"\n}\n'
    module = Artefact(path="modules/net/main.tf", content='resource "aws_ebs_volume" "v" {\n  size = 1\n}\n')
    (unread,) = of(
        run(Artefact(path="main.tf", content=call % "acme/net/aws")),
        "IM-ARTEFACT-UNREAD",
        Status.UNRESOLVABLE,
    )
    assert unread.remediation is not None
    assert "name it by its path" in unread.remediation.text
    followed = run(Artefact(path="main.tf", content=call % "./modules/net"), module)
    assert [f.resource for f in of(followed, "IM-AWS-EBS-001")] == ["module.net.aws_ebs_volume.v"]
