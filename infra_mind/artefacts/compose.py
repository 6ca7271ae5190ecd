"""Compose files: services, networks, volumes, secrets and configs, in the long form whatever form they were written in.

Source of the forms: the Compose Specification, github.com/compose-spec/compose-spec, 2025.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra_mind.artefacts.parsed import Parsed, Unreadable
from infra_mind.artefacts.yaml import YamlDocument, load
from infra_mind.model.inventory import Format, Lines, Resource, is_unresolvable, unresolvable

_SECTIONS = {
    "services": "service",
    "networks": "network",
    "volumes": "volume",
    "secrets": "secret",
    "configs": "config",
}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Za-z_]\w*)(?:(:?[-?+])((?:[^{}]|\$\{[^{}]*\})*))?\}|([A-Za-z_]\w*))")
_PORT = re.compile(
    r"(?:(?P<host>\[[^\]]*\]|[^:]*):)?(?:(?P<published>[\d\-]*):)?(?P<target>[\d\-]+)(?:/(?P<protocol>\w+))?\Z"
)

# Fields that are no texts, so that compose turns `"${PRIVILEGED:-true}"` into a boolean
_TYPED = frozenset(
    {"attachable", "disable", "enable_ipv6", "external", "init", "internal", "oom_kill_disable", "pids_limit"}
    | {"privileged", "read_only", "replicas", "required", "retries", "scale", "stdin_open", "tty"}
)


def is_compose(data: Any) -> bool:
    """True for a mapping with a `services` map of maps, as no Kubernetes object has."""
    if not isinstance(data, dict) or "apiVersion" in data:
        return False
    services = data.get("services")
    return (
        isinstance(services, dict) and bool(services) and all(isinstance(s, dict) for s in services.values())
    )


def environment_file(text: str) -> dict[str, str]:
    """The pairs of a `.env` file: `NAME=value`, `export` and quotes allowed, `#` starts a comment."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value.split(" #")[0].rstrip()
    return found


