"""The report as PDF, set by Typst without a browser. Needs the extra `pdf`.

All text is handed to the template as data and never becomes its source; the template can read no other file and no font but Typst's own, and
its clock stands at 1970, so that the same result gives the same bytes."""

from __future__ import annotations

import json
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from infra_mind.errors import OptionInvalid
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.blocks import Block, Bullets, Code, Heading, Paragraph, Table
from infra_mind.reports.document import document
from infra_mind.reports.text import clean, spans

MISSING = 'pdf needs the extra `pdf` where the report is made: pip install "infra-mind[pdf]"'
_NARROWEST, _WIDEST = 6, 40  # characters that count for a column's share of the width


def render(result: AssessmentResult, kind: str = "full") -> bytes:
    """`result` as a PDF; `kind` as for HTML, else ValueError. Raises OptionInvalid where Typst is not installed."""
    blocks = [_block(block) for block in document(result, kind)]
    try:
        import typst
    except ImportError:
        raise OptionInvalid("format", MISSING) from None
    template = (resources.files("infra_mind.reports") / "templates" / "report.typ").read_bytes()
    told = json.dumps({"title": clean(result.summary.name), "blocks": blocks})
    with tempfile.TemporaryDirectory(prefix="infra-mind-pdf-") as folder:
        source = Path(folder) / "report.typ"
        source.write_bytes(template)
        return typst.compile(
            source, root=source.parent, format="pdf", sys_inputs={"report": told}, ignore_system_fonts=True, timestamp=0,
            package_path=source.parent, package_cache_path=source.parent,
        )  # fmt: skip


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading(level, text):
            return {"is": "heading", "level": level, "text": clean(text)}
        case Paragraph(text, prose):
            return {"is": "paragraph", "spans": _spans(text, prose)}
        case Bullets(items, prose):
            return {"is": "bullets", "items": [_spans(item, prose) for item in items]}
        case Code(text, _):
            return {"is": "code", "text": clean(text)}
        case Table():
            return {
                "is": "table",
                "columns": [clean(name) for name in block.columns],
                "rows": [[clean(cell) for cell in row] for row in block.rows],
                "numeric": sorted(block.numeric),
                "widths": _widths(block),
            }


def _spans(text: str, prose: bool) -> list[dict[str, Any]]:
    parts = spans(clean(text)) if prose else [(clean(text), False)]
    return [{"text": part, "code": code} for part, code in parts]


def _widths(table: Table) -> list[int]:
    """Shares of the page's width: by the longest cell, so that no column starves beside a long one."""
    longest = [
        max((len(row[n]) for row in (table.columns, *table.rows)), default=0)
        for n in range(len(table.columns))
    ]
    return [min(_WIDEST, max(_NARROWEST, length)) for length in longest]
