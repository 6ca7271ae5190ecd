"""Kubernetes: what a pod and its containers may do, and what they do without. All workload kinds, init containers too."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import expect_set, said
from infra_mind.agents.security.context import Context, namespace
from infra_mind.agents.security.images import parse_image
from infra_mind.agents.security.pods import (
    CORE_WORKLOADS,
    SERVING,
    WORKLOADS,
    ContainerCheck,
    called,
    per_container,
    per_pod,
    pods_of,
)
from infra_mind.agents.security.proposals import yaml
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed, undecided
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format, is_unresolvable

RULES = RuleSet(Format.KUBERNETES)
_PSS = ("https://kubernetes.io/docs/concepts/security/pod-security-standards/",)
_CONTEXT = ("https://kubernetes.io/docs/tasks/configure-pod-container/security-context/",)
_RESOURCES = ("https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",)
_PROBES = ("https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",)
_IMAGES = ("https://kubernetes.io/docs/concepts/containers/images/",)
# Sockets of container runtimes: docker, containerd, CRI-O, podman, k3s (their documented defaults, 2025).
_SOCKETS = (
    "docker.sock", "containerd.sock", "crio.sock", "podman.sock", "cri-dockerd.sock", "dockershim.sock", "buildkitd.sock",
)  # fmt: skip
_SENSITIVE = ("/etc", "/root", "/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd", "/var/lib/etcd", "/proc", "/sys", "/dev", "/boot", "/home", "/var/run", "/run", "/usr", "/var/lib", "/var")  # fmt: skip
DANGEROUS = frozenset({
    "ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO", "NET_ADMIN", "DAC_READ_SEARCH", "DAC_OVERRIDE", "BPF",
    "SYS_BOOT", "SYS_TIME", "MAC_ADMIN", "PERFMON", "SYSLOG", "NET_RAW",
})  # fmt: skip


def is_runtime_socket(path: str) -> bool:
    """True for a runtime's socket and for directories that hold little else (`/run/containerd`)."""
    clean = path.rstrip("/")
    return clean.endswith(_SOCKETS) or clean in {
        "/run/containerd",
        "/var/run/containerd",
        "/var/run/crio",
        "/run/crio",
    }


def capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _privileged(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.privileged"
    if container.boolean(path):
        yield failed(container.at(path), f"true{called(container)}", "false")
    else:
        yield passed(container.at(path))


RULES.add(
    "IM-K8S-POD-001", "Container is privileged", severity=Severity.CRITICAL,
    reason="A privileged container has every capability and device of the node: whoever is in it owns the node.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `privileged: false` and add the one capability that is needed.",
    references=_PSS, ckv=("CKV_K8S_16",), controls=("container-isolation",), patch=yaml("false"),
)(per_container(_privileged))  # fmt: skip


@per_pod
def _host_namespaces(pod: Subject) -> Iterator[Outcome]:
    for name in ("hostPID", "hostIPC", "hostNetwork"):
        yield failed(pod.at(name), "true", "false") if pod.boolean(name) else passed(pod.at(name))


RULES.add(
    "IM-K8S-POD-002", "Pod shares a namespace of the node", severity=Severity.HIGH,
    reason="With the node's processes, memory or network in sight a container reads other tenants' secrets and goes round network policies.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Remove hostPID, hostIPC and hostNetwork.",
    references=_PSS, ckv=("CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19"), controls=("container-isolation",), patch=yaml("false"),
)(_host_namespaces)  # fmt: skip


@per_pod
def _critical_mounts(pod: Subject) -> Iterator[Outcome]:
    def check(volume: Subject) -> Iterator[Outcome]:
        path = volume.text("hostPath.path")
        if path and (is_runtime_socket(path) or path.rstrip("/") == ""):
            yield failed(volume.at("hostPath.path"), path, "no runtime socket and not the node's root")
        else:
            yield passed(volume.at("hostPath.path"))

    yield from each(pod.blocks("volumes"), check)


RULES.add(
    "IM-K8S-POD-003", "Pod mounts the runtime's socket or the node's root", severity=Severity.CRITICAL,
    reason="Through the socket, or through `/`, a container starts others as root on the node or rewrites its files: it owns the node.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Build images with a rootless builder; read what you need through the Kubernetes API.", effort=Effort.HOURS,
    references=_PSS, ckv=("CKV_K8S_27",), controls=("container-isolation",),
)(_critical_mounts)  # fmt: skip


@per_pod
def _host_mounts(pod: Subject) -> Iterator[Outcome]:
    def check(volume: Subject) -> Iterator[Outcome]:
        path = volume.text("hostPath.path")
        clean = path.rstrip("/")
        if path and clean and not is_runtime_socket(path):
            serious = any(clean == root or clean.startswith(root + "/") for root in _SENSITIVE)
            yield failed(
                volume.at("hostPath.path"),
                f"{path}{' (a directory of the system)' if serious else ''}",
                "a volume of the cluster",
            )
        elif not path:
            yield passed(volume.at("hostPath"))

    yield from each(pod.blocks("volumes"), check)


RULES.add(
    "IM-K8S-POD-004", "Pod mounts a directory of the node", severity=Severity.MEDIUM,
    reason="Files of the node leak into the container and back, and the pod is bound to that node.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Use a PersistentVolumeClaim, ConfigMap or emptyDir.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/storage/volumes/#hostpath",), controls=("container-isolation",),
)(_host_mounts)  # fmt: skip


