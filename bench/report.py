"""The rows for a terminal, as a file with every sample, and as the page `docs/performance.md` with its picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.numbers import Measured, Row

HEAD = ("", "measure", "unit", "Infra Mind", "against", "there", "ratio", "budget", "")
PICTURE = "performance.svg"


def number(value: float | None) -> str:
    """Three significant digits, no exponent."""
    if value is None:
        return "—"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 4)}f}"


def cells(row: Row) -> tuple[str, ...]:
    """The row as text, in the order of HEAD."""
    verdict = {True: "met", False: "missed", None: ""}[row.met]
    ratio = f"{number(row.ratio)} ×" if row.ratio is not None else "—"
    budget = row.budget.text(row.unit) if row.budget else "—"
    theirs = row.theirs_text or number(row.theirs)
    return (
        row.measure,
        row.what,
        row.unit,
        number(row.ours),
        row.against or "—",
        theirs,
        ratio,
        budget,
        verdict,
    )


def show(console: Console, rows: Sequence[Row]) -> None:
    table = Table(*HEAD, title="Infra Mind beside FastAPI + Celery + Redis", title_justify="left")
    for column in (3, 5, 6, 7):
        table.columns[column].justify = "right"
    for row in rows:
        style = {True: "", False: "red", None: "dim"}[row.met]
        table.add_row(*cells(row), style=style)
    console.print(table)


def write_json(
    path: Path, machine: Machine, measured: Mapping[str, Measured], more: Mapping[str, object]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    measures = {
        name: {
            "rows": [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in one.rows],
            "notes": one.notes,
            "samples": one.samples,
        }
        for name, one in measured.items()
    }
    path.write_text(json.dumps({"machine": asdict(machine), **more, "measures": measures}, indent=1) + "\n")


def write_page(
    docs: Path,
    machine: Machine,
    measured: Mapping[str, Measured],
    *,
    quick: bool,
    api_processes: int,
    broken: Mapping[str, str],
) -> None:
    """`performance.md` and its picture, from the numbers alone."""
    rows = [row for one in measured.values() for row in one.rows]
    (docs / PICTURE).write_text(picture(rows))
    (docs / "performance.md").write_text(
        page(machine, measured, quick=quick, api_processes=api_processes, broken=broken)
    )


def page(
    machine: Machine,
    measured: Mapping[str, Measured],
    *,
    quick: bool,
    api_processes: int,
    broken: Mapping[str, str],
) -> str:
    rows = [row for one in measured.values() for row in one.rows]
    judged = [row for row in rows if row.met is not None]
    short = "**A short run (`--quick`): few samples, for a look and not for a claim.**\n\n" if quick else ""
    lines = [
        "# Performance",
        "",
        "This page is written by `make bench ARGS=--write`; the numbers are of one run on one machine, both sides in turn.",
        "",
        f"{short}{machine.line}.",
        "",
        f"{sum(1 for row in judged if row.met)} of {len(judged)} budgets met"
        + (
            f"; missed: {', '.join(f'{row.what} ({row.measure})' for row in judged if not row.met)}."
            if not all(row.met for row in judged)
            else "."
        ),
        "",
        *(f"- not measured, because it broke in this run: ({name}) {why}" for name, why in broken.items()),
        "",
        f"![Ratio of Infra Mind to the other side, measure by measure]({PICTURE})",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---|---|---|--:|---|--:|--:|--:|---|",
        *(f"| {' | '.join(_cell(cell) for cell in cells(row))} |" for row in rows),
        "",
        "## How it is measured",
        "",
        f"- Both sides are up during the measures a to f and k, and are measured in turn (A, B, A, B), so that what else the machine does meets both. "
        f"Each has 8 slots for steps and {api_processes} API process(es) of the seed against 2 replicas here; each has a Valkey of its own with an append-only file.",
        "- The other side is built in `bench/seed/`: FastAPI on uvicorn, Celery with a prefork pool, late acknowledgement, prefetch 1, results in the same server. Its handlers block, as those of the platform that this project replaces did.",
        "- Load comes from one process over 127.0.0.1 with keep-alive connections. Percentiles are nearest rank over all rounds; rates are the median of the rounds.",
        "- Ends of workflows are the times that each side's store wrote, not those at which a client heard of them.",
        *(f"- ({name}) {note}" for name, one in measured.items() for note in one.notes),
        "",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# -- the picture ------------------------------------------------------------------------------------------------------
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 900, 400, 90, 16, 12, 60
COLOURS = {True: "#2f7d4f", False: "#b3452c", None: "#5f6b7a"}


def picture(rows: Sequence[Row]) -> str:
    """Bars of ours / theirs on a logarithmic axis, the budget as a mark; only rows that have a ratio above zero."""
    shown = [row for row in rows if row.ratio is not None and row.ratio > 0]
    low, high = _span(
        [
            *(row.ratio or 1.0 for row in shown),
            *(row.budget.limit for row in shown if row.budget and row.budget.of == "ratio"),
        ]
    )
    height = TOP + len(shown) * (BAR + GAP) + 40

    def x(ratio: float) -> float:
        return LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">',
        "<title>Infra Mind divided by the other side</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="24" font-size="15" fill="#1c2430">Infra Mind ÷ the other side (bar) and the budget (black mark); 1 × is equal</text>',
    ]
    for power in range(math.floor(low), math.ceil(high) + 1):
        if low <= power <= high:
            at = x(10.0**power)
            parts.append(
                f'<line x1="{at:.1f}" y1="{TOP - 12}" x2="{at:.1f}" y2="{height - 28}" stroke="#d5dae1"/>'
            )
            parts.append(
                f'<text x="{at:.1f}" y="{height - 12}" text-anchor="middle" fill="#5f6b7a">{10.0**power:g} ×</text>'
            )
    for i, row in enumerate(shown):
        parts += _bar(row, TOP + i * (BAR + GAP), x)
    return "\n".join([*parts, "</svg>", ""])


def _bar(row: Row, y: float, x: object) -> list[str]:
    assert callable(x)
    ratio = row.ratio or 1.0
    begin, end = sorted((x(1.0), x(ratio)))
    label = f"{row.what} / {row.against}"
    label = label if len(label) <= 66 else f"{label[:65]}…"
    out = [
        f'<text x="{LEFT - 10}" y="{y + 12}" text-anchor="end" fill="#1c2430">{escape(label)}</text>',
        f'<rect x="{begin:.1f}" y="{y}" width="{max(end - begin, 1):.1f}" height="{BAR}" fill="{COLOURS[row.met]}"/>',
        f'<text x="{end + 6:.1f}" y="{y + 12}" fill="#1c2430">{number(ratio)} ×</text>',
    ]
    if row.budget and row.budget.of == "ratio":
        at = x(row.budget.limit)
        out.append(
            f'<line x1="{at:.1f}" y1="{y - 3}" x2="{at:.1f}" y2="{y + BAR + 3}" stroke="#000000" stroke-width="2"/>'
        )
    return out


def _span(ratios: Sequence[float]) -> tuple[float, float]:
    """Powers of ten that hold all ratios and 1, never of no width."""
    logs = [0.0, *(math.log10(ratio) for ratio in ratios)]
    return min(logs) - 0.1, max(logs) + 0.1
