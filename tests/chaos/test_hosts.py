"""The head and the network between hosts, the short form of `make chaos --site hosts`: each is taken away once under the load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.chaos import network
from tests.platform import ROOT


def test_what_must_hold_holds_while_the_head_is_killed_and_a_node_is_cut_off() -> None:
    if reason := network.refusal():
        pytest.skip(reason)
    words = ["-m", "tests.chaos", "--inside", "--site", "hosts", "--seed", "7", "--once"]
    command = network.apart([sys.executable, *words, "--faults", "head", "network"])
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:]
    assert {
        line.split()[0] for line in done.stdout.splitlines() if line.startswith(("head ", "network "))
    } == {
        "head",
        "network",
    }, "not both were taken away"
