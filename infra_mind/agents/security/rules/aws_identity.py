"""AWS: who may do what. Policies in every form, trust policies, policies on resources, log-in without a second factor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from infra_mind.agents.security.context import DOCUMENT_PARTS, Context
from infra_mind.agents.security.iam import (
    ESCALATION,
    Statement,
    document_statements,
    open_statement,
    statements,
)
from infra_mind.agents.security.rule import Check, Family, Outcome, RuleSet, failed, passed, undecided
from infra_mind.agents.security.subject import Subject, first_reason
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format, contains_unresolvable

RULES = RuleSet(Format.TERRAFORM)
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_DOCUMENT = "data.aws_iam_policy_document"
_POLICIES = {
    "aws_iam_policy": "policy", "aws_iam_user_policy": "policy", "aws_iam_role_policy": "policy", "aws_iam_group_policy": "policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}  # fmt: skip
_RESOURCE_POLICIES = {
    "aws_s3_bucket_policy": "policy", "aws_s3_bucket": "policy", "aws_sqs_queue_policy": "policy", "aws_sqs_queue": "policy",
    "aws_sns_topic_policy": "policy", "aws_sns_topic": "policy", "aws_kms_key": "policy", "aws_ecr_repository_policy": "policy",
    "aws_secretsmanager_secret_policy": "policy", "aws_elasticsearch_domain": "access_policies",
    "aws_opensearch_domain": "access_policies", "aws_elasticsearch_domain_policy": "access_policies", "aws_glacier_vault": "access_policy",
    "aws_efs_file_system_policy": "policy", "aws_backup_vault_policy": "policy", "aws_cloudwatch_event_bus_policy": "policy", "aws_ses_identity_policy": "policy",
}  # fmt: skip
_TRUST = "assume_role_policy"
_GITHUB = "token.actions.githubusercontent.com"
_ASKS = re.compile(r"(?i)(for(any|all)values?:)?string(equals(ignorecase)?|like)(ifexists)?")
_EVERY_REPOSITORY = re.compile(r"[*?]+|repo:\*.*")  # of whoever it is
_OWN_POLICY = re.compile(
    r"(module\.[\w-]+(\[[^\]]*\])?\.)*aws_iam_policy\."
)  # its document is looked at where it stands


def _identity_statements(subject: Subject, context: Context) -> Iterator[Statement]:
    kind = subject.resource.kind
    if kind in _POLICIES and context.documents(subject, _POLICIES[kind]):
        return  # the document is a resource of its own here: said once, where it stands
    if kind == _DOCUMENT:
        yield from _of_document(subject, context)
    elif kind == "aws_iam_role":
        for inline in subject.blocks("inline_policy"):
            yield from statements(inline, "policy")
    else:
        yield from statements(subject, _POLICIES[kind])


def _of_document(document: Subject, context: Context) -> Iterator[Statement]:
    yield from document_statements(document)
    for part in DOCUMENT_PARTS:
        if contains_unresolvable(document.raw(part)) and not context.documents(document, part):
            yield open_statement(document.at(part), first_reason(document.raw(part)))


def _over_statements(wrong: Callable[[Statement], str], expected: str) -> Check:
    """A check of the Allow statements: `wrong` says what is wrong with one, or nothing."""

    def check(subject: Subject, context: Context) -> Iterator[Outcome]:
        for statement in _identity_statements(subject, context):
            problem = wrong(statement) if statement.allow else ""
            if problem:
                yield failed(statement.path, problem, expected)
            elif statement.unknown and statement.allow:
                yield undecided(statement.path, statement.open_principal or "a part of the statement")
            else:
                yield passed(statement.path)

    return check


def _everything(s: Statement) -> str:
    if s.on_resource:  # its own rule
        return ""
    if s.every_action and (s.every_resource or s.not_resources):
        return 'Action "*" on Resource "*"'
    return ""


def _wide(s: Statement) -> str:
    if s.on_resource or _everything(s):
        return ""
    if s.every_action:
        return 'Action "*"'
    if s.not_actions and s.every_resource:
        return 'every action but a few on Resource "*"'
    services = [a for a in s.actions if a.endswith(":*")]
    return f'{", ".join(sorted(services))} on Resource "*"' if services and s.every_resource else ""


def _escalates(s: Statement) -> str:
    if (
        s.on_resource
        or s.every_action
        or not (s.every_resource or any(r.endswith((":role/*", ":user/*", ":policy/*")) for r in s.resources))
    ):
        return ""
    found = [a for a in ESCALATION if s.grants(a)]
    if s.conditioned:
        found = [a for a in found if a != "iam:PassRole"]  # iam:PassedToService narrows it
    return ", ".join(found)


_KINDS = (*_POLICIES, "aws_iam_role", _DOCUMENT)
RULES.add(
    "IM-AWS-IAM-001", "Policy allows everything on everything", severity=Severity.CRITICAL,
    reason="Whoever holds one key of this identity owns the account.",
    family=Family.IDENTITY, kinds=_KINDS, fix="List the actions and resources that are used (IAM Access Analyzer writes the policy from CloudTrail).",
    effort=Effort.HOURS, references=(_IAM + "best-practices.html#grant-least-privilege",), ckv=("CKV_AWS_62", "CKV_AWS_1"),
    controls=("least-privilege", "access-control"),
)(_over_statements(_everything, "the actions and resources that are used"))  # fmt: skip
RULES.add(
    "IM-AWS-IAM-002", "Policy allows whole services on every resource", severity=Severity.HIGH,
    reason="A wildcard grows with every action AWS adds, and one leaked key reaches all data of the service.",
    family=Family.IDENTITY, kinds=_KINDS, fix="List the actions and the ARNs that are used.", effort=Effort.HOURS,
    references=(_IAM + "best-practices.html#grant-least-privilege",), ckv=("CKV_AWS_63", "CKV_AWS_49", "CKV_AWS_290", "CKV_AWS_355"),
    controls=("least-privilege", "access-control"),
)(_over_statements(_wide, "the actions and resources that are used"))  # fmt: skip
RULES.add(
    "IM-AWS-IAM-003", "Policy lets its holder widen its own rights", severity=Severity.HIGH,
    reason="With these actions on every resource its holder can become an administrator.",
    family=Family.IDENTITY, kinds=_KINDS, fix="Limit them to named ARNs, with a permissions boundary; limit iam:PassRole by `iam:PassedToService`.", effort=Effort.HOURS,
    references=(_IAM + "access_policies_boundaries.html",), ckv=("CKV_AWS_286", "CKV_AWS_110"), controls=("least-privilege", "privilege-escalation"),
)(_over_statements(_escalates, "none of these on every resource"))  # fmt: skip


def _statements_of(subject: Subject, attribute: str, context: Context) -> list[Statement]:
    """The statements of the policy under `attribute`: of the documents that it refers to and of those that they are put together
    from, else as written there. Raises Unknown for a policy, or a part of one, that apply time makes."""
    found = [s for document in context.documents(subject, attribute) for s in _of_document(document, context)]
    return found or list(statements(subject, attribute))


@RULES.add(
    "IM-AWS-IAM-004", "Role can be assumed by anyone", severity=Severity.CRITICAL,
    reason="Any AWS account in the world can take on the role's rights.",
    family=Family.IDENTITY, kinds=("aws_iam_role",), fix="Name the accounts or services in `Principal`; ask for an external id.",
    references=(_IAM + "id_roles_create_for-user_externalid.html",), ckv=("CKV_AWS_60", "CKV_AWS_61"), controls=("access-control",), exposes=True,
)  # fmt: skip
def trust(subject: Subject, context: Context) -> Iterator[Outcome]:
    trusting = [s for s in _statements_of(subject, _TRUST, context) if s.allow and not s.conditioned]
    if bad := next((s.everyone for s in trusting if s.everyone), ""):
        yield failed(_TRUST, bad, "named accounts or services")
    elif unsure := next((s.open_principal for s in trusting if s.open_principal), ""):
        yield undecided(_TRUST, unsure)
    else:
        yield passed(_TRUST)


@RULES.add(
    "IM-AWS-IAM-009", "Role can be assumed from every GitHub repository", severity=Severity.HIGH,
    reason="GitHub signs tokens for all its users alike: without a test of the subject, anybody's workflow can take on the role.",
    family=Family.IDENTITY, kinds=("aws_iam_role",), fix=f"Ask in the trust policy that `{_GITHUB}:sub` is your repository, such as `repo:org/name:ref:refs/heads/main`.",
    references=("https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",), controls=("access-control",), exposes=True,
)  # fmt: skip
def github_trust(subject: Subject, context: Context) -> Iterator[Outcome]:
    for statement in _statements_of(subject, _TRUST, context):
        named = (*statement.federated, *(test.variable for test in statement.tests))
        if not statement.allow or not any(_GITHUB in name for name in named):
            continue
        asked = [
            t for t in statement.tests if t.variable.startswith(f"{_GITHUB}:") and _ASKS.fullmatch(t.operator)
        ]
        asked = [
            t for t in asked if not t.variable.endswith(":aud")
        ]  # it names the cloud, not the repository
        may_ask = asked or [t for t in statement.tests if not t.variable]
        unsure = [v for t in may_ask for v in t.values if contains_unresolvable(v)]
        if wide := [v for t in asked for v in t.values if _EVERY_REPOSITORY.fullmatch(str(v))]:
            yield failed(_TRUST, f"the subject may be {wide[0]}", "your own repositories")
        elif unsure:
            yield undecided(_TRUST, first_reason(unsure[0]))
        elif asked:
            yield passed(_TRUST)
        else:
            yield failed(_TRUST, f"no condition on {_GITHUB}:sub", "your own repositories")


@RULES.add(
    "IM-AWS-IAM-005", "Resource policy lets everyone in", severity=Severity.HIGH,
    reason="Principal `*` without a condition means anyone on the internet, without any log-in for some services.",
    family=Family.EXPOSURE, kinds=tuple(_RESOURCE_POLICIES), fix="Name the accounts, or add a condition (aws:PrincipalOrgID, aws:SourceArn).", effort=Effort.HOURS,
    references=(_IAM + "reference_policies_elements_principal.html",), ckv=("CKV_AWS_70", "CKV_AWS_33", "CKV_AWS_32", "CKV_AWS_168", "CKV_AWS_169"),
    controls=("public-access", "access-control"), exposes=True,
)  # fmt: skip
def resource_policy(subject: Subject, context: Context) -> Iterator[Outcome]:
    attribute = _RESOURCE_POLICIES[subject.resource.kind]
    for statement in _statements_of(subject, attribute, context):
        if statement.allow and statement.everyone and not statement.conditioned:
            what = ", ".join(statement.actions) or "do what is not excluded"
            yield failed(
                subject.at(attribute), f"{statement.everyone} may {what}", "named principals, or a condition"
            )
        elif statement.allow and statement.open_principal and not statement.conditioned:
            yield undecided(subject.at(attribute), statement.open_principal)
        else:
            yield passed(attribute)


@RULES.add(
    "IM-AWS-IAM-006", "An AWS managed policy of full rights is attached", severity=Severity.HIGH,
    reason="AdministratorAccess and its kin are for break-glass use, not for what runs all day.",
    family=Family.IDENTITY, kinds=("aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment", "aws_iam_policy_attachment", "aws_iam_role"),
    fix="Attach a policy with what is used.", effort=Effort.HOURS, references=(_IAM + "access_policies_job-functions.html",), ckv=("CKV_AWS_274",), controls=("least-privilege",),
)  # fmt: skip
def managed_admin(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "managed_policy_arns" if subject.resource.kind == "aws_iam_role" else "policy_arn"
    full = ("/AdministratorAccess", "/IAMFullAccess", "/PowerUserAccess")
    value = subject.raw(path)
    for arn in value if isinstance(value, list | tuple) else [value]:
        reason = first_reason(arn)
        if reason and not _OWN_POLICY.match(reason):
            yield undecided(subject.at(path), reason)
        elif isinstance(arn, str) and arn.endswith(full):
            yield failed(subject.at(path), arn.rpartition("/")[2], "a narrower policy")
        elif arn is not None:
            yield passed(path)


@RULES.add(
    "IM-AWS-IAM-007", "Long-lived access key is made for a user", severity=Severity.MEDIUM,
    reason="A key without an end is copied, forgotten and found; its secret also lies in the Terraform state.",
    family=Family.IDENTITY, kinds=("aws_iam_access_key",), fix="Use roles (instance profile, IRSA, OIDC) instead of keys.", effort=Effort.HOURS,
    references=(_IAM + "best-practices.html#bp-workloads-use-roles",), controls=("access-control", "secrets-management"),
)  # fmt: skip
def access_key(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("status", "Active") != "Inactive":
        yield failed(
            "",
            "an active key" + ("" if subject.has("pgp_key") else ", its secret unencrypted in the state"),
            "a role",
        )
    else:
        yield passed("status")


@RULES.add(
    "IM-AWS-IAM-008", "Policy hangs on a user instead of a group or role", severity=Severity.LOW,
    reason="Rights of single users are overlooked when people change.",
    family=Family.IDENTITY, kinds=("aws_iam_user_policy", "aws_iam_user_policy_attachment", "aws_iam_policy_attachment"), fix="Attach it to a group or a role.",
    references=(_IAM + "id_groups.html",), ckv=("CKV_AWS_40",), controls=("access-control",),
)  # fmt: skip
def policy_on_user(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "users" if subject.resource.kind == "aws_iam_policy_attachment" else "user"
    yield (
        failed(path, "a user", "a group or role") if subject.raw(path) not in (None, [], "") else passed(path)
    )


@RULES.add(
    "IM-AWS-LAMBDA-001", "Function can be called by anyone", severity=Severity.HIGH,
    reason="A permission or address without authorisation runs the function, and its bill, for the whole internet.",
    family=Family.EXPOSURE, kinds=("aws_lambda_permission", "aws_lambda_function_url"), fix="Set `source_arn` or `principal`; for addresses `authorization_type = \"AWS_IAM\"`.",
    references=("https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html",), ckv=("CKV_AWS_258", "CKV_AWS_301"), controls=("public-access", "access-control"), exposes=True,
)  # fmt: skip
def open_function(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.resource.kind == "aws_lambda_function_url":
        kind = subject.text("authorization_type")
        yield (
            failed("authorization_type", kind, "AWS_IAM") if kind == "NONE" else passed("authorization_type")
        )
    elif subject.text("principal") == "*" and not any(
        subject.has(p) for p in ("source_arn", "source_account", "principal_org_id")
    ):
        yield failed("principal", "*", "a service or account")
    else:
        yield passed("principal")
