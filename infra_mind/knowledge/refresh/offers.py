"""Prices by region that were read off public price lists by hand: where the list itself could be read only in pages or within code.

Each value was read once from the file that `SOURCES` names; what a list says of one region is said of no other."""

from __future__ import annotations

from collections.abc import Mapping

Prices = dict[tuple[str, str], dict[str, float]]  # (sku, unit) → region → USD

TOGEN = "mooncitizen/togen, commit {}, internal/cost/prices/{}.json ({})"
AWS = TOGEN.format("36c1abb", "aws", "AWS price list")
AZURE = TOGEN.format("8b82e55", "azure", "Azure Retail Prices")
TOGEN_AS_OF = "2026-09-06"
BUCKETS = (
    "beyondessential/tamanu-meta-server, commit 3edfbc5, private-web/src/lib/s3Pricing.ts (AWS price list)"
)
BUCKETS_AS_OF = "2026-07-01"

IOPS = "xhochn/ebscostanalyzer, commit 816a2fe, EbsCostAnalyzer.py (AWS price list)"
IOPS_AS_OF = "2017-02-19"  # its prices of io1 storage are those of the list of 2026 in all of its 14 regions

AWS_REGIONS = (
    "af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "eu-west-3", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
AZURE_REGIONS = (
    "australiaeast", "brazilsouth", "canadacentral", "centralindia", "centralus", "eastus", "eastus2", "francecentral",
    "germanywestcentral", "japaneast", "koreacentral", "northeurope", "norwayeast", "polandcentral", "southafricanorth",
    "southcentralus", "southeastasia", "swedencentral", "switzerlandnorth", "uaenorth", "uksouth", "ukwest", "westeurope",
    "westus2", "westus3",
)  # fmt: skip
# vCores of the sizes of Azure's D series of generation 4 with a local disk (Azure documentation, Ddsv4 series).
DDSV4 = (2, 4, 8, 16, 32, 48, 64)

S3_STANDARD = {
    "us-east-1": 0.023, "us-east-2": 0.023, "us-west-1": 0.026, "us-west-2": 0.023, "ca-central-1": 0.025, "sa-east-1": 0.0405,
    "eu-west-1": 0.023, "eu-west-2": 0.024, "eu-west-3": 0.024, "eu-central-1": 0.0245, "eu-north-1": 0.023, "af-south-1": 0.0274,
    "me-south-1": 0.025, "ap-southeast-1": 0.025, "ap-southeast-2": 0.025, "ap-southeast-3": 0.025, "ap-northeast-1": 0.025,
    "ap-northeast-2": 0.025, "ap-south-1": 0.025,
}  # fmt: skip
HTTP_REQUESTS = (
    1.32, 1.29, 1.23, 1.29, 1.05, 1.25, 1.29, 1.11, 1.20, 1.32, 1.06, 1.17, 1.11, 1.11, 1.16, 1.17, 1.22, 1.23, 1.59,
    1.00, 1.00, 1.17, 1.00,
)  # fmt: skip
B1MS = (
    0.026, 0.035, 0.0185, 0.0245, 0.01921, 0.017, 0.017, 0.019, 0.0199, 0.026, 0.026, 0.018, 0.02189, 0.0199, 0.0215, 0.0204,
    0.026, 0.0199, 0.02189, 0.02, 0.019, 0.019, 0.0199, 0.017, 0.017,
)  # fmt: skip
POSTGRES_VCORE = (
    0.122, 0.12, 0.0988, 0.125, 0.1005, 0.089, 0.089, 0.103, 0.106, 0.122, 0.123, 0.0988, 0.119, 0.106, 0.117, 0.107, 0.122,
    0.0935, 0.13, 0.1085, 0.103, 0.103, 0.106, 0.089, 0.089,
)  # fmt: skip
POSTGRES_STORAGE = (
    0.138, 0.2185, 0.1265, 0.131, 0.13, 0.115, 0.115, 0.133, 0.137, 0.138, 0.131, 0.1265, 0.151, 0.137, 0.151, 0.138, 0.138,
    0.1369, 0.15059, 0.138, 0.133, 0.133, 0.1369, 0.115, 0.115,
)  # fmt: skip
MYSQL_VCORE = (  # without australiaeast, of which no value was read
    0.1155, 0.0945, 0.1205, 0.096615, 0.0855, 0.0855, 0.099, 0.1015, 0.1175, 0.118, 0.0945, 0.11462, 0.1015, 0.1125, 0.1026,
    0.1175, 0.09, 0.11165, 0.104, 0.099, 0.099, 0.1015, 0.0855, 0.0855,
)  # fmt: skip
MYSQL_STORAGE = (
    0.2185, 0.1265, 0.131, 0.13, 0.115, 0.115, 0.133, 0.137, 0.138, 0.131, 0.1265, 0.151, 0.137, 0.151, 0.138, 0.138, 0.137,
    0.15059, 0.138, 0.133, 0.133, 0.1369, 0.115, 0.115,
)  # fmt: skip
BLOB_WRITES = (  # USD per 10 000 writes of a hot blob with local redundancy, as the list has it
    0.055, 0.07, 0.055, 0.055, 0.05, 0.05, 0.05, 0.059, 0.054, 0.05, 0.05, 0.05, 0.0594, 0.054, 0.06, 0.05, 0.05, 0.05, 0.054,
    0.06, 0.059, 0.059, 0.054, 0.05, 0.05,
)  # fmt: skip
BLOB_READS = (
    0.0044, 0.0056, 0.0044, 0.0044, 0.004, 0.004, 0.004, 0.0047, 0.0043, 0.004, 0.004, 0.004, 0.00473, 0.0043, 0.004, 0.004,
    0.004, 0.004, 0.0043, 0.0048, 0.0047, 0.0047, 0.0043, 0.004, 0.004,
)  # fmt: skip


def aws() -> Prices:
    """Functions, queues and HTTP APIs by the million, first tier, in 23 regions."""
    return {
        ("lambda_requests", "million requests"): _but(
            AWS_REGIONS, 0.20, {"af-south-1": 0.27, "eu-central-2": 0.22, "eu-south-1": 0.23, "me-central-1": 0.25, "me-south-1": 0.25}
        ),
        ("lambda_duration", "million GB-seconds"): _but(
            AWS_REGIONS, 16.6667,
            {"af-south-1": 22.1, "eu-central-2": 18.3334, "eu-south-1": 19.5172, "me-central-1": 20.6667, "me-south-1": 20.6667},
        ),
        ("sqs_standard", "million requests"): _but(
            AWS_REGIONS, 0.40, {"af-south-1": 0.476, "eu-central-2": 0.44, "eu-south-1": 0.42, "me-central-1": 0.44}
        ),
        ("sqs_fifo", "million requests"): _but(
            AWS_REGIONS, 0.50, {"af-south-1": 0.595, "eu-central-2": 0.55, "eu-south-1": 0.525, "me-central-1": 0.55}
        ),
        ("http_api_requests", "million requests"): _each(AWS_REGIONS, HTTP_REQUESTS),
    }  # fmt: skip


def buckets() -> Prices:
    """S3 Standard, first 50 TB, in 19 regions."""
    return {("s3_standard", "GB-month"): S3_STANDARD}


def volumes() -> Prices:
    """IOPS of io1 in 14 regions."""
    usual = dict.fromkeys(
        ("eu-west-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "us-west-1"), 0.072
    )
    others = {"us-east-1": 0.065, "us-east-2": 0.065, "us-west-2": 0.065, "ap-south-1": 0.068, "ap-northeast-1": 0.074,
              "ap-northeast-2": 0.0666, "eu-central-1": 0.078, "eu-west-2": 0.076, "sa-east-1": 0.091}  # fmt: skip
    return {("ebs_io1_iops", "IOPS-month"): usual | others}


def azure() -> Prices:
    """Flexible servers, caches, functions, messages, blob operations and traffic of Azure in 25 regions."""
    dearer = ("francecentral", "koreacentral", "uksouth", "ukwest")
    found: Prices = {
        ("postgresql_B_Standard_B1ms", "hour"): _each(AZURE_REGIONS, B1MS),
        ("postgresql_storage", "GB-month"): _each(AZURE_REGIONS, POSTGRES_STORAGE),
        ("mysql_B_Standard_B1ms", "hour"): _each(AZURE_REGIONS, B1MS),
        ("mysql_storage", "GB-month"): _each(AZURE_REGIONS[1:], MYSQL_STORAGE),
        ("redis_Basic_C0", "hour"): _but(
            AZURE_REGIONS, 0.022,
            dict.fromkeys(dearer, 0.028) | {"norwayeast": 0.0242, "southafricanorth": 0.0321, "switzerlandnorth": 0.0242, "uaenorth": 0.029},
        ),
        ("redis_Standard_C1", "hour"): _but(
            AZURE_REGIONS, 0.069,
            dict.fromkeys(dearer, 0.0865)
            | {"koreacentral": 0.089, "norwayeast": 0.0759, "southafricanorth": 0.1, "switzerlandnorth": 0.0759, "uaenorth": 0.091},
        ),
        ("redis_Standard_C3", "hour"): _but(
            AZURE_REGIONS, 0.225,
            dict.fromkeys(dearer, 0.281)
            | {"koreacentral": 0.356, "norwayeast": 0.248, "southafricanorth": 0.328, "switzerlandnorth": 0.2475, "uaenorth": 0.297},
        ),
        ("functions_duration", "million GB-seconds"): _but(AZURE_REGIONS, 16.0, {}),
        ("functions_executions", "million requests"): _but(AZURE_REGIONS, 0.20, {}),
        ("service_bus_standard", "hour"): _but(AZURE_REGIONS, 0.013441, {"southafricanorth": 0.0196}),
        ("service_bus_standard_operations", "million operations"): _but(AZURE_REGIONS, 0.80, {"southafricanorth": 1.168, "uaenorth": 1.056}),
        ("service_bus_basic_operations", "million operations"): _but(AZURE_REGIONS, 0.05, {"southafricanorth": 0.073, "uaenorth": 0.066}),
        ("blob_hot_writes", "million operations"): _times(_each(AZURE_REGIONS, BLOB_WRITES), 100),
        ("blob_hot_reads", "million operations"): _times(_each(AZURE_REGIONS, BLOB_READS), 100),
        ("egress_internet", "GB"): _but(
            [r for r in AZURE_REGIONS if r != "polandcentral"], 0.087,  # its row is of another routing
            dict.fromkeys(("australiaeast", "centralindia", "japaneast", "koreacentral", "southeastasia"), 0.12)
            | dict.fromkeys(("brazilsouth", "southafricanorth", "uaenorth"), 0.181),
        ),
    }  # fmt: skip
    for vcores in DDSV4:
        size = f"GP_Standard_D{vcores}ds_v4"
        found[(f"postgresql_{size}", "hour")] = _times(_each(AZURE_REGIONS, POSTGRES_VCORE), vcores)
        found[(f"mysql_{size}", "hour")] = _times(_each(AZURE_REGIONS[1:], MYSQL_VCORE), vcores)
    return found


SOURCES = (
    ("aws", aws, AWS, TOGEN_AS_OF),
    ("aws", buckets, BUCKETS, BUCKETS_AS_OF),
    ("aws", volumes, IOPS, IOPS_AS_OF),
    ("azure", azure, AZURE, TOGEN_AS_OF),
)


def _each(regions: tuple[str, ...], values: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(regions, values, strict=True))


def _but(regions: tuple[str, ...] | list[str], usual: float, others: Mapping[str, float]) -> dict[str, float]:
    """The usual price in all of the regions but those named."""
    return {r: others.get(r, usual) for r in regions}


def _times(prices: Mapping[str, float], factor: int) -> dict[str, float]:
    return {r: round(usd * factor, 6) for r, usd in prices.items()}
