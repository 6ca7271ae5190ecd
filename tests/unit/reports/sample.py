"""A result as the agents give it for a clinic that serves a 70B model: the values follow from its inputs."""

from __future__ import annotations

from infra_mind.model.fact import Assumption, Fact
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)  # fmt: skip
from infra_mind.model.result import (
    AgentFailure,
    AgentResult,
    AssessmentResult,
    CostLine,
    Coverage,
    ImageUse,
    ModelUse,
    Recommendation,
    ResourceSummary,
    Summary,
    Unpriced,
)  # fmt: skip

PATCH = """\
--- a/terraform/aws/compute.tf
+++ b/terraform/aws/compute.tf
@@ -72,6 +72,7 @@
   metadata_options {
     http_endpoint = "enabled"
-    http_tokens   = "optional"
+    http_tokens   = "required"
   }
"""


def public_bucket() -> Finding:
    return make_finding(
        rule_id="aws-s3-public-acl", agent="security", title="Bucket with patient letters is readable by everyone",
        status=Status.FAIL, severity=Severity.CRITICAL, resource="aws_s3_bucket.letters", value="public-read",
        evidence=(Evidence(artefact="terraform/aws/storage.tf", line_start=24, line_end=24, path="acl",
                           observed="public-read", expected="private"),),
        remediation=Remediation(text="Set the ACL to private and block public access.", effort=Effort.MINUTES),
        control_ids=("HIPAA 164.312(a)(1)", "GDPR Art. 32"),
        references=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html", "CIS AWS 2.1.4"),
    )  # fmt: skip


def metadata_service() -> Finding:
    return make_finding(
        rule_id="aws-imds-v1", agent="security", title="Instance metadata answers without a session token",
        status=Status.FAIL, severity=Severity.HIGH, resource="aws_launch_template.gpu", value="optional",
        confidence=Confidence.MEDIUM,
        evidence=(Evidence(artefact="terraform/aws/compute.tf", line_start=74, line_end=74,
                           path="metadata_options.0.http_tokens", observed="optional", expected="required"),),
        remediation=Remediation(text="Require session tokens.", patch=PATCH, effort=Effort.MINUTES),
    )  # fmt: skip


def single_zone() -> Finding:
    return make_finding(
        rule_id="reliability-single-zone", agent="reliability", title="All nodes stand in one zone",
        status=Status.FAIL, severity=Severity.MEDIUM, resource="hosting.nodes.0", value=1,
        evidence=(Evidence(artefact="brief", path="hosting.nodes.0.zones", observed="1", expected="2 or more"),),
        facts=("reliability.availability", "reliability.target"),
        remediation=Remediation(text="Spread the nodes over three zones.", effort=Effort.DAYS),
        impact=Impact(usd_per_month=-210.24, downtime_minutes_per_year=180.0),
    )  # fmt: skip


def other_findings() -> tuple[Finding, ...]:
    return (
        make_finding(rule_id="aws-rds-encrypted", agent="security", title="Database storage is encrypted", status=Status.PASS,
                     severity=Severity.HIGH, resource="aws_db_instance.patients",
                     evidence=(Evidence(artefact="terraform/aws/database.tf", line_start=13, line_end=13, observed="true"),)),
        make_finding(rule_id="aws-ami-known", agent="security", title="Image comes from a known owner", status=Status.UNRESOLVABLE,
                     severity=Severity.LOW, resource="aws_instance.bastion",
                     evidence=(Evidence(artefact="terraform/aws/compute.tf", line_start=12, line_end=12, observed="data.aws_ami.ubuntu.id"),)),
        not_assessed(agent="security", rule_id="terraform-readable", title="waf.tf could not be read", missing="terraform/aws/waf.tf",
                     hint="Resolve the merge markers in line 6."),
    )  # fmt: skip


