"""`python -m tests.chaos --seed 7 --duration 240`: kills everything that can be killed, in turn and at random, and says what held."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.chaos import network
from tests.chaos.run import CALLERS, run
from tests.chaos.sites import KILLED, SITES


def main() -> int:
    """0 when every invariant held, 1 when not."""
    words = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    words.add_argument("--duration", type=float, default=240.0, help="seconds of kills at each site")
    words.add_argument("--site", choices=sorted(SITES), action="append", help="all of them without it")
    names = sorted({fault for faults in KILLED.values() for fault in faults})
    words.add_argument("--faults", choices=names, nargs="+", default=names, help="all of them without it")
    words.add_argument("--once", action="store_true", help="each fault once, however long it takes")
    words.add_argument("--callers", type=int, default=CALLERS)
    words.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    failed = False
    for name in given.site or sorted(SITES):
        faults = set(given.faults).intersection(KILLED[name])
        if not faults:
            continue
        if name == "hosts" and not given.inside:
            failed = not _inside(given) or failed
            continue
        print(f"site {name}, seed {given.seed}, {given.duration:g} s", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="imc-") as folder,
            SITES[name](Path(folder)) as (site, witness),
        ):
            site = replace(site, faults=[fault for fault in site.faults if fault.name in faults])
            how = {"seed": given.seed, "duration_s": given.duration, "once": given.once}
            report = run(site, witness, **how, callers=given.callers)
            print(report.text(), flush=True)
            failed = failed or bool(report.broken)
    return 1 if failed else 0


def _inside(given: argparse.Namespace) -> bool:
    """Runs the site `hosts` in a network of its own. Where there can be none it is left out, unless it was asked for."""
    if reason := network.refusal():
        print(f"site hosts is left out: {reason}", flush=True)
        return not given.site
    words = [f"--{name}={getattr(given, name)}" for name in ("seed", "duration", "callers")]
    words += ["--inside", "--site=hosts", *(["--once"] if given.once else []), "--faults", *given.faults]
    command = network.apart([sys.executable, "-m", "tests.chaos", *words])
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
