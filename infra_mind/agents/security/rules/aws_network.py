"""AWS: security groups in their three forms, network ACLs, load balancers, CloudFront, public endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra_mind.agents.security.checks import (
    expect_boolean,
    expect_one_of,
    is_false,
    is_set,
    is_true,
    linked_or_failed,
    said,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.edits import Edit
from infra_mind.agents.security.ports import ADMIN, DATABASES, SERVICES, WORLD, ports_named, world_in
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format, Resource

RULES = RuleSet(Format.TERRAFORM)
_SG_KINDS = (
    "aws_security_group", "aws_default_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule",
)  # fmt: skip
_SG_DOC = ("https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",)
_BALANCERS = ("aws_lb", "aws_alb")


def ingress(subject: Subject) -> list[Subject]:
    """The inbound rules of a resource of any of the forms, one Subject each."""
    kind = subject.resource.kind
    if kind in {"aws_security_group", "aws_default_security_group"}:
        return subject.blocks("ingress")
    if kind == "aws_security_group_rule" and subject.text("type") != "ingress":
        return []
    return [subject]


def _open(rule: Subject) -> str | None:
    """The path under which the rule lets the whole internet in, None if it does not. Raises Unknown if apply time decides."""
    paths = ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6")
    for path in paths:
        if rule.has(path) and world_in(rule.strings(path)):
            return path
    rule.settle(*paths)
    return None


def _shown(rule: Subject, path: str) -> str:
    return ", ".join(r for r in rule.strings(path) if world_in([r]))


def ports_of(rule: Subject) -> tuple[float, float]:
    protocol = rule.text("protocol", rule.text("ip_protocol", "-1")).lower()
    if protocol in {"-1", "all"}:
        return 0, 65535
    if protocol in {"icmp", "icmpv6", "1", "58"}:
        return -1, -1
    low = rule.number("from_port", 0) or 0
    return low, rule.number("to_port", low) or low


def _world_reaches(rule: Subject, wanted: dict[int, str]) -> Iterator[Outcome]:
    path = _open(rule)
    if path is None:
        yield passed(rule.at("cidr_blocks"))
        return
    low, high = ports_of(rule)
    names = ports_named(wanted, low, high)
    if (low, high) == (0, 65535):
        return  # everything is open: that is a finding of its own, IM-AWS-SG-001
    if names:
        yield failed(
            rule.at(path), f"{', '.join(names)} from {_shown(rule, path)}", "only the addresses that need it"
        )
    else:
        yield passed(rule.at(path))


@RULES.add(
    "IM-AWS-SG-001", "Security group lets the whole internet in on every port", severity=Severity.CRITICAL,
    reason="Everything that listens on the machines behind it can be reached by anyone.",
    family=Family.NETWORK, kinds=_SG_KINDS, fix="Allow only the ports and addresses that are needed.", effort=Effort.HOURS,
    references=_SG_DOC, ckv=("CKV_AWS_277",), controls=("network-segmentation", "public-access"), exposes=True,
)  # fmt: skip
def all_ports(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        path = _open(rule)
        if path is not None and ports_of(rule) == (0, 65535):
            yield failed(
                rule.at(path),
                f"all ports from {_shown(rule, path)}",
                "only the ports and addresses that need it",
            )
        else:
            yield passed(rule.at(path or "cidr_blocks"))

    yield from each(ingress(subject), check)


@RULES.add(
    "IM-AWS-SG-002", "SSH or RDP is open to the whole internet", severity=Severity.CRITICAL,
    reason="Remote log-in is guessed at around the clock; one weak password or stolen key is a full break-in.",
    family=Family.NETWORK, kinds=_SG_KINDS, fix="Remove the rule and use Session Manager or a bastion with known addresses.",
    references=_SG_DOC, ckv=("CKV_AWS_24", "CKV_AWS_25"), controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def admin_ports(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(ingress(subject), lambda rule: _world_reaches(rule, ADMIN))


@RULES.add(
    "IM-AWS-SG-003", "A database port is open to the whole internet", severity=Severity.CRITICAL,
    reason="Databases, caches and search engines are found by scanners within hours, and many need no password.",
    family=Family.NETWORK, kinds=_SG_KINDS, fix="Allow the application's security group instead of addresses.",
    references=_SG_DOC, controls=("network-segmentation", "public-access"), exposes=True,
)  # fmt: skip
def database_ports(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(ingress(subject), lambda rule: _world_reaches(rule, DATABASES))


@RULES.add(
    "IM-AWS-SG-005", "A port of administration, of files or of old protocols is open to the whole internet", severity=Severity.HIGH,
    reason="What listens on these ports speaks in the clear, asks for nothing, or runs commands: scanners try them all day.",
    family=Family.NETWORK, kinds=_SG_KINDS, fix="Allow only the addresses that need it, or go through a bastion or a VPN.",
    references=_SG_DOC, controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def service_ports(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(ingress(subject), lambda rule: _world_reaches(rule, SERVICES))


@RULES.add(
    "IM-AWS-SG-004", "Default security group of a VPC keeps its rules", severity=Severity.LOW,
    reason="What is started without a group lands in the default one; it should allow nothing.",
    family=Family.NETWORK, kinds=("aws_vpc",), fix="Add an `aws_default_security_group` for the VPC without any rule.",
    references=("https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",), ckv=("CKV2_AWS_12",), controls=("network-segmentation",),
)  # fmt: skip
def default_group(subject: Subject, context: Context) -> Iterator[Outcome]:
    linked = context.linked(subject.resource, "aws_default_security_group")
    if any(Subject.of(r).has("ingress") or Subject.of(r).has("egress") for r in linked):
        yield failed("", f"{linked[0].address} has rules", "no rules")
        return
    yield linked_or_failed(
        subject, context, "aws_default_security_group", "vpc_id", "aws_default_security_group without rules"
    )


@RULES.add(
    "IM-AWS-LB-001", "Load balancer takes plain HTTP", severity=Severity.MEDIUM,
    reason="Whoever sits on the way reads and changes requests, passwords and answers.",
    family=Family.ENCRYPTION, kinds=("aws_lb_listener", "aws_alb_listener"), fix="Use HTTPS with a certificate, and let port 80 only redirect.",
    effort=Effort.HOURS, references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html",),
    ckv=("CKV_AWS_2",), controls=("encryption-in-transit",),
)  # fmt: skip
def listener_protocol(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("protocol", "HTTP") != "HTTP":
        yield passed("protocol")
        return
    redirect = (
        subject.text("default_action.type") == "redirect"
        and subject.text("default_action.redirect.protocol") == "HTTPS"
    )
    yield (
        passed("protocol")
        if redirect
        else failed("protocol", said(subject, "protocol"), "HTTPS, or a redirect to it")
    )


@RULES.add(
    "IM-AWS-LB-002", "Load balancer speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021).",
    family=Family.ENCRYPTION, kinds=("aws_lb_listener", "aws_alb_listener"), fix='Set `ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"`.',
    references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html",), ckv=("CKV_AWS_103",),
    controls=("encryption-in-transit",), patch=hcl("ssl_policy", '"ELBSecurityPolicy-TLS13-1-2-2021-06"'),
)  # fmt: skip
def listener_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("protocol", "HTTP") not in {"HTTPS", "TLS"}:
        return
    policy = subject.text("ssl_policy", "ELBSecurityPolicy-2016-08")
    good = any(part in policy for part in ("TLS13-1-2", "TLS13-1-3", "TLS-1-2", "FS-1-2"))
    yield (
        passed("ssl_policy")
        if good
        else failed("ssl_policy", said(subject, "ssl_policy"), "a policy from TLS 1.2 on")
    )


@RULES.add(
    "IM-AWS-LB-003", "Load balancer faces the internet", severity=Severity.INFO,
    reason="That may be its purpose; it is listed so that nobody is surprised by what is reachable.",
    family=Family.EXPOSURE, kinds=(*_BALANCERS, "aws_elb"), fix="Set `internal = true` if only the own network needs it; else put a web application firewall before it.",
    references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html",), controls=("public-access",), exposes=True,
)  # fmt: skip
def internet_facing(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "internal", True)


@RULES.add(
    "IM-AWS-LB-004", "Load balancer keeps no access log", severity=Severity.LOW,
    reason="Who called what is not known after an incident.",
    family=Family.LOGGING, kinds=(*_BALANCERS, "aws_elb"), fix="Set `access_logs { bucket = ..., enabled = true }`.",
    references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",),
    ckv=("CKV_AWS_91", "CKV_AWS_92"), controls=("logging",),
)  # fmt: skip
def balancer_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    logs = subject.block("access_logs")
    # a classic balancer's block logs unless it says otherwise; the newer ones log only when it says so
    default = subject.resource.kind == "aws_elb"
    yield (
        expect_boolean(logs, "enabled", True, default) if logs else failed("access_logs", "absent", "enabled")
    )


RULES.add(
    "IM-AWS-LB-005", "Load balancer can be deleted without a second step", severity=Severity.LOW,
    reason="One mistaken plan or call takes the service off the network.",
    family=Family.BACKUP, kinds=_BALANCERS, fix="Set `enable_deletion_protection = true`.",
    references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",), ckv=("CKV_AWS_150",),
    controls=("deletion-protection",), patch=hcl("enable_deletion_protection", "true"),
)(is_true("enable_deletion_protection"))  # fmt: skip


@RULES.add(
    "IM-AWS-ELB-001", "Classic load balancer takes plain HTTP", severity=Severity.MEDIUM,
    reason="Whoever sits on the way reads and changes requests, passwords and answers.",
    family=Family.ENCRYPTION, kinds=("aws_elb",), fix="Listen with HTTPS or SSL and a certificate; better, move to an application load balancer.",
    effort=Effort.HOURS, references=("https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-create-https-ssl-load-balancer.html",),
    ckv=("CKV_AWS_127",), controls=("encryption-in-transit",),
)  # fmt: skip
def classic_listener(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(subject.blocks("listener"), lambda b: [expect_one_of(b, "lb_protocol", ("https", "ssl"))])


@RULES.add(
    "IM-AWS-CDN-001", "CloudFront takes plain HTTP from viewers", severity=Severity.MEDIUM,
    reason="`allow-all` serves pages, cookies and forms in the clear.",
    family=Family.ENCRYPTION, kinds=("aws_cloudfront_distribution",), fix='Set `viewer_protocol_policy = "redirect-to-https"`.',
    references=("https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-viewers-to-cloudfront.html",), ckv=("CKV_AWS_34",),
    controls=("encryption-in-transit",), patch=hcl("default_cache_behavior.viewer_protocol_policy", '"redirect-to-https"'),
)  # fmt: skip
def viewer_protocol(subject: Subject, _: Context) -> Iterator[Outcome]:
    behaviours = [*subject.blocks("default_cache_behavior"), *subject.blocks("ordered_cache_behavior")]
    allowed = ("redirect-to-https", "https-only")
    yield from each(behaviours, lambda b: [expect_one_of(b, "viewer_protocol_policy", allowed)])


@RULES.add(
    "IM-AWS-CDN-002", "CloudFront speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021); the default certificate allows them.",
    family=Family.ENCRYPTION, kinds=("aws_cloudfront_distribution",), fix='Use a certificate of your own with `minimum_protocol_version = "TLSv1.2_2021"`.',
    references=("https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html",),
    ckv=("CKV_AWS_174",), controls=("encryption-in-transit",),
)  # fmt: skip
def viewer_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "viewer_certificate.minimum_protocol_version"
    version = subject.text(path, "TLSv1")
    good = version.startswith(("TLSv1.2", "TLSv1.3"))
    yield passed(path) if good else failed(subject.at(path), said(subject, path), "TLSv1.2_2021 or later")


RULES.add(
    "IM-AWS-SUBNET-001", "Subnet gives every machine a public address", severity=Severity.MEDIUM,
    reason="A machine that is started here by mistake stands on the internet at once.",
    family=Family.EXPOSURE, kinds=("aws_subnet",), fix="Set `map_public_ip_on_launch = false` and give addresses where they are needed.",
    references=("https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html",), ckv=("CKV_AWS_130",), controls=("public-access",),
    exposes=True, patch=hcl("map_public_ip_on_launch", "false"),
)(is_false("map_public_ip_on_launch"))  # fmt: skip


@RULES.add(
    "IM-AWS-EC2-001", "Machine has a public address", severity=Severity.MEDIUM,
    reason="What listens on it can be reached from outside as soon as a security group slips.",
    family=Family.EXPOSURE, kinds=("aws_instance", "aws_launch_configuration", "aws_launch_template"), fix="Set `associate_public_ip_address = false` and put a load balancer before it.",
    references=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html",), ckv=("CKV_AWS_88",), controls=("public-access",),
    exposes=True,
)  # fmt: skip
def public_machine(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "associate_public_ip_address"
    if subject.resource.kind == "aws_launch_template":
        yield from each(
            subject.blocks("network_interfaces"), lambda card: [expect_boolean(card, path, False)]
        )
    else:
        yield expect_boolean(subject, path, False)


@RULES.add(
    "IM-AWS-EC2-002", "Machine answers the metadata service of version 1", severity=Severity.HIGH,
    reason="Version 1 hands the machine's credentials to any request that a server-side forgery can make; version 2 wants a token.",
    family=Family.METADATA, kinds=("aws_instance", "aws_launch_template", "aws_launch_configuration"),
    fix='Set `metadata_options { http_tokens = "required" }`.', references=("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html",),
    ckv=("CKV_AWS_79",), controls=("instance-metadata",), patch=hcl("metadata_options.http_tokens", '"required"'),
)  # fmt: skip
def metadata_v1(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.text("metadata_options.http_endpoint", "enabled") == "disabled":
        yield passed("metadata_options.http_endpoint")
        return
    account = [Subject.of(r).text("http_tokens") for r in context.of("aws_ec2_instance_metadata_defaults")]
    default = "required" if account == ["required"] else "optional"
    yield expect_one_of(subject, "metadata_options.http_tokens", ("required",), default)


def _close_endpoint(resource: Resource, path: str, lines: Sequence[str]) -> Edit | None:
    """Only where the private endpoint is open: a cluster without any endpoint is refused by AWS."""
    private = Subject.of(resource).raw("vpc_config.endpoint_private_access") is True
    return hcl("vpc_config.endpoint_public_access", "false")(resource, path, lines) if private else None


@RULES.add(
    "IM-AWS-EKS-001", "Kubernetes API of the cluster is open to the whole internet", severity=Severity.HIGH,
    reason="The API server is the key to the whole cluster; one leaked token or one flaw of it is enough.",
    family=Family.EXPOSURE, kinds=("aws_eks_cluster",), fix="Set `endpoint_public_access = false`, or list your addresses in `public_access_cidrs`.",
    references=("https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",), ckv=("CKV_AWS_38",),
    controls=("public-access", "network-segmentation"), exposes=True, patch=_close_endpoint,
)  # fmt: skip
def eks_endpoint(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "vpc_config.endpoint_public_access"
    if not subject.boolean(path, True):
        yield passed(path)
        return
    cidrs = (
        subject.strings("vpc_config.public_access_cidrs")
        if subject.has("vpc_config.public_access_cidrs")
        else [WORLD]
    )
    if world_in(cidrs):
        yield failed(subject.at(path), f"{said(subject, path)}, from {WORLD}", "false, or known addresses")
        return
    subject.settle("vpc_config")
    yield passed(path)


RULES.add(
    "IM-AWS-EKS-002", "Secrets of the cluster are not encrypted with a key of your own", severity=Severity.LOW,
    reason="EKS encrypts all Kubernetes data with a key of AWS since version 1.28 (March 2025); who can read cannot be limited by a key policy without one of yours.",
    family=Family.ENCRYPTION, kinds=("aws_eks_cluster",), fix='Add `encryption_config { resources = ["secrets"] ... }`.', effort=Effort.HOURS,
    references=("https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html",), ckv=("CKV_AWS_58",), controls=("encryption-at-rest", "key-management"),
)(is_set("encryption_config", "encryption_config for secrets"))  # fmt: skip
