"""The report as Markdown (GitHub's dialect). Text of briefs and artefacts is data: nothing in it becomes markup or a link."""

from __future__ import annotations

import re

from infra_mind.model.result import AssessmentResult
from infra_mind.reports.document import Block, Bullets, Code, Heading, Paragraph, Table, document
from infra_mind.reports.text import clean, one_line

_MARKS = re.compile(r"[\\`*_\[\]|~$#]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_AT_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=])")


def render(result: AssessmentResult, kind: str = "full") -> str:
    """`result` as Markdown; `kind` as for HTML, else ValueError. Same result, same bytes."""
    return "\n\n".join(_block(block) for block in document(result, kind)) + "\n"


def escaped(text: str) -> str:
    """`text` so that it reads as it is: no emphasis, code, link, mention, HTML, table cell or block begins or ends in it."""
    line = _MARKS.sub(lambda mark: "\\" + mark.group(), one_line(text))
    line = "".join(_ENTITIES.get(character, character) for character in line)
    line = line.replace("://", "&#58;//").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
    return _AT_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text):
            return escaped(text)
        case Bullets(items):
            return "\n".join(f"- {escaped(item)}" for item in items)
        case Table():
            return _table(block)
        case Code(text, language):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{clean(text).rstrip()}\n{fence}"


def _table(table: Table) -> str:
    rule = ["---:" if n in table.numeric else "---" for n in range(len(table.columns))]
    rows = [table.columns, tuple(rule), *table.rows]
    body = [row if n == 1 else tuple(escaped(cell) for cell in row) for n, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in body)
