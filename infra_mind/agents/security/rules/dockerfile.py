"""Dockerfiles: who the image runs as, what it is built on and what is left in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.images import parse_image
from infra_mind.agents.security.proposals import dockerfile
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.secrets import Token, assigned, literal_secret, may_hold_token, scrub, tokens
from infra_mind.agents.security.subject import Subject
from infra_mind.artefacts.dockerfile import environment
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.DOCKERFILE)
_BEST = "https://docs.docker.com/build/building/best-practices/"
_REFERENCE = "https://docs.docker.com/reference/dockerfile/"
_PIPE_TO_SHELL = re.compile(
    r"\b(?:curl|wget)\b[^|;&]{0,500}\|\s*(?:sudo\s+)?(?:/bin/)?(?:ba|z|da|a)?sh\b|\b(?:ba)?sh\s+-c\s+\"?\$\((?:curl|wget)\b|\b(?:ba)?sh\s+<\((?:curl|wget)\b"
)
_APT_INSTALL = re.compile(r"\bapt(?:-get)?\s+(?:-\S{1,80}\s{1,9}){0,12}install\b")
_CHMOD = re.compile(r"\bchmod\s+(?:-\S{1,80}\s{1,9}){0,12}(?:0?777|a\+rwx|ugo\+rwx)\b")
_SUDO = re.compile(r"(?:^|&&|;|\|)\s*sudo\s")
_PIP = re.compile(r"\bpip[0-9.]*\s+install\b")
_FROM = re.compile(r"(?i)^\s*FROM\s")
_GLOBAL_ARG = re.compile(r"(?i)^\s*ARG\s+([A-Za-z_]\w*)=(\S+)\s*$")
_ARG_PAIR = re.compile(r"^([A-Za-z_]\w*)=(.*)$")


def _of(subject: Subject, *keywords: str) -> Iterator[Subject]:
    for instruction in subject.blocks("instructions"):
        if isinstance(instruction.data, dict) and instruction.raw("instruction") in keywords:
            yield instruction


def _short(text: str) -> str:
    clean = scrub(" ".join(text.split()))
    return clean if len(clean) <= 160 else clean[:159] + "…"


def _runs(subject: Subject, pattern: re.Pattern[str], expected: str) -> Iterator[Outcome]:
    for run in _of(subject, "RUN"):
        match = pattern.search(run.text("value"))
        yield failed(run.base, _short(run.text("value")), expected) if match else passed(run.base)


def _images(subject: Subject) -> Iterator[tuple[str, str]]:
    """(path, reference) of the images that the stage is built on and takes files from; a base that only the build knows comes last."""
    for instruction in _of(subject, "COPY", "RUN"):
        yield from instruction.leaves("images")
    image = subject.text("from")
    if image and image != "scratch" and not subject.has("from_stage"):
        yield "from", image


@RULES.add(
    "IM-DOCKER-USER-001", "Image runs as root", severity=Severity.MEDIUM,
    reason="Root in the container is root on the host as soon as one flaw of runtime or kernel is used; without USER it is root unless the base says otherwise.",
    family=Family.CONTAINER, kinds=("stage",), fix="Create a user and end with `USER 10001`.",
    references=(_REFERENCE + "#user",), ckv=("CKV_DOCKER_3", "CKV_DOCKER_8"), controls=("container-isolation", "least-privilege"),
)  # fmt: skip
def runs_as_root(subject: Subject, context: Context) -> Iterator[Outcome]:
    if not subject.boolean("final"):
        return
    users = list(_of(subject, "USER"))
    parent = context.parent_stage(subject)
    while not users and parent:  # USER is inherited from the stage it is built on
        users, parent = list(_of(parent, "USER")), context.parent_stage(parent)
    if users:
        name = users[-1].text("value").split(":")[0].strip()
        at = users[-1].base if users[-1].resource is subject.resource else ""
        yield failed(at, f"USER {name}", "a user other than root") if name in {"root", "0"} else passed(at)
    elif "nonroot" in subject.text("from") or "rootless" in subject.text("from"):
        yield passed("from")
    else:
        yield failed("", "no USER instruction", "a user other than root")


@RULES.add(
    "IM-DOCKER-FROM-001", "Image of the build is not pinned to a version", severity=Severity.MEDIUM,
    reason="The same Dockerfile builds another image tomorrow.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Name a version, better a digest.", references=(_BEST + "#pin-base-image-versions",),
    ckv=("CKV_DOCKER_7",), controls=("supply-chain",),
)  # fmt: skip
def base_version(subject: Subject, _: Context) -> Iterator[Outcome]:
    for at, image in _images(subject):
        yield failed(at, _short(image), "a fixed version") if parse_image(image).floating else passed(at)


@RULES.add(
    "IM-DOCKER-FROM-002", "Image of the build is not pinned by digest", severity=Severity.INFO,
    reason="A tag can be moved to another image; a digest cannot.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Pin `name:tag@sha256:…` and let a bot renew it.", references=(_BEST + "#pin-base-image-versions",),
    controls=("supply-chain",),
)  # fmt: skip
def base_digest(subject: Subject, _: Context) -> Iterator[Outcome]:
    for at, image in _images(subject):
        if not parse_image(image).floating:
            yield passed(at) if parse_image(image).digest else failed(at, _short(image), "name:tag@sha256:…")


@RULES.add(
    "IM-DOCKER-ADD-001", "ADD fetches from the network", severity=Severity.MEDIUM,
    reason="What comes is neither checked nor the same tomorrow.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Give `ADD --checksum=sha256:…`, or fetch and check the sum in one RUN.",
    references=(_REFERENCE + "#add",), ckv=("CKV_DOCKER_4",), controls=("supply-chain",),
)  # fmt: skip
def add_from_url(subject: Subject, _: Context) -> Iterator[Outcome]:
    for add in _of(subject, "ADD"):
        value = add.text("value")
        remote = re.search(r"(?:^|\s|\")(?:https?|ftp)://", value) and "--checksum=" not in value
        yield failed(add.base, _short(f"ADD {value}"), "a checksum, or COPY") if remote else passed(add.base)


@RULES.add(
    "IM-DOCKER-ADD-002", "ADD is used where COPY is meant", severity=Severity.INFO,
    reason="ADD unpacks archives and fetches addresses without being asked; COPY only copies.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Use COPY.", references=(_BEST + "#add-or-copy",), ckv=("CKV_DOCKER_4",), controls=("supply-chain",),
    patch=dockerfile(r"^(\s*)ADD\b", r"\1COPY"),
)  # fmt: skip
def add_local(subject: Subject, _: Context) -> Iterator[Outcome]:
    for add in _of(subject, "ADD"):
        value = add.text("value")
        if not re.search(r"://|git@|\.(?:tar|tgz|tbz2?|txz|zip|gz|xz|bz2)\b|--checksum|<<", value):
            yield failed(add.base, _short(f"ADD {value}"), "COPY")
    yield from (passed(copy.base) for copy in _of(subject, "COPY"))


@RULES.add(
    "IM-DOCKER-RUN-001", "A script from the network is run unseen", severity=Severity.HIGH,
    reason="Whoever holds that address, or the way to it, runs code in the build as root.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Download, compare the checksum, then run; or install a package.", effort=Effort.HOURS,
    references=(_BEST,), controls=("supply-chain",),
)  # fmt: skip
def pipe_to_shell(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from _runs(subject, _PIPE_TO_SHELL, "a checked download")


@RULES.add(
    "IM-DOCKER-RUN-002", "Files are made writable for everyone", severity=Severity.MEDIUM,
    reason="Any process in the container can then replace programs and settings.",
    family=Family.CONTAINER, kinds=("stage",), fix="Give the files to the user (`chown`) with mode 750 or 640.",
    references=(_BEST,), controls=("least-privilege",),
)  # fmt: skip
def chmod_777(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from _runs(subject, _CHMOD, "no chmod 777")


@RULES.add(
    "IM-DOCKER-RUN-003", "sudo is used in the image", severity=Severity.LOW,
    reason="sudo gives the running user a way back to root.",
    family=Family.CONTAINER, kinds=("stage",), fix="Do what needs root before USER; use gosu or su-exec if a process must step down.",
    references=(_BEST + "#user",), ckv=("CKV2_DOCKER_1",), controls=("least-privilege",),
)  # fmt: skip
def sudo(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from _runs(subject, _SUDO, "no sudo")


@RULES.add(
    "IM-DOCKER-RUN-004", "Package lists or recommended packages stay in the image", severity=Severity.INFO,
    reason="The image grows and carries programs that nobody asked for.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Use `--no-install-recommends` and remove `/var/lib/apt/lists/*` in the same RUN.",
    references=(_BEST + "#apt-get",), controls=("supply-chain",),
    patch=dockerfile(r"(\bapt-get\s+(?:-\S{1,80}\s{1,9}){0,12}install\b)(?!.*--no-install-recommends)(.*/var/lib/apt/lists)", r"\1 --no-install-recommends\2"),
)  # fmt: skip
def apt_cleanup(subject: Subject, _: Context) -> Iterator[Outcome]:
    for run in _of(subject, "RUN"):
        value = run.text("value")
        if not _APT_INSTALL.search(value):
            continue
        missing = [] if "--no-install-recommends" in value else ["--no-install-recommends"]
        if "/var/lib/apt/lists" not in value and "--mount=type=cache" not in value:
            missing.append("rm -rf /var/lib/apt/lists/*")
        yield failed(run.base, f"without {' and '.join(missing)}", "both") if missing else passed(run.base)


@RULES.add(
    "IM-DOCKER-RUN-007", "Package index is fetched on a layer of its own", severity=Severity.LOW,
    reason="The layer is kept and used again: what is installed on top of it later is old, with holes that are mended since.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Fetch the index and install in the same RUN.", references=(_BEST + "#apt-get",),
    ckv=("CKV_DOCKER_5",), controls=("vulnerability-management",),
)  # fmt: skip
def index_alone(subject: Subject, _: Context) -> Iterator[Outcome]:
    for run in _of(subject, "RUN"):
        value = run.text("value")
        if _INDEX.search(value):
            alone = not _INSTALLS.search(value)
            yield (
                failed(run.base, _short(value), "update and install together") if alone else passed(run.base)
            )


_INDEX = re.compile(
    r"\b(?:apt-get|apt|apk|yum|dnf|zypper)\s+(?:-\S{1,80}\s+){0,8}(?:update|refresh|makecache)\b"
)
_INSTALLS = re.compile(r"\b(?:install|add|upgrade|dist-upgrade|build-dep|groupinstall|source)\b|\.sh\b")


@RULES.add(
    "IM-DOCKER-RUN-008", "Caches of the package manager stay in the image", severity=Severity.INFO,
    reason="The image grows for nothing.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Clean up in the same RUN (`dnf clean all`, `apk add --no-cache`).", references=(_BEST,), controls=("supply-chain",),
)  # fmt: skip
def package_caches(subject: Subject, _: Context) -> Iterator[Outcome]:
    for run in _of(subject, "RUN"):
        value = run.text("value")
        for manager, installs, cleans in _CACHES:
            if installs.search(value) and "--mount=type=cache" not in value:
                clean = cleans.search(value)
                yield (
                    passed(run.base)
                    if clean
                    else failed(run.base, f"{manager} without cleaning up", "cleaned up")
                )


_CACHES = tuple(
    (name, re.compile(rf"\b{name}\s+(?:-\S{{1,80}}\s+){{0,8}}(?:install|in|add)\b"), re.compile(cleans))
    for name, cleans in (
        ("yum", r"\b(?:yum|dnf) clean|/var/cache/(?:yum|dnf)"), ("dnf", r"\bdnf clean|/var/cache/dnf"), ("microdnf", r"microdnf clean|/var/cache"),
        ("zypper", r"zypper (?:clean|cc)|/var/cache/zypp"), ("apk", r"--no-cache|/var/cache/apk"),
    )
)  # fmt: skip


@RULES.add(
    "IM-DOCKER-RUN-005", "Python packages are installed without hashes", severity=Severity.INFO,
    reason="A package that was replaced on the way or on the index is installed all the same.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Install from a lock file with `--require-hashes`.", effort=Effort.HOURS,
    references=("https://pip.pypa.io/en/stable/topics/secure-installs/",), controls=("supply-chain",),
)  # fmt: skip
def pip_hashes(subject: Subject, _: Context) -> Iterator[Outcome]:
    for run in _of(subject, "RUN"):
        value = run.text("value")
        if _PIP.search(value):
            good = "--require-hashes" in value or re.search(
                r"install\s+(?:-\S{1,80}\s{1,9}){0,12}\.(?:\s|$|\[)", value
            )
            yield passed(run.base) if good else failed(run.base, _short(value), "--require-hashes")


_UNCHECKED = re.compile(
    r"--trusted-host|--(?:extra-)?index-url[= ]http://|--allow-unauthenticated|--force-yes|--nogpgcheck|--no-check-certificate"
    r"|strict-ssl\s+false|\bcurl\b[^|;&]{0,500}\s(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)\s|--allow-untrusted|http\.sslVerify[= ]false"
)


@RULES.add(
    "IM-DOCKER-RUN-006", "Signatures or certificates are not checked", severity=Severity.HIGH,
    reason="Whoever sits on the way puts in packages of their own.",
    family=Family.SUPPLY_CHAIN, kinds=("stage",), fix="Remove the switch; add the registry's certificate or key instead.", effort=Effort.HOURS,
    references=("https://pip.pypa.io/en/stable/topics/secure-installs/",), ckv=("CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_8", "CKV2_DOCKER_9", "CKV2_DOCKER_11"), controls=("supply-chain", "encryption-in-transit"),
)  # fmt: skip
def unchecked(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from _runs(subject, _UNCHECKED, "checks switched on")


@RULES.add(
    "IM-DOCKER-SECRET-001", "A secret stands in ENV or ARG", severity=Severity.CRITICAL,
    reason="It lies in the image's history for everyone who can pull the image, and stays there after it was changed.",
    family=Family.SECRETS, kinds=("stage",), fix="Use `RUN --mount=type=secret` in the build and the platform's secrets at run time; change the secret now.",
    effort=Effort.HOURS, references=("https://docs.docker.com/build/building/secrets/",), controls=("secrets-management",),
)  # fmt: skip
def secret_in_env(subject: Subject, context: Context) -> Iterator[Outcome]:
    above = context.text_lines(subject.resource.artefact)[: subject.resource.line_start - 1]
    if not any(_FROM.match(line) for line in above):
        for pair in (m for line in above if (m := _GLOBAL_ARG.match(line))):
            name, value = pair.group(1), pair.group(2).strip("\"'")
            token = next(tokens(value), None) or literal_secret(name, value)
            if token:
                yield failed("from", f"ARG {name}={token.shown} before FROM", "a build secret")
    for instruction in _of(subject, "ENV", "ARG"):
        found = None
        for name, value in _pairs(instruction):
            found = found or next(tokens(value), None) or literal_secret(name, value)
            if found:
                yield failed(
                    instruction.base,
                    f"{name}={found.shown} ({found.kind.split(' of ')[0]})",
                    "a build secret",
                )
                break
        if not found:
            yield passed(instruction.base)


def _pairs(instruction: Subject) -> list[tuple[str, str]]:
    value = instruction.text("value")
    if instruction.raw("instruction") == "ENV":
        return list(environment(value).items())
    matches = (_ARG_PAIR.match(word) for word in value.split())
    return [(m.group(1), m.group(2).strip("\"'")) for m in matches if m]


@RULES.add(
    "IM-DOCKER-SECRET-002", "A secret stands in a command or a file of the build", severity=Severity.CRITICAL,
    reason="It lies in the image's history for everyone who can pull the image.",
    family=Family.SECRETS, kinds=("stage",), fix="Use `RUN --mount=type=secret`; change the secret now.", effort=Effort.HOURS,
    references=("https://docs.docker.com/build/building/secrets/",), controls=("secrets-management",),
)  # fmt: skip
def secret_in_run(subject: Subject, _: Context) -> Iterator[Outcome]:
    for instruction in _of(subject, "RUN", "CMD", "ENTRYPOINT", "LABEL", "COPY", "ADD", "HEALTHCHECK"):
        text = instruction.text("value")
        found = next(chain(tokens(text), _given(instruction, text)), None)
        if found:
            yield failed(instruction.base, f"{found.kind}: {found.shown}", "a build secret")
        elif may_hold_token(text) or "type=secret" in text:
            yield passed(instruction.base)


def _given(instruction: Subject, text: str) -> Iterator[Token]:
    """What a command, a file that is written down in the Dockerfile, or a label gives to a telling name."""
    keyword = instruction.raw("instruction")
    if keyword == "LABEL":
        yield from (t for name, value in environment(text).items() if (t := literal_secret(name, value)))
    elif keyword not in ("COPY", "ADD") or "\n" in text:
        yield from assigned(text)


@RULES.add(
    "IM-DOCKER-HEALTH-001", "Image says nothing of its health", severity=Severity.LOW,
    reason="Docker and compose cannot tell a hanging process from a working one; Kubernetes uses its own probes instead.",
    family=Family.CONTAINER, kinds=("stage",), fix="Add a HEALTHCHECK to the last stage.", references=(_REFERENCE + "#healthcheck",),
    ckv=("CKV_DOCKER_2",), controls=("availability",),
)  # fmt: skip
def healthcheck(subject: Subject, context: Context) -> Iterator[Outcome]:
    if not subject.boolean("final"):
        return
    stage: Subject | None = subject
    while stage:
        checks = list(_of(stage, "HEALTHCHECK"))
        if checks:
            none = checks[-1].text("value").strip().upper() == "NONE"
            yield failed("", "HEALTHCHECK NONE", "a HEALTHCHECK") if none else passed()
            return
        stage = context.parent_stage(stage)
    yield failed("", "no HEALTHCHECK", "a HEALTHCHECK")


@RULES.add(
    "IM-DOCKER-EXPOSE-001", "Image offers SSH", severity=Severity.MEDIUM,
    reason="A log-in server in a container is a second way in, with keys and patches of its own.",
    family=Family.NETWORK, kinds=("stage",), fix="Remove SSH; use `docker exec` or `kubectl exec`.", references=(_REFERENCE + "#expose",),
    ckv=("CKV_DOCKER_1",), controls=("remote-access",),
)  # fmt: skip
def exposes_ssh(subject: Subject, _: Context) -> Iterator[Outcome]:
    for expose in _of(subject, "EXPOSE"):
        ports = [word.split("/")[0] for word in expose.text("value").split()]
        yield failed(expose.base, "EXPOSE 22", "no port 22") if "22" in ports else passed(expose.base)
