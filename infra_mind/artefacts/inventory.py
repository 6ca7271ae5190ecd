"""All artefacts → one inventory. Content never raises: what cannot be read is listed with its reason and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from infra_mind.artefacts import compose, detection, dockerfile, kubernetes, plan, readings, terraform, yaml
from infra_mind.artefacts.detection import FileKind
from infra_mind.artefacts.parsed import Parsed, Unreadable
from infra_mind.artefacts.plan import Plan
from infra_mind.artefacts.readings import Reading
from infra_mind.model.inventory import (
    HAND_IN_A_PLAN,
    STATE,
    TOO_LARGE,
    Artefact,
    Inventory,
    Resource,
    UnreadFile,
)
from infra_mind.settings import IntakeLimits

Progress = Callable[[int, int, str], None]
_DIGITS = re.compile(r"\d+")


def _silent(done: int, total: int, step: str) -> None:
    """No progress wanted."""


def build_inventory(
    artefacts: Sequence[Artefact],
    *,
    limits: IntakeLimits | None = None,
    progress: Progress = _silent,
    portions: Sequence[bytes] = (),
) -> Inventory:
    """Every resource of every artefact, in order of address; the order in which the artefacts come does not matter.

    `progress(done, total, path)` is called once a file. A file that is binary, broken, over a limit or not of a known
    format is in `unread`; it never hides another one. `files_read` counts the files that gave no reason to be there.
    `portions` is what `read_portion` gave for all of them, in order: then no file is read again, and the inventory is the same."""
    limits = limits or IntakeLimits()
    files = _in_order(artefacts)
    found = readings.unpacked(portions) if portions else map(_reader(files, limits), files)
    parsed, bodies, plans = Parsed(), [], []
    for done, (file, reading) in enumerate(zip(files, found, strict=True), start=1):
        if isinstance(reading, Parsed):
            parsed.add(reading)
        elif isinstance(reading, Plan):
            plans.append(reading)
        else:
            bodies.append((file.path, reading))
        progress(done, len(files), file.path)
    parsed.add(terraform.resolve(bodies, files, limits, plans))
    variables = tuple(variable for plan_ in plans for variable in plan_.variables)
    return _inventory(parsed, len(files), limits).model_copy(update={"variables": variables})


def read_portion(
    artefacts: Sequence[Artefact], first: int, last: int, *, limits: IntakeLimits | None = None, progress: Progress = _silent
) -> bytes:  # fmt: skip
    """What the files `first` to `last` (from 1, in order of their paths) give, for `build_inventory` in another process."""
    limits = limits or IntakeLimits()
    files = _in_order(artefacts)
    read, wanted, found = _reader(files, limits), files[first - 1 : last], []
    for done, file in enumerate(wanted, start=1):
        found.append(read(file))
        progress(done, len(wanted), file.path)
    return readings.packed(found)


def _in_order(artefacts: Iterable[Artefact]) -> list[Artefact]:
    return sorted(artefacts, key=lambda a: a.path)


def _reader(files: Sequence[Artefact], limits: IntakeLimits) -> Callable[[Artefact], Reading]:
    """What reads one file: of the others it knows only which folders are charts, and the environments."""
    charts = detection.charts([a.path for a in files])
    environments = _environments(files)

    def read(file: Artefact) -> Reading:
        if detection.kind_of(file.path) not in (FileKind.TERRAFORM, FileKind.TEMPLATE):
            return _read(file, limits, charts, environments)
        found = terraform.parse(file, limits)
        if isinstance(found, UnreadFile):
            return Parsed(unread=[found])
        return Parsed() if found is None else found

    return read


def _environments(files: Iterable[Artefact]) -> dict[str, dict[str, str]]:
    return {
        f.path[: f.path.rfind("/") + 1]: compose.environment_file(f.content)
        for f in files
        if f.content is not None and f.path.rpartition("/")[2] == ".env"
    }


def _read(
    file: Artefact, limits: IntakeLimits, charts: frozenset[str], environments: dict[str, dict[str, str]]
) -> Parsed | Plan:
    if file.content is None:
        return Parsed(unread=[file.unread()])
    if len(file.content) > limits.max_file:
        return _unread(file.path, f"{TOO_LARGE} of {limits.max_file} bytes", "too_large")
    try:
        return _dispatch(file.path, file.content, limits, charts, environments)
    except Unreadable as error:
        return Parsed(unread=[error.as_unread()])
    except RecursionError:
        return _unread(file.path, "nested too deeply", "limit")


def _dispatch(
    path: str,
    text: str,
    limits: IntakeLimits,
    charts: frozenset[str],
    environments: dict[str, dict[str, str]],
) -> Parsed | Plan:
    kind = detection.kind_of(path)
    if detection.is_state(path, text):
        return _unread(path, f"{STATE}; {HAND_IN_A_PLAN}", "state")
    if path.lower().endswith(".json") and (document := plan.load(path, text, limits)):
        return plan.read(path, document, limits)
    if path.lower().endswith(".json") and plan.is_log(text):
        return _unread(
            path, f"events of `terraform plan -json`, without values; {HAND_IN_A_PLAN}", "unsupported"
        )
    if kind in (FileKind.SUPPRESSIONS, FileKind.MODULES):
        return Parsed()
    if kind is FileKind.DOCKERFILE:
        return dockerfile.read(path, text)
    if kind is FileKind.OTHER:
        return _unread(
            path,
            "not a format that is assessed (Terraform, its plans, Kubernetes, compose, Dockerfile)",
            "unsupported",
        )
    if helm := _helm(path, text, charts):
        return Parsed(unread=[helm])
    folder = path[: path.rfind("/") + 1]
    return _read_yaml(path, text, limits, kind is FileKind.COMPOSE, environments.get(folder, {}))


def _helm(path: str, text: str, charts: frozenset[str]) -> UnreadFile | None:
    """The entry for a file of a Helm chart, None for any other one."""
    name = path.rpartition("/")[2]
    folder = path[: path.rfind("/") + 1]
    if folder in charts and (name.lower().startswith(("chart.", "values")) or name == "requirements.yaml"):
        reason = "a part of a Helm chart; render it (helm template) and hand in the result"
        return UnreadFile(artefact=path, reason=reason, kind="helm_template")
    if kubernetes.is_helm_template(text) and (
        any(_in_templates(path, c) for c in charts) or _is_unparsable(path, text)
    ):
        line = text[: text.index("{{")].count("\n") + 1
        reason = "a Helm template; render it (helm template) and hand in the result"
        return UnreadFile(artefact=path, reason=reason, line=line, kind="helm_template")
    return None


def _in_templates(path: str, chart: str) -> bool:
    return path.startswith(f"{chart}templates/")


def _is_unparsable(path: str, text: str) -> bool:
    try:
        yaml.load_documents(text, name=path)
    except Unreadable:
        return True
    return False


def _read_yaml(
    path: str, text: str, limits: IntakeLimits, is_compose: bool, environment: dict[str, str]
) -> Parsed:
    documents = yaml.load_documents(text, name=path, limits=limits, dialect="1.1")
    if path.rpartition("/")[2] in _KUSTOMIZATIONS:
        return Parsed(unread=[kubernetes.overlay(path, "Kustomization", 1)])
    if is_compose or any(compose.is_compose(d.data) for d in documents):
        parsed = Parsed()
        for document in documents:
            parsed.add(compose.read(path, document, environment))
        return parsed
    if not any(kubernetes.is_manifest(d.data) for d in documents):
        reason = "neither Kubernetes objects nor a compose file" if documents else "an empty file"
        return _unread(path, reason, "unsupported")
    return kubernetes.read_documents(path, documents)


def _unread(path: str, reason: str, kind: str = "unreadable") -> Parsed:
    return Parsed(unread=[UnreadFile(artefact=path, reason=reason, kind=kind)])


def _inventory(parsed: Parsed, files: int, limits: IntakeLimits) -> Inventory:
    resources = sorted(parsed.resources, key=_order)
    unread = sorted(parsed.unread, key=lambda u: (u.artefact, u.line or 0, u.kind, u.reason))
    if len(resources) > limits.max_resources:
        left_out = resources[limits.max_resources]
        reason = f"more than {limits.max_resources} resources; those from {left_out.address} on are left out"
        unread.append(UnreadFile(artefact=left_out.artefact, reason=reason, kind="limit"))
    names = {u.artefact for u in unread if u.kind in _WHOLE_FILE}
    return Inventory(
        resources=tuple(resources[: limits.max_resources]),
        unread=tuple(unread),
        files=files,
        files_read=files - len(names),
    )


_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})
_WHOLE_FILE = frozenset({"unreadable", "too_large", "helm_template", "unsupported", "state"})


def _order(resource: Resource) -> tuple[Any, ...]:
    # web[2] before web[10]: numbers in an address order as numbers
    address = _DIGITS.sub(lambda m: m[0].zfill(12), resource.address)
    return (address, resource.artefact, resource.line_start)
