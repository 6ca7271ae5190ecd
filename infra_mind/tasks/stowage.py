"""Where the bytes of results lie: small ones in the store as they are, larger ones compressed, very large ones in object storage.

The way of a very large one keeps the commit exactly once, and leaves no object behind whatever dies:

1. *noted*: the store lists the object's name (task, fence, digest) as due in `object_grace_s`, if the fence is current;
2. *put*: the object is written;
3. *committed*: keep or finish records the pointer and, in the same atomic step, moves the due time to the result's expiry.
   A commit that is stale makes the object due at once. An object that was never committed becomes due by itself.

What is due is first *condemned* (from then on no commit takes it), then deleted, then forgotten: `TaskStore.sweep_objects`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

import structlog

from infra_mind.errors import ResultLost
from infra_mind.tasks.objects import Objects, ObjectsRefused
from infra_mind.tasks.packing import pack, unpack
from infra_mind.tasks.store import StoreLimits

log = structlog.get_logger(__name__)

RESULT = "result"
_POINTER = b"\x02"  # beside the two markers of packing.py


@dataclass(frozen=True)
class Stowed:
    """What the store is to hold, and the name of the object that it points to ('' for none)."""

    value: bytes
    object: str = ""


class Stowage:
    """`note` is the store's step 1: False when the fence is not current any more."""

    def __init__(
        self, objects: Objects | None, limits: StoreLimits, note: Callable[[str, int, str], Awaitable[bool]]
    ) -> None:
        self.objects, self._limits, self._note = objects, limits, note

    async def stow(self, task_id: str, fence: int, kind: str, data: bytes) -> Stowed:
        """`kind` tells the objects of one task apart: the step's name, or RESULT. Unavailable."""
        if self.objects is None or len(data) <= self._limits.objects_above:
            return Stowed(await self.packed(data))
        packed = await self.packed(data)
        digest = await asyncio.to_thread(lambda: sha256(packed).hexdigest())
        name = f"{task_id}.{fence}.{kind}.{digest[:16]}"
        if await self._note(task_id, fence, name):
            try:
                await self.objects.put(name, packed)
            except ObjectsRefused as error:  # a result that fills the store is better than none
                log.error("result stays in the store", task_id=task_id, kind=kind, reason=str(error))
                return Stowed(packed)
        # not noted: the commit that follows finds the stale fence, or that it has been done before
        pointer = {"name": name, "size": len(packed), "sha256": digest}
        return Stowed(_POINTER + json.dumps(pointer).encode(), name)

    async def packed(self, data: bytes) -> bytes:
        """Compressed when it is large, and then off the event loop."""
        above = self._limits.compress_above
        return await asyncio.to_thread(pack, data, above) if len(data) > above else pack(data, above)

    async def fetch(self, value: bytes) -> bytes:
        """What was stowed. ResultLost when its object is missing or damaged; Unavailable."""
        if value[:1] == _POINTER:
            value = await self._object(json.loads(value[1:]))
        if len(value) > self._limits.compress_above or value[:1] != b"\x00":
            return await asyncio.to_thread(unpack, value)
        return unpack(value)

    async def _object(self, pointer: dict[str, str]) -> bytes:
        name = pointer["name"]
        if self.objects is None:
            raise ResultLost(
                f"It lies in an object storage that is not set up here (object {name}): set INFRA_MIND_OBJECTS_URL."
            )
        found = await self.objects.get(name)
        if found is None:
            raise ResultLost(
                f"Object {name} is missing from the object storage before its time: start the assessment again."
            )
        digest = await asyncio.to_thread(lambda: sha256(found).hexdigest())
        if digest != pointer["sha256"]:
            raise ResultLost(f"Object {name} is damaged in the object storage: start the assessment again.")
        return found


async def sweep(
    objects: Objects | None,
    due: Callable[[int], Awaitable[list[str]]],
    forget: Callable[[list[str]], Awaitable[None]],
    limit: int,
) -> int:
    """Deletes what `due` condemns and tells `forget`; how many. What could not be deleted is due again a little later."""
    if objects is None:
        return 0
    deleted = []
    try:
        for name in await due(limit):
            await objects.delete(name)
            deleted.append(name)
    finally:
        if deleted:
            await forget(deleted)
    return len(deleted)
