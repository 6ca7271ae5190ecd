"""What must hold whatever is killed (docs/design.md), each as a pure function: a history in, what contradicts it out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from infra_mind.model.task import ENDED, TaskState
from tests.chaos.history import Committed, History
from tests.chaos.load import REACHED_AFTER_S

Invariant = Callable[[History], list[str]]


def what_was_accepted_has_ended(history: History) -> list[str]:
    ended = {end.task for end in history.ends}
    return [f"{task} was accepted and has not ended" for task in history.accepted if task not in ended]


def one_terminal_state(history: History) -> list[str]:
    """Also one terminal event: who watches sees one end."""
    states, events = Counter(end.task for end in history.ends), Counter(history.end_events)
    return [f"{task} ended {count} times" for task, count in states.items() if count != 1] + [
        f"{task} told its end {events[task]} times" for task in states | events if events[task] != 1
    ]


def fences_only_grow(history: History) -> list[str]:
    newest: dict[str, int] = {}
    wrong = []
    for claim in history.claims:
        if claim.fence <= newest.get(claim.task, 0):
            wrong.append(f"{claim.task} was claimed under {claim.fence} after {newest.get(claim.task, 0)}")
        newest[claim.task] = max(claim.fence, newest.get(claim.task, 0))
    return wrong


def no_commit_under_a_stale_fence(history: History) -> list[str]:
    """Neither by who has lost the lease, nor after the end, nor without a claim."""
    fence_of = {start.id: start.fence for start in history.starts}
    wrong = []
    for kept in history.commits:
        if kept.fence == 0 or kept.state in {TaskState.PENDING, *ENDED}:
            wrong.append(f"{kept.task} kept {kept.step} while it was {kept.state} under {kept.fence}")
        wrong += [
            f"{kept.task} kept {kept.step} of fence {fence_of[start]} under {kept.fence}"
            for start in kept.starts
            if fence_of.get(start, kept.fence) != kept.fence
        ]
    wrong += [
        f"{end.task} ended by fence {end.finished_by} under {end.fence}"
        for end in history.ends
        if end.finished_by not in (None, end.fence)
    ]
    return wrong


def nothing_kept_is_reckoned_again(history: History) -> list[str]:
    """A start of the same step on the same inputs under a later claim than the one that kept it, or later under the same."""
    by_id = {start.id: start for start in history.starts}
    kept: dict[tuple[str, str, str], list[tuple[Committed, str]]] = defaultdict(list)
    for commit in history.commits:
        for own in commit.starts:
            if own in by_id:
                kept[commit.task, commit.step, by_id[own].inputs].append((commit, own))
    return [
        f"{start.task} started {start.step} under {start.fence} though it was kept under {commit.fence}"
        for start in history.starts
        for commit, own in kept.get((start.task, start.step, start.inputs), ())
        if start.id != own
        and (
            start.fence > commit.fence or (start.fence == commit.fence and commit.at and start.at > commit.at)
        )
    ]


def nothing_runs_after_cancel(history: History) -> list[str]:
    """No process of it is alive 5 s later where it could be told, and it does not end well all the same."""
    well = {end.task for end in history.ends if end.state == TaskState.SUCCESS}
    return [
        f"{start.step} of {start.task} runs in process {start.pid}, long after the cancel"
        for start in history.alive
    ] + [f"{task} was cancelled and ended as SUCCESS" for task in history.cancelled if task in well]


def nothing_outlasts_its_absence(history: History) -> list[str]:
    """Who is cut off cannot be told, and ends by itself only after a minute: what can be promised is the time from when it is back."""
    return [
        f"{one.start.step} of {one.start.task} ran {one.seconds:.0f} s after the cancel, {one.back_s:.0f} s after it could be told"
        for one in history.unreached
        if one.back_s > REACHED_AFTER_S
    ]


def one_webhook_id_per_end(history: History) -> list[str]:
    """At least one delivery where one was asked for, and all of them under one id, which no other task has."""
    ids: dict[str, set[str]] = {task: set() for task in history.hooked}
    for delivery in history.deliveries:
        ids.setdefault(delivery.task, set()).add(delivery.webhook_id)
    owners = Counter(one for found in ids.values() for one in found)
    return [f"{task} was told under {len(found)} ids" for task, found in ids.items() if len(found) != 1] + [
        f"{one} tells of {count} tasks" for one, count in owners.items() if count > 1
    ]


def nothing_lasts_after_the_end(history: History) -> list[str]:
    ended = {end.task for end in history.ends}
    return [f"{one.key} never expires and holds {one.task}" for one in history.lasting if one.task in ended]


INVARIANTS: Mapping[str, Invariant] = {
    "accepted ⊆ ended": what_was_accepted_has_ended,
    "one terminal state per task": one_terminal_state,
    "fences only grow": fences_only_grow,
    "no commit under a stale fence": no_commit_under_a_stale_fence,
    "nothing kept is reckoned again": nothing_kept_is_reckoned_again,
    "cancelled: nothing of it runs 5 s later": nothing_runs_after_cancel,
    "cancelled where nobody could tell it: nothing of it runs 10 s after somebody can": nothing_outlasts_its_absence,
    "one webhook id per end": one_webhook_id_per_end,
    "no key without expiry after the end": nothing_lasts_after_the_end,
}


def violations(history: History) -> dict[str, list[str]]:
    """By invariant, in the order of `INVARIANTS`; empty lists where it holds."""
    return {name: holds(history) for name, holds in INVARIANTS.items()}


def broken(history: History) -> list[str]:
    """Every violation as one line."""
    return [f"{name}: {line}" for name, lines in violations(history).items() for line in lines]
