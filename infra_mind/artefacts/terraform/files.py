"""The files that a configuration reads with `file`, `templatefile` and their kin: those that were handed in, no others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.artefacts.parsed import Unreadable
from infra_mind.artefacts.terraform import hcl
from infra_mind.artefacts.terraform.configuration import joined
from infra_mind.artefacts.terraform.expressions import Scope, evaluate
from infra_mind.artefacts.terraform.syntax import Step, Template
from infra_mind.artefacts.terraform.values import EvaluationError, Unknown, as_map, as_text, first_unknown
from infra_mind.model.inventory import Artefact, UnreadFile
from infra_mind.settings import IntakeLimits


class Files:
    """`missing` lists what was asked for and not handed in; `used` what was read."""

    def __init__(self, artefacts: Iterable[Artefact], limits: IntakeLimits) -> None:
        self._contents = {a.path: a.content for a in artefacts}
        self._limits = limits
        self._templates: dict[str, Template | Unreadable] = {}
        self.missing: dict[str, UnreadFile] = {}
        self.used: set[str] = set()
        self.nothing = _Nothing()

    def call(self, name: str, arguments: list[Any], folders: tuple[str, ...], scope: Scope) -> Any:
        """Value of a file function; a path is looked for from each of the folders, then from the top."""
        unknown = first_unknown(arguments[:1])
        if unknown:
            return unknown
        if not arguments:
            raise EvaluationError(f"{name}() needs a path")
        if name == "fileset":
            return _fileset(arguments)
        path = self._find(as_text(arguments[0]), folders)
        if name == "fileexists":
            return True if path else Unknown(f"fileexists({as_text(arguments[0])[:100]!r})")
        content = self._contents.get(path) if path else None
        if path is None or content is None:
            return self._not_there(name, as_text(arguments[0])[:200])
        self.used.add(path)
        return self._value(name, path, content, arguments, scope)

    def _value(self, name: str, path: str, content: str, arguments: list[Any], scope: Scope) -> Any:
        if name == "file":
            return content
        if name == "templatefile":
            given = arguments[1] if len(arguments) > 1 else {}
            return (
                given if isinstance(given, Unknown) else self._rendered(path, content, as_map(given), scope)
            )
        data = content.encode()
        if name == "filebase64":
            return base64.b64encode(data).decode()
        if name == "filebase64sha256":
            return base64.b64encode(hashlib.sha256(data).digest()).decode()
        return hashlib.new(name.removeprefix("file"), data, usedforsecurity=False).hexdigest()

    def _find(self, wanted: str, folders: tuple[str, ...]) -> str | None:
        if wanted.startswith("/") or len(wanted) > self._limits.max_path:
            return None
        candidates = [joined(f, wanted) for f in (*folders, "")]
        return next((c for c in candidates if c is not None and c in self._contents), None)

    def _not_there(self, name: str, wanted: str) -> Unknown:
        entry = UnreadFile(
            artefact=wanted, reason=f"{name}() asks for it, it was not handed in", kind="not_sent"
        )
        self.missing.setdefault(wanted, entry)
        return Unknown(f"{name}({wanted!r})")

    def _rendered(self, path: str, content: str, variables: Mapping[str, Any], scope: Scope) -> Any:
        template = self._templates.get(path)
        if template is None:
            try:
                template = hcl.read_template(path, content, self._limits)
            except Unreadable as error:
                template = error
            self._templates[path] = template
        if isinstance(template, Unreadable):
            self.missing.setdefault(path, template.as_unread())
            return Unknown(f"templatefile({path!r})")
        return evaluate(template, Scope(self.nothing, dict(variables), scope.budget))


def _fileset(arguments: list[Any]) -> Unknown:
    # what was handed in is a part of the folder: its listing would be too short
    shown = ", ".join(as_text(a)[:80] for a in arguments if not isinstance(a, Unknown))
    return Unknown(f"fileset({shown})")


class _Nothing:
    """Names of a template file: its variables alone."""

    def resolve(self, root: str, _steps: tuple[Step, ...], _scope: Scope, /) -> Any:
        """A name that is no variable of the template."""
        return Unknown(root)

    def call_file_function(self, name: str, _arguments: list[Any], _scope: Scope, /) -> Any:
        """A template inside a template is not followed."""
        return Unknown(f"{name}()")
