"""Compose files: what a service may do on the host, what it opens, what it does without."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import said
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.images import parse_image
from infra_mind.agents.security.ports import ADMIN, DATABASES, WORLD, ports_named, spans
from infra_mind.agents.security.proposals import yaml
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.rules.kubernetes_pod import DANGEROUS, capability, is_runtime_socket
from infra_mind.agents.security.secrets import commanded, literal_secret, tokens
from infra_mind.agents.security.subject import Subject, Unknown
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.COMPOSE)
_SPEC = "https://docs.docker.com/reference/compose-file/services/"
_SERVICE = ("service",)
_LOOPBACK = ("127.", "::1", "localhost")


@RULES.add(
    "IM-COMPOSE-HOST-001", "Service is privileged", severity=Severity.CRITICAL,
    reason="A privileged container has every device and capability of the host: whoever is in it owns the host.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Remove `privileged`, add the one capability or device that is needed.",
    references=(_SPEC + "#privileged",), controls=("container-isolation",), patch=yaml("false"),
)  # fmt: skip
def privileged(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield failed("privileged", "true", "false") if subject.boolean("privileged") else passed("privileged")


@RULES.add(
    "IM-COMPOSE-HOST-002", "Service shares a namespace of the host", severity=Severity.HIGH,
    reason="With the host's network, processes or memory in sight the container is no wall any more.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Publish the ports that are needed; remove `network_mode`, `pid`, `ipc`, `userns_mode` and `uts` of the host.",
    references=(_SPEC + "#network_mode",), controls=("container-isolation",),
)  # fmt: skip
def host_namespaces(subject: Subject, _: Context) -> Iterator[Outcome]:
    for name in ("network_mode", "pid", "ipc", "uts", "userns_mode"):
        yield failed(name, "host", "not host") if subject.text(name) == "host" else passed(name)


@RULES.add(
    "IM-COMPOSE-HOST-003", "Service mounts the runtime's socket or the host's root", severity=Severity.CRITICAL,
    reason="Through the socket a container starts others as root on the host; read-only does not help, the socket is spoken to.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Put a socket proxy that allows only the calls needed before it, or do without.", effort=Effort.HOURS,
    references=("https://docs.docker.com/engine/security/protect-access/",), controls=("container-isolation",),
)  # fmt: skip
def socket_mounts(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(volume: Subject) -> Iterator[Outcome]:
        source = (
            volume.text("source") if isinstance(volume.data, dict) else str(volume.data).partition(":")[0]
        )
        bad = bool(source) and (is_runtime_socket(source) or source == "/")
        yield (
            failed(volume.base, source, "no runtime socket and not the root") if bad else passed(volume.base)
        )

    yield from each(subject.blocks("volumes"), check)


@RULES.add(
    "IM-COMPOSE-HOST-004", "Service is given a dangerous capability", severity=Severity.HIGH,
    reason="SYS_ADMIN and its kin are near to root on the host.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Drop it; add only what the program fails without.", references=(_SPEC + "#cap_add",),
    controls=("container-isolation", "least-privilege"), effort=Effort.HOURS,
)  # fmt: skip
def added_capabilities(subject: Subject, _: Context) -> Iterator[Outcome]:
    bad = sorted({capability(c) for c in subject.strings("cap_add")} & DANGEROUS)
    yield failed("cap_add", ", ".join(bad), "none of these") if bad else passed("cap_add")


@RULES.add(
    "IM-COMPOSE-HOST-005", "Service may gain privileges", severity=Severity.LOW,
    reason="A setuid program in the image lifts a process above what it was started with.",
    family=Family.CONTAINER, kinds=_SERVICE, fix='Set `security_opt: ["no-new-privileges:true"]`.', references=(_SPEC + "#security_opt",),
    controls=("least-privilege",), patch=yaml('["no-new-privileges:true"]'),
)  # fmt: skip
def new_privileges(subject: Subject, _: Context) -> Iterator[Outcome]:
    options = {o.replace("=", ":").replace(" ", "") for o in subject.strings("security_opt")}
    good = bool(options & {"no-new-privileges:true", "no-new-privileges"})
    yield (
        passed("security_opt")
        if good
        else failed("security_opt", ", ".join(sorted(options)) or "absent", "no-new-privileges:true")
    )


@RULES.add(
    "IM-COMPOSE-HOST-006", "Confinement of the service is switched off", severity=Severity.HIGH,
    reason="`unconfined` removes the filter of system calls or the mandatory access control.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Remove `seccomp:unconfined`, `apparmor:unconfined`, `label:disable`.", references=("https://docs.docker.com/engine/security/seccomp/",),
    controls=("container-isolation",),
)  # fmt: skip
def unconfined(subject: Subject, _: Context) -> Iterator[Outcome]:
    options = {o.replace("=", ":").replace(" ", "") for o in subject.strings("security_opt")}
    bad = sorted(
        options & {"seccomp:unconfined", "apparmor:unconfined", "label:disable", "systempaths:unconfined"}
    )
    yield failed("security_opt", ", ".join(bad), "the default profiles") if bad else passed("security_opt")


@RULES.add(
    "IM-COMPOSE-NET-001", "A database or log-in port is published on every address", severity=Severity.HIGH,
    reason="Docker opens the port past the host's firewall; if the host has a public address, so has the database.",
    family=Family.NETWORK, kinds=_SERVICE, fix="Remove the port (services reach each other by name), or bind it to 127.0.0.1.",
    references=("https://docs.docker.com/engine/network/port-publishing/",), controls=("network-segmentation", "public-access"), exposes=True,
)  # fmt: skip
def published_ports(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(port: Subject) -> Iterator[Outcome]:
        published = port.text("published")
        names = [
            n
            for low, high in spans(port.text("target"))
            for n in ports_named({**ADMIN, **DATABASES}, low, high)
        ]
        local = port.text("host_ip", "0.0.0.0").startswith(_LOOPBACK)  # noqa: S104 - read from a file, nothing listens
        if names and not local:
            yield failed(
                port.base,
                f"{', '.join(names)} on {port.text('host_ip', WORLD)} {f'as {published}' if published else 'on a port that Docker picks'}",
                "127.0.0.1 or none",
            )
        else:
            yield passed(port.base)

    yield from each(subject.blocks("ports"), check)


@RULES.add(
    "IM-COMPOSE-NET-002", "Service is published on every address of the host", severity=Severity.INFO,
    reason="That may be its purpose; it is listed so that nobody is surprised by what is reachable.",
    family=Family.EXPOSURE, kinds=_SERVICE, fix="Bind what only the host needs to 127.0.0.1.",
    references=("https://docs.docker.com/engine/network/port-publishing/",), controls=("public-access",), exposes=True,
)  # fmt: skip
def published(subject: Subject, _: Context) -> Iterator[Outcome]:
    def check(port: Subject) -> Iterator[Outcome]:
        host = port.text("host_ip", "0.0.0.0")  # noqa: S104 - read from a file, nothing listens
        target = port.text("target")
        yield (
            passed(port.base)
            if host.startswith(_LOOPBACK)
            else failed(port.base, f"port {target} on {host}", "127.0.0.1")
        )

    yield from each(subject.blocks("ports"), check)


@RULES.add(
    "IM-COMPOSE-SECRET-001", "A secret stands in the compose file", severity=Severity.HIGH,
    reason="Everyone who reads the repository, and `docker inspect`, reads the secret.",
    family=Family.SECRETS, kinds=(*_SERVICE, "config"), fix="Use `secrets:` with a file or the shell's environment (`${NAME:?}`); change the secret now.",
    references=("https://docs.docker.com/compose/how-tos/use-secrets/",), controls=("secrets-management",),
)  # fmt: skip
def secrets_in_environment(subject: Subject, _: Context) -> Iterator[Outcome]:
    values = [*_pairs(subject, "environment"), *_pairs(subject, "build.args"), *_pairs(subject, "labels")]
    found = False
    for path, name, value in values:
        token = next(tokens(value), None) or literal_secret(name, value)
        if token:
            found = True
            yield failed(path, f"{name}={token.shown} ({token.kind.split(' of ')[0]})", "a compose secret")
    for attribute in ("command", "entrypoint", "healthcheck", "content"):
        for path, token in commanded(list(subject.leaves(attribute))):
            found = True
            yield failed(path, f"{token.kind}: {token.shown}", "a compose secret")
    if not found and values:
        yield passed("environment")


def _pairs(subject: Subject, path: str) -> list[tuple[str, str, str]]:
    try:
        mapping = subject.mapping(path)
    except Unknown:
        return []
    return [
        (subject.at(f"{path}.{name}"), str(name), value)
        for name, value in mapping.items()
        if isinstance(value, str)
    ]


@RULES.add(
    "IM-COMPOSE-RUN-001", "Service has no limit of memory", severity=Severity.LOW,
    reason="One leak takes the host and every service on it down.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Set `deploy.resources.limits.memory` (or `mem_limit`).", references=("https://docs.docker.com/reference/compose-file/deploy/#resources",),
    controls=("resource-limits", "availability"),
)  # fmt: skip
def memory_limit(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "deploy.resources.limits.memory"
    yield passed(path) if subject.has(path) or subject.has("mem_limit") else failed(path, "absent", "a limit")


@RULES.add(
    "IM-COMPOSE-RUN-002", "Service has no health check", severity=Severity.LOW,
    reason="A process that hangs counts as running, and those that depend on it start too early; a check in the image counts, but is not seen here.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Add a `healthcheck`.", references=(_SPEC + "#healthcheck",), controls=("availability",),
)  # fmt: skip
def healthcheck(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.boolean("healthcheck.disable") or subject.strings("healthcheck.test")[:1] == ["NONE"]:
        yield failed("healthcheck", "disabled", "a health check")
    else:
        yield (
            passed("healthcheck")
            if subject.has("healthcheck.test")
            else failed("healthcheck", "absent", "a health check")
        )


@RULES.add(
    "IM-COMPOSE-RUN-003", "Service can write to its own file system", severity=Severity.INFO,
    reason="An intruder can change programs and leave tools behind.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Set `read_only: true` with `tmpfs` where it must write.", references=(_SPEC + "#read_only",),
    controls=("container-isolation",),
)  # fmt: skip
def read_only(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield (
        passed("read_only")
        if subject.boolean("read_only")
        else failed("read_only", said(subject, "read_only"), "true")
    )


@RULES.add(
    "IM-COMPOSE-RUN-004", "Service runs as root on purpose", severity=Severity.MEDIUM,
    reason="Root in the container is root on the host as soon as one flaw of runtime or kernel is used.",
    family=Family.CONTAINER, kinds=_SERVICE, fix="Name a user above 0.", references=(_SPEC + "#user",), controls=("least-privilege",),
)  # fmt: skip
def runs_as_root(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.has("user"):
        user = subject.text("user").split(":")[0]
        yield failed("user", user, "a user above 0") if user in {"root", "0"} else passed("user")


@RULES.add(
    "IM-COMPOSE-IMAGE-001", "Image is not pinned to a version", severity=Severity.MEDIUM,
    reason="`latest` is another program tomorrow: what runs was never tested.",
    family=Family.SUPPLY_CHAIN, kinds=_SERVICE, fix="Name a version, better a digest.", references=(_SPEC + "#image",), controls=("supply-chain",),
)  # fmt: skip
def floating_image(subject: Subject, _: Context) -> Iterator[Outcome]:
    image = subject.text("image")
    if image and not subject.has("build"):
        yield failed("image", image, "a fixed version") if parse_image(image).floating else passed("image")


@RULES.add(
    "IM-COMPOSE-IMAGE-002", "Image is not pinned by digest", severity=Severity.INFO,
    reason="A tag can be moved to another image by whoever may push; a digest cannot.",
    family=Family.SUPPLY_CHAIN, kinds=_SERVICE, fix="Pin `name:tag@sha256:…` and let a bot renew it.", references=(_SPEC + "#image",), controls=("supply-chain",),
)  # fmt: skip
def image_digest(subject: Subject, _: Context) -> Iterator[Outcome]:
    image = subject.text("image")
    if image and not subject.has("build") and not parse_image(image).floating:
        yield passed("image") if parse_image(image).digest else failed("image", image, "name:tag@sha256:…")