def _inherited(container: Subject, pod: Subject, name: str) -> tuple[Subject, str]:
    path = f"securityContext.{name}"
    return (container, path) if container.has(path) or not pod.has(path) else (pod, path)


def _root(container: Subject, pod: Subject) -> Iterator[Outcome]:
    where, user = _inherited(container, pod, "runAsUser")
    number = where.number(user)
    flag_at, flag = _inherited(container, pod, "runAsNonRoot")
    if number == 0:
        yield failed(where.at(user), f"0{called(container)}", "a user above 0")
    elif number is not None or flag_at.boolean(flag):
        yield passed(container.at("securityContext"))
    else:
        yield failed(
            container.at("securityContext.runAsNonRoot"), f"{said(flag_at, flag)}{called(container)}", "true"
        )


RULES.add(
    "IM-K8S-POD-005", "Container may run as root", severity=Severity.MEDIUM,
    reason="Root in the container is root on the node as soon as one flaw of runtime or kernel is used.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `runAsNonRoot: true` and a `runAsUser` above 0; the image must know that user.",
    references=_PSS, ckv=("CKV_K8S_23",), controls=("container-isolation", "least-privilege"),
)(per_container(_root))  # fmt: skip


def _escalation(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.allowPrivilegeEscalation"
    if container.boolean(path, True):
        yield failed(container.at(path), f"{said(container, path)}{called(container)}", "false")
    else:
        yield passed(container.at(path))


RULES.add(
    "IM-K8S-POD-006", "Container may gain privileges", severity=Severity.MEDIUM,
    reason="A setuid program in the image lifts a process above what it was started with; the default allows it.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `allowPrivilegeEscalation: false`.",
    references=_PSS, ckv=("CKV_K8S_20",), controls=("container-isolation", "least-privilege"), patch=yaml("false"),
)(per_container(_escalation))  # fmt: skip


def _added_capabilities(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.capabilities.add"
    bad = sorted({capability(c) for c in container.strings(path)} & DANGEROUS)
    if bad:
        yield failed(container.at(path), f"{', '.join(bad)}{called(container)}", "none of these")
        return
    container.settle(path)
    yield passed(container.at(path))


RULES.add(
    "IM-K8S-POD-007", "Container is given a dangerous capability", severity=Severity.HIGH,
    reason="SYS_ADMIN and its kin are near to root on the node; NET_RAW forges packets of neighbours.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Drop it; add only what the program fails without.", effort=Effort.HOURS,
    references=_CONTEXT, ckv=("CKV_K8S_25", "CKV_K8S_39"), controls=("container-isolation", "least-privilege"),
)(per_container(_added_capabilities))  # fmt: skip


def _dropped_capabilities(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.capabilities.drop"
    if "ALL" in {capability(c) for c in container.strings(path)}:
        yield passed(container.at(path))
        return
    container.settle(path)
    yield failed(
        container.at(path), f"{', '.join(container.strings(path)) or 'absent'}{called(container)}", "[ALL]"
    )


RULES.add(
    "IM-K8S-POD-008", "Container keeps the default capabilities", severity=Severity.LOW,
    reason="The runtime's default set holds 14 capabilities that few programs need.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `capabilities: {drop: [ALL]}`.",
    references=_PSS, ckv=("CKV_K8S_37", "CKV_K8S_28"), controls=("container-isolation", "least-privilege"),
)(per_container(_dropped_capabilities))  # fmt: skip


def _read_only(container: Subject, _: Subject) -> Iterator[Outcome]:
    path = "securityContext.readOnlyRootFilesystem"
    if container.boolean(path):
        yield passed(container.at(path))
    else:
        yield failed(container.at(path), f"{said(container, path)}{called(container)}", "true")


RULES.add(
    "IM-K8S-POD-009", "Container can write to its own file system", severity=Severity.LOW,
    reason="An intruder can change programs and leave tools behind.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `readOnlyRootFilesystem: true` and mount an emptyDir where it must write.",
    references=_CONTEXT, ckv=("CKV_K8S_22",), controls=("container-isolation",),
)(per_container(_read_only))  # fmt: skip


def _seccomp(container: Subject, pod: Subject) -> Iterator[Outcome]:
    where, path = _inherited(container, pod, "seccompProfile")
    kind = where.text(f"{path}.type")
    if kind in {"RuntimeDefault", "Localhost"}:
        yield passed(where.at(path))
    else:
        yield failed(
            container.at("securityContext.seccompProfile.type"),
            f"{kind or 'absent'}{called(container)}",
            "RuntimeDefault",
        )


RULES.add(
    "IM-K8S-POD-010", "Container runs without a seccomp profile", severity=Severity.LOW,
    reason="Hundreds of system calls that the program never makes stay open for an exploit.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `seccompProfile: {type: RuntimeDefault}`.",
    references=("https://kubernetes.io/docs/tutorials/security/seccomp/",), ckv=("CKV_K8S_31",), controls=("container-isolation",), patch=yaml("RuntimeDefault"),
)(per_container(_seccomp))  # fmt: skip


def _amounts(kind: str) -> ContainerCheck:
    def check(container: Subject, _: Subject) -> Iterator[Outcome]:
        for amount in ("cpu", "memory"):
            path = f"resources.{kind}.{amount}"
            yield (
                passed(container.at(path))
                if container.has(path)
                else failed(container.at(path), f"absent{called(container)}", f"a {kind[:-1]}")
            )

    return check


RULES.add(
    "IM-K8S-POD-011", "Container has no limit of CPU or memory", severity=Severity.MEDIUM,
    reason="One leak or one flood takes the node and every pod on it down.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `resources.limits` from what the container was measured to use.", effort=Effort.HOURS,
    references=_RESOURCES, ckv=("CKV_K8S_11", "CKV_K8S_13"), controls=("resource-limits", "availability"),
)(per_container(_amounts("limits")))  # fmt: skip
RULES.add(
    "IM-K8S-POD-012", "Container asks for no CPU or memory", severity=Severity.LOW,
    reason="The scheduler places it blindly, and it is the first to be evicted.",
    family=Family.CONTAINER, kinds=WORKLOADS, fix="Set `resources.requests` from what the container was measured to use.", effort=Effort.HOURS,
    references=_RESOURCES, ckv=("CKV_K8S_10", "CKV_K8S_12"), controls=("resource-limits", "availability"),
)(per_container(_amounts("requests")))  # fmt: skip


def _probe(name: str) -> ContainerCheck:
    def check(container: Subject, _: Subject) -> Iterator[Outcome]:
        outcome = expect_set(container, name, f"a {name}")
        yield (
            outcome
            if outcome.status == "pass"
            else failed(outcome.path, f"absent{called(container)}", outcome.expected)
        )

    return check


RULES.add(
    "IM-K8S-POD-013", "Container has no readiness probe", severity=Severity.LOW,
    reason="Traffic reaches it before it can answer, at every roll-out.",
    family=Family.CONTAINER, kinds=SERVING, fix="Add a `readinessProbe`.", effort=Effort.HOURS, references=_PROBES, ckv=("CKV_K8S_9",), controls=("availability",),
)(per_container(_probe("readinessProbe"), init=False))  # fmt: skip
RULES.add(
    "IM-K8S-POD-014", "Container has no liveness probe", severity=Severity.LOW,
    reason="A process that hangs is never started again.",
    family=Family.CONTAINER, kinds=SERVING, fix="Add a `livenessProbe` that looks at the process, not at what it depends on.", effort=Effort.HOURS,
    references=_PROBES, ckv=("CKV_K8S_8",), controls=("availability",),
)(per_container(_probe("livenessProbe"), init=False))  # fmt: skip


def _floating(container: Subject, _: Subject) -> Iterator[Outcome]:
    image = container.text("image")
    if image:
        yield (
            failed(container.at("image"), image, "a fixed version")
            if parse_image(image).floating
            else passed(container.at("image"))
        )


RULES.add(
    "IM-K8S-POD-015", "Image is not pinned to a version", severity=Severity.MEDIUM,
    reason="`latest` is another program tomorrow: what runs was never tested, and nobody can say what ran.",
    family=Family.SUPPLY_CHAIN, kinds=WORKLOADS, fix="Name a version, better a digest.", references=_IMAGES, ckv=("CKV_K8S_14",), controls=("supply-chain",),
)(per_container(_floating))  # fmt: skip


def _digest(container: Subject, _: Subject) -> Iterator[Outcome]:
    image = container.text("image")
    if image and not parse_image(image).floating:
        yield (
            passed(container.at("image"))
            if parse_image(image).digest
            else failed(container.at("image"), image, "name@sha256:…")
        )


RULES.add(
    "IM-K8S-POD-016", "Image is not pinned by digest", severity=Severity.INFO,
    reason="A tag can be moved to another image by whoever may push; a digest cannot.",
    family=Family.SUPPLY_CHAIN, kinds=WORKLOADS, fix="Pin `name:tag@sha256:…` and let a bot renew it.", references=_IMAGES, ckv=("CKV_K8S_43",), controls=("supply-chain",),
)(per_container(_digest))  # fmt: skip


@RULES.add(
    "IM-K8S-POD-017", "Pod carries a token of the default service account", severity=Severity.LOW,
    reason="Every pod of the namespace then speaks to the API server with the same name; a right given to one is given to all.",
    family=Family.IDENTITY, kinds=WORKLOADS, fix="Set `automountServiceAccountToken: false`, or give the workload a service account of its own.",
    references=("https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",), ckv=("CKV_K8S_38",),
    controls=("least-privilege",), patch=yaml("false"),
)  # fmt: skip
def service_account_token(subject: Subject, context: Context) -> Iterator[Outcome]:
    for pod in pods_of(subject):
        yield _token(subject, pod, context)


def _token(subject: Subject, pod: Subject, context: Context) -> Outcome:
    account = pod.text("serviceAccountName", pod.text("serviceAccount", "default"))
    own = context.service_account(namespace(subject.resource), account)
    mounts = pod.boolean(
        "automountServiceAccountToken",
        own is None or Subject.of(own).boolean("automountServiceAccountToken", True),
    )
    path = pod.at("automountServiceAccountToken")
    if account == "default" and mounts:
        return failed(
            path, said(pod, "automountServiceAccountToken"), "false, or a service account of its own"
        )
    return passed(path)


@RULES.add(
    "IM-K8S-NET-001", "Namespace has no network policy", severity=Severity.MEDIUM,
    reason="Without one every pod of the cluster reaches every other: one break-in is a break-in everywhere.",
    family=Family.NETWORK, kinds=CORE_WORKLOADS, fix="Add a NetworkPolicy that denies by default, then allow what is needed.", effort=Effort.DAYS,
    references=("https://kubernetes.io/docs/concepts/services-networking/network-policies/",), ckv=("CKV2_K8S_6",), controls=("network-segmentation",),
)  # fmt: skip
def network_policy(subject: Subject, context: Context) -> Iterator[Outcome]:
    written = subject.raw("metadata.namespace")
    if is_unresolvable(written):
        yield undecided("metadata.namespace", "the namespace")
        return
    here = namespace(subject.resource)
    if here in context.policed_namespaces:
        yield passed()
    elif (
        context.first_workload(here, CORE_WORKLOADS) is subject.resource
    ):  # said once for a namespace, at its first workload
        yield failed(
            "", f"no NetworkPolicy in the namespace {here}", "a NetworkPolicy that denies by default"
        )
