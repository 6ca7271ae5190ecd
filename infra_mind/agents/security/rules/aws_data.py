"""AWS: databases, caches, warehouses and search clusters."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import expect_boolean, is_at_least, is_false, is_true
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
_CLUSTERS = ("aws_rds_cluster", "aws_neptune_cluster", "aws_docdb_cluster")


RULES.add(
    "IM-AWS-RDS-001", "Database has a public address", severity=Severity.CRITICAL,
    reason="A database with a public address is found by scanners within hours; only its password and its security group stand before the data.",
    family=Family.EXPOSURE, kinds=("aws_db_instance", "aws_rds_cluster_instance", "aws_dms_replication_instance"),
    fix="Set `publicly_accessible = false` and reach it through the VPC.", references=(_RDS + "USER_VPC.WorkingWithRDSInstanceinaVPC.html",),
    ckv=("CKV_AWS_17", "CKV_AWS_89"), controls=("public-access", "network-segmentation"), exposes=True, patch=hcl("publicly_accessible", "false"),
)(is_false("publicly_accessible"))  # fmt: skip


@RULES.add(
    "IM-AWS-RDS-002", "Database is not encrypted", severity=Severity.HIGH,
    reason="Its storage, snapshots and replicas lie in the clear, and encryption cannot be switched on in place.",
    family=Family.ENCRYPTION, kinds=("aws_db_instance", *_CLUSTERS), fix="Set `storage_encrypted = true`; an existing one moves over an encrypted snapshot.",
    effort=Effort.HOURS, references=(_RDS + "Overview.Encryption.html",), ckv=("CKV_AWS_16", "CKV_AWS_44", "CKV_AWS_74", "CKV_AWS_96"),
    controls=("encryption-at-rest",),
)  # fmt: skip
def database_encryption(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.has("replicate_source_db") or subject.has("snapshot_identifier"):
        return  # a replica or a restored snapshot is encrypted as its source is
    yield expect_boolean(subject, "storage_encrypted", True)


@RULES.add(
    "IM-AWS-RDS-003", "Database keeps too few backups", severity=Severity.MEDIUM,
    reason="With no or one day of backups an error that is seen after the weekend cannot be undone; 7 days is the usual minimum.",
    family=Family.BACKUP, kinds=("aws_db_instance", *_CLUSTERS), fix="Set `backup_retention_period = 7` or more.",
    references=(_RDS + "USER_WorkingWithAutomatedBackups.html",), ckv=("CKV_AWS_133",), controls=("backup",),
    patch=hcl("backup_retention_period", "7"),
)  # fmt: skip
def database_backups(subject: Subject, context: Context) -> Iterator[Outcome]:
    if not subject.has("replicate_source_db"):
        default = 1 if subject.resource.kind in _CLUSTERS else 0
        yield from is_at_least("backup_retention_period", 7, default, "days")(subject, context)


RULES.add(
    "IM-AWS-RDS-004", "Database can be deleted without a second step", severity=Severity.MEDIUM,
    reason="One mistaken plan or call removes the database and its automated backups.",
    family=Family.BACKUP, kinds=("aws_db_instance", *_CLUSTERS), fix="Set `deletion_protection = true`.",
    references=(_RDS + "USER_DeleteInstance.html",), ckv=("CKV_AWS_293", "CKV_AWS_139", "CKV2_AWS_58"), controls=("deletion-protection",),
    patch=hcl("deletion_protection", "true"),
)(is_true("deletion_protection"))  # fmt: skip


@RULES.add(
    "IM-AWS-RDS-005", "Database runs in a single zone", severity=Severity.INFO,
    reason="The loss of one zone takes the database with it. That is a matter of availability: the reliability agent weighs it (`reliability.rds-single-az`).",
    family=Family.BACKUP, kinds=("aws_db_instance",), fix="Set `multi_az = true`.",
    references=(_RDS + "Concepts.MultiAZ.html",), ckv=("CKV_AWS_157",), controls=("availability",), patch=hcl("multi_az", "true"),
)  # fmt: skip
def single_zone(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.has("replicate_source_db"):  # a replica is what others fall back on
        yield expect_boolean(subject, "multi_az", True)


@RULES.add(
    "IM-AWS-RDS-006", "Database sends no logs to CloudWatch", severity=Severity.LOW,
    reason="Without exported logs a break-in leaves its traces only on the machine that was broken into.",
    family=Family.LOGGING, kinds=("aws_db_instance", *_CLUSTERS), fix="Set `enabled_cloudwatch_logs_exports` to the engine's logs.",
    references=(_RDS + "USER_LogAccess.Procedural.UploadtoCloudWatch.html",), ckv=("CKV_AWS_129",), controls=("logging",),
)  # fmt: skip
def database_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    attribute = (
        "enable_cloudwatch_logs_exports"
        if "neptune" in subject.resource.kind
        else "enabled_cloudwatch_logs_exports"
    )
    subject.settle(attribute)
    if subject.strings(attribute):
        yield passed(attribute)
    else:
        yield failed(attribute, "absent", "the engine's logs")


@RULES.add(
    "IM-AWS-RDS-007", "Database leaves no snapshot when it is deleted", severity=Severity.LOW,
    reason="`skip_final_snapshot` gives up the last chance to restore.",
    family=Family.BACKUP, kinds=("aws_db_instance", *_CLUSTERS), fix="Set `skip_final_snapshot = false` and a `final_snapshot_identifier`.",
    references=(_RDS + "USER_DeleteInstance.html",), controls=("backup", "deletion-protection"),
)  # fmt: skip
def final_snapshot(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "skip_final_snapshot", False)


RULES.add(
    "IM-AWS-REDSHIFT-001", "Warehouse has a public address", severity=Severity.CRITICAL,
    reason="The warehouse holds the joined data of the whole organisation; a public address leaves only the password.",
    family=Family.EXPOSURE, kinds=("aws_redshift_cluster", "aws_redshiftserverless_workgroup"), fix="Set `publicly_accessible = false`.",
    references=("https://docs.aws.amazon.com/redshift/latest/mgmt/managing-clusters-vpc.html",), ckv=("CKV_AWS_87",),
    controls=("public-access",), exposes=True, patch=hcl("publicly_accessible", "false"),
)(is_false("publicly_accessible"))  # fmt: skip
RULES.add(
    "IM-AWS-REDSHIFT-002", "Warehouse is not encrypted", severity=Severity.HIGH,
    reason="Blocks and snapshots of the warehouse lie in the clear.",
    family=Family.ENCRYPTION, kinds=("aws_redshift_cluster",), fix="Set `encrypted = true`.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html",), ckv=("CKV_AWS_64",),
    controls=("encryption-at-rest",),
    # AWS encrypts new clusters unless told not to, and the provider's default is `true` since version 6 (hashicorp/terraform-provider-aws#42631).
)(is_true("encrypted", True))  # fmt: skip


@RULES.add(
    "IM-AWS-CACHE-001", "Cache is not encrypted at rest", severity=Severity.MEDIUM,
    reason="Backups and swap of the cache lie in the clear; caches often hold sessions.",
    family=Family.ENCRYPTION, kinds=("aws_elasticache_replication_group",), fix="Set `at_rest_encryption_enabled = true`.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html",), ckv=("CKV_AWS_29",),
    controls=("encryption-at-rest",),
)  # fmt: skip
def cache_encryption(subject: Subject, _: Context) -> Iterator[Outcome]:
    # "When `engine` is `redis`, default is `false`. When `engine` is `valkey`, default is `true`." (the provider's documentation, 2025)
    yield expect_boolean(
        subject, "at_rest_encryption_enabled", True, subject.text("engine", "redis") == "valkey"
    )


RULES.add(
    "IM-AWS-CACHE-002", "Cache speaks in the clear", severity=Severity.MEDIUM,
    reason="Passwords and sessions cross the network readable.",
    family=Family.ENCRYPTION, kinds=("aws_elasticache_replication_group",), fix="Set `transit_encryption_enabled = true` and connect with TLS.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption.html",), ckv=("CKV_AWS_30",),
    controls=("encryption-in-transit",),
)(is_true("transit_encryption_enabled"))  # fmt: skip
RULES.add(
    "IM-AWS-SEARCH-001", "Search cluster is not encrypted at rest", severity=Severity.HIGH,
    reason="Indices and snapshots lie in the clear.",
    family=Family.ENCRYPTION, kinds=("aws_elasticsearch_domain", "aws_opensearch_domain"), fix="Set `encrypt_at_rest { enabled = true }`.", effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/opensearch-service/latest/developerguide/encryption-at-rest.html",), ckv=("CKV_AWS_5",),
    controls=("encryption-at-rest",),
)(is_true("encrypt_at_rest.enabled"))  # fmt: skip
RULES.add(
    "IM-AWS-SEARCH-002", "Search cluster accepts plain HTTP", severity=Severity.MEDIUM,
    reason="Queries, documents and credentials cross the network readable.",
    family=Family.ENCRYPTION, kinds=("aws_elasticsearch_domain", "aws_opensearch_domain"), fix="Set `domain_endpoint_options { enforce_https = true }`.",
    references=("https://docs.aws.amazon.com/opensearch-service/latest/developerguide/infrastructure-security.html",), ckv=("CKV_AWS_83",),
    controls=("encryption-in-transit",), patch=hcl("domain_endpoint_options.enforce_https", "true"),
)(is_true("domain_endpoint_options.enforce_https"))  # fmt: skip
