"""Offers of models rented by the token: the brief's own, the same model elsewhere, and newer models of the same line.

A line is what the maker itself sells under one name: the name without version, date and words such as `latest` (`claude-sonnet-4-5`
→ `claude sonnet`, `gpt-5-mini` → `gpt mini`). Whether another model of the line answers as well is for people to test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from infra_mind.agents.research.desk import MAX_AGE_DAYS, NAME, Desk, confidence, sound
from infra_mind.knowledge import llm_api
from infra_mind.knowledge.llm_api import ApiPrice
from infra_mind.model.brief import LlmApi
from infra_mind.model.fact import FactValue, id_parts
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Impact,
    Remediation,
    Severity,
    Status,
    make_finding,
    worth,
)
from infra_mind.model.numbers import money, percent

MILLION = 1e6
MOST_ALTERNATIVES = 8
# Sold with a program or a seat and not as a model that one's own software calls.
NOT_FOR_RENT = frozenset({"github-copilot", "cursor"})
_NOISE = frozenset({"latest", "preview", "exp", "experimental", "instruct", "it", "chat", "v"})
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_DATE = re.compile(r"(?:19|20)\d{2}(?:-\d{2}-\d{2}|\d{4})|\b\d{4}\b")
# Other kinds of work under a maker's common name.
_OTHER_WORK = frozenset(
    {
        "audio", "codex", "computer", "embed", "embedding", "image", "live", "ocr", "realtime", "robotics", "search", "transcribe", "tts",
        "video", "vision",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Alternative:
    """Another offer; `usd_per_month` at the brief's tokens."""

    price: ApiPrice
    usd_per_month: float
    kind: str


def assess_models(items: Sequence[LlmApi], desk: Desk) -> None:
    """Facts `api.<name>.*` and findings on cheaper offers of the same model and of newer ones of its line."""
    for index, (part, item) in enumerate(zip(id_parts(i.name for i in items), items, strict=True)):
        own = llm_api.price(item.model)
        if own is None:
            desk.missing("api", f"llm_api.{index}.model", f"{item.name}: no dated price of {item.model}", llm_api.why_unpriced(item.model), given=item.model)  # fmt: skip
            continue
        desk.saw(own.source, own.as_of, MAX_AGE_DAYS)
        inputs: dict[str, FactValue] = {"provider": own.provider, "model": own.model}
        for way in ("input", "output"):
            usd = getattr(own, f"usd_per_million_{way}")
            if sound(usd):
                desk.fact(f"api.{part}.usd_per_million_{way}", usd, "USD/million tokens", "looked up", inputs, own.source, own.as_of)  # fmt: skip
        desk.age(f"api.{part}", own.as_of, own.source)
        month = per_month(own, item)
        if month is None:
            _not_comparable(f"llm_api.{index}", item, own, desk)
        elif month > 0:
            _compare(part, item, own, month, desk)


def _not_comparable(path: str, item: LlmApi, own: ApiPrice, desk: Desk) -> None:
    lacking = [f"{way}_tokens_per_month" for way in ("input", "output") if getattr(item, f"{way}_tokens_per_month") is None]  # fmt: skip
    if lacking:
        desk.missing("alternatives", f"{path}.{lacking[0]}", f"{item.name}: without its tokens no other offer can be compared")  # fmt: skip
    else:
        desk.missing("alternatives", f"{path}.model", f"{item.name}: the list prices only one direction of {own.model}, so no other offer can be compared", given=item.model)  # fmt: skip


def per_month(price: ApiPrice, item: LlmApi) -> float | None:
    """USD a month at the item's tokens; None where tokens or the price of a direction that is used are not known."""
    ways = ((item.input_tokens_per_month, price.usd_per_million_input), (item.output_tokens_per_month, price.usd_per_million_output))  # fmt: skip
    if any(tokens is None or (tokens and usd is None) for tokens, usd in ways):
        return None
    return sum((tokens or 0.0) * (usd or 0.0) for tokens, usd in ways) / MILLION


def _compare(part: str, item: LlmApi, own: ApiPrice, month: float, desk: Desk) -> None:
    found = sorted(_alternatives(own, item, desk), key=lambda a: (a.usd_per_month, a.price.provider, a.price.model))  # fmt: skip
    inputs: dict[str, FactValue] = {"model": f"{own.provider}/{own.model}", "input_tokens": item.input_tokens_per_month or 0.0, "output_tokens": item.output_tokens_per_month or 0.0}  # fmt: skip
    listed = desk.fact(f"api.{part}.usd_per_month", month, "USD/month", "Σ tokens · USD per million tokens / 1e6", inputs, own.source, own.as_of)  # fmt: skip
    desk.fact(f"api.{part}.alternatives", len(found), "count", "offers of the same model elsewhere, and of newer models of its line", inputs, own.source, own.as_of)  # fmt: skip
    desk.details.setdefault("model_offers", []).extend(_row(item, a) for a in found[:MOST_ALTERNATIVES])
    cheaper = False
    for kind in ("same model", "newer of its line"):
        best = next((a for a in found if a.kind == kind), None)
        if best is not None and best.usd_per_month < month * 0.995:
            cheaper = True
            key = "cheapest_elsewhere" if kind == "same model" else "cheapest_newer"
            fact = desk.fact(
                f"api.{part}.{key}_usd_per_month", best.usd_per_month, "USD/month", "Σ tokens · USD per million tokens / 1e6",
                {**inputs, "model": f"{best.price.provider}/{best.price.model}"}, best.price.source, best.price.as_of,
            )  # fmt: skip
            _finding(item, own, month, best, (listed, fact), desk)
    if not cheaper:
        desk.findings.append(
            make_finding(
                rule_id=f"{NAME}.cheaper-model", agent=NAME, status=Status.PASS, severity=Severity.INFO, resource=f"llm_api.{item.name}",
                value=own.model, title=f"{item.name}: no cheaper offer of {own.model} or of a newer model of its line is listed", facts=(listed,),
            )
        )  # fmt: skip


