"""The carbon tables: what they hold, what they refuse, and what places mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra_mind.knowledge import carbon, gpus, instances, llm_energy, prices, tables
from infra_mind.knowledge.carbon import GridRow, HoursRow, MachineRow, ProcessorRow, ProviderRow
from infra_mind.knowledge.tables import Row, TableInvalid

ALL = tables.versions()


def parse(row_type: type[Row], *rows: dict[str, Any]) -> tuple[Row, ...]:
    raw = json.dumps({"title": "test", "source": "a list", "as_of": "2026-01", "rows": rows}).encode()
    return tables.parse("test", raw, row_type, lambda row: row.model_dump_json()).rows


GRID = {"provider": "azure", "region": "finlandcentral", "country": "fi", "area": "europe"}


@pytest.mark.parametrize("published", [77, 402, 0.0, -0.1, 1.5])
def test_a_factor_without_its_decimal_point_is_refused(published: float) -> None:
    """`000077` and `000402` stand for 0.000077 and 0.000402 metric tons in ccf-coefficients, data/grid-emissions-factors-azure.csv."""
    with pytest.raises(TableInvalid, match="kgco2e_per_kwh"):
        parse(GridRow, {**GRID, "kgco2e_per_kwh": published})


def test_the_same_row_with_its_decimal_point_is_taken() -> None:
    assert parse(GridRow, {**GRID, "kgco2e_per_kwh": 0.077})


def test_idle_must_be_below_full_load() -> None:
    row = {"provider": "aws", "per": "vcpu", "pue": 1.1, "copies": {"ssd": 1, "hdd": 1, "object": 1}}
    with pytest.raises(TableInvalid, match="idle"):
        parse(ProviderRow, {**row, "min_watts": 3.5, "max_watts": 0.74})
    with pytest.raises(TableInvalid, match="idle"):
        parse(ProcessorRow, {"processor": "Skylake", "min_watts": 2.0, "max_watts": 1.0, "gb_per_chip": 64})


def test_a_day_has_24_hours() -> None:
    day = {"provider": "aws", "region": "us-east-1", "zone": "PJM", "of": "eia", "since": "2025-10", "until": "2026-10"}  # fmt: skip
    assert parse(HoursRow, {**day, "gco2e_per_kwh": [300.0] * 24})
    with pytest.raises(TableInvalid, match="gco2e_per_kwh"):
        parse(HoursRow, {**day, "gco2e_per_kwh": [300.0] * 23})


@pytest.mark.parametrize(
    ("provider", "low", "high", "pue"),
    [("aws", 0.74, 3.5, 1.135), ("azure", 0.74, 3.54, 1.185), ("gcp", 0.68, 4.11, 1.1)],
)
def test_averages_as_published(provider: str, low: float, high: float, pue: float) -> None:
    """Cloud Carbon Footprint, packages/*/src/domain/*FootprintEstimationConstants.ts."""
    row = carbon.provider(provider)
    assert (row.min_watts, row.max_watts, row.pue) == (low, high, pue)


@pytest.mark.parametrize(
    ("expected", "provider", "region"),
    [
        (0.379069, "aws", "us-east-1"),
        (0.2786, "aws", "EU-West-1"),
        (0.0088, "aws", "eu-north-1"),
        (0.456, "gcp", "us-central1"),
        (0.028, "gcp", "northamerica-northeast1"),
        (0.3284, "azure", "West Europe"),
    ],
)
def test_grid_as_published(expected: float, provider: str, region: str) -> None:
    """The same constants; Google's without its certificates."""
    row = carbon.grid(provider, region)
    assert row is not None
    assert row.kgco2e_per_kwh == pytest.approx(expected)


def test_own_hardware_stands_in_a_country() -> None:
    rows = [carbon.grid("on_prem", name) for name in ("de", "DEU", "Germany", "DE")]
    assert {row.region for row in rows if row} == {"de"}
    assert carbon.grid("on_prem", "dc1") is None
    uk = carbon.grid("on_prem", "UK")
    assert uk is not None
    assert uk.country == "gb"


@pytest.mark.parametrize(
    ("place", "region", "allowed"),
    [
        ("eu", "eu-west-1", True),
        ("EU", "eu-west-2", False),  # London
        ("uk", "eu-west-2", True),
        ("de", "eu-central-1", True),
        ("de", "eu-west-1", False),
        ("europe", "eu-west-2", True),
        ("north america", "ca-central-1", True),
        ("us", "ca-central-1", False),
        ("eu-west-3", "eu-west-3", True),
    ],
)
def test_what_a_residency_allows(place: str, region: str, allowed: bool) -> None:
    row = carbon.grid("aws", region)
    assert row is not None
    assert carbon.satisfies(row, (place,)) is allowed


def test_a_place_that_nobody_knows() -> None:
    assert carbon.is_known_place("eea")
    assert not carbon.is_known_place("atlantis")


def test_most_regions_that_have_prices_have_a_grid_or_are_missing_by_name() -> None:
    """Regions of the last years are not in the published list; whoever adds some should shorten this set."""
    missing = {
        p: sorted(r for r in prices.regions(p) if carbon.grid(p, r) is None) for p in ("aws", "azure", "gcp")
    }
    shares = {p: len(gone) / len(prices.regions(p)) for p, gone in missing.items()}
    assert all(share < 0.5 for share in shares.values()), missing


def test_processors_of_the_machines_are_in_the_table() -> None:
    rows = tables.load("carbon_instances", MachineRow, lambda r: (r.provider, r.instance)).rows
    named = {name for row in rows for name in row.processors}
    assert {row.processor for row in carbon.processors(tuple(sorted(named)))} == named
    assert len(rows) > 700


def test_a_machine_has_room_for_its_instance() -> None:
    """But for a few whose published platform is smaller than what the provider sells today; the share is capped at the whole."""
    rows = tables.load("carbon_instances", MachineRow, lambda r: (r.provider, r.instance)).rows
    small = [r for r in rows if (i := instances.instance(r.provider, r.instance)) and i.vcpu > r.platform_vcpu]  # fmt: skip
    assert len(small) < len(rows) / 50, [(r.instance, r.platform_vcpu) for r in small]


@pytest.mark.parametrize("gpu", ["h100_sxm", "h200_sxm", "b200_sxm", "a100_sxm", "l40s", "l4", "a10g", "t4", "mi300x"])  # fmt: skip
def test_the_accelerators_of_the_brief_have_a_board_power(gpu: str) -> None:
    row = gpus.find(gpu)
    assert row is not None
    assert row.board_watts is not None


def test_a_rented_model_grows_with_its_tokens() -> None:
    one, ten = llm_energy.impact("gpt-5", 1e6), llm_energy.impact("gpt-5", 1e7)
    assert one is not None
    assert ten is not None
    assert 0 < one.kwh[0] <= one.kwh[1]
    assert ten.kwh[0] == pytest.approx(10 * one.kwh[0], rel=1e-3)
    assert one.kgco2e[0] == pytest.approx(one.kwh[0] * one.kgco2e_per_kwh)


def test_the_price_lists_names_lead_to_the_same_model() -> None:
    plain, long = llm_energy.impact("gpt-5", 1e6), llm_energy.impact("openai/gpt-5", 1e6)
    assert plain is not None
    assert plain == long
    assert llm_energy.impact("nobody/knows-it", 1e6) is None


def test_ecologits_says_nothing_on_the_way(capfd: pytest.CaptureFixture[str]) -> None:
    llm_energy.impact("gpt-5", 1e6)
    assert capfd.readouterr() == ("", "")


def test_all_tables_have_a_version() -> None:
    wanted = {f"carbon_{name}" for name in ("providers", "processors", "instances", "grid", "hours")}
    assert wanted <= set(ALL)
