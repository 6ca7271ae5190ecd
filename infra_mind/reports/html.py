"""The report as one HTML file that needs nothing else: no network, no script to read it.

Text of the brief and of artefacts is hostile: Jinja escapes every value, control characters are shown as U+FFFD, links lead
nowhere but to http(s), and the page's own content security policy allows only the style and script that stand in it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from infra_mind.model.numbers import money, number, percent, quantity
from infra_mind.model.result import AssessmentResult
from infra_mind.reports import usage
from infra_mind.reports.facts import FactBook, FactView, pivots
from infra_mind.reports.labels import agent_title, fact_name, status_title, unit_of
from infra_mind.reports.text import clean, web_link
from infra_mind.reports.view import (
    KIND_TITLES,
    MOST_IN_PHASE,
    MOST_OPEN_PLACES,
    MOST_OPEN_RECOMMENDATIONS,
    MOST_OPEN_ROWS,
    SECTION_TITLES,
    View,
)

KINDS = tuple(KIND_TITLES)
_CODE = re.compile(r"((?: \(`[^`]*`\))|(?:`[^`]*`))")


def render(result: AssessmentResult, kind: str = "full") -> str:
    """`result` as a self-contained HTML page; `kind` is one of `KINDS`, else ValueError. Same result, same bytes."""
    if kind not in KINDS:
        raise ValueError(f"no report of kind {kind!r}; there are {', '.join(KINDS)}")
    env = _environment()
    view = View(result, kind, FactBook(result))
    style, script = _asset("report.css"), _asset("report.js")
    return env.get_template("report.html.j2").render(
        view=view,
        usage=usage,
        result=result,
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
    )


def diff_lines(patch: str) -> list[tuple[str, str]]:
    """Each line of a unified diff with what it is: file, hunk, add, del or same."""
    return [(_diff_kind(line), line) for line in patch.splitlines()]


def prose(text: str, view: View | None = None) -> Markup:
    """A sentence with what stands between backticks as code. The id of a fact that `view` shows becomes what people call it, with a link;
    where it only names the source of a number, `(cost.total_usd_per_month)`, a mark that leads there."""
    if text.count("`") % 2:
        return escape(clean(text))
    return Markup().join(
        escape(clean(part)) if n % 2 == 0 else _code(part, view) for n, part in enumerate(_CODE.split(text))
    )


def scalar(value: Any, key: str = "") -> str:
    """A plain JSON value as text for people; `key` is the name it stands under, which may tell its unit."""
    if isinstance(value, bool | int | float):
        return quantity(value, unit_of(key)).text
    return "" if value is None else str(value)


def shape(value: Any) -> str:
    """How a JSON value is laid out: `table` (list of maps), `list`, `map` or `scalar`."""
    if isinstance(value, list | tuple):
        return "table" if value and all(isinstance(item, dict) for item in value) else "list"
    return "map" if isinstance(value, dict) else "scalar"


def columns(rows: list[dict[str, Any]]) -> list[str]:
    """All keys of the rows, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _code(part: str, view: View | None) -> Markup:
    before, name, after = part.partition("`")[0], part.split("`")[1], part.rpartition("`")[2]
    fact = view.book.get(name) if view else None
    if fact is None or view is None or fact.anchor not in view.linkable:
        return escape(before) + Markup("<code>{}</code>").format(clean(name)) + escape(after)
    if before:
        mark = '<sup><a class="source" href="#{}" title="{}" aria-label="source: {}">\N{LATIN SMALL LETTER F WITH HOOK}</a></sup>'
        return Markup(mark).format(fact.anchor, clean(name), fact.label)  # noqa: S704 - a literal
    return Markup('<a href="#{}" title="{}">{}</a>').format(fact.anchor, clean(name), fact.label)


def _diff_kind(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "file"
    if line.startswith("@@"):
        return "hunk"
    return {"+": "add", "-": "del"}.get(line[:1], "same")


@cache
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("infra_mind.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "money": money, "number": number, "percent": percent, "scalar": scalar, "words": fact_name, "prose": prose,
        "diff_lines": diff_lines, "web_link": web_link, "agent_title": agent_title, "status_title": status_title, "quantity": quantity, "pivots": pivots,
    }  # fmt: skip
    env.tests["fact"] = lambda value: isinstance(value, FactView)
    env.globals |= {
        "shape": shape,
        "columns": columns,
        "section_titles": SECTION_TITLES,
        "most_in_phase": MOST_IN_PHASE,
        "most_open": MOST_OPEN_RECOMMENDATIONS,
        "most_places": MOST_OPEN_PLACES,
        "most_rows": MOST_OPEN_ROWS,
    }
    return env


@cache
def _asset(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
