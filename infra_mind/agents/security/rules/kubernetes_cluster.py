"""Kubernetes: rights, secrets, services and the settings of the cluster itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.pods import WORKLOADS, called, per_container
from infra_mind.agents.security.rule import ANY_KIND, Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.secrets import (
    Token,
    assigned,
    commanded,
    likely,
    literal_secret,
    may_hold_token,
    tokens,
)
from infra_mind.agents.security.stores import stored_secret
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.KUBERNETES)
_RBAC = ("https://kubernetes.io/docs/concepts/security/rbac-good-practices/",)
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_ESCALATION = frozenset({"escalate", "bind", "impersonate"})
_READING = frozenset({"get", "list", "watch"})
_SYSTEM = (
    "system:masters",
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
    "system:serviceaccounts",
)


def _is_system(subject: Subject) -> bool:
    return subject.text("metadata.name").startswith("system:")


@RULES.add(
    "IM-K8S-RBAC-001", "Role covers every kind of object", severity=Severity.HIGH,
    reason="With `*` as resource its holder reads every secret, and with `*` as verb changes every object.",
    family=Family.IDENTITY, kinds=_ROLES, fix="Name the verbs and resources that are used.", effort=Effort.HOURS,
    references=_RBAC, ckv=("CKV_K8S_49",), controls=("least-privilege", "access-control"),
)  # fmt: skip
def every_kind(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        if _covers_all(rule):
            verbs = "verbs and " if "*" in rule.strings("verbs") else ""
            yield failed(rule.base, f"* in {verbs}resources", "named verbs and resources")
        else:
            yield passed(rule.base)

    if not _is_system(subject):
        yield from each(subject.blocks("rules"), check)


def _covers_all(rule: Subject) -> bool:
    """Every resource of all API groups, or of the core group, where the secrets are."""
    return "*" in rule.strings("resources") and bool({"*", ""} & set(rule.strings("apiGroups")))


@RULES.add(
    "IM-K8S-RBAC-006", "Role gives every verb, or changes every kind of an API group", severity=Severity.MEDIUM,
    reason="A wildcard also gives what nobody thought of: deleting all at once, subresources, verbs and kinds that are added later.",
    family=Family.IDENTITY, kinds=_ROLES, fix="Name the verbs and resources that are used.", effort=Effort.HOURS,
    references=_RBAC, ckv=("CKV_K8S_49",), controls=("least-privilege", "access-control"),
)  # fmt: skip
def wildcards(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        verbs, resources = rule.strings("verbs"), rule.strings("resources")
        changes = set(verbs) - _READING
        stars = [
            name for name, at in (("verbs", verbs), ("resources", resources if changes else [])) if "*" in at
        ]
        if not stars or _covers_all(rule):
            yield passed(rule.base)
            return
        on = ", ".join(resources + rule.strings("nonResourceURLs"))
        yield failed(rule.base, f"* in {' and '.join(stars)}, on {on}", "named verbs and resources")

    if not _is_system(subject):
        yield from each(subject.blocks("rules"), check)


@RULES.add(
    "IM-K8S-RBAC-002", "cluster-admin is given away", severity=Severity.HIGH,
    reason="Its holder is root of the whole cluster; a stolen token of that account is the end of it.",
    family=Family.IDENTITY, kinds=_BINDINGS, fix="Bind a role with the rights that are used.", effort=Effort.HOURS,
    references=_RBAC, controls=("least-privilege", "access-control"),
)  # fmt: skip
def cluster_admin(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("roleRef.name") != "cluster-admin":
        yield passed("roleRef.name")
        return
    names = [str(s.raw("name")) for s in subject.blocks("subjects") if isinstance(s.data, dict)]
    yield failed("roleRef.name", f"cluster-admin for {', '.join(names) or 'nobody named'}", "a narrower role")


@RULES.add(
    "IM-K8S-RBAC-003", "Role reads secrets", severity=Severity.MEDIUM,
    reason="Secrets hold the tokens of other accounts: who lists them takes their rights too.",
    family=Family.IDENTITY, kinds=_ROLES, fix="Name the secrets (`resourceNames`) and the verb `get`.", effort=Effort.HOURS,
    references=_RBAC, controls=("least-privilege", "secrets-management"),
)  # fmt: skip
def reads_secrets(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        verbs = sorted(set(rule.strings("verbs")) & {"get", "list", "watch", "*"})
        if "secrets" in rule.strings("resources") and verbs and not rule.strings("resourceNames"):
            yield failed(rule.base, f"{', '.join(verbs)} on all secrets", "named secrets")
        else:
            yield passed(rule.base)

    if not _is_system(subject):
        yield from each(subject.blocks("rules"), check)


@RULES.add(
    "IM-K8S-RBAC-004", "Role lets its holder widen its own rights", severity=Severity.HIGH,
    reason="escalate, bind, impersonate, exec into pods and tokens of accounts are ways to every right of the namespace or cluster.",
    family=Family.IDENTITY, kinds=_ROLES, fix="Remove the verb, or `pods/exec` and `serviceaccounts/token`.", effort=Effort.HOURS,
    references=_RBAC, ckv=("CKV_K8S_158", "CKV_K8S_157"), controls=("least-privilege", "privilege-escalation"),
)  # fmt: skip
def escalation(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(rule: Subject) -> Iterator[Outcome]:
        verbs, resources = set(rule.strings("verbs")), set(rule.strings("resources"))
        bad = sorted(verbs & _ESCALATION)
        if verbs & {"create", "get", "*"}:  # a websocket begins with a get, and runs the command all the same
            bad += sorted(resources & {"pods/exec", "pods/attach", "nodes/proxy"})
        if verbs & {"create", "*"}:
            bad += sorted(resources & {"serviceaccounts/token"})
        if "*" in verbs:  # which are escalate and bind, too
            bad += [f"every verb on {name}" for name in sorted(resources & {"roles", "clusterroles"})]
        yield failed(rule.base, ", ".join(bad), "none of these") if bad else passed(rule.base)

    if not _is_system(subject):
        yield from each(subject.blocks("rules"), check)


@RULES.add(
    "IM-K8S-RBAC-005", "Rights are given to everybody or to a default account", severity=Severity.HIGH,
    reason="Every pod of the namespace, or every caller without a name, gets the right.",
    family=Family.IDENTITY, kinds=_BINDINGS, fix="Bind a service account of its own.", references=_RBAC, ckv=("CKV_K8S_42",),
    controls=("least-privilege", "access-control"),
)  # fmt: skip
def wide_subjects(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(holder: Subject) -> Iterator[Outcome]:
        name, kind = holder.text("name"), holder.text("kind")
        wide = name.startswith(_SYSTEM) or (kind == "ServiceAccount" and name == "default")
        yield (
            failed(holder.base, f"{kind} {name}", "a service account of its own")
            if wide
            else passed(holder.base)
        )

    if not _is_system(subject):
        yield from each(subject.blocks("subjects"), check)


@RULES.add(
    "IM-K8S-SECRET-001", "Secret with its values stands in the manifest", severity=Severity.HIGH,
    reason="base64 is no encryption: everyone who reads the repository reads the secret.",
    family=Family.SECRETS, kinds=("Secret",), fix="Use an external secret store or sealed secrets; change the values now.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/security/secrets-good-practices/",), controls=("secrets-management",),
)  # fmt: skip
def secret_values(subject: Subject, _: Context) -> Iterator[Outcome]:
    found = False
    for group in ("data", "stringData"):
        for name, value in subject.mapping(group).items():
            if not isinstance(value, str):
                continue
            token = stored_secret(str(name), _decoded(value) if group == "data" else value)
            if token:
                found = True
                yield failed(subject.at(f"{group}.{name}"), f"{name}: {token.shown}", "no value in the file")
    if not found:
        yield passed("data")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def _beside_the_variables(container: Subject) -> Iterator[tuple[str, Token]]:
    """(path, secret) of command, arguments and the headers that probes send."""
    yield from commanded(list(container.leaves("command")))
    yield from commanded(list(container.leaves("args")))
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        for header in container.blocks(f"{probe}.httpGet.httpHeaders"):
            name, value = header.raw("name"), header.raw("value")
            if isinstance(name, str) and isinstance(value, str):
                token = next(tokens(value), None) or literal_secret(name, value)
                if token:
                    yield header.at("value"), token


def _environment(container: Subject, _: Subject) -> Iterator[Outcome]:
    variables = container.blocks("env")
    found = False
    for variable in variables:
        name, value = variable.raw("name"), variable.raw("value")
        if not isinstance(name, str) or not isinstance(value, str):
            continue
        token = next(tokens(value), None) or literal_secret(name, value)
        if token:
            found = True
            yield failed(
                variable.at("value"),
                f"{name}={token.shown} ({token.kind.split(' of ')[0]}){called(container)}",
                "valueFrom.secretKeyRef",
            )
    for path, token in _beside_the_variables(container):
        found = True
        yield failed(path, f"{token.kind}: {token.shown}{called(container)}", "valueFrom.secretKeyRef")
    if variables and not found:
        yield passed(container.at("env"))


RULES.add(
    "IM-K8S-SECRET-002", "A secret stands in a container's environment or command", severity=Severity.HIGH,
    reason="It shows in the repository, in `kubectl describe` and in every crash report.",
    family=Family.SECRETS, kinds=WORKLOADS, fix="Use `valueFrom.secretKeyRef` or a mounted secret; change the secret now.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/security/secrets-good-practices/",), controls=("secrets-management",),
)(per_container(_environment))  # fmt: skip


@RULES.add(
    "IM-K8S-SECRET-003", "A secret stands in a ConfigMap", severity=Severity.HIGH,
    reason="ConfigMaps are readable for nearly every role and are not encrypted.",
    family=Family.SECRETS, kinds=("ConfigMap",), fix="Move it to a Secret from an external store; change the secret now.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/configuration/configmap/",), controls=("secrets-management",),
)  # fmt: skip
def config_map(subject: Subject, _: Context) -> Iterator[Outcome]:
    found = False
    for name, value in subject.mapping("data").items():
        if not isinstance(value, str):
            continue
        token = next(tokens(value), None) or literal_secret(str(name), value) or next(assigned(value), None)
        if token:
            found = True
            yield failed(
                subject.at(f"data.{name}"),
                f"{name}: {token.shown} ({token.kind.split(' of ')[0]})",
                "a Secret",
            )
    if not found:
        yield passed("data")


@RULES.add(
    "IM-K8S-SECRET-004", "A key or token stands in the manifest", severity=Severity.CRITICAL,
    reason="Its form is that of a live credential: whoever reads the repository can use it.",
    family=Family.SECRETS, kinds=(ANY_KIND,), fix="Revoke it now, and refer to a Secret from an external store.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/security/secrets-good-practices/",), controls=("secrets-management",),
)  # fmt: skip
def token_anywhere(subject: Subject, _: Context) -> Iterator[Outcome]:
    looked = False
    held = subject.resource.kind in ("Secret", "ConfigMap")
    for path, text in subject.leaves():
        if _LOOKED_AT.search(path) or (held and not path.startswith("metadata.")):
            continue  # rules of their own look at these
        looked = looked or may_hold_token(text)
        for token in tokens(text):
            yield failed(path, f"{token.kind}: {token.shown}", "a reference to a Secret")
    if looked:
        yield passed()


_LOOKED_AT = re.compile(r"ontainers\.\d+\.(?:env\.\d+\.value$|command|args|\w+Probe\.httpGet\.httpHeaders)")


@RULES.add(
    "IM-K8S-SECRET-005", "A secret stands in the values of a chart or the parameters of a custom resource", severity=Severity.HIGH,
    reason="It lies in the repository and in the cluster's objects, which many roles may read.",
    family=Family.SECRETS, kinds=("HelmRelease", "HelmChart", "HelmChartConfig", "Application", "ApplicationSet", "Workflow", "WorkflowTemplate", "PipelineRun", "TaskRun"),
    fix="Refer to a Secret (`valuesFrom`, `existingSecret`); change the secret now.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/security/secrets-good-practices/",), controls=("secrets-management",),
)  # fmt: skip
def chart_values(subject: Subject, _: Context) -> Iterator[Outcome]:
    found = False
    for path, name, text in _named(subject.raw("spec"), "spec"):
        token = next(assigned(text), None) if "\n" in text else likely(name, text)
        if token:
            found = True
            yield failed(path, f"{name}: {token.shown}", "a reference to a Secret")
    if not found:
        yield passed("spec")


def _named(value: object, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, name, text) of every text below; the value of a `name` beside a `value` goes by that name."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        given = value.get("name")
        for key, inner in value.items():
            beside = given if key == "value" and isinstance(given, str) else str(key)
            yield from _named(inner, f"{path}.{key}", beside)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _named(inner, f"{path}.{index}", name)


@RULES.add(
    "IM-K8S-SVC-001", "Service stands on a load balancer that faces the internet", severity=Severity.MEDIUM,
    reason="A service of type LoadBalancer gets a public address unless it is told otherwise.",
    family=Family.EXPOSURE, kinds=("Service",), fix="Use an internal load balancer (the provider's annotation) or `loadBalancerSourceRanges`; put HTTP behind an Ingress with TLS.",
    references=("https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",), controls=("public-access",), exposes=True,
)  # fmt: skip
def load_balancer(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("spec.type", "ClusterIP") != "LoadBalancer":
        yield passed("spec.type")
        return
    ranges = subject.strings("spec.loadBalancerSourceRanges")
    open_to_all = not ranges or any(r.endswith("/0") for r in ranges)
    if open_to_all and not _internal(subject):
        yield failed("spec.type", "LoadBalancer", "internal, or loadBalancerSourceRanges")
    else:
        yield passed("spec.type")


def _internal(subject: Subject) -> bool:
    """True if one of the providers' annotations asks for an internal address (AWS, Azure, GKE, their documentation of 2025)."""
    notes = {str(k): str(v).lower() for k, v in subject.mapping("metadata.annotations").items()}
    return any(
        ("load-balancer-internal" in key and value not in {"false", ""})
        or ("aws-load-balancer-scheme" in key and value == "internal")
        or ("load-balancer-type" in key and value == "internal")
        for key, value in notes.items()
    )


