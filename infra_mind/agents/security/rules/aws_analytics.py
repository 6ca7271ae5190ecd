"""AWS: search, queries, caches, brokers and streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_boolean,
    expect_one_of,
    expect_set,
    is_at_least,
    is_set,
    is_true,
    said,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.subject import OddShape, Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_DOC = "https://docs.aws.amazon.com/"
_SEARCH = ("aws_elasticsearch_domain", "aws_opensearch_domain")


@RULES.add(
    "IM-AWS-ATHENA-001", "Results of queries are not encrypted by Athena", severity=Severity.LOW,
    reason="S3 encrypts them with its own key all the same; who may read them cannot be limited by a key policy.",
    family=Family.ENCRYPTION, kinds=("aws_athena_database", "aws_athena_workgroup"), fix="Set `encryption_configuration` with a KMS key.",
    references=(_DOC + "athena/latest/ug/encrypting-query-results-stored-in-s3.html",), ckv=("CKV_AWS_77", "CKV_AWS_159"), controls=("encryption-at-rest",),
)  # fmt: skip
def athena_results(subject: Subject, _: Context) -> Iterator[Outcome]:
    nested = "configuration.result_configuration." if subject.resource.kind == "aws_athena_workgroup" else ""
    yield expect_set(subject, f"{nested}encryption_configuration", "a KMS key")


RULES.add(
    "IM-AWS-ATHENA-002", "Clients may override the workgroup's settings", severity=Severity.LOW,
    reason="A query may then write its results elsewhere and unencrypted.",
    family=Family.ENCRYPTION, kinds=("aws_athena_workgroup",), fix="Set `enforce_workgroup_configuration = true`.",
    references=(_DOC + "athena/latest/ug/workgroups-settings-override.html",), ckv=("CKV_AWS_82",), controls=("encryption-at-rest",),
    patch=hcl("configuration.enforce_workgroup_configuration", "true"),
)(is_true("configuration.enforce_workgroup_configuration", True))  # fmt: skip
RULES.add(
    "IM-AWS-DAX-001", "Cache of DynamoDB is not encrypted", severity=Severity.MEDIUM,
    reason="Items of the table rest on the cache's disks in the clear, and encryption can only be chosen when it is made.",
    family=Family.ENCRYPTION, kinds=("aws_dax_cluster",), fix="Set `server_side_encryption { enabled = true }` (this makes a new cluster).", effort=Effort.HOURS,
    references=(_DOC + "amazondynamodb/latest/developerguide/DAXEncryptionAtRest.html",), ckv=("CKV_AWS_47",), controls=("encryption-at-rest",),
)(is_true("server_side_encryption.enabled"))  # fmt: skip


@RULES.add(
    "IM-AWS-CACHE-003", "Cache keeps no backups", severity=Severity.LOW,
    reason="What is only in the cache, such as sessions and queues, is gone after an error.",
    family=Family.BACKUP, kinds=("aws_elasticache_replication_group", "aws_elasticache_cluster"), fix="Set `snapshot_retention_limit` to some days, unless everything in it can be made again.",
    references=(_DOC + "AmazonElastiCache/latest/dg/backups-automatic.html",), ckv=("CKV_AWS_134",), controls=("backup",),
)  # fmt: skip
def cache_backups(subject: Subject, context: Context) -> Iterator[Outcome]:
    member = subject.resource.kind == "aws_elasticache_cluster"
    if member and (subject.has("replication_group_id") or subject.text("engine", "redis") == "memcached"):
        return
    yield from is_at_least("snapshot_retention_limit", 1, 0, "days")(subject, context)


RULES.add(
    "IM-AWS-SEARCH-003", "Search cluster's nodes talk in the clear", severity=Severity.MEDIUM,
    reason="Documents cross the network between the nodes readable.",
    family=Family.ENCRYPTION, kinds=_SEARCH, fix="Set `node_to_node_encryption { enabled = true }`.", effort=Effort.HOURS,
    references=(_DOC + "opensearch-service/latest/developerguide/ntn.html",), ckv=("CKV_AWS_6",), controls=("encryption-in-transit",),
)(is_true("node_to_node_encryption.enabled"))  # fmt: skip


@RULES.add(
    "IM-AWS-SEARCH-004", "Search cluster speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021); AWS takes them unless told otherwise.",
    family=Family.ENCRYPTION, kinds=_SEARCH, fix='Set `tls_security_policy = "Policy-Min-TLS-1-2-2019-07"`.',
    references=(_DOC + "opensearch-service/latest/developerguide/infrastructure-security.html",), ckv=("CKV_AWS_228",), controls=("encryption-in-transit",),
    patch=hcl("domain_endpoint_options.tls_security_policy", '"Policy-Min-TLS-1-2-2019-07"'),
)  # fmt: skip
def search_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "domain_endpoint_options.tls_security_policy"
    good = "TLS-1-2" in subject.text(path)
    yield passed(path) if good else failed(path, said(subject, path), "a policy from TLS 1.2 on")


RULES.add(
    "IM-AWS-SEARCH-005", "Search cluster publishes no logs", severity=Severity.LOW,
    reason="Who searched and changed what is not known after an incident.",
    family=Family.LOGGING, kinds=_SEARCH, fix="Set `log_publishing_options` (AUDIT_LOGS at the least).",
    references=(_DOC + "opensearch-service/latest/developerguide/createdomain-configure-slow-logs.html",), ckv=("CKV_AWS_84",), controls=("logging",),
)(is_set("log_publishing_options", "a log group"))  # fmt: skip


@RULES.add(
    "IM-AWS-EMR-001", "Cluster for big data encrypts nothing", severity=Severity.MEDIUM,
    reason="Data lies on the disks, or crosses the network between the nodes, readable.",
    family=Family.ENCRYPTION, kinds=("aws_emr_security_configuration",), fix="Set `EnableAtRestEncryption` and `EnableInTransitEncryption` with their settings.", effort=Effort.HOURS,
    references=(_DOC + "emr/latest/ManagementGuide/emr-data-encryption-options.html",), ckv=("CKV_AWS_171", "CKV_AWS_349", "CKV_AWS_351"), controls=("encryption-at-rest", "encryption-in-transit"),
)  # fmt: skip
def emr_encryption(subject: Subject, _: Context) -> Iterator[Outcome]:
    text = subject.text("configuration")
    try:
        document = json.loads(text)
    except ValueError:
        raise OddShape("configuration", text, "JSON") from None
    encryption = Subject(subject.resource, document if isinstance(document, dict) else {}).mapping(
        "EncryptionConfiguration"
    )
    missing = [
        name
        for name in ("EnableAtRestEncryption", "EnableInTransitEncryption")
        if encryption.get(name) is not True
    ]
    rest = encryption.get("AtRestEncryptionConfiguration")
    if not missing and isinstance(rest, dict) and not rest.get("LocalDiskEncryptionConfiguration"):
        missing = ["LocalDiskEncryptionConfiguration"]
    if missing:
        yield failed("configuration", f"without {' and '.join(missing)}", "encryption at rest and on the way")
    else:
        yield passed("configuration")


@RULES.add(
    "IM-AWS-MQ-002", "Message broker keeps no logs", severity=Severity.LOW,
    reason="Who administered and used the broker is not known after an incident.",
    family=Family.LOGGING, kinds=("aws_mq_broker",), fix="Set `logs { general = true, audit = true }` (audit for ActiveMQ).",
    references=(_DOC + "amazon-mq/latest/developer-guide/security-logging-monitoring.html",), ckv=("CKV_AWS_48",), controls=("logging",),
)  # fmt: skip
def broker_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "logs.general", True)
    if subject.text("engine_type", "ActiveMQ").lower() == "activemq":
        yield expect_boolean(subject, "logs.audit", True)


@RULES.add(
    "IM-AWS-MSK-001", "Kafka cluster talks in the clear", severity=Severity.MEDIUM,
    reason="Messages and passwords cross the network readable.",
    family=Family.ENCRYPTION, kinds=("aws_msk_cluster",), fix='Set `client_broker = "TLS"` and leave `in_cluster` on.', effort=Effort.HOURS,
    references=(_DOC + "msk/latest/developerguide/msk-encryption.html",), ckv=("CKV_AWS_81",), controls=("encryption-in-transit",),
)  # fmt: skip
def kafka_transit(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "encryption_info.encryption_in_transit."
    yield expect_one_of(subject, path + "client_broker", ("TLS",), "TLS")
    yield expect_boolean(subject, path + "in_cluster", True, True)


RULES.add(
    "IM-AWS-MSK-002", "Kafka cluster keeps no logs", severity=Severity.LOW,
    reason="What the brokers saw is not known after an incident.",
    family=Family.LOGGING, kinds=("aws_msk_cluster",), fix="Set `logging_info` with one of the three targets enabled.",
    references=(_DOC + "msk/latest/developerguide/msk-logging.html",), ckv=("CKV_AWS_80",), controls=("logging",),
)(lambda subject, _: [_kafka_logs(subject)])  # fmt: skip


def _kafka_logs(subject: Subject) -> Outcome:
    path = "logging_info.broker_logs"
    if any(subject.boolean(f"{path}.{target}.enabled") for target in ("cloudwatch_logs", "firehose", "s3")):
        return passed(path)
    return failed(path, "no target is enabled", "one that is enabled")


@RULES.add(
    "IM-AWS-MSK-003", "Kafka cluster has public addresses", severity=Severity.HIGH,
    reason="Brokers are found by scanners within hours; only their log-in stands before the messages.",
    family=Family.EXPOSURE, kinds=("aws_msk_cluster",), fix='Set `public_access { type = "DISABLED" }`.', effort=Effort.HOURS,
    references=(_DOC + "msk/latest/developerguide/public-access.html",), ckv=("CKV_AWS_291",), controls=("public-access",), exposes=True,
)  # fmt: skip
def kafka_public(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "broker_node_group_info.connectivity_info.public_access.type"
    yield expect_one_of(subject, path, ("DISABLED",), "DISABLED")


@RULES.add(
    "IM-AWS-GLUE-001", "Jobs that move data encrypt nothing", severity=Severity.MEDIUM,
    reason="Data, logs and bookmarks of the jobs are written in the clear.",
    family=Family.ENCRYPTION, kinds=("aws_glue_security_configuration",), fix="Set the three modes to SSE-KMS and CSE-KMS.", effort=Effort.HOURS,
    references=(_DOC + "glue/latest/dg/encryption-security-configuration.html",), ckv=("CKV_AWS_99",), controls=("encryption-at-rest",),
)  # fmt: skip
def glue_encryption(subject: Subject, _: Context) -> Iterator[Outcome]:
    for name in ("cloudwatch_encryption", "job_bookmarks_encryption", "s3_encryption"):
        path = f"encryption_configuration.{name}.{name}_mode"
        yield expect_one_of(subject, path, ("SSE-KMS", "CSE-KMS", "SSE-S3"), "DISABLED")


RULES.add(
    "IM-AWS-RDS-008", "Database takes no security fixes by itself", severity=Severity.LOW,
    reason="Minor versions carry the fixes of known holes.",
    family=Family.SUPPLY_CHAIN, kinds=("aws_db_instance", "aws_rds_cluster_instance"), fix="Set `auto_minor_version_upgrade = true`.",
    references=(_DOC + "AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html",), ckv=("CKV_AWS_226",), controls=("vulnerability-management",),
    patch=hcl("auto_minor_version_upgrade", "true"),
)(is_true("auto_minor_version_upgrade", True))  # fmt: skip
