"""Who holds warm processes, and for how long. The meetings are the progress actor's own; the processes are tasks of this loop."""

from __future__ import annotations

import asyncio

from infra_mind.cluster.progress import MEETINGS_KEPT, ProgressActor
from infra_mind.cluster.warming import WarmUp


class Processes:
    """Starts processes for a `WarmUp`, of which `missing` never come to the first meeting."""

    def __init__(self, missing: int = 0) -> None:
        self.actor = ProgressActor.__new__(ProgressActor)
        self.actor._meetings = {}
        self.missing, self.asked, self.met = missing, list[int](), list[bool]()
        self.parted = set[asyncio.Task[None]]()
        self.begun = asyncio.Event()

    async def meet(self, meeting: str, wanted: int) -> bool:
        self.asked.append(wanted)
        self.begun.set()
        come = wanted - self.missing
        self.missing = 0
        met = await asyncio.gather(*(self.actor.meet(meeting, wanted) for _ in range(come)))
        self.met.append(all(met) and come == wanted)
        return self.met[-1]

    def part(self, meeting: str) -> None:
        self.parted.add(asyncio.create_task(self.actor.part(meeting)))


async def test_first_the_share_then_all() -> None:
    processes = Processes()
    await WarmUp(processes.meet, processes.part, quiet_s=0).run(4, 8)
    assert (processes.asked, processes.met) == ([4, 8], [True, True])


async def test_a_step_lets_go_of_what_is_held_and_the_rest_is_tried_again() -> None:
    processes = Processes(missing=1)
    warming = WarmUp(processes.meet, processes.part, quiet_s=0)
    run = asyncio.create_task(warming.run(4, 8))
    await processes.begun.wait()
    assert not processes.met
    warming.make_room()
    await run
    assert (processes.asked, processes.met) == ([4, 8], [False, True])


async def test_nothing_is_held_while_steps_begin() -> None:
    processes = Processes()
    warming = WarmUp(processes.meet, processes.part, quiet_s=0)
    run = asyncio.create_task(warming.run(1, 8))
    for _ in range(50):
        warming.make_room()
        await asyncio.sleep(0)
    assert 8 not in processes.asked
    await run
    assert processes.asked == [1, 8]


async def test_whoever_comes_after_the_parting_does_not_wait() -> None:
    actor = Processes().actor
    await actor.part("one")
    assert await actor.meet("one", 2) is False


async def test_meetings_are_forgotten() -> None:
    actor = Processes().actor
    for number in range(2 * MEETINGS_KEPT):
        await actor.part(str(number))
    assert len(actor._meetings) == MEETINGS_KEPT