def facts() -> dict[str, tuple[Fact, ...]]:
    brief = "the brief"
    prices = "AWS price list, EC2 on demand"
    return {
        "reliability": (
            Fact(id="reliability.availability", value=0.999399, unit="share", formula="Π(1 − (1 − aᵢ)^replicasᵢ)",
                 inputs={"ingress": 0.9999, "api": 0.999999, "database": 0.9995}, source=brief),
            Fact(id="reliability.target", value=0.999, unit="share", formula="given", source="brief: availability.target"),
            Fact(id="reliability.downtime_minutes_per_year", value=315.87, unit="minutes/year", formula="(1 − a) · 525600",
                 inputs={"reliability.availability": 0.999399}, source="definition"),
            Fact(id="reliability.training.fine-tune.checkpoint_interval_minutes", value=154.92, unit="minutes",
                 formula="√(2·C·MTBF)", inputs={"C": 5, "MTBF": 2400}, source="Young 1974, Daly 2006"),
        ),
        "capacity": (
            Fact(id="capacity.api.offered_load", value=4.8, unit="erlang", formula="λ·s", inputs={"λ": 40, "s": 0.12}, source=brief),
            Fact(id="capacity.api.p_wait", value=0.1267, unit="share", formula="Erlang C", inputs={"c": 8}, source="Erlang 1917"),
            Fact(id="capacity.api.mean_wait_s", value=0.00475, unit="s", formula="C·s/(c−A)", inputs={"c": 8}, source="Erlang 1917"),
            Fact(id="capacity.api.servers", value=8, unit="count", formula="smallest c with P(W ≤ t) ≥ p", source="Erlang 1917"),
        ),
        "mlops": (
            Fact(id="mlops.serving.assistant.parameters", value=70_553_706_496, unit="count", formula="looked up",
                 source="model card of meta-llama/Llama-3.1-70B-Instruct", as_of="2024-07-23"),
            Fact(id="mlops.serving.assistant.weights_bytes", value=141_107_412_992, unit="bytes", formula="N · 2",
                 inputs={"mlops.serving.assistant.parameters": 70_553_706_496}, source="model card", as_of="2024-07-23"),
            Fact(id="mlops.serving.assistant.gpus", value=8, unit="count", formula="replicas · GPUs per replica", inputs={"replicas": 2}, source=brief),
            Fact(id="mlops.serving.assistant.tpot_s", value=0.0312, unit="s", formula="(decode + communication)/(1 − prefill share)", source="closed form"),
            Fact(id="mlops.serving.assistant.binding_constraint", value="memory", unit="text", formula="largest of the needs", source="closed form"),
            Fact(id="mlops.training.fine-tune.flops", value=9.636e19, unit="FLOPs", formula="6·N·D", source="Kaplan et al. 2020"),
        ),
        "cost": (
            Fact(id="cost.total_usd_per_month", value=58_420.48, unit="USD/month", formula="Σ lines of the brief",
                 inputs={"cost.hosting.m5.xlarge.usd_per_month": 468.66}, source=prices, as_of="2026-10-01"),
            Fact(id="cost.hosting.m5.xlarge.usd_per_month", value=468.66, unit="USD/month", formula="count · price · 730",
                 inputs={"count": 3, "price": 0.214}, source=prices, as_of="2026-10-01"),
            Fact(id="cost.unpriced_count", value=1, unit="count", formula="number of things without a price", source="this assessment"),
        ),
        "compliance": (
            Fact(id="compliance.gdpr.controls", value=24, unit="count", formula="looked up", source="Regulation (EU) 2016/679", as_of="2016-04-27"),
            Fact(id="compliance.gdpr.passed", value=9, unit="count", formula="counted", source="this assessment"),
            Fact(id="compliance.eu_ai_act.systemic_risk_presumed", value=False, unit="bool", formula="FLOPs > 1e25", source="Regulation (EU) 2024/1689, Art. 51", as_of="2024-06-13"),
        ),
    }  # fmt: skip


