"""Terraform files → resources: each is parsed by itself, then folders are joined to modules, and each root is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra_mind.artefacts.downloaded import Downloaded
from infra_mind.artefacts.parsed import Parsed, Unreadable
from infra_mind.artefacts.plan import Plan
from infra_mind.artefacts.terraform import hcl, json_syntax
from infra_mind.artefacts.terraform.configuration import Configuration, folder_of, is_override, root_folders
from infra_mind.artefacts.terraform.expressions import Scope, settled
from infra_mind.artefacts.terraform.files import Files
from infra_mind.artefacts.terraform.modules import run_all
from infra_mind.artefacts.terraform.planned import given, joined, roots_of
from infra_mind.artefacts.terraform.run import Run
from infra_mind.artefacts.terraform.syntax import Body
from infra_mind.model.inventory import TOO_LARGE, Artefact, UnreadFile
from infra_mind.settings import IntakeLimits

_VARIABLES = (".tfvars", ".tfvars.json")


def parse(artefact: Artefact, limits: IntakeLimits) -> Body | UnreadFile | None:
    """The syntax of one file, or why there is none; None for a template, which is read where a configuration asks for it."""
    path, text = artefact.path, artefact.content
    if not path.endswith((".tf", ".tf.json", *_VARIABLES)):
        return None
    if text is None:
        return artefact.unread()
    if len(text) > limits.max_file:
        reason = f"{TOO_LARGE} of {limits.max_file} bytes"
        return UnreadFile(artefact=path, reason=reason, kind="too_large")
    try:
        if path.endswith(".tfvars.json"):
            return json_syntax.read_variables(path, text, limits)
        if path.endswith(".json"):
            return json_syntax.read(path, text, limits)
        return hcl.read(path, text, limits)
    except Unreadable as error:
        return error.as_unread()
    except RecursionError:
        return UnreadFile(artefact=path, reason="nested too deeply", kind="limit")


def resolve(
    bodies: Iterable[tuple[str, Body]],
    every: Sequence[Artefact],
    limits: IntakeLimits,
    plans: Sequence[Plan] = (),
) -> Parsed:
    """Resources of parsed files, given with their paths, and of plans; `every` holds what `file()` may ask for.

    A plan of a configuration that is among the files gives the values, the files say where they stand."""
    files = Files(every, limits)
    run = Run({}, files, limits, downloaded=Downloaded(every))
    variables: dict[str, list[tuple[str, Body]]] = {}
    for path, body in sorted(bodies, key=lambda given: is_override(given[0])):
        _place(path, body, run, variables)
    scope = Scope(files.nothing, {}, run.budget)
    inputs: dict[str, Mapping[str, Any]] = {
        folder: _inputs(found, scope) for folder, found in variables.items()
    }
    roots = root_folders(run.configurations, run.downloaded.folders)
    planned = roots_of(plans, run.configurations, roots)
    inputs.update(
        {root: {**inputs.get(root, {}), **values} for root, values in given(plans, planned).items()}
    )
    run_all(run, roots, inputs)
    run.parsed = joined(run, plans, planned)
    run.parsed.unread += [files.missing[path] for path in sorted(files.missing)]
    return run.parsed


def _place(path: str, body: Body, run: Run, variables: dict[str, list[tuple[str, Body]]]) -> None:
    folder = folder_of(path)
    if not path.endswith(_VARIABLES):
        run.configurations.setdefault(folder, Configuration(folder)).add(path, body)
    elif is_loaded(path):
        variables.setdefault(folder, []).append((path, body))
    else:
        reason = "Terraform does not load it by itself (only terraform.tfvars and *.auto.tfvars): its values are not used"
        run.leave_out(path, reason, None, "unsupported")


def is_loaded(path: str) -> bool:
    """True for the variable files that Terraform loads without being told."""
    name = path.rpartition("/")[2]
    return name in ("terraform.tfvars", "terraform.tfvars.json") or name.endswith(
        (".auto.tfvars", ".auto.tfvars.json")
    )


def _inputs(found: list[tuple[str, Body]], scope: Scope) -> Mapping[str, Any]:
    """Values by name; `terraform.tfvars` first, then the automatic ones in order, the last one wins."""
    ordered = sorted(found, key=lambda f: (".auto." in f[0], f[0]))
    return {a.name: settled(a.value, scope) for _, body in ordered for a in body.attributes}