@RULES.add(
    "IM-K8S-SVC-002", "Service opens a port on every node", severity=Severity.LOW,
    reason="A NodePort goes round the load balancer and the ingress; nodes with public addresses show it to the world.",
    family=Family.EXPOSURE, kinds=("Service",), fix="Use ClusterIP behind an Ingress.",
    references=("https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport",), controls=("public-access",), exposes=True,
)  # fmt: skip
def node_port(subject: Subject, _: Context) -> Iterator[Outcome]:
    kind = subject.text("spec.type", "ClusterIP")
    yield failed("spec.type", kind, "ClusterIP") if kind == "NodePort" else passed("spec.type")


@RULES.add(
    "IM-K8S-INGRESS-001", "Ingress serves plain HTTP", severity=Severity.MEDIUM,
    reason="Whoever sits on the way reads and changes requests, passwords and answers.",
    family=Family.ENCRYPTION, kinds=("Ingress",), fix="Add `spec.tls` with a certificate.", effort=Effort.HOURS,
    references=("https://kubernetes.io/docs/concepts/services-networking/ingress/#tls",), controls=("encryption-in-transit",),
)  # fmt: skip
def ingress_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    annotations = subject.mapping("metadata.annotations")
    by_cloud = any("certificate-arn" in str(k) or "managed-certificates" in str(k) for k in annotations)
    yield (
        passed("spec.tls")
        if subject.raw("spec.tls") or by_cloud
        else failed("spec.tls", "absent", "a certificate")
    )


