"""AWS: network ACLs, whose rules stand in the ACL or are resources of their own. The first rule that matches decides."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.ports import ADMIN, ports_named, world_in
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.rules.aws_network import ports_of
from infra_mind.agents.security.subject import OddShape, Subject, Unknown
from infra_mind.model.finding import Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_RULE = "aws_network_acl_rule"
_EVERYWHERE = {"0.0.0.0/0", "::/0"}


@RULES.add(
    "IM-AWS-NACL-001", "Network ACL lets the whole internet in on SSH or RDP", severity=Severity.MEDIUM,
    reason="The ACL is the second wall behind the security group; open for log-in ports it is none.",
    family=Family.NETWORK, kinds=("aws_network_acl", "aws_default_network_acl", _RULE),
    fix="Deny 22 and 3389 from 0.0.0.0/0.", references=("https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html",),
    ckv=("CKV_AWS_231", "CKV_AWS_232"), controls=("network-segmentation",),
)  # fmt: skip
def network_acl(subject: Subject, context: Context) -> Iterator[Outcome]:
    single = subject.resource.kind == _RULE
    if single and subject.boolean("egress"):
        return
    beside = context.sharing(subject.resource, "network_acl_id", _RULE)
    apart = [Subject.of(r) for r in beside if r.count and r.address != subject.resource.address]
    rules = [subject] if single else subject.blocks("ingress")

    def check(rule: Subject) -> Iterator[Outcome]:
        attribute = "ipv6_cidr_block" if world_in(rule.strings("ipv6_cidr_block")) else "cidr_block"
        cidr = rule.strings(attribute)
        others = [*rules, *apart]
        ports = {
            port: name for port, name in ADMIN.items() if not _denied_before(rule, others, attribute, port)
        }
        names = ports_named(ports, *ports_of(rule))
        if _action(rule) == "allow" and world_in(cidr) and names:
            yield failed(rule.at(attribute), f"{', '.join(names)} from {cidr[0]}", "known addresses")
        else:
            yield passed(rule.at(attribute))

    yield from each(rules, check)


def _action(rule: Subject) -> str:
    return rule.text("action", rule.text("rule_action", "deny")).lower()


def _number(rule: Subject) -> float | None:
    return rule.number("rule_no" if rule.has("rule_no") else "rule_number")


def _denied_before(rule: Subject, rules: list[Subject], attribute: str, port: int) -> bool:
    """Whether a rule with a lower number has denied the port to everyone."""
    denied = [number for other in rules if (number := _denies(other, attribute, port)) is not None]
    return bool(denied) and min(denied) < (_number(rule) or 0)


def _denies(rule: Subject, attribute: str, port: int) -> float | None:
    """The number of an inbound rule that denies the port to everyone; what is not known denies nothing."""
    try:
        low, high = ports_of(rule)
        denies = (
            _action(rule) == "deny"
            and not rule.boolean("egress")
            and rule.text("protocol").lower() in {"tcp", "6", "-1", "all"}
            and bool(_EVERYWHERE & set(rule.strings(attribute)))
            and low <= port <= high
        )
        return _number(rule) if denies else None
    except (Unknown, OddShape):
        return None