def cost_lines() -> tuple[CostLine, ...]:
    common = {"source": "AWS price list", "as_of": "2026-10-01", "provider": "aws", "region": "eu-west-1"}
    return (
        CostLine(what="assistant on 8 × H100", sku="p5.48xlarge", quantity=730, unit="h", usd_per_unit=78.84,
                 usd_per_month=57_553.2, origin="brief", **common),
        CostLine(what="m5.xlarge × 3", sku="m5.xlarge", quantity=2190, unit="h", usd_per_unit=0.214, usd_per_month=468.66,
                 origin="brief", **common),
        CostLine(what="summaries (gpt-5)", sku="gpt-5", quantity=400, unit="Mtok", usd_per_unit=1.25, usd_per_month=500.0,
                 origin="brief", source="genai-prices", as_of="2026-09-12"),
        CostLine(what="bastion", address="aws_instance.bastion", artefact="terraform/aws/compute.tf", line=11, sku="t3.small",
                 quantity=730, unit="h", usd_per_unit=0.0228, usd_per_month=16.64, origin="artefact", **common),
    )  # fmt: skip


def usage() -> dict[str, list[dict[str, object]]]:
    """What a unit costs of one kind that is billed by use, at a price of another region that is old."""
    return {"usage_prices": [{
        "kind": "aws_s3_bucket", "used_in": "eu-central-1", "resources": 3, "sku": "s3_writes", "counts": "writes and lists", "unit": "million requests",
        "region": "eu-west-2", "usd_per_unit": 5.3, "source": "a reference output", "as_of": "2024-07-01", "old": True,
    }]}  # fmt: skip


def recommendations() -> tuple[Recommendation, ...]:
    return (
        Recommendation(rank=1, id="close-letters", title="Close the bucket with patient letters",
                       text="1 critical finding: everyone on the internet can read it.", severity=Severity.CRITICAL,
                       effort=Effort.MINUTES, utility=0.93, pareto=True, rank_stability=0.98, phase="30",
                       findings=(public_bucket().id,), agents=("security", "compliance")),
        Recommendation(rank=2, id="zones", title="Spread the nodes over three zones", text="One zone holds all three nodes.",
                       severity=Severity.MEDIUM, effort=Effort.DAYS, utility=0.61, pareto=True, rank_stability=0.72,
                       phase="60", tie_with=("imds",), impact=Impact(usd_per_month=-210.24, downtime_minutes_per_year=180.0),
                       findings=(single_zone().id,), facts=("reliability.availability",), agents=("reliability", "cost")),
    )  # fmt: skip


