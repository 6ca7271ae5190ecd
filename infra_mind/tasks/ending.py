"""How what runs of a task is ended: asked first, then by force, and by force again until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from infra_mind.errors import InfraMindError
from infra_mind.tasks.execution import Running, StepFailed, StepStopped

AGAIN_S = 1.0
_strays: set[asyncio.Task[None]] = set()  # the event loop itself would forget them


async def end_steps(
    running: Mapping[str, Running], *, force: bool, grace_s: float, confirm_s: float
) -> list[str]:
    """Returns when none of these steps runs, at the latest `confirm_s` after the force, with the names of those that may go on.

    Force is used again and again, on those also after this has returned: a request may be lost, and Ray drops a forced one while
    the soft one is still on its way to a node that is cut off."""
    ends = {name: asyncio.ensure_future(_quiet(step)) for name, step in running.items()}
    if ends and not force:
        await asyncio.gather(*(step.stop(force=False) for step in running.values()))
        await asyncio.wait(ends.values(), timeout=grace_s)
    forced = {
        name: asyncio.create_task(_force(running[name], end)) for name, end in ends.items() if not end.done()
    }
    if not forced:
        return []
    ended, alive = await asyncio.wait(forced.values(), timeout=confirm_s)
    for one in ended:
        one.result()
    for one in alive:
        _strays.add(one)
        one.add_done_callback(_strays.discard)
    return sorted(name for name, one in forced.items() if one in alive)


async def _force(step: Running, end: asyncio.Future[None]) -> None:
    while not end.done():
        await step.stop(force=True)
        await asyncio.wait({end}, timeout=AGAIN_S)


async def _quiet(step: Running) -> None:
    """Waits for the end of a step whose outcome does not matter any more."""
    try:
        await step.outcome()
    except (StepFailed, StepStopped, InfraMindError):
        return
