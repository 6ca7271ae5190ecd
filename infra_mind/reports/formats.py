"""All formats of a report by name: what each is called, its media type, its file names, and how it is made.

Whatever a format needs is imported when it is asked for: an API process that gives no PDF loads no Typst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from infra_mind.errors import OptionInvalid
from infra_mind.model.result import AssessmentResult
from infra_mind.reports.places import HANDED_IN, Places

NO_CYCLONEDX = (
    'cyclonedx needs the extra `cyclonedx` where the report is made: pip install "infra-mind[cyclonedx]"'
)

Make = Callable[[AssessmentResult, str, Places], bytes]


@dataclass(frozen=True)
class Format:
    """`suffixes`: ends of file names that mean this format. `by_kind`: whether kinds of report differ in it."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    make: Make
    by_kind: bool = False


def _html(result: AssessmentResult, kind: str, _: Places) -> bytes:
    from infra_mind.reports.html import render

    return render(result, kind).encode()


def _pdf(result: AssessmentResult, kind: str, _: Places) -> bytes:
    from infra_mind.reports.pdf import render

    return render(result, kind)


def _markdown(result: AssessmentResult, kind: str, _: Places) -> bytes:
    from infra_mind.reports.markdown import render

    return render(result, kind).encode()


def _json(result: AssessmentResult, _kind: str, _: Places) -> bytes:
    return result.to_json()


def _sarif(result: AssessmentResult, _kind: str, places: Places) -> bytes:
    from infra_mind.reports.sarif import render

    return render(result, places)


def _csv(result: AssessmentResult, _kind: str, _: Places) -> bytes:
    from infra_mind.reports.tables import findings_csv

    return findings_csv(result)


def _junit(result: AssessmentResult, _kind: str, _: Places) -> bytes:
    from infra_mind.reports.junit import render

    return render(result)


def _focus(result: AssessmentResult, _kind: str, _: Places) -> bytes:
    from infra_mind.reports.tables import focus_csv

    return focus_csv(result)


def _cyclonedx(result: AssessmentResult, _kind: str, places: Places) -> bytes:
    try:
        import cyclonedx  # noqa: F401 - what the module below is made with
    except ImportError:
        raise OptionInvalid("format", NO_CYCLONEDX) from None
    from infra_mind.reports.cyclonedx import render

    return render(result, places)


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format("html", "text/html", (".html", ".htm"), _html, by_kind=True),
        Format("pdf", "application/pdf", (".pdf",), _pdf, by_kind=True),
        Format("md", "text/markdown", (".md", ".markdown"), _markdown, by_kind=True),
        Format("json", "application/json", (".json",), _json),
        Format("sarif", "application/sarif+json", (".sarif", ".sarif.json"), _sarif),
        Format("csv", "text/csv", (".csv",), _csv),
        Format("junit", "application/xml", (".xml", ".junit"), _junit),
        Format("focus", "text/csv", (".focus.csv",), _focus),
        Format("cyclonedx", "application/vnd.cyclonedx+json", (".cdx.json",), _cyclonedx),
    )
}


def format_named(name: str) -> Format:
    """Raises OptionInvalid that lists what there is."""
    if name not in FORMATS:
        raise OptionInvalid("format", f"{name[:40]!r} is not available; there is {_listed(list(FORMATS))}")
    return FORMATS[name]


def format_of(path: PurePath, option: str = "--report") -> Format:
    """By the end of a file's name, the longest first (`.sarif.json` is no JSON). Raises OptionInvalid that lists the ends."""
    name = path.name.lower()
    ends = {end: made for made in FORMATS.values() for end in made.suffixes}
    for end in sorted(ends, key=len, reverse=True):
        if name.endswith(end):
            return ends[end]
    raise OptionInvalid(
        option, f"{path.name} does not say which format: end it in {_listed(list(ends), 'or')}"
    )


def render_as(
    format: Format, result: AssessmentResult, kind: str = "full", places: Places = HANDED_IN
) -> bytes:
    """The report in one format. `kind` counts only in a format that is `by_kind`."""
    return format.make(result, kind, places)


def _listed(names: list[str], last: str = "and") -> str:
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
