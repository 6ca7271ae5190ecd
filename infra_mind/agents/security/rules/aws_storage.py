"""AWS: S3 buckets and the resources that carry their settings, volumes, file systems, queues, streams, tables."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_boolean,
    has_linked,
    is_false,
    is_one_of,
    is_set,
    is_true,
    linked_or_failed,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "website", "authenticated-read"})
_BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


@RULES.add(
    "IM-AWS-S3-001", "S3 bucket is readable or writable by everyone through its ACL", severity=Severity.CRITICAL,
    reason="A public ACL hands every object to anyone who knows the bucket's name; buckets are searched for all day.",
    family=Family.EXPOSURE, kinds=("aws_s3_bucket", "aws_s3_bucket_acl"), fix='Set `acl = "private"` or drop the ACL, and share through CloudFront or presigned URLs.',
    references=(_S3 + "acl-overview.html",), ckv=("CKV_AWS_20", "CKV_AWS_57"), controls=("public-access", "access-control"),
    exposes=True, patch=hcl("acl", '"private"'),
)  # fmt: skip
def bucket_acl(subject: Subject, _: Context) -> Iterator[Outcome]:
    acl = subject.text("acl", "private")
    if acl in _PUBLIC_ACLS:
        yield failed(subject.at("acl"), acl, "private")
    else:
        yield passed("acl")


@RULES.add(
    "IM-AWS-S3-002", "S3 bucket has no public access block", severity=Severity.MEDIUM,
    reason="Without the block one wrong ACL or policy later makes the bucket public; AWS sets it by default only on buckets made since April 2023.",
    family=Family.EXPOSURE, kinds=("aws_s3_bucket",), fix="Add an `aws_s3_bucket_public_access_block` for the bucket with all four settings true.",
    references=(_S3 + "access-control-block-public-access.html",), ckv=("CKV2_AWS_6",), controls=("public-access",),
)  # fmt: skip
def bucket_public_access_block(subject: Subject, context: Context) -> Iterator[Outcome]:
    if context.of("aws_s3_account_public_access_block"):
        yield passed()
        return
    yield linked_or_failed(
        subject,
        context,
        "aws_s3_bucket_public_access_block",
        "bucket",
        "aws_s3_bucket_public_access_block with all four settings true",
    )


@RULES.add(
    "IM-AWS-S3-003", "Public access block leaves a door open", severity=Severity.HIGH,
    reason="Each of the four settings stops another way of making the bucket public; one that is false is usually there for a public bucket.",
    family=Family.EXPOSURE, kinds=("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"),
    fix="Set all four settings to true.", references=(_S3 + "access-control-block-public-access.html",),
    ckv=("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"), controls=("public-access",),
    patch=lambda resource, path, lines: hcl(path, "true")(resource, path, lines),
)  # fmt: skip
def public_access_settings(subject: Subject, _: Context) -> Iterator[Outcome]:
    for setting in _BLOCKS:
        yield expect_boolean(subject, setting, True)


@RULES.add(
    "IM-AWS-S3-004", "S3 bucket has no server-side encryption with a key of your own", severity=Severity.LOW,
    reason="S3 encrypts every new object with its own keys since January 2023; who can read cannot be limited by a key policy without one of yours.",
    family=Family.ENCRYPTION, kinds=("aws_s3_bucket",), fix="Add an `aws_s3_bucket_server_side_encryption_configuration` with `aws:kms`.",
    references=(_S3 + "UsingKMSEncryption.html",), ckv=("CKV_AWS_19", "CKV_AWS_145"), controls=("encryption-at-rest",),
)  # fmt: skip
def bucket_encryption(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.has("server_side_encryption_configuration"):
        yield passed()
        return
    kind = "aws_s3_bucket_server_side_encryption_configuration"
    yield linked_or_failed(subject, context, kind, "bucket", f"{kind} with aws:kms")


@RULES.add(
    "IM-AWS-S3-005", "S3 bucket keeps no versions", severity=Severity.MEDIUM,
    reason="Without versions an overwrite, a deletion or ransomware is final.",
    family=Family.BACKUP, kinds=("aws_s3_bucket",), fix="Enable versioning (`aws_s3_bucket_versioning`, status Enabled) and a lifecycle for old versions.",
    references=(_S3 + "Versioning.html",), ckv=("CKV_AWS_21",), controls=("backup",),
)  # fmt: skip
def bucket_versioning(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.has("versioning"):
        yield expect_boolean(subject, "versioning.enabled", True)
        return
    if subject.boolean("object_lock_enabled") or subject.has("object_lock_configuration"):
        yield passed(
            "object_lock_enabled"
        )  # S3 keeps versions of such a bucket, and they cannot be switched off
        return
    linked = context.linked(subject.resource, "aws_s3_bucket_versioning")
    states = [Subject.of(r).text("versioning_configuration.status") for r in linked]
    if linked and "Enabled" not in states:
        yield failed("", f"versioning {states[0] or 'unset'} in {linked[0].address}", "Enabled")
        return
    yield linked_or_failed(
        subject, context, "aws_s3_bucket_versioning", "bucket", "aws_s3_bucket_versioning with status Enabled"
    )


@RULES.add(
    "IM-AWS-S3-006", "S3 bucket keeps no access log", severity=Severity.LOW,
    reason="Without a log nobody can say afterwards which objects were read.",
    family=Family.LOGGING, kinds=("aws_s3_bucket",), fix="Add an `aws_s3_bucket_logging` to a bucket for logs, or CloudTrail data events.",
    references=(_S3 + "ServerLogs.html",), ckv=("CKV_AWS_18",), controls=("logging",),
)  # fmt: skip
def bucket_logging(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.has("logging") or subject.raw("acl") == "log-delivery-write":
        yield passed()
        return
    yield linked_or_failed(subject, context, "aws_s3_bucket_logging", "bucket", "aws_s3_bucket_logging")


RULES.add(
    "IM-AWS-S3-007", "S3 bucket is erased with all its objects on destroy", severity=Severity.LOW,
    reason="`force_destroy` turns a mistaken `terraform destroy` into loss of data; without it AWS refuses to delete a bucket that is not empty.",
    family=Family.BACKUP, kinds=("aws_s3_bucket",), fix="Set `force_destroy = false`.",
    references=(_S3 + "delete-bucket.html",), controls=("deletion-protection",), patch=hcl("force_destroy", "false"),
)(is_false("force_destroy"))  # fmt: skip


@RULES.add(
    "IM-AWS-EBS-001", "EBS volume is not encrypted", severity=Severity.HIGH,
    reason="Snapshots of the volume can be copied and shared in the clear; encryption costs nothing and cannot be added later in place.",
    family=Family.ENCRYPTION, kinds=("aws_ebs_volume", "aws_ebs_snapshot_copy"), fix="Set `encrypted = true`, with `kms_key_id` for a key of your own.",
    effort=Effort.HOURS, references=("https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html",),
    ckv=("CKV_AWS_3",), controls=("encryption-at-rest",),
)  # fmt: skip
def volume_encryption(subject: Subject, context: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "encrypted", True, _encrypts_by_default(context))


def _encrypts_by_default(context: Context) -> bool:
    """True if the account is set to encrypt every new volume."""
    settings = context.of("aws_ebs_encryption_by_default")
    return any(Subject.of(setting).boolean("enabled", True) for setting in settings)


@RULES.add(
    "IM-AWS-EBS-002", "Disk of a machine is not encrypted", severity=Severity.MEDIUM,
    reason="Root and data disks hold caches, swap and credentials; unless the account encrypts by default they lie in the clear in snapshots.",
    family=Family.ENCRYPTION, kinds=("aws_instance", "aws_launch_configuration", "aws_launch_template"),
    fix="Set `encrypted = true` in every block device, or encrypt by default (`aws_ebs_encryption_by_default`).",
    references=("https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html",), ckv=("CKV_AWS_8",),
    controls=("encryption-at-rest",), effort=Effort.HOURS,
)  # fmt: skip
def instance_disks(subject: Subject, context: Context) -> Iterator[Outcome]:
    if _encrypts_by_default(context):
        yield passed()
        return
    devices = [*subject.blocks("root_block_device"), *subject.blocks("ebs_block_device")]
    devices += [ebs for mapping in subject.blocks("block_device_mappings") for ebs in mapping.blocks("ebs")]
    for device in devices:
        if not device.has("snapshot_id"):  # a snapshot's copy is encrypted as the snapshot is
            yield expect_boolean(device, "encrypted", True)
    if not devices and subject.resource.kind != "aws_launch_template":
        yield failed("root_block_device.encrypted", "absent", "true")


RULES.add(
    "IM-AWS-EBS-003", "EBS snapshots may be shared with everyone", severity=Severity.MEDIUM,
    reason="One wrong call makes a snapshot public, and any AWS account can mount it.",
    family=Family.EXPOSURE, kinds=("aws_ebs_snapshot_block_public_access",), fix='Set `state = "block-all-sharing"`.',
    references=("https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html",), controls=("public-access",),
    patch=hcl("state", '"block-all-sharing"'),
)(is_one_of("state", ("block-all-sharing", "block-new-sharing"), "unblocked"))  # fmt: skip
RULES.add(
    "IM-AWS-EFS-001", "EFS file system is not encrypted", severity=Severity.HIGH,
    reason="A file system is shared by many machines, and encryption can only be chosen when it is made.",
    family=Family.ENCRYPTION, kinds=("aws_efs_file_system",), fix="Set `encrypted = true` (this makes a new file system: copy the data over).",
    effort=Effort.DAYS, references=("https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html",), ckv=("CKV_AWS_42",),
    controls=("encryption-at-rest",),
)(is_true("encrypted"))  # fmt: skip
RULES.add(
    "IM-AWS-EFS-002", "EFS file system has no backup policy", severity=Severity.LOW,
    reason="Data on a shared file system is lost with one wrong command unless somebody copies it.",
    family=Family.BACKUP, kinds=("aws_efs_file_system",), fix="Add an `aws_efs_backup_policy` with status ENABLED.",
    references=("https://docs.aws.amazon.com/efs/latest/ug/awsbackup.html",), controls=("backup",),
)(has_linked("aws_efs_backup_policy", "file_system_id", "aws_efs_backup_policy with status ENABLED"))  # fmt: skip


@RULES.add(
    "IM-AWS-SQS-001", "Queue is not encrypted", severity=Severity.MEDIUM,
    reason="Messages carry whatever the application puts in them; encryption with SQS's own keys is free, and here it is switched off.",
    family=Family.ENCRYPTION, kinds=("aws_sqs_queue",), fix="Set `sqs_managed_sse_enabled = true` or `kms_master_key_id`.",
    references=("https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html",),
    ckv=("CKV_AWS_27",), controls=("encryption-at-rest",), patch=hcl("sqs_managed_sse_enabled", "true"),
)  # fmt: skip
def queue_encryption(subject: Subject, _: Context) -> Iterator[Outcome]:
    # AWS encrypts queues that are created since October 2022 with its own keys unless told not to (AWS Compute Blog, "SSE-SQS by
    # default"), and the provider sends what is configured alone (hashicorp/terraform-provider-aws#27335): only `false` switches it off.
    if subject.has("kms_master_key_id") or not subject.has("sqs_managed_sse_enabled"):
        yield passed()
    else:
        yield expect_boolean(subject, "sqs_managed_sse_enabled", True)


RULES.add(
    "IM-AWS-SNS-001", "Topic is not encrypted", severity=Severity.MEDIUM,
    reason="Messages rest in the topic's store until they are delivered, without encryption unless a key is named.",
    family=Family.ENCRYPTION, kinds=("aws_sns_topic",), fix='Set `kms_master_key_id = "alias/aws/sns"` or a key of your own.',
    references=("https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",), ckv=("CKV_AWS_26",),
    controls=("encryption-at-rest",), patch=hcl("kms_master_key_id", '"alias/aws/sns"'),
)(is_set("kms_master_key_id", "a KMS key"))  # fmt: skip
RULES.add(
    "IM-AWS-KINESIS-001", "Stream is not encrypted", severity=Severity.MEDIUM,
    reason="Records rest in the stream for a day to a year, without encryption unless it is asked for.",
    family=Family.ENCRYPTION, kinds=("aws_kinesis_stream",), fix='Set `encryption_type = "KMS"` and `kms_key_id`.',
    references=("https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html",), ckv=("CKV_AWS_43",),
    controls=("encryption-at-rest",),
)(is_one_of("encryption_type", ("KMS",), "NONE"))  # fmt: skip
RULES.add(
    "IM-AWS-DYNAMODB-001", "Table is not encrypted with a key of your own", severity=Severity.LOW,
    reason="DynamoDB always encrypts with AWS's key; only a customer key can be audited, limited and withdrawn.",
    family=Family.ENCRYPTION, kinds=("aws_dynamodb_table",), fix="Set `server_side_encryption { enabled = true, kms_key_arn = ... }`.",
    references=("https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html",), ckv=("CKV_AWS_119",),
    controls=("encryption-at-rest", "key-management"), patch=hcl("server_side_encryption.enabled", "true"),
)(is_true("server_side_encryption.enabled"))  # fmt: skip
RULES.add(
    "IM-AWS-DYNAMODB-002", "Table has no point-in-time recovery", severity=Severity.MEDIUM,
    reason="Without it a faulty write of the application cannot be undone.",
    family=Family.BACKUP, kinds=("aws_dynamodb_table",), fix="Set `point_in_time_recovery { enabled = true }`.",
    references=("https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",), ckv=("CKV_AWS_28",),
    controls=("backup",), patch=hcl("point_in_time_recovery.enabled", "true"),
)(is_true("point_in_time_recovery.enabled"))  # fmt: skip
RULES.add(
    "IM-AWS-ECR-001", "Image tags can be overwritten", severity=Severity.MEDIUM,
    reason="A tag that can be overwritten lets whoever can push replace what is already running elsewhere.",
    family=Family.SUPPLY_CHAIN, kinds=("aws_ecr_repository",), fix='Set `image_tag_mutability = "IMMUTABLE"`.',
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",), ckv=("CKV_AWS_51",),
    controls=("supply-chain",), patch=hcl("image_tag_mutability", '"IMMUTABLE"'),
)(is_one_of("image_tag_mutability", ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"), "MUTABLE"))  # fmt: skip
RULES.add(
    "IM-AWS-ECR-002", "Images are not scanned when they are pushed", severity=Severity.LOW,
    reason="Known vulnerabilities of an image stay unseen until it runs.",
    family=Family.SUPPLY_CHAIN, kinds=("aws_ecr_repository",), fix="Set `image_scanning_configuration { scan_on_push = true }`.",
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",), ckv=("CKV_AWS_163",),
    controls=("vulnerability-management",), patch=hcl("image_scanning_configuration.scan_on_push", "true"),
)(is_true("image_scanning_configuration.scan_on_push"))  # fmt: skip


@RULES.add(
    "IM-AWS-KMS-001", "Key is not rotated", severity=Severity.LOW,
    reason="A key that never changes protects ever more data; rotation is free of effort with KMS.",
    family=Family.ENCRYPTION, kinds=("aws_kms_key",), fix="Set `enable_key_rotation = true`.",
    references=("https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",), ckv=("CKV_AWS_7",),
    controls=("key-management",), patch=hcl("enable_key_rotation", "true"),
)  # fmt: skip
def key_rotation(subject: Subject, _: Context) -> Iterator[Outcome]:
    spec = subject.text("customer_master_key_spec", "SYMMETRIC_DEFAULT")
    if spec == "SYMMETRIC_DEFAULT" and not subject.has("custom_key_store_id"):
        yield expect_boolean(subject, "enable_key_rotation", True)
    else:
        yield passed(
            "customer_master_key_spec"
        )  # KMS rotates no asymmetric key, and none of a store of one's own
