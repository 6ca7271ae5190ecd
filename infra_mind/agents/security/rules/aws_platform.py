"""AWS: logging and audit, functions, clusters of containers, machine learning, secrets and vaults."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_one_of,
    is_at_least,
    is_false,
    is_set,
    is_true,
    linked_or_failed,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_TRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"

RULES.add(
    "IM-AWS-TRAIL-001", "CloudTrail records a single region", severity=Severity.MEDIUM,
    reason="Intruders work in the regions nobody looks at.",
    family=Family.LOGGING, kinds=("aws_cloudtrail",), fix="Set `is_multi_region_trail = true`.",
    references=(_TRAIL + "receive-cloudtrail-log-files-from-multiple-regions.html",), ckv=("CKV_AWS_67",), controls=("logging", "audit"), patch=hcl("is_multi_region_trail", "true"),
)(is_true("is_multi_region_trail"))  # fmt: skip
RULES.add(
    "IM-AWS-TRAIL-002", "CloudTrail's files are not validated", severity=Severity.LOW,
    reason="Without digests nobody can tell whether the record was changed.",
    family=Family.LOGGING, kinds=("aws_cloudtrail",), fix="Set `enable_log_file_validation = true`.",
    references=(_TRAIL + "cloudtrail-log-file-validation-intro.html",), ckv=("CKV_AWS_36",), controls=("logging", "audit"), patch=hcl("enable_log_file_validation", "true"),
)(is_true("enable_log_file_validation"))  # fmt: skip
RULES.add(
    "IM-AWS-TRAIL-003", "CloudTrail is not encrypted with a key of your own", severity=Severity.LOW,
    reason="Who may read the audit record cannot be limited by a key policy.",
    family=Family.ENCRYPTION, kinds=("aws_cloudtrail",), fix="Set `kms_key_id`.", effort=Effort.HOURS,
    references=(_TRAIL + "encrypting-cloudtrail-log-files-with-aws-kms.html",), ckv=("CKV_AWS_35",), controls=("encryption-at-rest", "audit"),
)(is_set("kms_key_id", "a KMS key"))  # fmt: skip
RULES.add(
    "IM-AWS-TRAIL-004", "CloudTrail is switched off", severity=Severity.HIGH,
    reason="Nothing is recorded of who did what in the account.",
    family=Family.LOGGING, kinds=("aws_cloudtrail",), fix="Set `enable_logging = true`.",
    references=(_TRAIL + "cloudtrail-user-guide.html",), ckv=("CKV_AWS_251",), controls=("logging", "audit"), patch=hcl("enable_logging", "true"),
)(is_true("enable_logging", True))  # fmt: skip


@RULES.add(
    "IM-AWS-VPC-001", "VPC keeps no flow log", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards where data went.",
    family=Family.LOGGING, kinds=("aws_vpc",), fix="Add an `aws_flow_log` for the VPC.",
    references=("https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",), ckv=("CKV2_AWS_11",), controls=("logging", "network-segmentation"),
)  # fmt: skip
def flow_log(subject: Subject, context: Context) -> Iterator[Outcome]:
    yield linked_or_failed(subject, context, "aws_flow_log", "vpc_id", "an aws_flow_log")


@RULES.add(
    "IM-AWS-EKS-003", "Control plane of the cluster keeps no audit log", severity=Severity.MEDIUM,
    reason="Without `audit` and `authenticator` logs nobody sees who did what in the cluster.",
    family=Family.LOGGING, kinds=("aws_eks_cluster",), fix='Set `enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]`.',
    references=("https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html",), ckv=("CKV_AWS_37",), controls=("logging", "audit"),
    patch=hcl("enabled_cluster_log_types", '["api", "audit", "authenticator", "controllerManager", "scheduler"]'),
)  # fmt: skip
def eks_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "enabled_cluster_log_types"
    missing = [kind for kind in ("api", "audit", "authenticator") if kind not in subject.strings(path)]
    subject.settle(path)
    yield (
        failed(path, f"without {', '.join(missing)}", "api, audit and authenticator")
        if missing
        else passed(path)
    )


RULES.add(
    "IM-AWS-LOG-001", "Log group is kept for less than 90 days or is not limited", severity=Severity.LOW,
    reason="Break-ins are often found after months; a group without a limit grows for ever and costs.",
    family=Family.LOGGING, kinds=("aws_cloudwatch_log_group",), fix="Set `retention_in_days` to 90 or more (a year for audit records).",
    references=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",), ckv=("CKV_AWS_66",), controls=("logging",),
    patch=hcl("retention_in_days", "365"),
)(is_at_least("retention_in_days", 90, 0, "days"))  # fmt: skip
RULES.add(
    "IM-AWS-LAMBDA-002", "Function leaves no trace of its calls", severity=Severity.LOW,
    reason="Without tracing a call through several functions cannot be followed.",
    family=Family.LOGGING, kinds=("aws_lambda_function",), fix='Set `tracing_config { mode = "Active" }`.',
    references=("https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",), ckv=("CKV_AWS_50",), controls=("logging",), patch=hcl("tracing_config.mode", '"Active"'),
)(lambda subject, _: [expect_one_of(subject, "tracing_config.mode", ("Active", "PassThrough"))])  # fmt: skip


@RULES.add(
    "IM-AWS-ECS-001", "Container of a task is privileged", severity=Severity.CRITICAL,
    reason="A privileged container owns the machine it runs on.",
    family=Family.CONTAINER, kinds=("aws_ecs_task_definition",), fix="Remove `privileged`.",
    references=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-tasks-containers.html",), ckv=("CKV_AWS_334",), controls=("container-isolation",),
)  # fmt: skip
def ecs_privileged(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(subject.json_blocks("container_definitions"), lambda c: [
        failed("container_definitions", f"true (container {c.text('name')})", "false") if c.boolean("privileged") else passed("container_definitions")
    ])  # fmt: skip


RULES.add(
    "IM-AWS-ECS-002", "Cluster of containers is not watched", severity=Severity.LOW,
    reason="Without Container Insights overload and crashes of tasks are seen by the users first.",
    family=Family.LOGGING, kinds=("aws_ecs_cluster",), fix='Set `setting { name = "containerInsights", value = "enabled" }`.',
    references=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights.html",), ckv=("CKV_AWS_65",), controls=("logging",),
)(lambda subject, _: [
    passed("setting") if any(s.raw("name") == "containerInsights" and s.raw("value") in ("enabled", "enhanced") for s in subject.blocks("setting"))
    else failed("setting", "containerInsights is not enabled", "enabled")
])  # fmt: skip
RULES.add(
    "IM-AWS-ML-001", "Notebook reaches the internet directly", severity=Severity.HIGH,
    reason="A notebook holds data and credentials; with direct access they leave past the VPC's controls.",
    family=Family.EXPOSURE, kinds=("aws_sagemaker_notebook_instance",), fix='Set `direct_internet_access = "Disabled"` with a subnet.', effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/appendix-notebook-and-internet-access.html",), ckv=("CKV_AWS_122",), controls=("public-access", "network-segmentation"),
    exposes=True,
)(lambda subject, _: [expect_one_of(subject, "direct_internet_access", ("Disabled",), "Enabled")])  # fmt: skip
RULES.add(
    "IM-AWS-ML-002", "Notebook or endpoint is not encrypted with a key of your own", severity=Severity.MEDIUM,
    reason="Training data and model outputs lie on its volume.",
    family=Family.ENCRYPTION, kinds=("aws_sagemaker_notebook_instance", "aws_sagemaker_endpoint_configuration", "aws_sagemaker_domain"), fix="Set the KMS key.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html",), ckv=("CKV_AWS_22", "CKV_AWS_98", "CKV_AWS_187"), controls=("encryption-at-rest",),
)(lambda subject, _: [
    passed() if subject.has("kms_key_id") or subject.has("kms_key_arn")
    else failed("kms_key_arn" if subject.resource.kind == "aws_sagemaker_endpoint_configuration" else "kms_key_id", "absent", "a KMS key")
])  # fmt: skip
RULES.add(
    "IM-AWS-ML-003", "Notebook gives root to its user", severity=Severity.MEDIUM,
    reason="Root goes round the life-cycle settings and every monitor on the machine.",
    family=Family.IDENTITY, kinds=("aws_sagemaker_notebook_instance",), fix='Set `root_access = "Disabled"`.',
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/nbi-root-access.html",), ckv=("CKV_AWS_307",), controls=("least-privilege",), patch=hcl("root_access", '"Disabled"'),
)(lambda subject, _: [expect_one_of(subject, "root_access", ("Disabled",), "Enabled")])  # fmt: skip
RULES.add(
    "IM-AWS-AMI-001", "Machine image is shared with everyone", severity=Severity.CRITICAL,
    reason="A public image carries whatever was on the machine.",
    family=Family.EXPOSURE, kinds=("aws_ami_launch_permission",), fix='Remove `group = "all"`; name accounts.',
    references=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharing-amis.html",), ckv=("CKV_AWS_205",), controls=("public-access",), exposes=True,
)(lambda subject, _: [failed("group", "all", "named accounts") if subject.text("group") == "all" else passed("group")])  # fmt: skip
RULES.add(
    "IM-AWS-MQ-001", "Message broker has a public address", severity=Severity.HIGH,
    reason="A broker holds the messages of all applications that meet there.",
    family=Family.EXPOSURE, kinds=("aws_mq_broker",), fix="Set `publicly_accessible = false`.",
    references=("https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/using-amazon-mq-securely.html",), ckv=("CKV_AWS_69",), controls=("public-access",), exposes=True,
)(is_false("publicly_accessible"))  # fmt: skip
RULES.add(
    "IM-AWS-GUARD-001", "Threat detection is switched off", severity=Severity.MEDIUM,
    reason="GuardDuty reads the logs that nobody reads.",
    family=Family.LOGGING, kinds=("aws_guardduty_detector",), fix="Set `enable = true`.",
    references=("https://docs.aws.amazon.com/guardduty/latest/ug/what-is-guardduty.html",), ckv=("CKV_AWS_238",), controls=("logging", "threat-detection"), patch=hcl("enable", "true"),
)(is_true("enable", True))  # fmt: skip
