"""`python -m bench`: all measures, or some; a table, a file with every sample, and with `--write` the page in docs/."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from bench.machine import this_machine
from bench.measures import accept, assessment, faults, progress, queue, spending, startup, workflows
from bench.numbers import Measured
from bench.processes import ROOT
from bench.report import show, write_json, write_page
from bench.setting import QUICK, Bench, Counts

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WIDE = 170  # columns of a table that goes to a file

# In this order: what wants the machine for itself stands first and last.
MEASURES: dict[str, Callable[[Bench], Awaitable[Measured]]] = {
    "g": startup.ready,
    "a": accept.one_client,
    "b": accept.many_clients,
    "c": workflows.one_at_a_time,
    "d": workflows.many_at_once,
    "p": spending.spending,
    "f": progress.progress,
    "e": faults.agent_killed,
    "k": faults.holder_killed,
    "n": faults.store_killed,
    "cw": workflows.one_at_a_time_waiting,
    "dw": workflows.many_at_once_waiting,
    "h": queue.claim,
    "l": queue.durability,
    "i": queue.weight,
    "j": assessment.clinic,
}


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples, about a minute and a half")
    parser.add_argument(
        "--only",
        type=_names,
        default=tuple(MEASURES),
        metavar="a,c",
        help=f"of {', '.join(sorted(MEASURES))}",
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "bench-out", help="folder for the samples (bench-out)"
    )
    parser.add_argument(
        "--seed-api-processes", type=int, default=2, choices=range(1, 9), metavar="N",
        help="uvicorn processes of the seed (2, as many as Infra Mind has replicas)",
    )  # fmt: skip
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="a variable in the environment of `infra-mind up`, to try a setting",
    )  # fmt: skip
    return parser.parse_args(words)


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError("must read NAME=VALUE")
    return name, value


def _names(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or (unknown := [name for name in names if name not in MEASURES]):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown) if names else 'nothing given'}")
    return tuple(name for name in MEASURES if name in names)


def main(words: Sequence[str] | None = None) -> int:
    """0 when every measure ran, whatever it says; 1 when one broke; 130 when interrupted."""
    chosen, console = arguments(sys.argv[1:] if words is None else words), Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    for number in ENDING:
        signal.signal(number, _interrupt)  # at once: asyncio's own handler would wait for the next await
    machine, begin = this_machine(), time.monotonic()
    console.print(machine.line)
    measured: dict[str, Measured] = {}
    broken: dict[str, str] = {}
    directory = Path(tempfile.mkdtemp(prefix="im-bench-"))
    try:
        bench = Bench(
            QUICK if chosen.quick else Counts(), directory, api_processes=chosen.seed_api_processes, settings=dict(chosen.settings),
            say=lambda text: console.print(f"[dim]{time.monotonic() - begin:6.1f} s  {text}"),
        )  # fmt: skip
        with bench:
            _run(bench, chosen.only, measured, broken)
    except KeyboardInterrupt:
        console.print("interrupted; what was started has been ended")
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(console, [row for one in measured.values() for row in one.rows])
    for name, why in broken.items():
        console.print(f"[red]({name}) broke: {why}")
    path = chosen.out / "bench.json"
    write_json(
        path,
        machine,
        measured,
        {
            "quick": chosen.quick,
            "broken": broken,
            "seed_api_processes": chosen.seed_api_processes,
            "settings": dict(chosen.settings),
        },
    )
    console.print(f"every sample: {path}")
    if chosen.write and measured:
        write_page(
            ROOT / "docs",
            machine,
            measured,
            quick=chosen.quick,
            api_processes=chosen.seed_api_processes,
            broken=broken,
        )
        console.print("docs/performance.md written")
    return 1 if broken else 0


def _run(bench: Bench, names: Sequence[str], measured: dict[str, Measured], broken: dict[str, str]) -> None:
    for name in names:
        bench.say(f"({name}) {(MEASURES[name].__doc__ or '').strip().partition(') ')[2]}")
        try:
            measured[name] = asyncio.run(_as_coroutine(MEASURES[name], bench))
        except Exception as error:  # one broken measure does not take the others with it
            broken[name] = f"{type(error).__name__}: {error}"
            bench.say(f"({name}) broke: {broken[name]}")


async def _as_coroutine(measure: Callable[[Bench], Awaitable[Measured]], bench: Bench) -> Measured:
    return await measure(bench)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for other in ENDING:
        signal.signal(
            other, signal.SIG_IGN
        )  # a second one must not leave half of it running; every wait is bounded
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
