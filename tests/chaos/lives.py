"""One task's life in this process, over the real store: dispatcher and runner are the real ones, steps are threads.

Every call that a process makes to the store goes through its `Link`, which can be told to fail at one call: to die there, to lose
the connection for that call, or to stand still (a stopped process, a network that is cut) while somebody else takes over."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from infra_mind.errors import Conflict, Unavailable
from infra_mind.model.task import AgentState, StartOptions, TaskState
from infra_mind.tasks.dispatcher import Dispatcher, DispatchLimits
from infra_mind.tasks.execution import LocalExecutor, StepCall, StepFailed, StepStopped
from infra_mind.tasks.plan import Plan, Step
from infra_mind.tasks.retry import RetryPolicy
from infra_mind.tasks.runner import RunLimits
from infra_mind.tasks.store import AgentUpdate, TaskStore
from tests.chaos.history import History, StoreReader, append_only_files, starts_of
from tests.chaos.run import lasting
from tests.contract.houses import RedisHouse
from tests.stores import wait_until
from tests.synthetic import diary

TENANT = "acme"
PLAN = Plan(
    (Step("a"), Step("b"), Step("c", needs=("a",), after=("b",)), Step("end", after=("a", "b", "c"), agent=False))
)  # fmt: skip
LIMITS = DispatchLimits(
    lease_s=60.0, poll_s=0.02, heartbeat_s=0.05, report_s=0.0, store_pause_s=0.01,
    run=RunLimits(grace_s=5.0, store_pause_s=0.01, retry=RetryPolicy(attempts=2, base_s=0.01)),
)  # fmt: skip
WAITING = ("claim", "heartbeat", "dispatchers", "signals")  # without a task
REPEATED = (*WAITING, "renew")  # as often as time passes: the first one counts


class Mode(StrEnum):
    DIES_BEFORE = "dies before the call"
    DIES_AFTER = "dies after the call"
    LOSES_BEFORE = "the call is lost"
    LOSES_AFTER = "the answer is lost"
    STANDS_BEFORE = "stands still before the call"
    STANDS_AFTER = "stands still after the call"

    @property
    def dies(self) -> bool:
        return self in (Mode.DIES_BEFORE, Mode.DIES_AFTER)

    @property
    def stands(self) -> bool:
        return self in (Mode.STANDS_BEFORE, Mode.STANDS_AFTER)

    @property
    def after(self) -> bool:
        return self in (Mode.DIES_AFTER, Mode.LOSES_AFTER, Mode.STANDS_AFTER)


@dataclass
class Link:
    """A process's way to the store. `calls` are the labels of what it called, in order."""

    store: TaskStore
    at: str = ""
    mode: Mode | None = None
    calls: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    dead: bool = False

    def __post_init__(self) -> None:
        self.open.set()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)
        if name == "signals":
            return lambda **options: self._listen(call, options)

        async def through(*args: Any, **options: Any) -> Any:
            label = self._label(name, args)
            await self._pass(label, after=False)
            answer = await call(*args, **options)
            await self._pass(label, after=True)
            self.answered.add(label)
            return answer

        return through

    def round(self, *labels: str) -> bool:
        """Whether each of these calls has been made at least once, or the fault has come."""
        return self.struck.is_set() or self.answered.issuperset(labels)

    async def _listen(
        self, call: Callable[..., AsyncIterator[Any]], options: dict[str, Any]
    ) -> AsyncIterator[Any]:
        label = self._label("signals", ())
        await self._pass(label, after=False)
        async for signal in call(**options):
            await self._pass(label, after=True)
            self.answered.add(label)
            yield signal

    def _label(self, name: str, args: tuple[Any, ...]) -> str:
        said = ""
        if name == "keep":
            said = f" {args[2].step}"
        elif name == "finish":
            said = f" {args[2]}"
        elif name == "update":
            said = "".join(f" {one.agent} {one.state} {one.progress:g}" for one in args[0])
        label = f"{name}{said}"
        if name not in REPEATED:
            label += f" {sum(1 for one in self.calls if one.startswith(label + ' ')) + 1}"
        self.calls.append(label)
        return label

    async def _pass(self, label: str, *, after: bool) -> None:
        if self.mode and label == self.at and after == self.mode.after and not self.struck.is_set():
            self.struck.set()
            self.dead = self.mode.dies
            if self.mode.stands:
                self.open.clear()
            elif not self.dead:
                raise Unavailable("the connection was lost")
        await self.open.wait()
        if self.dead:  # nothing of a dead process reaches the store, and it tidies nothing up
            raise asyncio.CancelledError