class _Rationed(Mapping[str, str]):
    """An environment that gives out a limited amount of text: a long value can be asked for on every line."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values, self._left = values, 8 * 1024 * 1024

    def __getitem__(self, name: str) -> str:
        value = self._values[name]
        self._left -= len(value)
        if self._left < 0:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


_ByEntry = dict[str, list[tuple[str, Lines]]]


def _lines_by_entry(lines: dict[str, Lines]) -> _ByEntry:
    """Lines grouped by section and entry in one pass: a file can have many thousands of services."""
    found: _ByEntry = {}
    for path, where in lines.items():
        found.setdefault(_entry(path), []).append((path, where))
    return found


def _entry(path: str) -> str:
    return ".".join(path.split(".", 2)[:2])


def read(path: str, document: YamlDocument, environment: Mapping[str, str]) -> Parsed:
    """One resource for each entry of the sections. `environment` holds what a `.env` beside the file says."""
    if not isinstance(document.data, dict):
        raise Unreadable(path, "a compose file must be a mapping", document.line_start)
    parsed = Parsed()
    environment = _Rationed(environment)
    by_entry = _lines_by_entry(document.lines)
    for section, kind in _SECTIONS.items():
        entries = document.data.get(section)
        if entries is None:
            continue
        if not isinstance(entries, dict):
            raise Unreadable(path, f"`{section}` must be a mapping", _at(document, section).start)
        for name, entry in entries.items():
            if entry is not None and not isinstance(entry, dict):
                raise Unreadable(
                    path, f"`{section}.{name}` must be a mapping", _at(document, f"{section}.{name}").start
                )
            values = interpolate(entry or {}, environment)
            parsed.resources.append(_resource(path, document, by_entry, section, kind, name, values))
    return parsed


def _at(document: YamlDocument, path: str) -> Lines:
    return document.lines.get(path, Lines(start=document.line_start, end=document.line_end))


def _resource(
    path: str,
    document: YamlDocument,
    by_entry: _ByEntry,
    section: str,
    kind: str,
    name: str,
    values: dict[str, Any],
) -> Resource:
    where = _at(document, f"{section}.{name}")
    prefix = f"{section}.{name}."
    lines = {k[len(prefix) :]: v for k, v in by_entry.get(_entry(prefix), ()) if k.startswith(prefix)}
    if kind == "service":
        values = _normalised(values, lines)
    return Resource(
        address=f"{kind}/{name}",
        block=f"{kind}/{name}",
        format=Format.COMPOSE,
        kind=kind,
        name=name,
        provider="docker",
        artefact=path,
        line_start=where.start,
        line_end=where.end,
        values=values,
        lines=lines,
        count=_replicas(values) if kind == "service" else 1,
    )


def _replicas(values: dict[str, Any]) -> int | None:
    deploy = values.get("deploy")
    replicas = deploy.get("replicas", 1) if isinstance(deploy, dict) else values.get("scale", 1)
    return replicas if isinstance(replicas, int) and replicas >= 0 else None


def interpolate(value: Any, environment: Mapping[str, str]) -> Any:
    """`${NAME:-default}` and its kin put in, through a whole tree; a text with a name that nobody sets is unresolvable."""
    if isinstance(value, dict):
        return {k: _typed(k, v, interpolate(v, environment)) for k, v in value.items()}
    if isinstance(value, list):
        return [interpolate(v, environment) for v in value]
    return _interpolated(value, environment) if isinstance(value, str) and "$" in value else value


def _typed(key: str, before: Any, after: Any) -> Any:
    if key not in _TYPED or not isinstance(after, str) or before == after:
        return after
    try:
        value = load(after, name=key, dialect="1.1")
    except Unreadable:
        return after
    return value if isinstance(value, int) else after


def _interpolated(text: str, environment: Mapping[str, str]) -> Any:
    missing: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        name, operator, operand = match[2] or match[5], match[3] or "", match[4] or ""
        value = environment.get(name)
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return operand if is_set else ""
        if is_set and value is not None:
            return value
        if operator.endswith("-"):
            nested = _interpolated(operand, environment) if "$" in operand else operand
            if isinstance(nested, str):
                return nested
        missing.append(name)
        return ""

    result = _VARIABLE.sub(value_of, text)
    return unresolvable(f"${{{missing[0]}}}") if missing else result


def _normalised(service: dict[str, Any], lines: dict[str, Lines]) -> dict[str, Any]:
    """A service in the long forms; `lines` is extended where a path changes (`environment.0` → `environment.NAME`)."""
    found = dict(service)
    for key in ("environment", "labels", "annotations", "sysctls"):
        _to_mapping(found, key, lines)
    for key in ("depends_on", "networks"):
        _names_to_mapping(found, key, lines)
    _each(found, "ports", _port)
    _each(found, "volumes", _volume)
    for key in ("secrets", "configs"):
        _each(found, key, lambda v: {"source": v} if isinstance(v, str) else v)
    if isinstance(found.get("build"), str):
        found["build"] = {"context": found["build"]}
    if isinstance(found.get("build"), dict):
        _to_mapping(found["build"], "args", lines, "build.")
    if isinstance(found.get("env_file"), str | dict):
        found["env_file"] = [found["env_file"]]
    _each(found, "env_file", lambda v: {"path": v, "required": True} if isinstance(v, str) else v)
    if isinstance(found.get("healthcheck"), dict) and isinstance(found["healthcheck"].get("test"), str):
        found["healthcheck"] = {**found["healthcheck"], "test": ["CMD-SHELL", found["healthcheck"]["test"]]}
    return found


def _to_mapping(holder: dict[str, Any], key: str, lines: dict[str, Lines], prefix: str = "") -> None:
    entries = holder.get(key)
    if not isinstance(entries, list):
        return
    found: dict[str, Any] = {}
    for i, entry in enumerate(entries):
        name, equals, value = (str(entry).partition("=")) if not is_unresolvable(entry) else (f"${i}", "", "")
        found[name] = entry if is_unresolvable(entry) else (value if equals else unresolvable(f"${{{name}}}"))
        _copy_line(lines, f"{prefix}{key}.{i}", f"{prefix}{key}.{name}")
    holder[key] = found


def _names_to_mapping(holder: dict[str, Any], key: str, lines: dict[str, Lines]) -> None:
    entries = holder.get(key)
    if not isinstance(entries, list):
        return
    holder[key] = {
        str(e): {"condition": "service_started"} if key == "depends_on" else {}
        for e in entries
        if not is_unresolvable(e)
    }
    for i, entry in enumerate(entries):
        _copy_line(lines, f"{key}.{i}", f"{key}.{entry}")


def _copy_line(lines: dict[str, Lines], old: str, new: str) -> None:
    if old in lines:
        lines[new] = lines[old]


def _each(holder: dict[str, Any], key: str, form: Callable[[Any], Any]) -> None:
    if isinstance(holder.get(key), list):
        holder[key] = [form(entry) for entry in holder[key]]


def _port(entry: Any) -> Any:
    """`127.0.0.1:8080:80/tcp` → `{host_ip, published, target, protocol, mode}`; ports stay text when they are ranges."""
    if isinstance(entry, int):
        return {"target": entry, "protocol": "tcp", "mode": "ingress"}
    if isinstance(entry, dict) and not is_unresolvable(entry):
        return {"protocol": "tcp", "mode": "ingress", **entry}
    match = _PORT.match(entry) if isinstance(entry, str) else None
    if not match:
        return entry if is_unresolvable(entry) else unresolvable(f"the port {str(entry)[:40]!r}")
    host, published = match["host"], match["published"]
    if host is not None and published is None and re.fullmatch(r"[\d\-]*", host):
        host, published = None, host
    found: dict[str, Any] = {"target": _port_number(match["target"])}
    if published:
        found["published"] = published
    if host:
        found["host_ip"] = host.strip("[]")
    return {**found, "protocol": match["protocol"] or "tcp", "mode": "ingress"}


def _port_number(text: str) -> int | str:
    return int(text) if text.isdigit() and len(text) < 6 else text


def _volume(entry: Any) -> Any:
    """`./data:/data:ro` → `{type, source, target, read_only}`."""
    if not isinstance(entry, str):
        return entry
    drive = entry[:2] if re.match(r"[A-Za-z]:[\\/]", entry) else ""
    parts = entry[len(drive) :].split(":")
    parts[0] = drive + parts[0]
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0], "read_only": False}
    options = parts[2].split(",") if len(parts) > 2 else []
    is_path = bool(drive) or parts[0].startswith((".", "/", "~"))
    found = {
        "type": "bind" if is_path else "volume",
        "source": parts[0],
        "target": parts[1],
        "read_only": "ro" in options,
    }
    return {**found, "options": options} if options else found
