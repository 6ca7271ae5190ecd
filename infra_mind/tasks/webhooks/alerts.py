"""The operator's own receiver of alerts about worker processes: a Standard Webhooks message, signed when there is a secret.

Where it is and what signs is known to the deliverers and does not lie in the store; what is told goes through the outbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from standardwebhooks import Webhook

from infra_mind.model.webhook import Target, target_of


@dataclass(frozen=True)
class AlertReceiver:
    target: Target = field(repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, url: str, secret: str = "") -> AlertReceiver:
        """ValueError for a URL that no receiver can have, and for a secret that signs nothing."""
        if secret:
            Webhook(secret)
        return cls(target_of(url), (secret,) if secret else ())
