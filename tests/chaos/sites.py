"""Where the chaos suite takes place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.chaos.faults import on_one_machine
from tests.chaos.hosts import three_hosts
from tests.chaos.load import Witness
from tests.chaos.nodes import two_nodes
from tests.chaos.run import Site
from tests.chaos.settings import SETTINGS
from tests.platform import SYNTHETIC, platform


@contextmanager
def one_machine(folder: Path) -> Iterator[tuple[Site, Witness]]:
    """`infra-mind up`, as on a laptop."""
    witness = Witness(folder / "agents.log")
    with platform(folder / "home", "--slots", "6", "--agents", SYNTHETIC, settings=SETTINGS) as up:
        faults = on_one_machine(up, witness)
        yield Site(up.client, up.endpoint.store_url, up.home.path / "store", faults), witness


# With `make chaos` this one is run in a network of its own (see `__main__`).
SITES: Mapping[str, Callable[[Path], AbstractContextManager[tuple[Site, Witness]]]] = {
    "hosts": three_hosts,
    "machine": one_machine,
    "nodes": two_nodes,
}
KILLED: Mapping[str, tuple[str, ...]] = {
    "machine": (
        "agent worker",
        "dispatcher",
        "progress actor",
        "API replica",
        "controller",
        "proxy",
        "store",
    ),
    "nodes": ("agent worker", "node"),
    "hosts": ("head", "node", "network", "network blip", "network to store"),
}
