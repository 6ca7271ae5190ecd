"""Where a region stands: ids and names of clouds, countries and areas; nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra_mind.knowledge import places
from infra_mind.knowledge.places import Place


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("IE", "eu-west-1"), ("CH", "eu-central-2"), ("GB", "eu-west-2"), ("US", "us-east-1a"), ("NL", "West Europe"), ("NL", "westeurope"),
        ("NL", "europe-west4-a"), ("CH", "europe-west6"), ("DE", "Germany"), ("DE", "de"), ("GB", "uk"), ("US", "usa"), ("DE", "eusc-de-east-1"),
    ],
)  # fmt: skip
def test_the_country_of_a_place(country: str, text: str) -> None:
    found = places.find(text)
    assert found is not None
    assert found.country == country


@pytest.mark.parametrize("text", ["europe", "mars-1", "dc1", "", "eu-west", "eu-west-1-extra"])
def test_what_says_too_little_is_not_known(text: str) -> None:
    assert places.find(text) is None


def test_a_region_whose_name_begins_with_eu_may_be_outside_of_the_union() -> None:
    assert [r.id for r in places.regions().rows if r.id.startswith("eu-") and not Place(country=r.country).eu] == ["eu-central-2", "eu-west-2"]  # fmt: skip


def test_the_union_has_27_members_and_the_economic_area_30() -> None:
    rows = places.countries().rows
    assert (sum(c.eu for c in rows), sum(c.eea for c in rows)) == (27, 30)
    assert all(c.eea for c in rows if c.eu)


def test_every_region_stands_in_a_country_of_the_table() -> None:
    assert {r.country for r in places.regions().rows} <= set(places.countries().by_key)


@pytest.mark.parametrize(
    ("expected", "home", "other"),
    [
        (True, "eu", "eu-west-1"), (False, "eu", "europe-west2"), (False, "eu", "norwayeast"), (True, "eea", "norwayeast"), (True, "eea", "eu"),
        (False, "eu", "eea"), (True, "de", "eu-central-1"), (False, "de", "eu"), (False, "de", "eu-west-1"), (True, "eu-west-1", "eu-west-1b"),
        (False, "eu-west-1", "northeurope"), (True, "california", "us-west-1"), (False, "california", "us-east-1"), (True, "us", "us-west-1"),
    ],
)  # fmt: skip
def test_one_place_holds_another(expected: bool, home: str, other: str) -> None:
    outer, inner = places.find(home), places.find(other)
    assert outer is not None
    assert inner is not None
    assert outer.holds(inner) is expected


@settings(deadline=None)
@given(st.sampled_from([r.id for r in places.regions().rows]))
def test_a_region_of_the_union_is_in_the_area_and_in_its_country(region: str) -> None:
    found = places.find(region)
    assert found is not None
    assert not found.eu or found.eea
    assert Place(country=found.country).holds(found)
    assert Place(area="eu").holds(found) is found.eu
