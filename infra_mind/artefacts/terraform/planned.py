"""Plans and the files that they were made of: the plan gives the values, the files say where they stand.

A plan belongs to the root folder whose blocks it plans, the one that it lies in before others. What several folders could have made
stays by itself, and this is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from infra_mind.artefacts.parsed import Parsed
from infra_mind.artefacts.plan import Plan
from infra_mind.artefacts.plan.values import is_hidden
from infra_mind.artefacts.terraform.blocks_alike import lines_of_twin
from infra_mind.artefacts.terraform.configuration import Configuration, folder_of
from infra_mind.artefacts.terraform.run import Run
from infra_mind.artefacts.terraform.values import Unknown
from infra_mind.model.inventory import CallSite, Resource, UnreadFile, is_unresolvable

# What a block says to Terraform itself; no plan has it among the values.
_META = frozenset({"lifecycle", "provisioner", "connection", "depends_on", "provider"})
_MOST_PAIRS = 100_000  # of a plan and a root folder
_NOT_PLANNED = ("data.", "provider.", "terraform")


def roots_of(
    plans: Sequence[Plan], configurations: Mapping[str, Configuration], roots: Sequence[str]
) -> list[str | None]:
    """For each plan the root folder of its configuration, None where it is not among the files or cannot be told."""
    declared = {root: _declared(configurations[root]) for root in roots} if plans else {}
    few = (
        len(plans) * len(roots) <= _MOST_PAIRS
    )  # else the folder that a plan lies in is the only one that is looked at
    return [_root_of(plan, declared, few) for plan in plans]


def _root_of(plan: Plan, declared: Mapping[str, frozenset[str]], look_further: bool) -> str | None:
    wanted, own = _planned_at_the_root(plan), folder_of(plan.path)
    if not wanted:
        return None
    if _fits(wanted, declared.get(own, frozenset())):
        return own
    fitting = (
        {
            root: _rank(root, len(wanted & blocks), own)
            for root, blocks in declared.items()
            if _fits(wanted, blocks)
        }
        if look_further
        else {}
    )
    best = max(fitting.values(), default=None)
    found = sorted(root for root, rank in fitting.items() if rank == best)
    if len(found) > 1:
        reason = f"several of the folders may be its configuration ({', '.join(found[:3])}): put it into the one that it was made of"
        plan.unread.append(UnreadFile(artefact=plan.path, reason=reason, kind="plan"))
        return None
    return found[0] if found else None


def _fits(wanted: frozenset[str], blocks: frozenset[str]) -> bool:
    """True where at least half of what a plan plans stands in a folder."""
    return 2 * len(wanted & blocks) >= len(wanted)


def _rank(root: str, score: int, own: str) -> tuple[int, int]:
    pairs = zip(root.split("/"), own.split("/"), strict=False)
    return score, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _declared(configuration: Configuration) -> frozenset[str]:
    blocks = (d.block for d in configuration.resources)
    found = {f"{'data.' if b.type == 'data' else ''}{'.'.join(b.labels)}" for b in blocks}
    return frozenset(found | {f"module.{name}" for name in configuration.modules})


def _planned_at_the_root(plan: Plan) -> frozenset[str]:
    blocks = plan.declared or [r.block for r in plan.resources if not r.kind.startswith("provider.")]
    return frozenset(".".join(b.split(".")[:2]) if b.startswith("module.") else b for b in blocks)


def given(plans: Sequence[Plan], roots: Sequence[str | None]) -> dict[str, dict[str, Any]]:
    """For each root the values of its variables; what two plans of it give differently is not known."""
    found: dict[str, dict[str, Any]] = {}
    for plan, root in zip(plans, roots, strict=True):
        if root is None:
            continue
        values = {**plan.inputs, **{name: Unknown(f"var.{name}") for name in plan.hidden}}
        known = found.setdefault(root, values)
        for name in values:
            if name in known and known[name] != values[name]:
                known[name] = Unknown(f"var.{name}")
    return found


def joined(run: Run, plans: Sequence[Plan], roots: Sequence[str | None]) -> Parsed:
    """What the files gave, with the plans in it."""
    if not plans:
        return run.parsed
    places = _by_place(run.parsed.resources, {root for root in roots if root is not None})
    found = Parsed(unread=[u for plan in plans for u in plan.unread])
    absent = {(m.root, m.block): m.calls for modules in run.absent.values() for m in modules}
    taken: set[tuple[str, str]] = set()
    of_root: dict[str, list[Plan]] = {}
    for plan, root in zip(plans, roots, strict=True):
        if root is not None:
            of_root.setdefault(root, []).append(plan)
        for resource in plan.resources:
            twins = places.get((root, resource.block), []) if root is not None else []
            if twins:
                taken.add((root or "", resource.block))
                found.resources.append(_merged(resource, twins, plan))
            else:
                calls = _calls(root, resource.block, absent)
                found.resources.append(resource.model_copy(update={"calls": calls}) if calls else resource)
    found.resources += [r for r in run.parsed.resources if _stays(r, taken, of_root)]
    found.unread += [u for u in run.parsed.unread if not _is_planned(u, run, of_root)]
    return found


def _root(resource: Resource) -> str:
    return folder_of(resource.calls[0].artefact if resource.calls else resource.artefact)


def _by_place(resources: Iterable[Resource], roots: set[str]) -> dict[tuple[str | None, str], list[Resource]]:
    places: dict[tuple[str | None, str], list[Resource]] = {}
    for resource in resources:
        if (root := _root(resource)) in roots:
            places.setdefault((root, resource.block), []).append(resource)
    return places


def _stays(resource: Resource, taken: set[tuple[str, str]], of_root: Mapping[str, list[Plan]]) -> bool:
    """False for what a plan has, and for what it has none of because its `count` is 0. A block without `count` that a plan knows and
    does not plan was not a target of it; one that it does not know was written since."""
    root = _root(resource)
    if (root, resource.block) in taken:
        return False
    plans = of_root.get(root, ())
    if not plans or resource.kind.startswith(_NOT_PLANNED):
        return True
    return not all(plan.declared.get(resource.block, False) for plan in plans)


def _is_planned(item: UnreadFile, run: Run, of_root: Mapping[str, list[Plan]]) -> bool:
    """True for a module that was not handed in where the plans hold what it makes."""
    calls = (
        run.absent.get((item.artefact, item.line), ()) if item.kind in ("remote_module", "not_sent") else ()
    )
    return bool(calls) and all(
        call.root in of_root and all(call.block in plan.declared for plan in of_root[call.root])
        for call in calls
    )


def _calls(
    root: str | None, block: str, absent: Mapping[tuple[str, str], tuple[CallSite, ...]]
) -> tuple[CallSite, ...]:
    """The calls in the files that lead to a module which is not among them."""
    parts = block.split(".")
    for length in range(2, len(parts), 2) if root is not None and parts[0] == "module" else ():
        if (root or "", ".".join(parts[:length])) in absent:
            return absent[root or "", ".".join(parts[:length])]
    return ()


def _merged(resource: Resource, twins: Sequence[Resource], plan: Plan) -> Resource:
    twin = next((t for t in twins if t.address == resource.address), twins[0])
    values = dict(resource.values)
    later = set(plan.later.get(resource.address, ()))
    if resource.kind.startswith("provider."):
        values = {
            **values,
            **{n: v for n, v in twin.values.items() if n not in values or not is_unresolvable(v)},
        }
    for name, written in twin.values.items():
        there = values.get(name)
        if name not in values and (name in later or name in _META):
            values[name] = written
        elif (
            is_unresolvable(there)
            and not is_hidden(there)
            and (not is_unresolvable(written) or name not in resource.references)
        ):  # the files may know a part of it, a policy that names the ARN of a bucket, or where a local value leads
            values[name] = written
    return resource.model_copy(update={
        "artefact": twin.artefact, "line_start": twin.line_start, "line_end": twin.line_end, "calls": twin.calls,
        "values": values, "lines": lines_of_twin(values, twin),
    })  # fmt: skip
