"""An assessment in this process: the same plan, runner and store rules as on the cluster, over the in-memory store."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Mapping

from infra_mind.agents.base import Stopped
from infra_mind.assessment import AGENTS, assessor, input_parts, is_permanent, told
from infra_mind.errors import OptionInvalid, TaskFailed
from infra_mind.model.result import AssessmentResult
from infra_mind.model.submission import Submission
from infra_mind.model.task import AgentState, Event, StartOptions, TaskState
from infra_mind.tasks.execution import LocalExecutor, StepCall, StepFailed, StepStopped
from infra_mind.tasks.memory import MemoryStore
from infra_mind.tasks.retry import RetryPolicy
from infra_mind.tasks.runner import RunLimits, TaskRun
from infra_mind.tasks.store import AgentUpdate

TENANT = "local"


def assess_here(
    submission: Submission,
    *,
    on_progress: Callable[[Event], object] | None = None,
    options: StartOptions | None = None,
    agents: str = AGENTS,
) -> AssessmentResult:
    """Runs the assessment in threads of this process and gives its result; raises TaskFailed when there is none, OptionInvalid
    for limits that the API would refuse."""
    options = options or StartOptions()
    if options.limits_problem:
        raise OptionInvalid(*options.limits_problem)
    return asyncio.run(_assess(submission, on_progress, options, agents))


async def _assess(
    submission: Submission, on_progress: Callable[[Event], object] | None, options: StartOptions, agents: str
) -> AssessmentResult:
    store, plan = MemoryStore(), assessor(agents).plan
    assessment_id, task_id = f"as-{uuid.uuid4().hex}", f"ta-{uuid.uuid4().hex}"
    await store.create_assessment(
        TENANT, assessment_id, submission.brief.name, submission.to_bytes(), len(submission.artefacts)
    )
    await store.accept(TENANT, assessment_id, task_id, options, plan.agents)
    async with asyncio.TaskGroup() as both:  # the events of a run that breaks would never end
        both.create_task(_show(store, task_id, on_progress))
        both.create_task(run_next(store, agents))
    task = await store.task(TENANT, task_id)
    if task.state is not TaskState.SUCCESS:
        error = task.error
        raise TaskFailed(error.message if error else "no result", task.state, error.type if error else "")
    return AssessmentResult.model_validate_json(await store.result(TENANT, task_id))


async def run_next(store: MemoryStore, agents: str = AGENTS) -> None:
    """Claims the next task that waits in `store` and runs it to its end, its agents in threads."""
    plan, loop = assessor(agents).plan, asyncio.get_running_loop()

    def run(call: StepCall, data: bytes, results: Mapping[str, bytes], stopped: Callable[[], bool]) -> bytes:
        def progress(done: int, total: int, note: str = "") -> None:
            if stopped():
                raise Stopped
            if call.agent:
                share = min(100.0, 100.0 * done / total) if total > 0 else 0.0
                update = AgentUpdate(
                    call.task_id, call.fence, call.step, AgentState.RUNNING, share, call.attempt, note
                )
                asyncio.run_coroutine_threadsafe(store.update([update]), loop)

        try:
            progress(0, 1)
            return assessor(agents).run(call.step, data, results, progress)
        except Stopped:
            raise StepStopped from None
        except Exception as error:
            raise StepFailed(type(error).__name__, told(error), retryable=not is_permanent(error)) from error

    (claim,) = await store.claim("local", 1)
    limits = RunLimits(retry=RetryPolicy(attempts=1))  # what fails here fails the same way again
    task_run = TaskRun(
        claim, plan=plan, store=store, executor=LocalExecutor(run, slots=4), limits=limits,
        parts=input_parts, chance=random.Random(0),  # noqa: S311 - jitter, not a secret
    )  # fmt: skip
    await task_run.run()


async def _show(store: MemoryStore, task_id: str, on_progress: Callable[[Event], object] | None) -> None:
    async for event in store.events(TENANT, task_id):
        if event and on_progress:
            on_progress(event)