def result(status: str = "completed") -> AssessmentResult:
    """The sample; "partial" with a failed agent, whose numbers are then missing."""
    by_agent = facts()
    given = {
        "security": AgentResult(findings=(public_bucket(), metadata_service(), *other_findings())),
        "reliability": AgentResult(facts=by_agent["reliability"], findings=(single_zone(),)),
        "capacity": AgentResult(facts=by_agent["capacity"], details={
            "tornado": [{"input": "arrivals", "low": 7, "high": 10}, {"input": "service time", "low": 7, "high": 9}]}),
        "mlops": AgentResult(facts=by_agent["mlops"], assumptions=(
            Assumption(id="mlops.utilisation", text="vLLM may use this share of a GPU's memory", value=0.9, unit="share",
                       source="vLLM's default gpu_memory_utilization", field="llm_serving.0.memory_utilisation"),)),
        "cost": AgentResult(facts=by_agent["cost"], cost_lines=cost_lines(), details=usage(), unpriced=(
            Unpriced(what="NAT gateway", kind="remote_module", address="module.vpc", artefact="terraform/aws/network.tf", line=1,
                     reason="the module is remote; nothing is known of its resources"),)),
        "compliance": AgentResult(facts=by_agent["compliance"]),
    }  # fmt: skip
    failures: tuple[AgentFailure, ...] = ()
    if status == "partial":
        del given["compliance"]
        failures = (
            AgentFailure(agent="compliance", error_type="MemoryError", message="out of memory", attempt=3),
        )
    return AssessmentResult.model_validate({
        "assessment_id": "asm_01", "status": status,
        "summary": Summary(
            name="Clinic assistant", headline="1 critical finding; $ 58 420.48 a month, within the budget of $ 60 000",
            findings={"critical": 1, "high": 1, "medium": 1, "low": 0, "info": 0},
            key_facts=("cost.total_usd_per_month", "reliability.availability", "mlops.serving.assistant.gpus", "capacity.api.servers"),
            sentences=("Availability reaches 99.94 % against a target of 99.9 %.",)),
        "recommendations": recommendations(), "agents": given, "failures": failures,
        "inventory": (ResourceSummary(address="aws_s3_bucket.letters", format="terraform", kind="aws_s3_bucket",
                                      artefact="terraform/aws/storage.tf", line_start=17, line_end=20, count=1),
                      ResourceSummary(address="aws_subnet.private", format="terraform", kind="aws_subnet",
                                      artefact="terraform/aws/network.tf", line_start=15, line_end=20, count=None)),
        "images": (ImageUse(name="ghcr.io/clinic/api", tag="2.4.1", address="Deployment/default/api",
                            artefact="kubernetes/api.yaml", line_start=19, line_end=19),),
        "models": (ModelUse(name="meta-llama/llama-3.1-70b-instruct", known_as="meta-llama/Llama-3.1-70B-Instruct", use="served", workload="assistant",
                            path="llm_serving.0.model"),
                   ModelUse(name="fine-tune", use="trained", workload="fine-tune", path="training.0.name"),
                   ModelUse(name="gpt-5", use="rented", workload="summaries", path="llm_api.0.model")),
        "coverage": Coverage(files=31, files_read=29, resources=96,
                             checks_by_status={"fail": 3, "pass": 1, "not_assessed": 1, "unresolvable": 1},
                             agents_done=tuple(given), agents_failed=tuple(f.agent for f in failures),
                             not_assessed=("terraform/aws/waf.tf: merge markers in line 6",)),
        "data_versions": {"aws_prices": {"as_of": "2026-10-01", "source": "AWS price list"}},
        "provenance": {"engine": "0.1.0", "seed": 7},
    })  # fmt: skip


def empty() -> AssessmentResult:
    """What is left when a brief holds a name and nothing else."""
    return AssessmentResult(
        assessment_id="asm_00", status="completed", recommendations=(), agents={}, inventory=(),
        summary=Summary(name="Nothing yet", headline="Nothing could be assessed", findings={}, key_facts=()),
        coverage=Coverage(files=0, files_read=0, resources=0, checks_by_status={}, agents_done=(), agents_failed=(), not_assessed=()),
        data_versions={}, provenance={},
    )  # fmt: skip


def lacking() -> AssessmentResult:
    """The sample with a thing of the brief that has no price, so that its total is a lower bound."""
    whole = result()
    cost = whole.agents["cost"]
    total, *others = cost.facts
    bounded = total.model_copy(update={"inputs": {"lines": 3, "unpriced": 1}})
    thing = Unpriced(what="model API (gpt-55)", kind="llm_api", reason="no dated price")
    without = cost.model_copy(update={"facts": (bounded, *others), "unpriced": (*cost.unpriced, thing)})
    return whole.model_copy(update={"agents": {**whole.agents, "cost": without}})


def aged() -> AssessmentResult:
    """The sample with an old price of one line."""
    whole = result()
    cost = whole.agents["cost"]
    first, *others = cost.cost_lines
    lines = (first.model_copy(update={"old": True}), *others)
    return whole.model_copy(
        update={"agents": {**whole.agents, "cost": cost.model_copy(update={"cost_lines": lines})}}
    )


def granted() -> AssessmentResult:
    """The sample with findings that rest on an assumption."""
    whole = result()
    security = whole.agents["security"]
    findings = tuple(
        finding.model_copy(update={"assumptions": ("mlops.utilisation", "no.such")})
        for finding in security.findings
        if finding.id == public_bucket().id
    )
    given = {**whole.agents, "security": security.model_copy(update={"findings": findings})}
    return whole.model_copy(update={"agents": given})