def _finding(
    item: LlmApi, own: ApiPrice, month: float, best: Alternative, facts: tuple[str, ...], desk: Desk
) -> None:
    same = best.kind == "same model"
    share = 1 - best.usd_per_month / month
    name = f"{best.price.provider}/{best.price.model}"
    desk.findings.append(
        make_finding(
            rule_id=f"{NAME}.{'same-model-elsewhere' if same else 'newer-model'}", agent=NAME, status=Status.FAIL,
            severity=worth(month - best.usd_per_month, Severity.LOW), confidence=confidence(best.price.as_of, MAX_AGE_DAYS, Confidence.MEDIUM if same else Confidence.LOW),
            resource=f"llm_api.{item.name}", value=[own.model, name],
            title=f"{item.name}: {name} costs {percent(round(share, 3))} less than {own.provider}/{own.model} for the same tokens",
            evidence=(Evidence(artefact="brief", path=f"llm_api.{item.name}.model", observed=f"{own.provider}/{own.model}: {money(month)} a month", expected=f"{name}: {money(best.usd_per_month)} a month"),),
            facts=facts,
            impact=Impact(usd_per_month=month - best.usd_per_month),
            remediation=Remediation(
                text=f"Compare {name} on your own questions before you change; its speed, its limits, and where it keeps data are not in the list.",
                effort=Effort.DAYS,
            ),
        )
    )  # fmt: skip


def _alternatives(own: ApiPrice, item: LlmApi, desk: Desk) -> Iterator[Alternative]:
    bare, line, version = _bare(own.model), line_of(own.model), version_of(own.model)
    for provider, model in listed():
        if (provider, model) == (own.provider, own.model) or provider in NOT_FOR_RENT:
            continue
        kind = ""
        if _bare(model) == bare and provider != own.provider:
            kind = "same model"
        elif provider == own.provider and line and line_of(model) == line and version and version_of(model) > version:  # fmt: skip
            kind = "newer of its line"
        if not kind:
            continue
        price = llm_api.price(f"{provider}/{model}")
        if price is None or (price.provider, price.model) != (provider, model):
            desk.refused.append({"what": f"{provider}/{model}", "region": "", "purchase": "tokens", "usd": 0.0})  # fmt: skip
            continue
        usd = per_month(price, item)
        if usd is None or not sound(usd):
            desk.refused.append({"what": f"{provider}/{model}", "region": "", "purchase": "tokens", "usd": usd or 0.0})  # fmt: skip
            continue
        desk.saw(price.source, price.as_of, MAX_AGE_DAYS)
        yield Alternative(price, usd, kind)


@cache
def listed() -> tuple[tuple[str, str], ...]:
    """Every (provider, model) of the price list, sorted; variants such as `:free` and `:batch` are other services and left out."""
    return tuple(sorted((provider, model) for provider, model in llm_api.names() if ":" not in model))


@cache
def line_of(model: str) -> str:
    """The maker's line: the words of the name; empty where the name says another kind of work."""
    words = [w for w in _words(model) if not _VERSION.fullmatch(w) and w not in _NOISE]
    return "" if set(words) & _OTHER_WORK else " ".join(words)


@cache
def version_of(model: str) -> tuple[int, ...]:
    """The version in the name: `claude-opus-4-5` → (4, 5), `gpt-5.1` → (5, 1); dates are none. Empty without one."""
    found: list[int] = []
    for word in _words(model):
        if _VERSION.fullmatch(word):
            found += [int(n) for n in word.split(".")]
    return tuple(found)


def _words(model: str) -> list[str]:
    bare = _DATE.sub("", _bare(model))
    return [w for w in re.split(r"[-_ @/:]+", bare) if w]


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower()


def _row(item: LlmApi, found: Alternative) -> dict[str, FactValue | None]:
    price = found.price
    return {
        "what": item.name, "kind": found.kind, "provider": price.provider, "model": price.model,
        "usd_per_million_input": price.usd_per_million_input, "usd_per_million_output": price.usd_per_million_output,
        "usd_per_month": found.usd_per_month, "as_of": price.as_of,
    }  # fmt: skip
