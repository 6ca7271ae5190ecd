"""Waiting with a reason, in place of sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    reason: str, check: Callable[[], T | None], *, timeout_s: float = 60.0, every_s: float = 0.05
) -> T:
    """What `check` gives once it is truthy; fails with the reason when it never is. The time-out is generous: it is no budget."""
    end = time.monotonic() + timeout_s
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {reason}")
        time.sleep(every_s)