@RULES.add(
    "IM-K8S-INGRESS-002", "Ingress faces the internet", severity=Severity.INFO,
    reason="That may be its purpose; it is listed so that nobody is surprised by what is reachable.",
    family=Family.EXPOSURE, kinds=("Ingress",), fix="Use an internal ingress class for what only the own network needs.",
    references=("https://kubernetes.io/docs/concepts/services-networking/ingress/",), controls=("public-access",), exposes=True,
)  # fmt: skip
def ingress_public(subject: Subject, _: Context) -> Iterator[Outcome]:
    scheme = str(subject.mapping("metadata.annotations").get("alb.ingress.kubernetes.io/scheme", "")).lower()
    if scheme == "internal" or "internal" in subject.text("spec.ingressClassName"):
        yield passed()
    else:
        hosts = [str(r.raw("host")) for r in subject.blocks("spec.rules") if isinstance(r.raw("host"), str)]
        yield failed("", ", ".join(hosts) or "every host", "an internal ingress class")


@RULES.add(
    "IM-K8S-NS-001", "Namespace enforces no pod security standard", severity=Severity.LOW,
    reason="Nothing stops a privileged pod from being admitted.",
    family=Family.CONTAINER, kinds=("Namespace",), fix="Label it `pod-security.kubernetes.io/enforce: restricted` (or baseline).",
    references=("https://kubernetes.io/docs/concepts/security/pod-security-admission/",), controls=("container-isolation",),
)  # fmt: skip
def pod_security(subject: Subject, _: Context) -> Iterator[Outcome]:
    level = str(subject.mapping("metadata.labels").get("pod-security.kubernetes.io/enforce", ""))
    if level in {"baseline", "restricted"}:
        yield passed("metadata.labels")
    else:
        yield failed("metadata.labels", level or "absent", "restricted or baseline")
