"""One run of the chaos suite: callers, faults one after the other, and at the end the history and what it contradicts."""

from __future__ import annotations

import itertools
import random
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from infra_mind.client import Client
from infra_mind.model.task import Task, TaskState
from tests.chaos.faults import Fault
from tests.chaos.history import History, Lasting, StoreReader, append_only_files
from tests.chaos.invariants import violations
from tests.chaos.load import Caller, Witness, insist
from tests.chaos.receiver import OFFERED, Receiver
from tests.waiting import wait_until

PREFIX = "im:"  # that of `RedisStore`
CALLERS = 8
CANCELS = 0.2
REFUSED_S = 8.0  # the first pause of the outbox, with its jitter
END_S = 120.0  # for what was accepted to end once nothing is killed any more


@dataclass(frozen=True)
class Site:
    """A platform that runs: how to call it, where its store is, what can be killed. `address`: where it reaches us."""

    client: Callable[[], Client]
    store_url: str = field(repr=False)
    store_directory: Path
    faults: Sequence[Fault]
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Struck:
    """`back_s`: from the blow until an assessment that was started after it had ended well."""

    fault: str
    what: str
    back_s: float


@dataclass(frozen=True)
class Report:
    seed: int
    seconds: float
    struck: tuple[Struck, ...]
    history: History
    failures: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def broken(self) -> list[str]:
        found = violations(self.history)
        return [f"{name}: {line}" for name, lines in found.items() for line in lines] + list(self.problems)

    def text(self) -> str:
        return "\n".join(_lines(self))


def run(
    site: Site, witness: Witness, *, seed: int, duration_s: float, once: bool = False, callers: int = CALLERS
) -> Report:
    """Each fault in turn, in an order that follows from the seed, then by chance, until the time is over; `once`: each in turn and
    no more, however long it takes."""
    with Receiver(site.address) as receiver:
        return _run(site, witness, receiver, seed=seed, duration_s=duration_s, once=once, count=callers)


def _run(
    site: Site, witness: Witness, receiver: Receiver, *, seed: int, duration_s: float, once: bool, count: int
) -> Report:
    begin, end = time.monotonic(), threading.Event()
    until = begin + duration_s + END_S
    webhook = receiver.url if OFFERED else None
    options: dict[str, Any] = {
        "seed": seed,
        "cancels": CANCELS,
        "end": end,
        "until": until,
        "webhook": webhook,
    }
    callers = [Caller(site.client, witness, number=n, **options) for n in range(1, count + 1)]
    for caller in callers:
        caller.start()
    probe = Caller(site.client, witness, number=0, **options)
    with site.client() as client:
        struck = tuple(_strikes(site, client, probe, seed, None if once else begin + duration_s))
        end.set()
        for caller in callers:
            caller.join(max(0.1, until - time.monotonic()))
        tasks = [_look(client, task, until) for task in list(witness.accepted)]
    _until_told(witness, receiver, until)
    problems = tuple(f"{c.name}: {c.problem!r}" for c in callers if c.problem)
    seconds = time.monotonic() - begin
    return Report(seed, seconds, struck, collect(site, witness, receiver), _failures(tasks), problems)


def _look(client: Client, task: str, until: float) -> Task:
    return insist(lambda: client.task(task), until)


def _failures(tasks: Sequence[Task]) -> tuple[str, ...]:
    return tuple(
        f"{task.task_id} {task.error.type if task.error else ''}: {task.error.message if task.error else ''}"
        for task in tasks
        if task.state is TaskState.FAILURE
    )


def _until_told(witness: Witness, receiver: Receiver, until: float) -> None:
    """Waits until every end has been told; what is missing then shows in the history. What was refused comes once more within
    `REFUSED_S`, or in minutes when its second attempt was cut off too: that is not waited for."""
    while time.monotonic() < until and not receiver.heard.issuperset(witness.hooked):
        time.sleep(0.1)
    until = min(until, time.monotonic() + REFUSED_S)
    while time.monotonic() < until and not receiver.taken.issuperset(witness.hooked):
        time.sleep(0.1)


def _strikes(site: Site, client: Client, probe: Caller, seed: int, end: float | None) -> Iterator[Struck]:
    chance = random.Random(f"{seed}/faults")
    first = chance.sample(list(site.faults), len(site.faults))
    by_chance = iter(lambda: chance.choice(list(site.faults)), None) if end else ()
    for fault in itertools.chain(first, by_chance):
        if end and time.monotonic() >= end:
            return
        time.sleep(chance.uniform(0.5, 1.5))
        what = _strike(fault, chance)
        begin = time.monotonic()
        try:
            probe.ended(client, probe.begin(client, {}, priority="critical"))
        finally:
            yield Struck(fault.name, what, time.monotonic() - begin)
            fault.heal()


