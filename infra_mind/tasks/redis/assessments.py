"""Assessments: drafts, their input, deletion, listing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from infra_mind.errors import Conflict, NotFound
from infra_mind.model.task import Assessment
from infra_mind.tasks.packing import pack
from infra_mind.tasks.records import gone_assessment, ms_of, page_limit, read_cursor, write_cursor
from infra_mind.tasks.redis import decode
from infra_mind.tasks.redis.link import Link
from infra_mind.tasks.store import Page

T = TypeVar("T")
Row = tuple[bytes, bytes, Sequence[bytes]]

_BATCH = 100


class Assessments:
    """The part of `TaskStore` that is about assessments."""

    _link: Link

    async def create_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        return await self._save_draft("create", tenant, assessment_id, name, data, artefact_files)

    async def change_assessment(
        self, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        return await self._save_draft("change", tenant, assessment_id, name, data, artefact_files)

    async def _save_draft(
        self, action: str, tenant: str, assessment_id: str, name: str, data: bytes, artefact_files: int
    ) -> Assessment:
        keys = self._link.keys
        above = self._link.limits.compress_above
        packed = await asyncio.to_thread(pack, data, above) if len(data) > above else pack(data, above)
        answer = await self._link.call(
            "save_draft",
            [keys.assessment(assessment_id), keys.input(assessment_id)],
            [action, tenant, assessment_id, name, packed, artefact_files],
            again=True,
            durable=True,
        )
        if answer[0] == b"NOT_FOUND":
            await self._refuse_gone(tenant, assessment_id)
            raise NotFound(f"There is no assessment {assessment_id}.")
        if answer[0] == b"CONFLICT":
            raise Conflict(
                f"Assessment {assessment_id} is no longer a draft: create a new one.", answer[1].decode()
            )
        return decode.assessment(assessment_id, answer[1])

    async def delete_assessment(self, tenant: str, assessment_id: str) -> str | None:
        keys = self._link.keys
        answer = await self._link.call(
            "delete",
            [keys.assessment(assessment_id), keys.runs(assessment_id)],
            [tenant, assessment_id],
            durable=True,
        )
        if answer[0] == b"NOT_FOUND":
            await self._refuse_gone(tenant, assessment_id)
            raise NotFound(f"There is no assessment {assessment_id}.")
        return answer[1].decode() or None

    async def assessment(self, tenant: str, assessment_id: str) -> Assessment:
        found = _flat(await self._link.hash(self._link.keys.assessment(assessment_id)))
        record = decode.fields(found)
        if not record:
            await self._refuse_gone(tenant, assessment_id)
        if record.get("tenant") != tenant or "deleted" in record:
            raise NotFound(f"There is no assessment {assessment_id}.")
        return decode.assessment(assessment_id, found)

    async def _refuse_gone(self, tenant: str, assessment_id: str) -> None:
        """Gone when there was one of this tenant."""
        if await self._link.raw(self._link.keys.expired(assessment_id)) == tenant.encode():
            raise gone_assessment(assessment_id)

    async def assessment_input(self, assessment_id: str) -> bytes:
        data = await self._link.packed(self._link.keys.input(assessment_id))
        if data is None:
            raise NotFound(f"There is no assessment {assessment_id}.")
        return data

    async def assessments(
        self,
        tenant: str,
        *,
        cursor: str | None = None,
        limit: int = 50,
        status: str | None = None,
        name: str | None = None,
        created_after: str | None = None,
    ) -> Page[Assessment]:
        oldest = None if created_after is None else ms_of(created_after, "created_after")
        part = None if name is None else name.casefold()

        def fits(item: Assessment) -> bool:
            return (status is None or item.status == status) and (
                part is None or part in item.name.casefold()
            )

        def too_old(flat: Sequence[bytes]) -> bool:
            return oldest is not None and int(decode.fields(flat)["created"]) <= oldest

        return await read_page(
            self._rows("assessment", self._link.keys.assessments(tenant)),
            lambda row: decode.assessment(row[0].decode(), row[2]),
            fits,
            cursor,
            page_limit(limit),
            until=lambda row: too_old(row[2]),
        )

    def _rows(self, kind: str, index: str) -> Callable[[str, str, int], Awaitable[list[Row]]]:
        async def rows(score: str, member: str, count: int) -> list[Row]:
            found: list[Row] = await self._link.call(
                "page", [index], [kind, score, member, count], again=True
            )
            return found

        return rows


async def read_page(
    rows: Callable[[str, str, int], Awaitable[list[Row]]],
    read: Callable[[Row], T],
    fits: Callable[[T], bool],
    cursor: str | None,
    limit: int,
    until: Callable[[Row], bool] = lambda _: False,
) -> Page[T]:
    """Up to `limit` items that fit, from batches of rows; ends at the first row for which `until` holds."""
    score, member = ("+inf", "") if cursor is None else _start(cursor)
    items: list[T] = []
    last = ""
    while True:
        batch = await rows(score, member, min(limit + 1, _BATCH))
        for row in batch:
            if until(row):
                return Page(tuple(items), None)
            item = read(row)
            if fits(item):
                if len(items) == limit:
                    return Page(tuple(items), last)
                items.append(item)
                last = write_cursor(int(row[1]), row[0].decode())
        if len(batch) < min(limit + 1, _BATCH):
            return Page(tuple(items), None)
        score, member = batch[-1][1].decode(), batch[-1][0].decode()


def _start(cursor: str) -> tuple[str, str]:
    score, member = read_cursor(cursor)
    return str(score), member


def _flat(record: dict[bytes, bytes]) -> list[bytes]:
    return [part for pair in record.items() for part in pair]
