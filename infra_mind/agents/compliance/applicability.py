"""Which regimes apply, and why: who, where, which data, which use of AI. Every rule cites the provision that it rests on.

A rule says `applies` only where the brief's own answers meet the provision; where a threshold is not in the brief it says `may_apply`
and asks. Nothing here is legal advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra_mind.knowledge import places
from infra_mind.knowledge.places import Place
from infra_mind.knowledge.regimes import NAMES
from infra_mind.model.brief import Brief
from infra_mind.model.brief import Regime as RegimeName

CCPA_CONSUMERS = 100_000  # Civ. Code 1798.140(d)(1)(B)
_SMALL = ("startup", "small")
# Industries of the brief → where the annexes of NIS 2 speak of them; `sure` where the whole industry is named.
_NIS2_SECTORS: Mapping[str, tuple[str, bool]] = {
    "healthcare": ("Annex I(5), health", True),
    "finance": ("Annex I(3) and (4), banking and financial market infrastructures; DORA goes first (Art. 4)", False),
    "technology": ("Annex I(8) and (9), digital infrastructure and ICT service management; Annex II(6), digital providers", False),
    "government": ("Annex I(10), public administration", False),
    "manufacturing": ("Annex II(5), manufacturing of certain goods", False),
    "retail": ("Annex II(4) and (6), food and online marketplaces", False),
    "education": ("Art. 2(5)(b), where the Member State says so", False),
}  # fmt: skip


class Fit(StrEnum):
    """How a regime and the brief fit together."""

    APPLIES = "applies"
    MAY_APPLY = "may_apply"  # it depends on something that no field of the brief tells
    BY_CHOICE = "by_choice"  # nobody has to, unless a customer or an authority asks
    NOT_APPARENT = "not_apparent"
    UNKNOWN = "unknown"  # a field of the brief is missing that would decide


@dataclass(frozen=True)
class Applicability:
    """`reasons` are sentences; `missing` the fields that would decide; `question` what a person has to answer."""

    regime: RegimeName
    fit: Fit
    article: str
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()
    question: str = ""


@dataclass(frozen=True)
class Circumstances:
    """What the rules look at. `home` are the places of the organisation, `hosts` those of its hosting, as far as they are known."""

    data: frozenset[str]
    industry: str | None
    size: str | None
    home: tuple[Place, ...]
    hosts: tuple[Place, ...]
    users: int | None
    uses_ai: bool

    @property
    def places(self) -> tuple[Place, ...]:
        return (*self.home, *self.hosts)

    @property
    def personal(self) -> tuple[str, ...]:
        """Classes of data that are about people, in order."""
        return tuple(c for c in ("health", "payment", "personal") if c in self.data)

    def in_union(self, of: Sequence[Place]) -> bool:
        return any(place.eu or place.eea for place in of)

    def in_states(self, of: Sequence[Place]) -> bool:
        return any(place.country == "US" for place in of)


def circumstances(brief: Brief, hosts: Iterable[Place] = ()) -> Circumstances:
    """From the brief, and the places (`hosts`) where its artefacts stand. Places that are not in the table are left out: the check of
    residency names them."""
    organisation, hosting, compliance = brief.organisation, brief.hosting, brief.compliance
    growth = organisation.growth if organisation else None
    regions = organisation.regions if organisation else ()
    given = (hosting.region,) if hosting and hosting.region else ()
    users = [u for u in (growth.users_now, growth.users_in_12_months) if u is not None] if growth else []
    return Circumstances(
        data=frozenset(compliance.data_classes if compliance else ()),
        industry=organisation.industry if organisation else None,
        size=organisation.size if organisation else None,
        home=tuple(p for r in regions if (p := places.find(r))),
        hosts=tuple(dict.fromkeys((*(p for r in given if (p := places.find(r))), *hosts))),
        users=max(users, default=None),
        uses_ai=bool(
            (compliance and compliance.ai_use) or brief.llm_serving or brief.llm_api or brief.training
        ),
    )


def applicability(here: Circumstances) -> tuple[Applicability, ...]:
    """One answer for each regime, in the order of the contract."""
    return tuple(_RULES[name](here) for name in NAMES)


def _gdpr(here: Circumstances) -> Applicability:
    article = "Art. 2(1), Art. 3"
    if not here.data:
        return _unknown(
            "gdpr", article, "whether personal data are processed is not given", "compliance.data_classes"
        )
    if not here.personal:
        return _no("gdpr", "Art. 2(1)", f"no class of data is about people ({_listed(here.data)})")
    held = f"{' and '.join(here.personal)} data are processed"
    if here.in_union(here.home):
        special = ("health data are a special category (Art. 9(1))",) if "health" in here.data else ()
        return _yes("gdpr", "Art. 3(1)", held, "the organisation works in the Union or the EEA", *special)
    if here.in_union(here.hosts):
        return _maybe("gdpr", "Art. 3", (held, "what hosts them stands in the Union or the EEA, the organisation does not say so"),
                      "Is there an establishment in the Union, or are people there served or watched (Art. 3(2))?")  # fmt: skip
    if not here.places:
        return _unknown("gdpr", article, f"{held}; where is not known", "organisation.regions")
    return Applicability("gdpr", Fit.NOT_APPARENT, "Art. 3(2)", (held, "no place in the Union is named"),
                         question="Are goods or services offered to people in the Union, or is their behaviour watched?")  # fmt: skip


def _hipaa(here: Circumstances) -> Applicability:
    article = "45 CFR 160.102, 160.103"
    if not here.data:
        return _unknown(
            "hipaa", article, "whether health data are processed is not given", "compliance.data_classes"
        )
    if "health" not in here.data:
        return _no("hipaa", article, "no health data are processed")
    if here.in_states(here.home) and here.industry == "healthcare":
        return _yes(
            "hipaa",
            article,
            "health data are processed",
            "a health care organisation that works in the United States",
        )
    if here.in_states(here.places):
        return _maybe("hipaa", article, ("health data are processed", "a place in the United States is named"),
                      "Is the organisation a covered entity or the business associate of one?")  # fmt: skip
    if not here.places:
        return _unknown(
            "hipaa", article, "health data are processed; where is not known", "organisation.regions"
        )
    return _no("hipaa", article, "health data are processed, but no place in the United States is named")


def _pci_dss(here: Circumstances) -> Applicability:
    article = "PCI DSS v4.0.1, section 2 (applicability)"
    if not here.data:
        return _unknown(
            "pci_dss", article, "whether payment data are processed is not given", "compliance.data_classes"
        )
    if "payment" in here.data:
        return _yes("pci_dss", article, "payment data are stored, processed or transmitted")
    return _no("pci_dss", article, "no payment data are processed")


def _chosen(regime: RegimeName, article: str, why: str) -> Callable[[Circumstances], Applicability]:
    def rule(_: Circumstances) -> Applicability:
        return Applicability(regime, Fit.BY_CHOICE, article, (why,))

    return rule


def _nist(here: Circumstances) -> Applicability:
    article = "44 U.S.C. 3554, FIPS 200"
    if here.industry == "government" and here.in_states(here.home):
        return _maybe("nist_800_53", article, ("a public body that works in the United States",),
                      "Is it a federal agency, or does it run a system for one (FISMA, FedRAMP)?")  # fmt: skip
    return Applicability(
        "nist_800_53", Fit.BY_CHOICE, article, ("binding for federal systems of the United States only",)
    )


def _ccpa(here: Circumstances) -> Applicability:
    article = "Cal. Civ. Code 1798.140(d)"
    if not here.data:
        return _unknown(
            "ccpa", article, "whether personal data are processed is not given", "compliance.data_classes"
        )
    if not here.personal:
        return _no("ccpa", article, f"no class of data is about people ({_listed(here.data)})")
    if here.industry in ("non_profit", "government"):
        return _no("ccpa", article, "it binds organisations that work for profit")
    if not here.places:
        return _unknown(
            "ccpa", article, "personal data are processed; where is not known", "organisation.regions"
        )
    if not here.in_states(here.places):
        return _no("ccpa", article, "no place in the United States is named")
    reasons = ["personal data are processed", "a place in the United States is named"]
    if any(place.state == "CA" for place in here.places):
        reasons[1] = "a place in California is named"
    if here.users is not None and here.users >= CCPA_CONSUMERS:
        reasons.append(f"there are or will be {CCPA_CONSUMERS:,} users or more")
    return _maybe("ccpa", article, tuple(reasons),
                  "Does it do business in California, with more than USD 26,625,000 a year, 100,000 consumers or households, or half of its revenue from selling or sharing?")  # fmt: skip


def _ai_act(here: Circumstances) -> Applicability:
    article = "Art. 2(1)"
    if not here.uses_ai:
        return _unknown("eu_ai_act", article, "no use of AI is described", "compliance.ai_use")
    if here.in_union(here.home):
        return _yes(
            "eu_ai_act",
            "Art. 2(1)(a) and (b)",
            "AI is used or offered",
            "the organisation works in the Union or the EEA",
        )
    if not here.places:
        return _unknown("eu_ai_act", article, "AI is used; where is not known", "organisation.regions")
    if here.in_union(here.hosts):
        return _maybe("eu_ai_act", article, ("AI is used", "the hosting stands in the Union or the EEA"),
                      "Is the system or its output used in the Union (Art. 2(1)(c))?")  # fmt: skip
    return Applicability("eu_ai_act", Fit.NOT_APPARENT, "Art. 2(1)(c)", ("AI is used, but no place in the Union is named",),
                         question="Is the output of the system used in the Union?")  # fmt: skip


def _nis2(here: Circumstances) -> Applicability:
    article = "Art. 2(1), Annexes I and II"
    if here.industry is None:
        return _unknown("nis2", article, "the industry is not given", "organisation.industry")
    if not here.home:
        return _unknown("nis2", article, "where the organisation works is not given", "organisation.regions")
    if not any(place.eu for place in here.home):
        return _no("nis2", "Art. 2(1)", "the organisation names no place in the Union")
    if here.industry not in _NIS2_SECTORS:
        return _no(
            "nis2",
            "Annexes I and II",
            f"the industry ({here.industry.replace('_', ' ')}) is in neither annex",
        )
    where, sure = _NIS2_SECTORS[here.industry]
    if here.size is None:
        return _unknown(
            "nis2", "Art. 2(1)", f"{where}; the size decides and is not given", "organisation.size"
        )
    if here.size in _SMALL:
        return Applicability("nis2", Fit.NOT_APPARENT, "Art. 2(1)", (where, "smaller than a medium-sized enterprise"),
                             question="Is it one of the entities that are bound whatever their size (Art. 2(2))?")  # fmt: skip
    if sure:
        return _yes(
            "nis2", "Art. 2(1), Annex I(5)", "a health care provider in the Union", f"of {here.size} size"
        )
    return _maybe("nis2", article, (where, f"of {here.size} size, in the Union"),
                  "Does it belong to one of the kinds of entity of the annexes?")  # fmt: skip


def _dora(here: Circumstances) -> Applicability:
    article = "Art. 2(1)"
    if here.industry is None:
        return _unknown("dora", article, "the industry is not given", "organisation.industry")
    if here.industry == "technology" and here.in_union(here.home):
        return Applicability("dora", Fit.NOT_APPARENT, "Art. 2(1)(u)", ("not a financial entity",),
                             question="Does it provide ICT services to financial entities? They pass their duties on by contract (Art. 30).")  # fmt: skip
    if here.industry != "finance":
        return _no("dora", article, "not a financial entity")
    if not here.home:
        return _unknown("dora", article, "a financial entity; where is not known", "organisation.regions")
    if here.in_union(here.home):
        return _yes("dora", article, "a financial entity that works in the Union")
    return _no("dora", article, "a financial entity that names no place in the Union")


_RULES: Mapping[RegimeName, Callable[[Circumstances], Applicability]] = {
    "gdpr": _gdpr,
    "hipaa": _hipaa,
    "pci_dss": _pci_dss,
    "soc2": _chosen("soc2", "AICPA AT-C 205", "an examination that customers ask for; no law asks for it"),
    "iso27001": _chosen("iso27001", "ISO/IEC 27001:2022, clause 1", "a certificate that one chooses; no law of general scope asks for it"),
    "nist_800_53": _nist,
    "ccpa": _ccpa,
    "eu_ai_act": _ai_act,
    "nis2": _nis2,
    "dora": _dora,
}  # fmt: skip


def _yes(regime: RegimeName, article: str, *reasons: str) -> Applicability:
    return Applicability(regime, Fit.APPLIES, article, reasons)


def _no(regime: RegimeName, article: str, reason: str) -> Applicability:
    return Applicability(regime, Fit.NOT_APPARENT, article, (reason,))


def _maybe(regime: RegimeName, article: str, reasons: tuple[str, ...], question: str) -> Applicability:
    return Applicability(regime, Fit.MAY_APPLY, article, reasons, question=question)


def _unknown(regime: RegimeName, article: str, reason: str, missing: str) -> Applicability:
    return Applicability(regime, Fit.UNKNOWN, article, (reason,), (missing,))


def _listed(data: frozenset[str]) -> str:
    return ", ".join(sorted(data))
