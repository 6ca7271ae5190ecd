"""Price lists: every row in range, the known faults of the sources gone, and what is looked up comes with source and date."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from infra_mind.knowledge import instances, prices, tables
from infra_mind.knowledge.prices import LISTS, PriceRow, Purchase, ServiceRow
from infra_mind.knowledge.refresh import ec2

TABLES = sorted({name for names in LISTS.values() for name in names})
ON_DEMAND = sorted(
    {name for (_, purchase), names in LISTS.items() for name in names if purchase == "on_demand"}
)
DISCOUNTS: tuple[Purchase, ...] = ("spot", "committed_1y", "committed_3y")

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d|[a-z]+-[a-z]+\d+|[a-z]+\d?")


# Families with accelerators that no row of instances counts (fractions of a GPU, FPGAs, other makers' chips), by the name's start.
ACCELERATED = ("Standard_N", "g", "f1", "f2", "inf", "trn", "dl", "vt")


def rows(name: str) -> tuple[PriceRow, ...]:
    return tables.load(name, PriceRow, lambda row: (row.provider, row.instance)).rows


def services() -> list[ServiceRow]:
    return [
        row
        for name in ("prices_services", "prices_databases", "prices_windows")
        for row in tables.load(
            name, ServiceRow, lambda row: (row.provider, row.sku, row.as_of, row.source)
        ).rows
    ]


def points() -> Iterator[tuple[str, str, str, float]]:
    for name in ON_DEMAND:
        for row in rows(name):
            for region, usd in row.usd_per_hour.items():
                yield row.provider, row.instance, region, usd


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_a_known_region_a_canonical_name_and_a_date(name: str) -> None:
    for row in rows(name):
        assert row.instance == instances.canonical(row.provider, row.instance)
        assert all(REGION.fullmatch(region) for region in row.usd_per_hour)
        assert row.source
        assert "2025" <= row.as_of[:4] <= "2026"


def test_no_price_is_zero_or_out_of_proportion_to_its_vcpus() -> None:
    for provider, name, region, usd in points():
        known = instances.instance(provider, name)
        assert usd > 0
        if known and not known.gpus and known.memory_gib and not name.startswith(ACCELERATED):
            floor, ceiling = 0.001 * known.vcpu, 0.15 * known.vcpu + 0.03 * known.memory_gib + 0.1
            assert floor < usd < ceiling * 4, (provider, name, region, usd)


def test_sizes_of_an_ec2_family_cost_in_proportion_to_their_size() -> None:
    families: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows("prices_aws"):
        family, _, size = row.instance.partition(".")
        if re.fullmatch(r"[mcr][5-8][a-z]*", family) and (units := ec2.units(size)):
            for region, usd in row.usd_per_hour.items():
                families[family, region].append(usd / units)
    assert len(families) > 300
    for key, rates in families.items():
        assert max(rates) / min(rates) < 1.03, key  # dedicated tenancy would be 1.06 or 1.10


def test_ec2_regions_that_share_their_prices_do() -> None:
    for row in rows("prices_aws"):
        prices_there = [
            row.usd_per_hour[r] for r in ("us-east-1", "us-east-2", "us-west-2") if r in row.usd_per_hour
        ]
        assert not prices_there or max(prices_there) / min(prices_there) < 1.03, row.instance


@pytest.mark.parametrize("provider", instances.PROVIDERS)
@pytest.mark.parametrize(
    "wanted",
    [
        {"aws": "m5.xlarge", "azure": "Standard_D4s_v3", "gcp": "n2-standard-4"},
        {"aws": "c5.xlarge", "azure": "Standard_F4s_v2", "gcp": "c2-standard-4"},
        {"aws": "r5.xlarge", "azure": "Standard_E4s_v3", "gcp": "n2-highmem-4"},
    ],
)
def test_general_compute_and_memory_families_are_priced_in_six_regions(
    provider: str, wanted: dict[str, str]
) -> None:
    priced = [r for r in prices.regions(provider) if prices.price(provider, r, wanted[provider])]
    assert len(priced) >= 6


@pytest.mark.parametrize(("provider", "gpu"), [("aws", "a10g"), ("azure", "t4"), ("gcp", "h100_sxm")])
def test_a_gpu_is_priced_in_several_regions(provider: str, gpu: str) -> None:
    assert len(prices.gpu_regions(provider, gpu)) >= 5


def test_services_are_positive_dated_and_regional() -> None:
    for row in services():
        assert all(usd > 0 for usd in row.usd.values())
        assert all(REGION.fullmatch(region) for region in row.usd)


def test_gp3_is_below_gp2_and_archive_kinds_are_below_both() -> None:
    found = {k: prices.service("aws", "us-east-1", f"ebs_{k}") for k in ("gp2", "gp3", "st1", "sc1")}
    usd = {k: o.usd_per_unit for k, o in found.items() if o}
    assert usd["sc1"] < usd["st1"] < usd["gp3"] < usd["gp2"]


def test_a_service_without_a_price_in_the_region_says_where_there_is_one() -> None:
    assert prices.service("aws", "eu-west-1", "msk_kafka.t3.small") is None
    assert "us-east-1" in prices.why_service_unpriced("aws", "eu-west-1", "msk_kafka.t3.small")


@pytest.mark.parametrize(
    ("provider", "region", "sku", "usd"),
    [  # the providers' published prices (price pages of EBS, VPC, Elastic Load Balancing, RDS, ElastiCache, GKE, Azure disks)
        ("aws", "eu-west-1", "ebs_gp3", 0.088),
        ("aws", "eu-central-1", "ebs_gp3", 0.0952),
        ("aws", "us-west-2", "ebs_st1", 0.045),
        ("aws", "sa-east-1", "nat_gateway", 0.093),
        ("aws", "eu-west-1", "load_balancer", 0.0252),
        ("aws", "ap-southeast-2", "public_ipv4", 0.005),
        ("aws", "us-west-2", "rds_mysql_db.t3.micro", 0.017),
        ("aws", "us-east-1", "rds_postgres_db.m5.large", 0.178),
        ("aws", "us-east-1", "elasticache_cache.r6g.large", 0.206),
        ("aws", "us-east-1", "opensearch_m5.large.search", 0.142),
        ("azure", "westeurope", "nat_gateway", 0.045),
        ("azure", "eastus", "disk_P10_lrs", 19.71),
        ("gcp", "us-central1", "pd_balanced", 0.10),
        ("gcp", "us-central1", "public_ipv4", 0.005),
        ("gcp", "europe-west1", "gcs_standard", 0.02),
    ],
)
def test_published_prices_of_services(provider: str, region: str, sku: str, usd: float) -> None:
    offer = prices.service(provider, region, sku)
    assert offer is not None
    assert offer.usd_per_unit == pytest.approx(usd, rel=1e-3)


def test_a_price_of_everywhere_is_not_one_of_an_unknown_region() -> None:
    assert prices.service("azure", "uksouth", "nat_gateway")
    assert prices.service("azure", "atlantis", "nat_gateway") is None


@pytest.mark.parametrize(
    ("provider", "types", "regions"), [("aws", 1300, 30), ("azure", 1500, 40), ("gcp", 400, 35)]
)
def test_each_cloud_has_its_types_and_regions(provider: str, types: int, regions: int) -> None:
    assert len(prices.regions(provider)) >= regions
    known = {name for region in prices.regions(provider) for name in prices.names_in(provider, region)}
    assert len(known) >= types


@pytest.mark.parametrize("purchase", DISCOUNTS)
def test_no_list_of_discounts_is_at_or_above_on_demand(purchase: Purchase) -> None:
    seen = 0
    for provider in instances.PROVIDERS:
        for name in LISTS.get((provider, purchase), ()):
            for row in rows(name):
                for region, usd in row.usd_per_hour.items():
                    full = prices.price(row.provider, region, row.instance)
                    seen += 1
                    if full and usd >= full.usd_per_hour:  # a list of another day: never handed out
                        assert prices.price(row.provider, region, row.instance, purchase) is None
    assert seen > 50


@pytest.mark.parametrize(
    ("provider", "gpu", "regions", "purchase"),
    [
        ("aws", "a100_sxm_40gb", 12, "on_demand"),
        ("aws", "h100_sxm", 10, "on_demand"),
        ("aws", "h100_sxm", 8, "spot"),
        ("azure", "h100_sxm", 20, "on_demand"),
        ("azure", "a100_sxm", 20, "spot"),
        ("gcp", "h100_sxm", 15, "committed_1y"),
        ("gcp", "l4", 15, "committed_3y"),
        ("azure", "a100_sxm", 3, "committed_1y"),
        ("aws", "a100_sxm_40gb", 10, "committed_1y"),
        ("aws", "l4", 15, "committed_1y"),
    ],
)
def test_gpus_by_region_and_way_to_buy(provider: str, gpu: str, regions: int, purchase: Purchase) -> None:
    found = [r for r in prices.regions(provider) if prices.gpu_hour(provider, r, gpu, 1, purchase)]
    assert len(found) >= regions


def test_a_lookup_reads_the_lists_of_its_provider_and_purchase_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: set[str] = set()

    def spy(name: str, row: type[PriceRow]) -> tables.Index[PriceRow]:
        asked.add(name)
        return tables.Index(name, row)

    monkeypatch.setattr(tables, "index", spy)
    prices._index.cache_clear()
    prices._rows.cache_clear()
    assert prices.price("gcp", "europe-west4", "n2-standard-4")
    assert asked == set(LISTS["gcp", "on_demand"])


# A package with its version, or a repository, and the file or folder in it: what a person can go and read.
NAMED = re.compile(
    r"(@[a-z]+/)?[a-z][\w-]+ \d+\.\d+\.\d+, \S+/\S+\.js(on)?( \(.+\))?|[\w-]+/[\w.-]+, (commit [0-9a-f]{7}, )?\S+( \(.+\))?"
)


def test_every_price_and_instance_names_a_source_that_can_be_found() -> None:
    sources = {row.source for name in TABLES for row in rows(name)} | {row.source for row in services()}
    for provider in instances.PROVIDERS:
        table = tables.load(f"instances_{provider}", instances.Instance, lambda i: (i.provider, i.instance))
        sources |= {row.source for row in table.rows}
    assert {source for source in sources if not NAMED.fullmatch(source)} == set()


@pytest.mark.parametrize(
    ("provider", "region", "instance", "usd"),
    [  # the providers' published on-demand prices
        ("aws", "us-east-1", "m5.xlarge", 0.192),
        ("aws", "us-west-2", "m5.xlarge", 0.192),
        ("aws", "eu-west-1", "m5.xlarge", 0.214),
        ("aws", "us-east-1", "t3.medium", 0.0416),
        ("aws", "us-east-1", "g5.xlarge", 1.006),
        ("aws", "eu-central-1", "m5.large", 0.115),
        ("azure", "westeurope", "Standard_D4s_v5", 0.23),
        ("azure", "eastus", "Standard_D4s_v5", 0.192),
        ("azure", "uksouth", "Standard_D4s_v5", 0.222),
        ("azure", "westus2", "Standard_D4s_v5", 0.192),
        ("azure", "germanywestcentral", "Standard_D4s_v5", 0.23),
        ("azure", "eastus", "Standard_ND96isr_H100_v5", 98.32),
        ("aws", "us-east-1", "p5.48xlarge", 55.04),
        ("aws", "us-west-2", "p4d.24xlarge", 21.95764),
        ("gcp", "us-central1", "a2-highgpu-1g", 3.673385),
        ("gcp", "us-central1", "e2-standard-4", 0.134023),
        ("gcp", "us-central1", "n1-standard-4", 0.189999),
    ],
)
def test_published_prices(provider: str, region: str, instance: str, usd: float) -> None:
    offer = prices.price(provider, region, instance)
    assert offer is not None
    assert offer.usd_per_hour == pytest.approx(usd)
    assert offer.source
    assert offer.as_of


def test_the_newest_list_counts() -> None:
    offer = prices.price("aws", "us-east-1", "p4d.24xlarge")
    assert offer is not None
    assert (offer.as_of, offer.usd_per_hour) == ("2026-09-06", 21.957642)


def test_a_list_older_than_a_known_cut_is_retired_in_every_region() -> None:
    assert "p4d.24xlarge" not in {row.instance for row in rows("prices_aws")}
    offer = prices.price("aws", "eu-west-1", "p4d.24xlarge")
    assert offer is not None
    assert offer.usd_per_hour == pytest.approx(35.39655 * 0.67, rel=0.01)  # AWS cut P4d by 33 % in June 2025


@pytest.mark.parametrize(
    ("as_of", "old", "stale"),
    [("2021-08-03", True, True), ("2024", True, True), ("2025-08", True, False), ("2026-08", False, False)],
)
def test_prices_age_by_the_newest_list_a_year_is_old_and_two_are_stale(
    as_of: str, old: bool, stale: bool
) -> None:
    assert (prices.is_old(as_of), prices.is_stale(as_of)) == (old, stale)


def test_spelling_of_region_and_instance_does_not_matter() -> None:
    assert prices.price("azure", "West Europe", "standard_d4s_v5") == prices.price(
        "azure", "westeurope", "D4s v5"
    )
    assert prices.price("aws", "US-East-1", "M5.XLARGE") == prices.price("aws", "us-east-1", "m5.xlarge")


def test_unknown_instance_has_no_price_and_names_the_nearest() -> None:
    assert prices.price("aws", "us-east-1", "m5.xlarg") is None
    assert "m5.xlarge" in prices.why_unpriced("aws", "us-east-1", "m5.xlarg")


def test_unknown_region_and_provider_say_so() -> None:
    assert prices.price("aws", "mars-1", "m5.xlarge") is None
    assert "mars-1" in prices.why_unpriced("aws", "mars-1", "m5.xlarge")
    assert "hetzner" in prices.why_unpriced("hetzner", "fsn1", "cx11")


def test_known_instance_without_a_price_here_says_where_there_is_one() -> None:
    assert "us-east-1" in prices.why_unpriced("aws", "eu-west-1", "p5.48xlarge")


def test_spot_is_only_what_a_list_says_and_below_on_demand() -> None:
    spot = prices.price("aws", "us-east-1", "m5.xlarge", "spot")
    on_demand = prices.price("aws", "us-east-1", "m5.xlarge")
    assert spot
    assert on_demand
    assert spot.usd_per_hour < on_demand.usd_per_hour
    assert prices.price("aws", "eu-west-1", "m5.xlarge", "spot") is None


def test_a_spot_price_above_on_demand_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    row = PriceRow(
        provider="aws", instance="m5.xlarge", usd_per_hour={"us-east-1": 0.2}, source="a list", as_of="2026-01-01"
    )  # fmt: skip
    real = prices._rows
    monkeypatch.setattr(
        prices, "_rows", lambda provider, purchase, name: (row,) if purchase == "spot" else real(provider, purchase, name)
    )  # fmt: skip
    assert prices.price("aws", "us-east-1", "m5.xlarge", "spot") is None


def test_gpu_hour_is_the_instance_divided_by_its_gpus() -> None:
    found = prices.gpu_hour("aws", "us-east-1", "h100_sxm")
    assert found is not None
    assert (found.offer.instance, found.gpus) == ("p5.4xlarge", 1)
    eight = prices.gpu_hour("aws", "us-east-1", "h100_sxm", at_least=8)
    assert eight is not None
    assert (eight.offer.instance, eight.gpus) == ("p5.48xlarge", 8)
    assert eight.usd_per_gpu_hour * 8 == pytest.approx(eight.offer.usd_per_hour)


def test_gpu_hour_honours_how_many_gpus_have_to_sit_together() -> None:
    single, four = (
        prices.gpu_hour("aws", "us-east-1", "l4"),
        prices.gpu_hour("aws", "us-east-1", "l4", at_least=4),
    )
    assert single
    assert four
    assert single.gpus == 1
    assert four.gpus >= 4


def test_every_gpu_instance_with_a_price_gives_a_plausible_hour() -> None:
    for provider, name, region, usd in points():
        known = instances.instance(provider, name)
        if known and known.gpu:
            assert 0.2 < usd / known.gpus < 60, (provider, name, region)


@pytest.mark.parametrize("usd", ["0.0", "-1.0", "5000.0", "null"])
def test_a_price_out_of_range_is_refused(usd: str) -> None:
    raw = f'{{"title": "test", "source": "test list", "as_of": "2026-01-01", "rows": [{{"provider": "aws", "instance": "m5.large", "usd_per_hour": {{"us-east-1": {usd}}}}}]}}'
    with pytest.raises(tables.TableInvalid, match="usd_per_hour"):
        tables.parse("test", raw.encode(), PriceRow, lambda row: row.instance)


def test_zero_points_are_filled_from_the_family() -> None:
    cleaned = ec2.clean(
        {
            "m5.large": {"us-east-1": 0.096},
            "m5.xlarge": {"us-east-1": 0.0},
            "m5.2xlarge": {"us-east-1": 0.384},
        }
    )
    assert cleaned["m5.xlarge"]["us-east-1"] == (0.192, True)
    assert cleaned["m5.large"]["us-east-1"] == (0.096, False)


def test_dedicated_tenancy_is_replaced_by_the_family() -> None:
    cleaned = ec2.clean({
        "m5.large": {"eu-west-1": 0.107}, "m5.xlarge": {"eu-west-1": 0.214 * 1.06}, "m5.2xlarge": {"eu-west-1": 0.428}, "m5.4xlarge": {"eu-west-1": 0.856 * 1.1},
    })  # fmt: skip
    assert cleaned["m5.xlarge"]["eu-west-1"] == (0.214, True)
    assert cleaned["m5.4xlarge"]["eu-west-1"] == (0.856, True)


def test_sizes_out_of_proportion_are_compared_across_regions() -> None:
    us = {"xlarge": 1.006, "2xlarge": 1.212, "12xlarge": 5.672}
    cleaned = ec2.clean({
        f"g5.{size}": {"us-east-1": usd, "eu-west-1": usd * 1.1163 * (1.1 if size == "12xlarge" else 1.0)} for size, usd in us.items()
    })  # fmt: skip
    price, reckoned = cleaned["g5.12xlarge"]["eu-west-1"]
    assert reckoned
    assert price == pytest.approx(5.672 * 1.1163, rel=1e-3)


def test_a_lone_size_is_only_taken_where_three_regions_share_one_price() -> None:
    cleaned = ec2.clean({"p9.48xlarge": {"us-east-1": 11.0, "us-west-2": 10.0, "eu-west-1": 12.0}})
    assert cleaned["p9.48xlarge"] == {"us-east-1": (10.0, True), "us-west-2": (10.0, False)}
