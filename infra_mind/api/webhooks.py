"""The secret that signs a tenant's webhooks."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra_mind.api import docs
from infra_mind.api.context import Tenant, context_of
from infra_mind.api.wire import json_answer
from infra_mind.tasks.webhooks.message import new_secret
from infra_mind.tasks.webhooks.outbox import SigningSecrets

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.get("/secret", summary="The secret that verifies your webhooks", **docs.WEBHOOK_SECRET)
async def secret(request: Request, tenant: Tenant) -> Response:
    """One for each tenant, made at the first call. Keep it where only the receiver can read it."""
    return _told(await context_of(request).store.signing_secrets(tenant, new_secret()))


@router.post("/secret/rotate", summary="A new secret in the place of the one that is", **docs.WEBHOOK_ROTATE)
async def rotate(request: Request, tenant: Tenant) -> Response:
    """For a day every delivery carries two signatures, of the new secret and of the former one, so that receivers can change over."""
    return _told(await context_of(request).store.rotate_secret(tenant, new_secret()))


def _told(found: SigningSecrets) -> Response:
    return json_answer(found.current)
