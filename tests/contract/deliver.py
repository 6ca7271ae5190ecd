"""A deliverer in a process of its own, which a test may kill: `python -m tests.contract.deliver STORE_URL PREFIX`."""

from __future__ import annotations

import asyncio
import random
import sys

from infra_mind.tasks.redis import RedisStore
from infra_mind.tasks.webhooks.addresses import AddressPolicy
from infra_mind.tasks.webhooks.deliverer import Deliverer, DeliverLimits
from infra_mind.tasks.webhooks.sender import HttpSender

LIMITS = DeliverLimits(waits_s=(0.05, 0.05, 0.05), lease_s=3.0, poll_s=0.02)


async def deliver(url: str, prefix: str) -> None:
    sender = HttpSender(AddressPolicy.of("127.0.0.1/32"))
    await Deliverer(RedisStore(url, prefix=prefix), sender, LIMITS, chance=random.Random(1)).run()


if __name__ == "__main__":
    asyncio.run(deliver(*sys.argv[1:]))
