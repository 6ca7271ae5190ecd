"""`python -m bench.terraform`: how the time grows with the files of a generated Terraform folder.

The inventory in this process, and with `--slots N` whole assessments on `infra-mind up` with N slots, the better of two. `--write FOLDER` only writes a
folder and its brief, for runs of one's own."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.folders import FILES_OF_A_STACK, folder, write
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.assessment import spare_the_collector
from infra_mind.model.inventory import Artefact

SIZES = (250, 500, 1_000, 2_000)
COLUMNS = ("files", "KiB", "resources", "inventory here, s", "of the processor, s", "ms of it a file")


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m bench.terraform", description=__doc__)
    parser.add_argument("files", type=int, nargs="*", default=SIZES, help="how many files; 250 500 1000 2000")
    parser.add_argument("--slots", type=int, metavar="N", help="also whole assessments on `infra-mind up`")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the first one, measure nothing")
    chosen = parser.parse_args(sys.argv[1:] if words is None else words)
    if chosen.write:
        write(chosen.write, chosen.files[0])
        return 0
    spare_the_collector()  # as in a process that runs steps
    rows = [_inventory(files) for files in [FILES_OF_A_STACK, *chosen.files]][1:]  # the first one warms up
    columns = list(COLUMNS)
    if chosen.slots:
        columns += ["assessment, s", "ms a file"]
        for row, files, wall in zip(
            rows, chosen.files, _assessments(chosen.files, chosen.slots), strict=True
        ):
            row += [f"{wall:.2f}", f"{wall / files * 1000:.2f}"]
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    return 0


def _inventory(files: int) -> list[str]:
    artefacts = [Artefact(path=path, content=text) for path, text in folder(files)]
    wall, cpu = time.perf_counter(), time.process_time()
    found = build_inventory(artefacts)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = sum(len(a.content or "") for a in artefacts)
    numbers = f"{size / 1024:,.0f}", f"{len(found.resources):,}", f"{wall:.2f}", f"{cpu:.2f}"
    return [f"{files:,}", *numbers, f"{cpu / files * 1000:.2f}"]


def _assessments(sizes: Sequence[int], slots: int) -> list[float]:
    """Seconds from start to end, as the store gives them."""
    from bench.measures.assessment import assess_once
    from bench.setting import settle
    from bench.sides import Ours

    with tempfile.TemporaryDirectory(prefix="im-terraform-") as directory:
        briefs = [write(Path(directory) / str(files), files) for files in sizes]
        side = Ours(Path(directory) / "up", slots=slots, agents=None)
        try:
            settle(side)
            with side.client() as client:
                return [min(assess_once(client, brief) for _ in range(2)) for brief in briefs]
        finally:
            side.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
