"""When a failed step is tried again: decided here, done by the runner."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with full jitter: the wait before attempt n+1 is uniform in [base/2, base] · 2ⁿ⁻¹, capped.

    Half of it is kept as a floor, so that a retry never comes at once."""

    attempts: int = 3
    base_s: float = 1.0
    cap_s: float = 60.0

    def wait_s(self, attempt: int, *, retryable: bool, chance: random.Random) -> float | None:
        """Seconds to wait after failed attempt number `attempt` (from 1); None when it is not tried again."""
        if not retryable or attempt >= self.attempts:
            return None
        full = min(self.cap_s, self.base_s * 2.0 ** (attempt - 1))
        return full * (0.5 + chance.random() / 2)
