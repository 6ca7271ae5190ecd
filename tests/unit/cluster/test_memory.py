"""The memory ceiling of a process: what counts, and that the process ends. Real processes, no Ray."""

from __future__ import annotations

import mmap
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra_mind.cluster.memory import MIB, Ceiling, memory, sentence, used

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the ceiling reads /proc")

# A step that grows step by step under a ceiling of 200 MiB, in a process of its own.
GROW = """
import ctypes, mmap, os, signal, sys
from infra_mind.cluster.memory import MIB, Ceiling

def over(key, used, ceiling):
    os.write(1, b"%s %d %d\\n" % (key.encode(), used, ceiling))
    os.kill(os.getpid(), signal.SIGKILL)

held = []
with Ceiling(over).under(200 * MIB, "the step"):
    try:
        for _ in range(2_000):
            {grow}
        os.write(1, b"not stopped\\n")
    except MemoryError:
        os.write(1, b"MemoryError\\n")
"""
LIST = "held.append([float(i) for i in range(32_768)])"
CTYPES = "held.append(ctypes.create_string_buffer(MIB)); ctypes.memset(held[-1], 1, MIB)"
MMAP = "held.append(mmap.mmap(-1, MIB)); held[-1].write(b'x' * MIB)"
LEAP = "held.append([0] * (1_000 * MIB))"


def run(grow: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", GROW.format(grow=grow)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("grow", [LIST, CTYPES, MMAP], ids=["list", "ctypes", "shared mmap"])
def test_a_process_over_the_ceiling_ends_after_its_note(grow: str) -> None:
    ended = run(grow)
    *leaps, note = ended.stdout.splitlines()
    if "MemoryError" in (note, *leaps):  # it grew past the second wall between two looks
        assert grow != MMAP, "shared memory has no second wall"
    if note == "MemoryError":
        return
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    *key, found, ceiling = note.split()
    assert (" ".join(key), int(ceiling)) == ("the step", 200 * MIB)
    assert int(found) > 200 * MIB


def test_one_leap_over_the_ceiling_is_a_memory_error() -> None:
    ended = run(LEAP)
    assert (ended.returncode, ended.stdout.strip()) == (0, "MemoryError"), ended.stderr


def test_shared_memory_counts_and_the_object_store_does_not(tmp_path: Path) -> None:
    before = memory()
    with mmap.mmap(-1, 64 * MIB) as shared:
        shared.write(b"x" * len(shared))
        assert memory().shared - before.shared >= 64 * MIB
        assert used(before.private + 32 * MIB) >= before.private + 64 * MIB
    folder = Path("/dev/shm")
    if not folder.is_dir():
        pytest.skip("this machine has no /dev/shm")
    path = folder / f"plasma-test-{tmp_path.name}"
    with path.open("w+b") as file:
        path.unlink()
        file.truncate(64 * MIB)
        with mmap.mmap(file.fileno(), 64 * MIB) as plasma:
            plasma.write(b"x" * len(plasma))
            assert memory().shared - before.shared >= 64 * MIB
            ceiling = memory().private + 32 * MIB
            assert used(ceiling) <= ceiling


def test_below_the_ceiling_nothing_happens_and_the_limits_come_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    told: list[str] = []
    ceiling = Ceiling(lambda key, used, limit: told.append(key))
    with ceiling.under(8_192 * MIB, "the step"):
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] > 8_192 * MIB
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with ceiling.under(0, "no ceiling"):
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert told == []


def test_a_narrower_limit_of_the_machine_stays() -> None:
    code = """
import resource
from infra_mind.cluster.memory import MIB, Ceiling
resource.setrlimit(resource.RLIMIT_DATA, (900 * MIB, resource.RLIM_INFINITY))
with Ceiling(print).under(4_096 * MIB, "the step"):
    print(resource.getrlimit(resource.RLIMIT_DATA)[0] // MIB)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "900"


def test_the_sentence_says_both_and_what_to_do() -> None:
    assert sentence(300 * MIB + 5, 256 * MIB) == (
        "used 300 MiB, ceiling 256 MiB; raise INFRA_MIND_STEP_MEMORY_MB or hand in less"
    )
