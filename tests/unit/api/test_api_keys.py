"""Who may call: keys, how they are made, and how long they are trusted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from infra_mind.api.keys import KeyRing
from infra_mind.errors import NotAllowed
from infra_mind.model.api_key import hash_key, key_id_of, new_key
from infra_mind.model.task import ApiKey
from infra_mind.tasks.memory import MemoryStore
from tests.unit.api.steps import NOW, MakeKey, client_of, problem


def test_a_new_key_is_kept_as_its_hash_only() -> None:
    plain, kept = new_key("acme", "laptop", NOW, expires_at=NOW + timedelta(days=1), weight=2.0)
    secret = plain.rpartition("_")[2]
    assert plain.startswith(f"im_{kept.key_id}_")
    assert kept.secret_sha256 == hash_key(plain)
    assert secret not in kept.model_dump_json()
    assert kept.secret_sha256 not in repr(kept)
    assert (kept.tenant, kept.label, kept.weight) == ("acme", "laptop", 2.0)
    assert (kept.created_at, kept.expires_at) == ("2026-01-15T09:30:00.000Z", "2026-01-16T09:30:00.000Z")


def test_two_keys_are_never_the_same() -> None:
    assert new_key("a", "", NOW)[0] != new_key("a", "", NOW)[0]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        new_key("a", "", datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "text", ["", "im_x_y", "im_" + "0" * 12 + "_" + "0" * 63, "sk_" + "0" * 12 + "_" + "0" * 64]
)
def test_what_is_no_key_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer im_000000000000_" + "0" * 64,
        "Bearer im_000000000000_" + "0" * 64 + "0",
        "im_000000000000_" + "0" * 64,
    ],
)
async def test_without_a_valid_key_nothing_is_answered(anyone: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in [("GET", "/tasks"), ("POST", "/assessments"), ("DELETE", "/tasks/tsk_1")]:
        answer = await anyone.request(method, f"/api/v1{path}", headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "0" * 64 not in answer.text


async def test_the_scheme_is_read_without_case(anyone: httpx.AsyncClient, make_key: MakeKey) -> None:
    headers = {"Authorization": f"bearer {await make_key()}"}
    assert (await anyone.get("/api/v1/tasks", headers=headers)).status_code == 200


async def test_an_expired_key_is_refused(anyone: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = await make_key(expires_at=NOW - timedelta(days=3650))
    problem(await anyone.get("/api/v1/tasks", headers={"Authorization": f"Bearer {key}"}), 401)


class Ring:
    """A key ring over the real store, with hands on both clocks and an eye on the look-ups."""

    def __init__(self, ttl_s: float = 5.0) -> None:
        self.store, self.time_s, self.now, self.looked_up = MemoryStore(), 0.0, datetime.now(UTC), 0
        self.keys = KeyRing(self._find, ttl_s=ttl_s, monotonic=lambda: self.time_s, now=lambda: self.now)

    async def _find(self, digest: str) -> ApiKey | None:
        self.looked_up += 1
        return await self.store.key_by_secret(digest)


async def test_a_found_key_is_not_looked_up_again_for_a_while() -> None:
    ring = Ring()
    plain, kept = new_key("acme", "", NOW)
    await ring.store.put_key(kept)
    for _ in range(3):
        assert (await ring.keys.key_of(f"Bearer {plain}")).tenant == "acme"
    assert ring.looked_up == 1
    ring.time_s = 5.0
    await ring.keys.key_of(f"Bearer {plain}")
    assert ring.looked_up == 2


async def test_a_revoked_key_is_refused_once_the_cache_lets_go() -> None:
    ring = Ring()
    plain, kept = new_key("acme", "", NOW)
    await ring.store.put_key(kept)
    await ring.keys.key_of(f"Bearer {plain}")
    await ring.store.revoke_key(kept.key_id)
    ring.time_s = 5.0
    with pytest.raises(NotAllowed):
        await ring.keys.key_of(f"Bearer {plain}")


async def test_the_cache_never_outlives_the_key() -> None:
    ring = Ring(ttl_s=3600.0)
    plain, kept = new_key("acme", "", NOW, expires_at=ring.now + timedelta(seconds=600))
    await ring.store.put_key(kept)
    await ring.keys.key_of(f"Bearer {plain}")
    ring.time_s = 599.0
    await ring.keys.key_of(f"Bearer {plain}")
    assert ring.looked_up == 1
    ring.time_s = 601.0
    await ring.store.revoke_key(kept.key_id)
    with pytest.raises(NotAllowed):
        await ring.keys.key_of(f"Bearer {plain}")


async def test_a_key_works_from_the_moment_it_is_made() -> None:
    ring = Ring()
    plain, kept = new_key("acme", "", NOW)
    with pytest.raises(NotAllowed):
        await ring.keys.key_of(f"Bearer {plain}")
    await ring.store.put_key(kept)
    assert (await ring.keys.key_of(f"Bearer {plain}")).key_id == kept.key_id


async def test_a_key_over_its_rate_is_told_when_to_come_back(app: FastAPI, make_key: MakeKey) -> None:
    async with client_of(app, await make_key("slow", requests_per_s=0.5)) as http:
        assert (await http.get("/tasks")).status_code == 200
        answer = await http.get("/tasks")
        assert problem(answer, 429)["detail"] == "This API key may make 0.5 requests a second"
        assert answer.headers["retry-after"] == "2"
    async with client_of(app, await make_key("slow")) as http:  # another key of the same tenant
        assert [(await http.get("/tasks")).status_code for _ in range(5)] == [200] * 5
