"""AWS: interfaces, functions, build and desktop services, the password policy, keys of one's own."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_at_least,
    expect_boolean,
    expect_one_of,
    expect_set,
    is_false,
    is_set,
    said,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_DOC = "https://docs.aws.amazon.com/"

RULES.add(
    "IM-AWS-API-001", "Stage of an API keeps no access log", severity=Severity.LOW,
    reason="Who called what is not known after an incident.",
    family=Family.LOGGING, kinds=("aws_api_gateway_stage", "aws_apigatewayv2_stage"), fix="Set `access_log_settings` with a log group and a format.",
    references=(_DOC + "apigateway/latest/developerguide/set-up-logging.html",), ckv=("CKV_AWS_76",), controls=("logging",),
)(is_set("access_log_settings", "a log group and a format"))  # fmt: skip


@RULES.add(
    "IM-AWS-API-002", "Method of an API asks for no authorization", severity=Severity.MEDIUM,
    reason="Whoever finds the address calls what lies behind it; only the code there could still refuse.",
    family=Family.IDENTITY, kinds=("aws_api_gateway_method",), fix="Set `authorization` (AWS_IAM, a Cognito pool, an authorizer of your own), or `api_key_required` with a usage plan.",
    effort=Effort.HOURS, references=(_DOC + "apigateway/latest/developerguide/apigateway-control-access-to-api.html",), ckv=("CKV_AWS_59",), controls=("access-control",),
)  # fmt: skip
def method_authorization(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("http_method").upper() == "OPTIONS":
        return  # browsers ask it before a call, without credentials
    if subject.text("authorization", "NONE").upper() == "NONE" and not subject.boolean("api_key_required"):
        yield failed("authorization", said(subject, "authorization"), "an authorizer or an API key")
    else:
        yield passed("authorization")


@RULES.add(
    "IM-AWS-API-003", "Domain of an API speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021).",
    family=Family.ENCRYPTION, kinds=("aws_api_gateway_domain_name",), fix='Set `security_policy = "TLS_1_2"`.',
    references=(_DOC + "apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",), ckv=("CKV_AWS_206",),
    controls=("encryption-in-transit",), patch=hcl("security_policy", '"TLS_1_2"'),
)  # fmt: skip
def domain_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    policy = subject.text("security_policy", "TLS_1_2")
    yield failed("security_policy", policy, "TLS_1_2") if policy == "TLS_1_0" else passed("security_policy")


@RULES.add(
    "IM-AWS-API-004", "Cache of an API is not encrypted", severity=Severity.LOW,
    reason="Answers, with whatever personal data they hold, rest in the cache in the clear.",
    family=Family.ENCRYPTION, kinds=("aws_api_gateway_method_settings",), fix="Set `cache_data_encrypted = true`.",
    references=(_DOC + "apigateway/latest/developerguide/api-gateway-caching.html",), controls=("encryption-at-rest",),
)  # fmt: skip
def api_cache(subject: Subject, _: Context) -> Iterator[Outcome]:
    for settings in subject.blocks("settings"):
        if settings.boolean("caching_enabled") or settings.has("cache_data_encrypted"):
            yield expect_boolean(settings, "cache_data_encrypted", True)


RULES.add(
    "IM-AWS-CDN-003", "CloudFront keeps no access log", severity=Severity.LOW,
    reason="Who called what is not known after an incident.",
    family=Family.LOGGING, kinds=("aws_cloudfront_distribution",), fix="Set `logging_config`, or deliver its logs through CloudWatch.",
    references=(_DOC + "AmazonCloudFront/latest/DeveloperGuide/AccessLogs.html",), ckv=("CKV_AWS_86",), controls=("logging",),
)(is_set("logging_config", "a bucket for the log"))  # fmt: skip
RULES.add(
    "IM-AWS-CDN-004", "CloudFront stands without a web application firewall", severity=Severity.LOW,
    reason="Known attacks and floods reach the origin unfiltered.",
    family=Family.NETWORK, kinds=("aws_cloudfront_distribution",), fix="Set `web_acl_id`.", effort=Effort.HOURS,
    references=(_DOC + "waf/latest/developerguide/cloudfront-features.html",), ckv=("CKV_AWS_68",), controls=("threat-detection",),
)(is_set("web_acl_id", "a web ACL"))  # fmt: skip


@RULES.add(
    "IM-AWS-CDN-005", "CloudFront calls its origin in the clear", severity=Severity.MEDIUM,
    reason="What the viewer sent over TLS crosses the internet readable on its second half.",
    family=Family.ENCRYPTION, kinds=("aws_cloudfront_distribution",), fix='Set `origin_protocol_policy = "https-only"`.', effort=Effort.HOURS,
    references=(_DOC + "AmazonCloudFront/latest/DeveloperGuide/using-https-cloudfront-to-custom-origin.html",), ckv=("CKV2_AWS_72",), controls=("encryption-in-transit",),
)  # fmt: skip
def origin_protocol(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(origin: Subject) -> Iterator[Outcome]:
        if origin.has("custom_origin_config"):
            yield expect_one_of(
                origin, "custom_origin_config.origin_protocol_policy", ("https-only", "match-viewer")
            )

    yield from each(subject.blocks("origin"), check)


RULES.add(
    "IM-AWS-TRAIL-005", "CloudTrail sends nothing to CloudWatch Logs", severity=Severity.LOW,
    reason="Files in a bucket raise no alarm while something happens.",
    family=Family.LOGGING, kinds=("aws_cloudtrail",), fix="Set `cloud_watch_logs_group_arn` and `cloud_watch_logs_role_arn`.", effort=Effort.HOURS,
    references=(_DOC + "awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html",), ckv=("CKV2_AWS_10",), controls=("logging", "threat-detection"),
)(is_set("cloud_watch_logs_group_arn", "a log group"))  # fmt: skip


@RULES.add(
    "IM-AWS-BUILD-001", "Results of a build are not encrypted", severity=Severity.MEDIUM,
    reason="Artifacts hold the program, and often its configuration; encryption is on unless it is switched off, as here.",
    family=Family.ENCRYPTION, kinds=("aws_codebuild_project",), fix="Remove `encryption_disabled`.",
    references=(_DOC + "codebuild/latest/userguide/security-encryption.html",), ckv=("CKV_AWS_78",), controls=("encryption-at-rest",),
)  # fmt: skip
def build_artifacts(subject: Subject, _: Context) -> Iterator[Outcome]:
    for artifacts in (*subject.blocks("artifacts"), *subject.blocks("secondary_artifacts")):
        yield expect_boolean(artifacts, "encryption_disabled", False)


RULES.add(
    "IM-AWS-BUILD-002", "Build runs in a privileged container", severity=Severity.LOW,
    reason="Code that is built may take over the machine it is built on; only builds of container images need it.",
    family=Family.CONTAINER, kinds=("aws_codebuild_project",), fix="Set `privileged_mode = false`, or build images by a tool that needs no privileges.", effort=Effort.HOURS,
    references=(_DOC + "codebuild/latest/userguide/change-project-console.html",), ckv=("CKV_AWS_316",), controls=("container-isolation",),
)(is_false("environment.privileged_mode"))  # fmt: skip


@RULES.add(
    "IM-AWS-CONFIG-001", "AWS Config is gathered from some regions alone", severity=Severity.LOW,
    reason="Intruders work in the regions nobody looks at.",
    family=Family.LOGGING, kinds=("aws_config_configuration_aggregator",), fix="Set `all_regions = true`.",
    references=(_DOC + "config/latest/developerguide/aggregate-data.html",), ckv=("CKV_AWS_121",), controls=("audit",),
)  # fmt: skip
def aggregator_regions(subject: Subject, _: Context) -> Iterator[Outcome]:
    for name in ("account_aggregation_source", "organization_aggregation_source"):
        for source in subject.blocks(name):
            yield expect_boolean(source, "all_regions", True)


@RULES.add(
    "IM-AWS-AMI-002", "Machine image is taken from anybody", severity=Severity.MEDIUM,
    reason="Without an owner the newest public image of that name is started, whoever has published it.",
    family=Family.SUPPLY_CHAIN, kinds=("data.aws_ami",), fix="Set `owners`.", references=(_DOC + "AWSEC2/latest/UserGuide/ec2-ami-allowed-images.html",),
    ckv=("CKV_AWS_386",), controls=("supply-chain",),
)  # fmt: skip
def image_owner(subject: Subject, _: Context) -> Iterator[Outcome]:
    named = {
        block.text("name") for block in subject.blocks("filter") if block.has("name")
    } & {"owner-id", "owner-alias", "image-id"}  # fmt: skip
    if named or (subject.has("owners") and "*" not in subject.strings("owners")):
        yield passed("owners")
    else:
        yield failed("owners", "absent" if not subject.has("owners") else "*", "the account of the publisher")


@RULES.add(
    "IM-AWS-ECS-003", "Task talks to its file system in the clear", severity=Severity.MEDIUM,
    reason="Files cross the network readable.",
    family=Family.ENCRYPTION, kinds=("aws_ecs_task_definition",), fix='Set `transit_encryption = "ENABLED"`.',
    references=(_DOC + "AmazonECS/latest/developerguide/efs-volumes.html",), ckv=("CKV_AWS_97",), controls=("encryption-in-transit",),
)  # fmt: skip
def task_file_system(subject: Subject, _: Context) -> Iterator[Outcome]:
    for volume in subject.blocks("volume"):
        if volume.has("efs_volume_configuration"):
            yield expect_one_of(volume, "efs_volume_configuration.transit_encryption", ("ENABLED",))


@RULES.add(
    "IM-AWS-LB-006", "Load balancer lets malformed headers through", severity=Severity.LOW,
    reason="Headers that two servers read differently are how requests are smuggled past checks.",
    family=Family.NETWORK, kinds=("aws_lb", "aws_alb"), fix="Set `drop_invalid_header_fields = true`.",
    references=(_DOC + "elasticloadbalancing/latest/application/application-load-balancers.html",), ckv=("CKV_AWS_131",), controls=("network-segmentation",),
)  # fmt: skip
def invalid_headers(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("load_balancer_type", "application") == "application":
        yield expect_boolean(subject, "drop_invalid_header_fields", True)


@RULES.add(
    "IM-AWS-IAM-010", "Passwords of the account may be short or used again", severity=Severity.MEDIUM,
    reason="Short and used passwords are the ones that are guessed.",
    family=Family.IDENTITY, kinds=("aws_iam_account_password_policy",), fix="Set `minimum_password_length = 14` and `password_reuse_prevention = 24`.",
    references=(_DOC + "IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",), ckv=("CKV_AWS_10", "CKV_AWS_13"), controls=("access-control",),
)  # fmt: skip
def password_strength(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_at_least(subject, "minimum_password_length", 14, 6, "characters")
    yield expect_at_least(subject, "password_reuse_prevention", 5, 0, "passwords")


@RULES.add(
    "IM-AWS-IAM-011", "Passwords of the account need no mix of characters, or never end", severity=Severity.LOW,
    reason="Some regimes still ask for them (PCI DSS 8.3); NIST SP 800-63B asks for length instead.",
    family=Family.IDENTITY, kinds=("aws_iam_account_password_policy",), fix="Require lower and upper case, numbers and symbols, and set `max_password_age = 90`, where your regime asks for it.",
    references=(_DOC + "IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",), controls=("access-control",),
    ckv=("CKV_AWS_9", "CKV_AWS_11", "CKV_AWS_12", "CKV_AWS_14", "CKV_AWS_15"),
)  # fmt: skip
def password_mix(subject: Subject, _: Context) -> Iterator[Outcome]:
    for kind in ("lowercase_characters", "uppercase_characters", "numbers", "symbols"):
        yield expect_boolean(subject, f"require_{kind}", True)
    age = subject.number("max_password_age", 0) or 0
    if 0 < age <= 90:
        yield passed("max_password_age")
    else:
        yield failed("max_password_age", said(subject, "max_password_age"), "90 days or less")


@RULES.add(
    "IM-AWS-LAMBDA-003", "Function may be called by a service on behalf of anybody", severity=Severity.MEDIUM,
    reason="Without a source any account's bucket, topic or API can make the service call it (the confused deputy).",
    family=Family.IDENTITY, kinds=("aws_lambda_permission",), fix="Set `source_arn` (and `source_account` for S3).",
    references=(_DOC + "lambda/latest/dg/access-control-resource-based.html",), ckv=("CKV_AWS_364",), controls=("access-control",),
)  # fmt: skip
def permission_source(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.text("principal").endswith(".amazonaws.com"):
        return
    if any(subject.has(name) for name in ("source_arn", "source_account", "principal_org_id")):
        yield passed("source_arn")
    else:
        yield failed("source_arn", "absent", "the ARN of what may call it")


# Runtimes whose day of deprecation was before 2026-11-30: docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, endoflife.date/aws-lambda.
_ENDED = frozenset({
    "python2.7", "python3.6", "python3.7", "python3.8", "python3.9", "python3.10", "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x",
    "nodejs12.x", "nodejs14.x", "nodejs16.x", "nodejs18.x", "nodejs20.x", "ruby2.5", "ruby2.7", "ruby3.2", "java8", "go1.x", "provided", "dotnetcore1.0",
    "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet5.0", "dotnet6", "dotnet7", "dotnet8",
})  # fmt: skip


@RULES.add(
    "IM-AWS-LAMBDA-004", "Function runs on a runtime that is no longer mended", severity=Severity.MEDIUM,
    reason="AWS applies no security patches to it, and blocks updates of the function later.",
    family=Family.SUPPLY_CHAIN, kinds=("aws_lambda_function",), fix="Move to a runtime that is supported.", effort=Effort.DAYS,
    references=(_DOC + "lambda/latest/dg/lambda-runtimes.html",), ckv=("CKV_AWS_363",), controls=("vulnerability-management",),
)  # fmt: skip
def ended_runtime(subject: Subject, _: Context) -> Iterator[Outcome]:
    runtime = subject.text("runtime")
    if runtime:
        yield failed("runtime", runtime, "a supported runtime") if runtime in _ENDED else passed("runtime")


_KEYS = {
    "aws_secretsmanager_secret": "kms_key_id", "aws_cloudwatch_log_group": "kms_key_id", "aws_ecr_repository": "encryption_configuration.kms_key",
    "aws_kinesis_firehose_delivery_stream": "server_side_encryption.key_arn", "aws_backup_vault": "kms_key_arn",
}  # fmt: skip


@RULES.add(
    "IM-AWS-KEY-001", "Encrypted with AWS's key instead of one of your own", severity=Severity.INFO,
    reason="It is encrypted all the same; only a key of your own can be audited, limited and withdrawn.",
    family=Family.ENCRYPTION, kinds=tuple(_KEYS), fix="Name a KMS key of your own where your regime asks for it.", effort=Effort.HOURS,
    references=(_DOC + "kms/latest/developerguide/concepts.html",), ckv=("CKV_AWS_149", "CKV_AWS_158", "CKV_AWS_136", "CKV_AWS_166", "CKV_AWS_241"), controls=("key-management",),
)  # fmt: skip
def own_key(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_set(subject, _KEYS[subject.resource.kind], "a KMS key")


@RULES.add(
    "IM-AWS-WORKSPACE-001", "Desktop's volumes are not encrypted", severity=Severity.MEDIUM,
    reason="What people save on it lies in the clear in snapshots.",
    family=Family.ENCRYPTION, kinds=("aws_workspaces_workspace",), fix="Set `root_volume_encryption_enabled`, `user_volume_encryption_enabled` and `volume_encryption_key`.", effort=Effort.HOURS,
    references=(_DOC + "workspaces/latest/adminguide/encrypt-workspaces.html",), ckv=("CKV_AWS_155", "CKV_AWS_156"), controls=("encryption-at-rest",),
)  # fmt: skip
def desktop_volumes(subject: Subject, _: Context) -> Iterator[Outcome]:
    for volume in ("root", "user"):
        yield expect_boolean(subject, f"{volume}_volume_encryption_enabled", True)


RULES.add(
    "IM-AWS-VPC-002", "Default VPC is used", severity=Severity.LOW,
    reason="All its subnets are public, and what is started without a thought lands in it.",
    family=Family.NETWORK, kinds=("aws_default_vpc",), fix="Make a VPC with private subnets and leave the default one unused.", effort=Effort.DAYS,
    references=(_DOC + "vpc/latest/userguide/default-vpc.html",), ckv=("CKV_AWS_148",), controls=("network-segmentation",),
)(lambda subject, _: [_default_vpc(subject)])  # fmt: skip


def _default_vpc(subject: Subject) -> Outcome:
    if subject.boolean("force_destroy"):
        return passed("force_destroy")  # it is adopted in order to be removed
    return failed("", "aws_default_vpc", "a VPC of its own")


@RULES.add(
    "IM-AWS-TRANSFER-001", "Transfer server speaks FTP in the clear", severity=Severity.HIGH,
    reason="Passwords and files cross the network readable.",
    family=Family.ENCRYPTION, kinds=("aws_transfer_server",), fix='Set `protocols = ["SFTP"]`.', effort=Effort.HOURS,
    references=(_DOC + "transfer/latest/userguide/create-server-ftp.html",), ckv=("CKV_AWS_357",), controls=("encryption-in-transit",),
)  # fmt: skip
def transfer_protocols(subject: Subject, _: Context) -> Iterator[Outcome]:
    protocols = subject.strings("protocols")
    if "FTP" in protocols:
        yield failed("protocols", ", ".join(protocols), "SFTP or FTPS")
    else:
        subject.settle("protocols")
        yield passed("protocols")


@RULES.add(
    "IM-AWS-EKS-004", "Nodes of the cluster take SSH from everywhere", severity=Severity.HIGH,
    reason="With a key and without groups AWS opens port 22 of every node to the whole internet.",
    family=Family.NETWORK, kinds=("aws_eks_node_group",), fix="Set `source_security_group_ids`, or drop `ec2_ssh_key` and use Session Manager.",
    references=(_DOC + "eks/latest/APIReference/API_RemoteAccessConfig.html",), ckv=("CKV_AWS_100",), controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def node_ssh(subject: Subject, _: Context) -> Iterator[Outcome]:
    for access in subject.blocks("remote_access"):
        if access.has("ec2_ssh_key"):
            yield expect_set(access, "source_security_group_ids", "the groups that may log in")