@dataclass(frozen=True)
class Life:
    """`does`: what a step does at its n-th start: `fail`, `flaky`, `wait` (until it is stopped, or `gate` opens)."""

    name: str
    ends: TaskState
    does: Mapping[str, str] = field(default_factory=dict)
    cancel: str = ""  # `waiting` or `running`
    drain: bool = False


LIVES = (
    Life("ends well", TaskState.SUCCESS),
    Life("an agent is tried again", TaskState.SUCCESS, {"a": "flaky"}),
    Life("an agent fails", TaskState.SUCCESS, {"b": "fail"}),
    Life("an agent that others need fails", TaskState.FAILURE, {"a": "fail", "b": "wait"}),
    Life("is cancelled while it waits", TaskState.REVOKED, cancel="waiting"),
    Life("is cancelled while it runs", TaskState.REVOKED, {"a": "wait"}, cancel="running"),
    Life("is handed over", TaskState.SUCCESS, {"a": "wait"}, drain=True),
)


class Scene:
    """One life, at most one fault. `play` gives the history and the calls that were made."""

    def __init__(self, house: RedisHouse, directory: Path, life: Life, log: Path) -> None:
        self._house, self._life, self._log = house, life, log
        name = uuid.uuid4().hex
        self.task, self._assessment = f"ta-{name}", f"as-{name}"
        self._directory = directory
        self._from = {path: path.stat().st_size for path in append_only_files(directory)}
        self._starts: Counter[str] = Counter()
        self._gate = False  # open: what waits goes on
        self._taken_over = False
        self._before = asyncio.all_tasks()
        self._dispatchers: list[Dispatcher] = []
        self._links: list[Link] = []
        self._running: list[asyncio.Task[None]] = []
        self.cancelled = False

    async def play(self, who: str = "", at: str = "", mode: Mode | None = None) -> dict[str, Link]:
        """`who`: `caller` or `dispatcher`. Returns when everything has come to rest."""
        links = {
            name: Link(self._house.store, at if name == who else "", mode if name == who else None)
            for name in ("caller", "dispatcher")
        }
        caller, first = links["caller"], links["dispatcher"]
        pool = ThreadPoolExecutor(
            24
        )  # the default one may be too small for two dispatchers of which one stands still
        asyncio.get_running_loop().set_default_executor(pool)
        try:
            await self._ask(caller)
            if self._life.cancel == "waiting":
                await self._cancel(caller)
            self._dispatch(first, "first")
            living = asyncio.ensure_future(self._live(caller, first))
            struck = asyncio.ensure_future(first.struck.wait())
            await asyncio.wait({living, struck}, return_when=asyncio.FIRST_COMPLETED)
            if mode and first.struck.is_set() and (mode.dies or mode.stands):
                await self._take_over(first)
            elif at == "claim" and mode is Mode.LOSES_AFTER and first.struck.is_set():
                await (
                    self._house.end_leases()
                )  # nobody knows of this claim: it comes back when its lease ends
            await living
            first.open.set()
            await wait_until("nothing runs any more", self._at_rest)
        except AssertionError as error:
            error.add_note(f"{who} {mode}: {at}")
            raise
        finally:
            await self._leave(links)
            pool.shutdown(wait=False)
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())  # for whoever comes next
        return links

    async def _live(self, caller: Link, first: Link) -> None:
        """What happens to the task from outside, until it has ended."""
        if self._life.cancel == "running":
            await wait_until("it runs", self._begun)
            await self._cancel(caller)
        if self._life.drain:
            await wait_until("it runs", self._begun)
            draining = asyncio.ensure_future(self._dispatchers[0].drain())
            await wait_until("it is handed over", lambda: self._handed_over(first))
            self._gate = True
            if not self._taken_over:
                await draining
                self._dispatch(Link(self._house.store), "second")
        await wait_until("it has ended", self._ended, within_s=20)
        if self._life.cancel == "waiting":
            await wait_until("its dispatcher has looked round", lambda: _true(first.round(*WAITING)))

    async def _take_over(self, first: Link) -> None:
        if first.dead:
            self._running[0].cancel()
            for _, run in self._dispatchers[0]._runs.values():
                run.cancel()
        self._taken_over = True
        self._dispatch(Link(self._house.store), "second")
        self._passing = asyncio.create_task(self._time_passes())

    async def _time_passes(self) -> None:
        """Leases run out for as long as nobody who can act has the task: a claim or a renewal of the first one may have been on its
        way to the store."""
        while not await self._ended():
            if not self._dispatchers[-1].active:
                await self._house.end_leases()
            await asyncio.sleep(0.05)

    # -- who takes part ---------------------------------------------------------------------------------------------------

    async def _ask(self, link: Link) -> None:
        async def ask() -> None:
            await link.create_assessment(TENANT, self._assessment, "life", b"{}", 0)

        async def start() -> None:
            await link.accept(TENANT, self._assessment, self.task, StartOptions(), PLAN.agents, self.task)

        for call in (ask, start):
            await _again(link, call)

    async def _cancel(self, link: Link) -> None:
        with suppress(Conflict):  # the first try was taken, and by now it has ended
            await _again(link, lambda: link.cancel(TENANT, self.task))
        self.cancelled = True

    def _dispatch(self, link: Link, name: str) -> None:
        loop = asyncio.get_running_loop()

        def tell(call: StepCall, share: float) -> None:
            update = AgentUpdate(call.task_id, call.fence, call.step, AgentState.RUNNING, share, call.attempt)
            told = asyncio.run_coroutine_threadsafe(link.update([update]), loop)
            try:
                told.result(20)
            except (Unavailable, asyncio.CancelledError):
                return  # progress may be lost
            except BaseException as error:
                if type(error).__name__ != "CancelledError":  # of concurrent.futures
                    raise

        def run(
            call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: Callable[[], bool]
        ) -> bytes:
            seen = json.dumps(
                {k: v.decode() for k, v in sorted(results.items()) if k in PLAN.agents}
            ).encode()
            with diary(self._log, call.step, task=call.task_id, fence=call.fence, inputs=seen) as start:
                if call.agent:
                    tell(call, 50.0)
                self._act(call, lambda: stopped() or link.dead, lambda: link.round(*REPEATED))
            return f"{call.step} {start}".encode()

        dispatcher = Dispatcher(
            name, node_id="here", plan=PLAN, store=link, executor=LocalExecutor(run, slots=4), limits=LIMITS,
            parts=lambda _: {}, chance=random.Random(0),
        )  # fmt: skip
        self._dispatchers.append(dispatcher)
        self._links.append(link)
        self._running.append(asyncio.create_task(dispatcher.run(), name=name))

    def _act(self, call: StepCall, stopped: Callable[[], bool], round: Callable[[], bool]) -> None:
        """Goes on once the dispatcher has made every call that it makes now and then: so that each life has all of them."""
        does = self._life.does.get(call.step, "")
        self._starts[call.step] += 1
        while not (round() or stopped()):
            time.sleep(0.002)
        if does == "fail":
            raise StepFailed("Boom", "as told", retryable=False)
        if does == "flaky" and call.attempt == 1:
            raise StepFailed("Flaky", "as told", retryable=True)
        while does == "wait" and not self._gate:
            if stopped():
                raise StepStopped
            time.sleep(0.002)

    # -- what is waited for -----------------------------------------------------------------------------------------------

    async def _begun(self) -> bool:
        """`a` waits, and all that can be done beside it is done."""
        kept = await self._house.store.kept(self.task)
        return (self._starts["a"] > 0 and "b" in kept) or await self._ended()

    async def _handed_over(self, first: Link) -> bool:
        return self._taken_over or not self._dispatchers[0].active

    async def _ended(self) -> bool:
        return (await self._house.store.task(None, self.task)).state.ended

    async def _at_rest(self) -> bool:
        return not any(
            dispatcher.active
            for dispatcher, task in zip(self._dispatchers, self._running, strict=True)
            if not task.done()
        )

    async def _leave(self, links: Mapping[str, Link]) -> None:
        self._gate = True
        for link in (*links.values(), *self._links):
            link.dead = True
            link.open.set()
        left = asyncio.all_tasks() - self._before - {asyncio.current_task()}
        while left:  # more than once: the client's `wait_for` swallows a cancel that comes with its answer (Python 3.11)
            for task in left:
                task.cancel()
            done, left = await asyncio.wait(left, timeout=0.1)
            await asyncio.gather(*done, return_exceptions=True)

    # -- what came of it --------------------------------------------------------------------------------------------------

    def history(self, url: str) -> History:
        reader = StoreReader(self._house.prefix)
        for path in append_only_files(self._directory):
            with path.open("rb") as file:
                file.seek(self._from.get(path, 0))
                reader.read(file.read())
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        tasks = {self.task: self._assessment}
        return reader.into(
            History(
                accepted=(self.task,), cancelled=(self.task,) if self.cancelled else (), starts=starts_of(lines),
                lasting=tuple(lasting(url, tasks, self._house.prefix)),
            )
        )  # fmt: skip


async def _true(holds: bool) -> bool:
    return holds


async def _again(link: Link, call: Callable[[], Any]) -> None:
    """As a client does: once more when the connection is lost."""
    while True:
        try:
            await call()
        except Unavailable:
            continue
        return
