"""The tables of regimes: every identifier in its form, every rule mapped, dates with their state, no text under copyright."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from infra_mind.agents.reliability.single_points import CHECKS
from infra_mind.agents.security.rules import REGISTRY
from infra_mind.knowledge import regimes
from infra_mind.knowledge.regimes import NAMES, Control
from infra_mind.knowledge.tables import TableInvalid, parse
from infra_mind.model.brief import Regime as RegimeName

# Rules that no table lists: they judge the brief.
FROM_THE_BRIEF = {
    "reliability.one-node", "reliability.one-copy", "reliability.target", "cloud.zone-loss", "cloud.node-capacity",
    "compliance.residency", "compliance.rented-models",
}  # fmt: skip
FORMS = {
    "gdpr": r"Art\.\d+(\(\d+\))?(\([a-z]\))?",
    "hipaa": r"164\.(308|310|312|314|316|404|406|408|410)(\([a-z0-9A-Z]+\))*",
    "pci_dss": r"([1-9]|1[0-2])\.([1-9]|10)",
    "soc2": r"(CC[1-9]|A1|C1|PI1|P[1-8])\.[1-8]",
    "iso27001": r"([4-9]|10)|A\.[5-8]\.\d+",
    "nist_800_53": r"[A-Z]{2}-\d+(\(\d+\))?",
    "ccpa": r"1798\.1[0-9]{2}(\([a-z]\))?|11CCR7\d{3}(\(c\)\(\d+\))?",
    "eu_ai_act": r"Art\.\d+(\(\d+\))?(\([a-z]\))?",
    "nis2": r"Art\.\d+(\(\d\))?(\([a-j]\))?",
    "dora": r"Art\.\d+(\(\d\))?(\([a-f]\))?",
}


@pytest.fixture(params=NAMES)
def regime(request: pytest.FixtureRequest) -> RegimeName:
    name: RegimeName = request.param
    return name


def test_the_ten_regimes_of_the_brief_are_there() -> None:
    assert tuple(regimes.regimes().by_key) == get_args(RegimeName) == NAMES


def test_every_identifier_has_the_form_of_its_standard(regime: RegimeName) -> None:
    wrong = [c.id for c in regimes.controls(regime).rows if not re.fullmatch(FORMS[regime], c.id)]
    assert wrong == []


def test_every_topic_and_date_of_a_control_exists(regime: RegimeName) -> None:
    for control in regimes.controls(regime).rows:
        assert set(control.topics) <= set(regimes.topics().by_key), control.id
        assert control.date is None or control.date in regimes.dates().by_key, control.id


def test_every_regime_has_controls_for_machines_and_more_for_people(regime: RegimeName) -> None:
    rows = regimes.controls(regime).rows
    checkable = sum(bool(c.topics) for c in rows)
    assert 0 < checkable < len(rows) / 2


# Published sizes: ISO/IEC 27002:2022 has 93 controls; the moderate baseline of SP 800-53B has 287; PCI DSS v4 has 12 requirements;
# the trust services criteria have 33 common ones; 11 CCR 7123(c) lists 18 components; NIS 2 Art. 21(2) lists ten measures.
@pytest.mark.parametrize(
    ("expected", "regime", "start"),
    [
        (93, "iso27001", "A."), (287, "nist_800_53", ""), (33, "soc2", "CC"), (18, "ccpa", "11CCR7123(c)"), (10, "nis2", "Art.21(2)("),
        (22, "hipaa", "164.308(a)"), (10, "hipaa", "164.310"), (5, "hipaa", "164.316"), (3, "hipaa", "164.40"),
        (4, "nis2", "Art.23(4)("),
    ],
)  # fmt: skip
def test_published_counts(expected: int, regime: RegimeName, start: str) -> None:
    assert sum(c.id.startswith(start) for c in regimes.controls(regime).rows) == expected


def test_all_twelve_requirements_of_pci_dss_are_there() -> None:
    assert {c.id.partition(".")[0] for c in regimes.controls("pci_dss").rows} == {
        str(n) for n in range(1, 13)
    }


@pytest.mark.parametrize(
    ("title", "regime", "id_"),
    [
        ("Least Privilege", "nist_800_53", "AC-6"),
        ("Protection of Information at Rest", "nist_800_53", "SC-28"),
        ("Use of cryptography", "iso27001", "A.8.24"),
        ("Information backup", "iso27001", "A.8.13"),
        ("Encryption and decryption", "hipaa", "164.312(a)(2)(iv)"),
        ("Data backup plan", "hipaa", "164.308(a)(7)(ii)(A)"),
        ("Cybersecurity", "eu_ai_act", "Art.15(5)"),
        ("Information security roles and responsibilities", "iso27001", "A.5.2"),
        ("Restrictions on the collection and use of personal information", "ccpa", "11CCR7002"),
    ],
)
def test_titles_as_published(title: str, regime: RegimeName, id_: str) -> None:
    assert regimes.controls(regime).by_key[id_].title == title


# 45 CFR 164 Subpart C, Appendix A: (R) required, (A) addressable.
@pytest.mark.parametrize(
    ("level", "id_"),
    [
        ("required", "164.308(a)(7)(ii)(A)"), ("addressable", "164.308(a)(7)(ii)(D)"), ("required", "164.310(d)(2)(i)"),
        ("addressable", "164.312(a)(2)(iv)"), ("required", "164.312(a)(2)(i)"), ("addressable", "164.312(e)(2)(ii)"),
    ],
)  # fmt: skip
def test_required_and_addressable_as_in_the_matrix(level: str, id_: str) -> None:
    assert regimes.controls("hipaa").by_key[id_].level == level


@pytest.mark.parametrize("regime", ["iso27001", "pci_dss", "soc2"])
def test_standards_under_copyright_are_labels_not_sentences(regime: RegimeName) -> None:
    assert [
        c.title for c in regimes.controls(regime).rows if len(c.title.split()) > 12 or "." in c.title
    ] == []


def test_every_security_rule_belongs_to_a_topic() -> None:
    assert [r.id for r in REGISTRY.values() if not regimes.topics_of(r.id, r.controls)] == []


def test_every_single_point_of_failure_belongs_to_a_topic() -> None:
    assert [c.rule_id for c in CHECKS if not regimes.topics_of(c.rule_id, ())] == []


def test_every_rule_that_a_topic_names_exists() -> None:
    known = {*REGISTRY, *(c.rule_id for c in CHECKS), *FROM_THE_BRIEF}
    named = {rule for topic in regimes.topics().rows for rule in (*topic.rules, *topic.without)}
    assert named - known == set()


def test_every_tag_that_a_topic_names_is_used() -> None:
    used = {tag for rule in REGISTRY.values() for tag in rule.controls}
    assert {tag for topic in regimes.topics().rows for tag in topic.tags} - used == set()


def test_what_a_topic_leaves_out_does_not_belong_to_it() -> None:
    assert "access-control" not in regimes.topics_of(
        "IM-TF-SECRET-001", ("secrets-management", "access-control")
    )
    assert "secrets-management" in regimes.topics_of(
        "IM-TF-SECRET-001", ("secrets-management", "access-control")
    )


# Regulation (EU) 2024/1689, Art. 113 as amended by Regulation (EU) 2026/1744; the others by their own articles.
@pytest.mark.parametrize(
    ("day", "status", "id_"),
    [
        ("2025-02-02", "in_force", "eu_ai_act:prohibitions"),
        ("2026-08-02", "in_force", "eu_ai_act:transparency"),
        ("2027-12-02", "adopted", "eu_ai_act:annex-iii"),
        ("2028-08-02", "adopted", "eu_ai_act:annex-i"),
        ("2030-08-02", "adopted", "eu_ai_act:public-authorities"),
        ("2025-01-17", "in_force", "dora:application"),
        ("2025-03-31", "in_force", "pci_dss:future-dated"),
        ("2024-10-17", "in_force", "nis2:transposition"),
        ("2025-01-06", "proposed", "hipaa:nprm"),
        ("2026-01-01", "in_force", "ccpa:regulations"),
        ("2018-05-25", "in_force", "gdpr:application"),
    ],
)
def test_dates_with_their_state(day: str, status: str, id_: str) -> None:
    found = regimes.dates().by_key[id_]
    assert (found.date, found.status) == (day, status)


def test_the_state_of_a_date_fits_the_date_of_the_table() -> None:
    today = regimes.dates().head.as_of
    for date in regimes.dates().rows:
        assert (date.status == "in_force") == (date.date <= today) or date.status == "proposed", date.id


def test_a_control_with_an_unknown_owner_refuses_the_table() -> None:
    raw = b'{"title": "Test", "source": "test", "as_of": "2026", "rows": [{"id": "A", "title": "Title", "owner": "nobody"}]}'
    with pytest.raises(TableInvalid, match="row 1: owner"):
        parse("x", raw, Control, lambda c: c.id)
