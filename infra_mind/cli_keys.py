"""`infra-mind keys`: API keys, at the store itself."""

from __future__ import annotations

from typing import Annotated

import typer

from infra_mind.console import Json, dump, say

keys = typer.Typer(
    help="API keys: make, list, revoke. A key is shown once and kept as a hash.", no_args_is_help=True
)


@keys.command("create")
def keys_create(
    tenant: Annotated[str, typer.Option(help="Whose assessments the key sees.")] = "default",
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    weight: Annotated[float, typer.Option(help="Share of the tenant among others.")] = 1.0,
    max_running: Annotated[int | None, typer.Option(help="Tasks of the tenant that run at once.")] = None,
    max_queued: Annotated[int | None, typer.Option(help="Tasks of the tenant that wait at once.")] = None,
    requests_per_s: Annotated[
        float | None, typer.Option(help="Requests of this key a second; more are answered 429.")
    ] = None,
    expires_days: Annotated[float | None, typer.Option(help="Days until it ends.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once. Weight and limits of tasks hold for the whole tenant, as its newest key says."""
    from infra_mind.administration import create_key

    plain, key = create_key(tenant, label, weight=weight, max_running=max_running, max_queued=max_queued, requests_per_s=requests_per_s, expires_days=expires_days)  # fmt: skip
    if as_json:
        dump({"key": plain, **key.model_dump(mode="json", exclude={"secret_sha256"})})
    else:
        say(plain)


@keys.command("list")
def keys_list(as_json: Json = False) -> None:
    """All keys, without their secrets."""
    from infra_mind.administration import list_keys

    found = list_keys()
    if as_json:
        dump([key.model_dump(mode="json", exclude={"secret_sha256"}) for key in found])
        return
    for key in found:
        say(
            f"{key.key_id}  {key.tenant:<16}{key.created_at}  {key.expires_at or 'no end':<26}{key.label}".rstrip()
        )


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
) -> None:
    """End a key; the API refuses it within seconds."""
    from infra_mind.administration import revoke_key

    revoke_key(key_id)
    say(f"revoked {key_id}")
