"""Modules as they run: what names mean inside one, its calls of others, and the resources that come out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra_mind.artefacts.terraform.blocks import Values
from infra_mind.artefacts.terraform.configuration import (
    Configuration,
    Declared,
    is_local,
    joined,
    module_source,
    module_version,
)
from infra_mind.artefacts.terraform.expressions import Scope, absolute, evaluate, follow, settled
from infra_mind.artefacts.terraform.iam_policy import policy_json
from infra_mind.artefacts.terraform.instances import Instance, instances, is_repeated, times
from infra_mind.artefacts.terraform.kinds import provider_of
from infra_mind.artefacts.terraform.run import AbsentModule, Run
from infra_mind.artefacts.terraform.syntax import GetAttribute, GetIndex, Splat, Step
from infra_mind.artefacts.terraform.types import converted
from infra_mind.artefacts.terraform.values import EvaluationError, Unknown, as_text, encoded
from infra_mind.model.inventory import CallSite, Format, Resource

_MOST_MODULES = 2_000  # instances of modules in one inventory
_PENDING = object()


class Module:
    """One instance of a module. Values are found when they are asked for, each once; a circle is an unknown."""

    def __init__(
        self,
        run: Run,
        configuration: Configuration,
        inputs: Mapping[str, Any],
        *,
        parent: Module | None = None,
        prefix: str = "",
        block_prefix: str = "",
        count: int | None = 1,
        calls: tuple[CallSite, ...] = (),
    ) -> None:
        self._run, self._configuration, self._inputs = run, configuration, inputs
        self.parent, self.prefix, self.block_prefix, self._count = parent, prefix, block_prefix, count
        self.calls = calls
        self.scope = Scope(self, {}, run.budget)
        self._known: dict[tuple[str, ...], Any] = {}
        self._calls: dict[str, list[tuple[Instance, Module]] | None] = {}
        run.visited.add(configuration.folder)

    # -- what names mean

    def resolve(self, root: str, steps: tuple[Step, ...], scope: Scope) -> Any:
        """See `Names`."""
        name = steps[0].name if steps and isinstance(steps[0], GetAttribute) else None
        if root == "var" and name:
            return follow(self._once(("var", name)), steps[1:], scope)
        if root == "local" and name:
            return follow(self._once(("local", name)), steps[1:], scope)
        if root == "module" and name:
            return self._module_value(name, steps, scope)
        if root == "path" and name:
            return {
                "module": self._configuration.folder or ".",
                "root": self._root_folder() or ".",
                "cwd": ".",
            }.get(name, Unknown(f"path.{name}"))
        if root == "data" and name and len(steps) >= 3:
            return self._data_value(name, steps, scope)
        if root in ("count", "each"):
            raise EvaluationError(f"{root} has no meaning here")
        return absolute(self.prefix, root, steps, scope)

    def call_file_function(self, name: str, arguments: list[Any], scope: Scope) -> Any:
        """See `Names`."""
        return self._run.files.call(name, arguments, (self._configuration.folder, self._root_folder()), scope)

    def _root_folder(self) -> str:
        module = self
        while module.parent:
            module = module.parent
        return module._configuration.folder

    def _once(self, key: tuple[str, ...]) -> Any:
        """The value under this key, found at most once; asked for while it is being found, it refers to itself."""
        if key not in self._known:
            self._known[key] = _PENDING
            budget = self._run.budget
            budget.depth += 2  # a reference takes more stack than an operand
            try:
                value = self._find(key)
            except EvaluationError as error:
                value = Unknown(f"{self.prefix}{'.'.join(key)}: {error}")
            finally:
                budget.depth -= 2
            if not budget.charge(value):
                value = Unknown(f"{self.prefix}{'.'.join(key)} is too large")
            self._known[key] = value
        value = self._known[key]
        return Unknown(f"{self.prefix}{'.'.join(key)} refers to itself") if value is _PENDING else value

    def _find(self, key: tuple[str, ...]) -> Any:
        kind, name = key[0], key[1]
        if kind == "var":
            return self._variable(name)
        if kind == "local":
            attribute = self._configuration.locals.get(name)
            return (
                evaluate(attribute.value, self.scope) if attribute else Unknown(f"{self.prefix}local.{name}")
            )
        if kind == "output":
            return self._output(name)
        return self._policy(key[1], key[2])

    def _variable(self, name: str) -> Any:
        declared = self._configuration.variables.get(name)
        type_ = declared.block.body.attribute("type") if declared else None
        value = self._given(name, declared)
        if type_ is None:
            return value
        return converted(value, type_.value, lambda default: evaluate(default, self.scope))

    def _given(self, name: str, declared: Declared | None) -> Any:
        if name in self._inputs:
            given = self._inputs[name]
            value = given() if callable(given) else given
            if value is not None or declared is None or self._takes_null(declared):
                return value
        default = declared.block.body.attribute("default") if declared else None
        return evaluate(default.value, self.scope) if default else Unknown(f"{self.prefix}var.{name}")

    def _takes_null(self, declared: Declared) -> bool:
        """True unless the variable says `nullable = false`: then a null that is given stands for the default."""
        nullable = declared.block.body.attribute("nullable")
        return nullable is None or settled(nullable.value, self.scope) is not False

    def output(self, name: str) -> Any:
        """Value of an output."""
        return self._once(("output", name))

    def _output(self, name: str) -> Any:
        declared = self._configuration.outputs.get(name)
        value = declared.block.body.attribute("value") if declared else None
        if value is None:
            raise EvaluationError("the module has no such output")
        return evaluate(value.value, self.scope)

    def _data_value(self, kind: str, steps: tuple[Step, ...], scope: Scope) -> Any:
        second, third = steps[1], steps[2]
        name = second.name if isinstance(second, GetAttribute) else ""
        if (
            kind != "aws_iam_policy_document"
            or not isinstance(third, GetAttribute)
            or third.name not in ("json", "minified_json")
        ):
            return absolute(self.prefix, "data", steps, scope)
        if (kind, name) not in self._configuration.data or is_repeated(self._configuration.data[kind, name]):
            return absolute(self.prefix, "data", steps, scope)
        return self._once(("data", kind, name))

    def _policy(self, kind: str, name: str) -> str:
        declared = self._configuration.data[kind, name]
        return policy_json(Values(self.scope).of(declared.block.body))

    # -- calls of other modules

    def _module_value(self, name: str, steps: tuple[Step, ...], scope: Scope) -> Any:
        called = self.called(name)
        if called is None:
            return absolute(self.prefix, "module", steps, scope)
        if len(called) == 1 and not called[0][0].suffix:
            instance, module = called[0]
            if instance.count != 1:
                return absolute(self.prefix, "module", steps, scope)
            return self._output_at(module, steps[1:], scope)
        return self._repeated_value(called, steps, scope)

    def _output_at(self, module: Module, steps: tuple[Step, ...], scope: Scope) -> Any:
        if not steps or not isinstance(steps[0], GetAttribute):
            return {n: module.output(n) for n in sorted(module._configuration.outputs)}
        return follow(module.output(steps[0].name), steps[1:], scope)

    def _repeated_value(
        self, called: list[tuple[Instance, Module]], steps: tuple[Step, ...], scope: Scope
    ) -> Any:
        rest = steps[1:]
        if rest and isinstance(rest[0], GetIndex):
            key = evaluate(rest[0].index, scope)
            wanted = [m for i, m in called if i.suffix == f"[{encoded(key)}]"]
            return (
                self._output_at(wanted[0], rest[1:], scope)
                if wanted
                else absolute(self.prefix, "module", steps, scope)
            )
        if rest and isinstance(rest[0], Splat):
            inner = rest[0].steps + rest[1:]
            return [self._output_at(m, inner, scope) for _, m in called]
        values = [self._output_at(m, (), scope) for _, m in called]
        keys = [i.bindings.get("each", {}).get("key") for i, _ in called]
        whole: Any = (
            dict(zip(map(as_text, keys), values, strict=True)) if any(k is not None for k in keys) else values
        )
        return follow(whole, rest, scope)

    def called(self, name: str) -> list[tuple[Instance, Module]] | None:
        """The instances of a module call; None when its folder is not there."""
        if name not in self._calls:
            self._calls[name] = None  # while it is being found: a circle of calls
            self._calls[name] = self._call(name)
        return self._calls[name]

    def _call(self, name: str) -> list[tuple[Instance, Module]] | None:
        declared = self._configuration.modules.get(name)
        configuration = self._called_configuration(name, declared) if declared else None
        if declared is None or configuration is None:
            return None
        found = []
        for instance in instances(declared, self.scope):
            self._run.modules += 1
            if self._run.modules > _MOST_MODULES:
                reason = f"module {name!r}: more than {_MOST_MODULES} modules in all"
                self._run.leave_out(declared.path, reason, declared.block.lines.start, "limit")
                break
            found.append((instance, self._instance_of(name, declared, configuration, instance)))
        return found

    def _called_configuration(self, name: str, declared: Declared) -> Configuration | None:
        line, source = declared.block.lines.start, module_source(declared)
        reason, kind = "", "unreadable"
        if source is None:
            reason = f"module {name!r}: its source is not a plain text"
        elif not is_local(source):
            there = self._run.downloaded.module_of(self._root_folder(), f"{self.block_prefix}module.{name}")
            configuration = self._run.configurations.get(there.folder if there else "")
            shown, kind = _without_password(source)[:200], "remote_module"
            reason = f"module {name!r} comes from {shown}, which was not handed in"
            if there and configuration and not self._is_inside(there.folder):
                if there.answers(source, module_version(declared)):
                    return configuration
                reason = f"module {name!r} asks for another version or source ({shown}) than what `terraform init` has downloaded"
        else:
            folder = joined(self._configuration.folder, source)
            configuration = self._run.configurations.get(folder) if folder is not None else None
            if configuration and not self._is_inside(configuration.folder):
                return configuration
            if configuration:
                reason = f"module {name!r}: {source[:200]} calls itself"
            else:
                reason, kind = f"module {name!r}: the folder {source[:200]} was not handed in", "not_sent"
        absent = AbsentModule(
            self._root_folder(), f"{self.block_prefix}module.{name}", (*self.calls, _site(name, declared))
        )
        self._run.absent.setdefault((declared.path, line), []).append(absent)
        self._run.leave_out(declared.path, reason, line, kind)
        return None

    def _is_inside(self, folder: str) -> bool:
        module: Module | None = self
        while module:
            if module._configuration.folder == folder:
                return True
            module = module.parent
        return False

    def _instance_of(
        self, name: str, declared: Declared, configuration: Configuration, instance: Instance
    ) -> Module:
        scope = self.scope.bound(instance.bindings)
        inputs = {
            a.name: _Argument(a.value, scope)
            for a in declared.block.body.attributes
            if a.name not in ("source", "version", "count", "for_each", "providers", "depends_on")
        }
        return Module(
            self._run,
            configuration,
            inputs,
            parent=self,
            prefix=f"{self.prefix}module.{name}{instance.suffix}.",
            block_prefix=f"{self.block_prefix}module.{name}.",
            count=times(self._count, instance.count),
            calls=(*self.calls, _site(name, declared)),
        )

    # -- what comes out

    def emit(self) -> None:
        """Adds the resources of this module and of those that it calls to the run."""
        for declared in self._configuration.resources:
            for instance in instances(declared, self.scope):
                if self._run.is_full():
                    return
                self._run.parsed.resources.append(self._resource(declared, instance))
        for declared in self._configuration.others:
            if self._run.is_full():
                return
            self._run.parsed.resources.append(self._setting(declared))
        for name in self._configuration.modules:
            for _, module in self.called(name) or ():
                module.emit()

    def _resource(self, declared: Declared, instance: Instance) -> Resource:
        block = declared.block
        kind, name = block.labels
        mode = "data." if block.type == "data" else ""
        own = f"{mode}{kind}.{name}"
        return self._built(
            declared,
            f"{own}{instance.suffix}",
            own,
            mode + kind,
            name,
            kind,
            instance.bindings,
            times(self._count, instance.count),
        )

    def _setting(self, declared: Declared) -> Resource:
        if declared.block.type == "terraform":
            return self._built(declared, "terraform", "terraform", "terraform", "terraform", "", {}, 1)
        kind = declared.block.labels[0]
        alias = declared.block.body.attribute("alias")
        name = (
            as_text(alias_value)
            if alias and isinstance(alias_value := settled(alias.value, self.scope), str)
            else "default"
        )
        own = f"provider.{kind}" + (f".{name}" if alias else "")
        return self._built(declared, own, own, f"provider.{kind}", name, f"{kind}_", {}, 1)

    def _built(
        self,
        declared: Declared,
        address: str,
        block: str,
        kind: str,
        name: str,
        type_: str,
        bindings: Mapping[str, Any],
        count: int | None,
    ) -> Resource:
        values = Values(self.scope.bound(bindings))
        return Resource(
            address=self.prefix + address,
            block=self.block_prefix + block,
            format=Format.TERRAFORM,
            kind=kind,
            name=name,
            provider=provider_of(type_),
            artefact=declared.path,
            line_start=declared.block.lines.start,
            line_end=declared.block.lines.end,
            values=values.of(declared.block.body),
            lines=values.lines,
            count=count,
            calls=self.calls,
        )


def _site(name: str, declared: Declared) -> CallSite:
    lines = declared.block.lines
    return CallSite(name=name, artefact=declared.path, line_start=lines.start, line_end=lines.end)


@dataclass(frozen=True)
class _Argument:
    """An argument of a module call, evaluated in the caller when the module asks for it."""

    expression: Any
    scope: Scope

    def __call__(self) -> Any:
        return evaluate(self.expression, self.scope)


def _without_password(source: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//***@", source)


def run_all(run: Run, roots: list[str], inputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Emits every root, then the folders that only a circle of modules reaches."""
    for folder in [*roots, *sorted(run.configurations)]:
        if folder not in run.visited and folder not in run.downloaded.folders:
            Module(run, run.configurations[folder], inputs.get(folder, {})).emit()
