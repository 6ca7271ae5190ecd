"""The head and the network between hosts, the short form of `make chaos --site hosts`: each is taken away once under a load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.chaos import network
from tests.platform import ROOT

TAKEN_AWAY = {"head", "network"}


def test_what_must_hold_holds_while_the_head_is_killed_and_a_node_is_cut_off() -> None:
    if reason := network.refusal():
        pytest.skip(reason)
    words = ["-m", "tests.chaos", "--site=hosts", "--once", "--seed=7", "--callers=4"]
    done = subprocess.run(
        [sys.executable, *words, "--faults", *sorted(TAKEN_AWAY)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:]
    assert {line.partition(" ")[0] for line in done.stdout.splitlines()} >= TAKEN_AWAY
