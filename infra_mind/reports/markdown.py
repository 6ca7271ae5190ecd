"""The report as Markdown (GitHub's dialect). Text of briefs and artefacts is data: nothing in it becomes markup or a link."""

from __future__ import annotations

import re

from infra_mind.model.result import AssessmentResult
from infra_mind.reports.blocks import Block, Bullets, Code, Heading, Paragraph, Table
from infra_mind.reports.document import document
from infra_mind.reports.text import clean, one_line, spans

_MARKS = re.compile(r"[\\`*_\[\]|~$#]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_AT_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+=])")


def render(result: AssessmentResult, kind: str = "full") -> str:
    """`result` as Markdown; `kind` as for HTML, else ValueError. Same result, same bytes."""
    return "\n\n".join(_block(block) for block in document(result, kind)) + "\n"


def escaped(text: str) -> str:
    """`text` so that it reads as it is: no emphasis, code, link, mention, HTML, table cell or block begins or ends in it."""
    return _not_a_block(_inline(one_line(text)))


def _not_a_block(line: str) -> str:
    """What begins a list, a rule or a heading at the start of a line does not here."""
    return _AT_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def _inline(line: str) -> str:
    """The same for a part of a line that does not begin it; spaces at its ends stay."""
    line = _MARKS.sub(lambda mark: "\\" + mark.group(), line)
    line = "".join(_ENTITIES.get(character, character) for character in line)
    return line.replace("://", "&#58;//").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text, prose):
            return _sentence(text, prose)
        case Bullets(items, prose):
            return "\n".join(f"- {_sentence(item, prose)}" for item in items)
        case Table():
            return _table(block)
        case Code(text, language):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{clean(text).rstrip()}\n{fence}"


def _sentence(text: str, prose: bool) -> str:
    """A code span takes everything as it is, and the parts hold no backtick."""
    line = one_line(text)
    if not prose or "`" not in line:
        return escaped(line)
    parts = (f"`{part}`" if code and part.strip() else _inline(part) for part, code in spans(line))
    return _not_a_block("".join(parts))


def _table(table: Table) -> str:
    rule = ["---:" if n in table.numeric else "---" for n in range(len(table.columns))]
    rows = [table.columns, tuple(rule), *table.rows]
    body = [row if n == 1 else tuple(escaped(cell) for cell in row) for n, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in body)
