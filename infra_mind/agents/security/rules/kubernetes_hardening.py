"""Kubernetes: what loosens the walls of a pod further, what an ingress or a service smuggles in, policies that close nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.pods import WORKLOADS, called, per_container, per_pod
from infra_mind.agents.security.ports import world_in
from infra_mind.agents.security.proposals import yaml
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.rules.kubernetes_pod import DANGEROUS, capability
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.KUBERNETES)
_PSS = ("https://kubernetes.io/docs/concepts/security/pod-security-standards/",)
_ROLES = ("Role", "ClusterRole")
# What the baseline Pod Security Standard lets a container add (kubernetes.io, 2025).
_BASELINE = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
    "SYS_CHROOT",
})  # fmt: skip
# Sysctls that the baseline standard calls safe: they are the pod's own (kubernetes.io, 2025).
_SAFE_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
})  # fmt: skip
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})


def _host_ports(container: Subject, _: Subject) -> Iterator[Outcome]:
    for port in container.blocks("ports"):
        number = port.number("hostPort", 0) or 0
        path = port.at("hostPort")
        yield failed(path, f"{number:g}{called(container)}", "absent") if number else passed(path)


RULES.add(
    "IM-K8S-POD-018", "Container takes a port of the node", severity=Severity.LOW,
    reason="It is reached past every Service and NetworkPolicy, and one pod a node is all that fits; drivers and ingress controllers alone need it.",
    family=Family.NETWORK, kinds=WORKLOADS, fix="Use a Service instead of `hostPort`.", effort=Effort.HOURS, references=_PSS, ckv=("CKV_K8S_26",), controls=("network-segmentation",),
)(per_container(_host_ports))  # fmt: skip


def _proc_mount(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.procMount"
    bare = container.text(path, "Default") != "Default"
    yield (
        failed(container.at(path), f"{container.text(path)}{called(container)}", "Default")
        if bare
        else passed(container.at(path))
    )


RULES.add(
    "IM-K8S-POD-019", "Container sees /proc unmasked", severity=Severity.HIGH,
    reason="Settings and memory of the node's kernel can be read and changed through it.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Remove `procMount: Unmasked`.", references=_PSS, controls=("container-isolation",), patch=yaml("Default"),
)(per_container(_proc_mount))  # fmt: skip


def _sysctls(pod: Subject) -> Iterator[Outcome]:
    path = "securityContext.sysctls"
    bad = [s.text("name") for s in pod.blocks(path) if s.text("name") not in _SAFE_SYSCTLS]
    yield failed(pod.at(path), ", ".join(bad), "safe ones alone") if bad else passed(pod.at(path))


RULES.add(
    "IM-K8S-POD-020", "Pod changes settings of the node's kernel", severity=Severity.MEDIUM,
    reason="Sysctls beyond the safe ones can starve or weaken every other pod of the node.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Remove them, or give the pod nodes of its own.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/",), controls=("container-isolation",),
)(per_pod(_sysctls))  # fmt: skip


def _selinux(place: Subject) -> Iterator[Outcome]:
    path = "securityContext.seLinuxOptions"
    kind, user, role = (place.text(f"{path}.{part}") for part in ("type", "user", "role"))
    if kind not in _SELINUX or user or role:
        yield failed(place.at(path), ", ".join(filter(None, (kind, user, role))), "container_t or none")
    elif place.has(path):
        yield passed(place.at(path))


RULES.add(
    "IM-K8S-POD-021", "Pod leaves the SELinux type of containers", severity=Severity.MEDIUM,
    reason="Types such as spc_t take the confinement away that stops a break-out.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Remove `seLinuxOptions`, or name `container_t`.", references=_PSS, controls=("container-isolation",),
)(lambda subject, context: (*per_pod(_selinux)(subject, context), *per_container(lambda c, _: _selinux(c))(subject, context)))  # fmt: skip


@RULES.add(
    "IM-K8S-POD-022", "AppArmor is switched off for a container", severity=Severity.MEDIUM,
    reason="The runtime's profile stops writes to /proc, mounts and more of a break-out.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Remove `Unconfined`.", references=("https://kubernetes.io/docs/tutorials/security/apparmor/",), controls=("container-isolation",),
)  # fmt: skip
def apparmor(subject: Subject, context: Context) -> Iterator[Outcome]:
    def profile(place: Subject) -> Iterator[Outcome]:
        path = "securityContext.appArmorProfile.type"
        if place.has(path):
            off = place.text(path) == "Unconfined"
            yield failed(place.at(path), "Unconfined", "RuntimeDefault") if off else passed(place.at(path))

    yield from per_pod(profile)(subject, context)
    yield from per_container(lambda container, _: profile(container))(subject, context)
    for holder in ("metadata", "spec.template.metadata"):
        for key, value in subject.mapping(f"{holder}.annotations").items():
            if str(key).startswith("container.apparmor.security.beta.kubernetes.io/"):
                path = subject.at(f"{holder}.annotations")
                yield failed(path, "unconfined", "runtime/default") if value == "unconfined" else passed(path)


def _host_process(place: Subject) -> Iterator[Outcome]:
    path = "securityContext.windowsOptions.hostProcess"
    if place.boolean(path):
        yield failed(place.at(path), "true", "false")
    elif place.has(path):
        yield passed(place.at(path))


RULES.add(
    "IM-K8S-POD-023", "Container runs as a process of a Windows node", severity=Severity.CRITICAL,
    reason="It has the node: files, network, every other pod there.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `hostProcess: false`; agents of the node alone need it.", references=_PSS, controls=("container-isolation",),
)(lambda subject, context: (*per_pod(_host_process)(subject, context), *per_container(lambda c, _: _host_process(c))(subject, context)))  # fmt: skip


def _further_capabilities(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.capabilities.add"
    added = {capability(c) for c in container.strings(path)}
    bad = sorted(added - _BASELINE - DANGEROUS)
    if bad:
        yield failed(container.at(path), f"{', '.join(bad)}{called(container)}", "none beyond the baseline")
    elif added:
        yield passed(container.at(path))


RULES.add(
    "IM-K8S-POD-024", "Container is given a capability beyond the baseline", severity=Severity.LOW,
    reason="Each is a part of root's power that the Pod Security Standards do not give.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Drop it; add only what the program fails without.", effort=Effort.HOURS, references=_PSS, controls=("container-isolation", "least-privilege"),
)(per_container(_further_capabilities))  # fmt: skip


_SNIPPET = re.compile(r"^nginx\.(?:ingress\.kubernetes\.io|org)/(?:[\w-]+-)?snippets?$")
_INJECTED = ("auth-url", "auth-tls-match-cn", "mirror-target", "mirror-host", "auth-signin")


@RULES.add(
    "IM-K8S-INGRESS-003", "Ingress writes into nginx's configuration", severity=Severity.HIGH,
    reason="Who may write such an annotation reads the controller's token, and with it every secret of the cluster (CVE-2021-25742, CVE-2025-1974).",
    family=Family.IDENTITY, kinds=("Ingress",), fix="Remove the snippet, and set `allow-snippet-annotations: false` on the controller.", effort=Effort.HOURS,
    references=("https://github.com/kubernetes/kubernetes/issues/126811", "https://kubernetes.github.io/ingress-nginx/faq/"), controls=("access-control", "privilege-escalation"),
)  # fmt: skip
def ingress_snippets(subject: Subject, _: Context) -> Iterator[Outcome]:
    found = False
    for key, value in subject.mapping("metadata.annotations").items():
        name, text = str(key), value if isinstance(value, str) else ""
        injected = name.rpartition("/")[2] in _INJECTED and re.search(r"[\n\r;{}|`]", text.strip())
        if (_SNIPPET.match(name) and text.strip()) or injected:
            found = True
            what = "characters that end a line of its configuration" if injected else "a snippet"
            yield failed(subject.at("metadata.annotations"), f"{name}: {what}", "no such annotation")
    if not found:
        yield passed()


@RULES.add(
    "IM-K8S-SVC-003", "Service claims addresses for itself", severity=Severity.MEDIUM,
    reason="Traffic of other pods to such an address is caught by it (CVE-2020-8554).",
    family=Family.NETWORK, kinds=("Service",), fix="Remove `externalIPs` and use a load balancer.", references=("https://github.com/kubernetes/kubernetes/issues/97076",), controls=("network-segmentation",),
)  # fmt: skip
def external_addresses(subject: Subject, _: Context) -> Iterator[Outcome]:
    addresses = subject.strings("spec.externalIPs")
    yield (
        failed("spec.externalIPs", ", ".join(addresses), "absent")
        if addresses
        else passed("spec.externalIPs")
    )


@RULES.add(
    "IM-K8S-NET-002", "Network policy lets everywhere in or out", severity=Severity.LOW,
    reason="A policy that names the whole internet closes little; what serves the internet needs it for its own port.",
    family=Family.NETWORK, kinds=("NetworkPolicy",), fix="Name the pods, namespaces or address ranges that need it.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/services-networking/network-policies/",), controls=("network-segmentation",),
)  # fmt: skip
def open_policy(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        ports = bool(rule.raw("ports"))
        for peers in ("from", "to"):
            for peer in rule.blocks(peers):
                wide = world_in(peer.strings("ipBlock.cidr")) and not (ports and peers == "from")
                path = peer.at("ipBlock.cidr")
                yield failed(path, f"{peers} everywhere", "what needs it") if wide else passed(path)

    for direction in ("ingress", "egress"):
        yield from each(subject.blocks(f"spec.{direction}"), check)


@RULES.add(
    "IM-K8S-RBAC-007", "Role may change what is let into the cluster", severity=Severity.MEDIUM,
    reason="A webhook of one's own sees and changes every object, secrets included; operators that keep their own webhook need it for that one.",
    family=Family.IDENTITY, kinds=_ROLES, fix="Remove the resource, or name the one object in `resourceNames`.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/security/rbac-good-practices/",), controls=("least-privilege", "privilege-escalation"),
)  # fmt: skip
def webhook_writers(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        hooks = set(rule.strings("resources")) & _HOOKS
        writes = set(rule.strings("verbs")) & {"create", "update", "patch", "*"}
        if hooks and writes and not rule.strings("resourceNames"):
            yield failed(
                rule.base,
                f"{', '.join(sorted(writes))} of {', '.join(sorted(hooks))}",
                "none, or named objects",
            )
        else:
            yield passed(rule.base)

    if not subject.text("metadata.name").startswith("system:"):
        yield from each(subject.blocks("rules"), check)


_HOOKS = frozenset({"mutatingwebhookconfigurations", "validatingwebhookconfigurations"})
