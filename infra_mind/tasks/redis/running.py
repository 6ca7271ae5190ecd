"""What dispatchers do: claim, renew, release, keep, update, finish."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import structlog

from infra_mind.errors import ResultLost, Unavailable
from infra_mind.model.task import TaskError, TaskState
from infra_mind.tasks.records import STEP_AT_END, clip, clip_error, end_words, percent
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.link import Argument, Link
from infra_mind.tasks.store import AgentUpdate, Claim, Commit, Kept, Renewal
from infra_mind.tasks.stowage import RESULT, Stowage, Stowed, sweep

log = structlog.get_logger(__name__)


class Running:
    """The part of `TaskStore` that the engine uses."""

    _link: Link
    _stowage: Stowage
    _unanswered: dict[str, str]  # dispatcher -> id of its call whose answer was lost

    async def claim(self, dispatcher: str, limit: int) -> list[Claim]:
        """After a lost answer the next call has the id of the one before, so that what that one was given comes now and not when its
        leases end."""
        if limit < 1:
            return []
        before = self._unanswered.pop(dispatcher, None)
        call = before or secrets.token_hex(8)
        keys: list[str] = [self._link.keys.claimed(dispatcher)]
        try:
            # under strict durability on disk: a store that comes back without it would give the same fence to somebody else
            rows = await self._link.call(
                "claim", keys, [dispatcher, limit, call, 0 if before is None else 1], durable=True
            )
        except Unavailable:
            self._unanswered[dispatcher] = call
            raise
        return decode.readable(rows, decode.claim)

    async def renew(self, held: Sequence[tuple[str, int]]) -> list[Renewal]:
        if not held:
            return []
        answers = await self._link.call(
            "renew",
            [self._link.keys.task(task_id) for task_id, _ in held],
            [part for pair in held for part in pair],
            again=True,
        )
        return [Renewal(answer.decode()) for answer in answers]

    async def release(self, task_id: str, fence: int) -> bool:
        answer = await self._link.call("release", [self._link.keys.task(task_id)], [task_id, fence])
        return bool(answer)

    async def kept(self, task_id: str) -> dict[str, Kept]:
        found = await self._link.hash(self._link.keys.kept(task_id))
        kept = {}
        for step, value in sorted(found.items()):
            inputs_hash, _, stowed = value.partition(b"\n")
            try:
                data = await self._stowage.fetch(stowed)
            except ResultLost as lost:
                log.warning("kept result is lost", task_id=task_id, step=step.decode(), reason=str(lost))
                continue
            kept[step.decode()] = Kept(step.decode(), inputs_hash.decode(), data)
        return kept

    async def keep(
        self, task_id: str, fence: int, kept: Kept, *, agent: AgentUpdate | None, seconds: float
    ) -> Commit:
        if "\n" in kept.inputs_hash:
            raise ValueError("inputs_hash must be one line")
        said: list[Argument] = ["", 0, "", ""]
        if agent is not None:
            said = [agent.agent, agent.attempt, clip(agent.note), clip(agent.reason)]
        stowed = await self._stowage.stow(task_id, fence, f"kept:{kept.step}", kept.data)
        answer = await self._link.call(
            "keep",
            [self._link.keys.task(task_id), self._link.keys.kept(task_id)],
            [
                task_id,
                fence,
                kept.step,
                kept.inputs_hash,
                stowed.value,
                *said,
                max(0, round(seconds * 1_000_000)),
                stowed.object,
            ],
            again=True,
            durable=True,
        )
        return Commit(answer.decode())

    async def update(self, updates: Sequence[AgentUpdate]) -> list[bool]:
        by_task: dict[str, list[int]] = {}
        for i, one in enumerate(updates):
            by_task.setdefault(one.task_id, []).append(i)
        calls = [
            (
                [self._link.keys.task(task_id)],
                [task_id, *(part for i in places for part in _said(updates[i]))],
            )
            for task_id, places in by_task.items()
        ]
        taken = [False] * len(updates)
        answers = await self._link.call_many("update", calls) if calls else []
        for places, answer in zip(by_task.values(), answers, strict=True):
            for i, one_taken in zip(places, answer, strict=True):
                taken[i] = bool(one_taken)
        return taken

    async def finish(
        self,
        task_id: str,
        fence: int,
        state: TaskState,
        *,
        result: bytes | None = None,
        assessment_status: str = "",
        error: TaskError | None = None,
    ) -> Commit:
        if not state.ended:
            raise ValueError(f"{state} is no end of a task")
        status, message = end_words(state, assessment_status, error)
        failed: list[Argument] = ["", "", 0]
        if error is not None:
            told = clip_error(error)
            failed = [told.type, told.message, told.attempt]
        stowed = Stowed(b"")
        if state is TaskState.SUCCESS:
            stowed = await self._stowage.stow(task_id, fence, RESULT, result or b"")
        said = [stowed.value, status, STEP_AT_END[state], message, *failed, stowed.object]
        answer = await self._link.call(
            "finish",
            [self._link.keys.task(task_id), self._link.keys.result(task_id)],
            [task_id, fence, state.value, *said],
            again=True,
            durable=True,
        )
        return Commit(answer.decode())

    async def sweep_objects(self, limit: int = 100) -> int:
        return await sweep(self._stowage.objects, self._condemn, self._forget, limit)

    async def _note_object(self, task_id: str, fence: int, name: str) -> bool:
        keys = [self._link.keys.task(task_id)]
        return bool(
            await self._link.call("note_object", keys, [task_id, fence, name], again=True, durable=True)
        )

    async def _condemn(self, limit: int) -> list[str]:
        names = await self._link.call("objects_due", args=[limit])
        return [name.decode() for name in names]

    async def _forget(self, names: list[str]) -> None:
        await self._link.call("objects_gone", args=names, again=True)


def _said(update: AgentUpdate) -> list[Argument]:
    return [
        update.fence,
        update.agent,
        update.state.value,
        percent(update.progress),
        update.attempt,
        clip(update.note),
        clip(update.reason),
        "" if update.retry_in_s is None else max(0, round(update.retry_in_s * 1000)),
        max(0, round(update.ran_s * 1000)),
    ]