def _strike(fault: Fault, chance: random.Random) -> str:
    """What it hit; waits until there is something to hit."""
    return wait_until(f"there is something for the fault {fault.name}", lambda: fault.strike(chance))


def collect(site: Site, witness: Witness, receiver: Receiver) -> History:
    reader = StoreReader(PREFIX)
    files = append_only_files(site.store_directory)
    assert [file.name for file in files] == ["appendonly.aof.1.incr.aof"], "the store has rewritten its file: its beginning is gone"  # fmt: skip
    for file in files:
        reader.read(file.read_bytes())
    known = History(
        accepted=tuple(witness.accepted),
        cancelled=tuple(witness.cancelled),
        starts=witness.starts(),
        alive=tuple(witness.alive),
        unreached=tuple(witness.unreached.values()),
        hooked=tuple(witness.hooked),
        deliveries=tuple(receiver.told),
        lasting=tuple(lasting(site.store_url, witness.accepted, PREFIX)),
    )
    return reader.into(known)


def lasting(url: str, tasks: Mapping[str, str], prefix: str) -> Iterator[Lasting]:
    """Every key without expiry that names or holds one of the tasks or its assessment. `tasks`: assessment by task."""
    owner = {assessment: task for task, assessment in tasks.items()} | {task: task for task in tasks}
    with redis.Redis.from_url(url, protocol=2) as raw:
        for key in raw.scan_iter(f"{prefix}*", count=1000):
            if raw.pttl(key) != -1 or _to_be_told(raw, key, prefix):
                continue
            words = b"\n".join([key, *_held(raw, key)]).decode("utf-8", "replace")
            for name in {name for name in owner if name in words}:
                yield Lasting(key.decode(), owner[name])


def _to_be_told(raw: Any, key: bytes, prefix: str) -> bool:
    """A webhook whose delivery has not ended yet outlives its task."""
    kind, _, _ = key.decode().removeprefix(prefix).partition(":")
    if kind == "webhook":
        return bool(raw.hget(key, "state") == b"pending")
    if kind == "webhooks":
        ids = raw.lrange(key, 0, -1)
        return any(raw.hget(f"{prefix}webhook:{one.decode()}", "state") == b"pending" for one in ids)
    return False


def _held(raw: Any, key: bytes) -> list[bytes]:
    kind = raw.type(key).decode()
    if kind == "hash":
        return [part for pair in raw.hgetall(key).items() for part in pair]
    if kind == "zset":
        return list(raw.zrange(key, 0, -1))
    if kind == "set":
        return list(raw.smembers(key))
    if kind == "list":
        return list(raw.lrange(key, 0, -1))
    if kind == "stream":
        return [part for _, fields in raw.xrange(key) for pair in fields.items() for part in pair]
    return [raw.get(key)]


def _lines(report: Report) -> Iterator[str]:
    history = report.history
    ends = Counter(end.state for end in history.ends)
    yield f"seed {report.seed}: {len(history.accepted)} assessments in {report.seconds:.0f} s, {len(history.starts)} agents started, {sum(1 for s in history.starts if s.ended is None)} cut off, {len(history.claims)} claims, {len(history.cancelled)} cancelled"
    yield "ended: " + ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
    times: dict[str, list[float]] = defaultdict(list)
    for one in report.struck:
        times[one.fault].append(one.back_s)
    yield ""
    yield f"{'killed':<16}{'times':>6}{'back in s, median':>20}{'longest':>9}"
    for name, seconds in times.items():
        yield f"{name:<16}{len(seconds):>6}{statistics.median(seconds):>20.1f}{max(seconds):>9.1f}"
    yield ""
    if history.unreached:
        yield f"{len(history.unreached)} runs of cancelled tasks went on while nobody could tell them, until {max(one.seconds for one in history.unreached):.0f} s after the cancel"
    for name, lines in violations(history).items():
        yield f"{'holds ' if not lines else 'BROKEN'}  {name}"
        yield from (f"          {line}" for line in lines[:10])
    yield from (f"failed  {line}" for line in report.failures)
    yield from (f"problem {line}" for line in report.problems)
