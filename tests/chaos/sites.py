"""Where the chaos suite takes place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.chaos.faults import on_one_machine
from tests.chaos.load import Witness
from tests.chaos.run import Site
from tests.platform import SYNTHETIC, platform

# `strict`, because a store that is killed may lose what it has not written yet with `everysec`: that is what the setting says.
SETTINGS = {
    "INFRA_MIND_LEASE_S": "2", "INFRA_MIND_RETRY_BASE_S": "0.2", "INFRA_MIND_CANCEL_GRACE_S": "0.5",
    "INFRA_MIND_DURABILITY": "strict", "INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1/32",
}  # fmt: skip


@contextmanager
def one_machine(folder: Path) -> Iterator[tuple[Site, Witness]]:
    """`infra-mind up`, as on a laptop."""
    witness = Witness(folder / "agents.log")
    with platform(folder / "home", "--slots", "6", "--agents", SYNTHETIC, settings=SETTINGS) as up:
        faults = on_one_machine(up, witness)
        yield Site(up.client, up.endpoint.store_url, up.home.path / "store", faults), witness


SITES: Mapping[str, Callable[[Path], AbstractContextManager[tuple[Site, Witness]]]] = {
    "machine": one_machine,
}
