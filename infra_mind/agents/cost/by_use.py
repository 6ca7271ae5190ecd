"""Resources that are billed by what goes through them: no file says how much that is, so they are named with the price of a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra_mind.agents.cost.ledger import Ledger
from infra_mind.knowledge import prices
from infra_mind.knowledge.prices import ServiceOffer, is_old
from infra_mind.model.numbers import number
from infra_mind.model.result import BILLED_BY_USE

# Kind → what is counted, as the table of services names it.
AWS: Mapping[str, tuple[str, ...]] = {
    "aws_s3_bucket": ("s3_standard", "s3_writes", "s3_reads", "egress_internet"),
    "aws_lambda_function": ("lambda_requests", "lambda_duration"),
    "aws_cloudfront_distribution": ("cloudfront_us_eu",),
    "aws_sqs_queue": ("sqs_standard", "sqs_fifo"),
    "aws_sns_topic": ("sns_requests",),
    "aws_api_gateway_rest_api": ("rest_api_requests",),
    "aws_apigatewayv2_api": ("http_api_requests",),
    "aws_efs_file_system": ("efs_standard",),
    "aws_ecr_repository": ("ecr_storage",),
    "aws_cloudwatch_log_group": ("log_ingestion", "log_storage"),
    "aws_cloudwatch_event_bus": ("events_published",),
    "aws_kinesis_firehose_delivery_stream": ("firehose_ingestion",),
    "aws_sfn_state_machine": ("state_transitions",),
    "aws_rds_cluster": ("aurora_storage", "aurora_requests"),
    "aws_neptune_cluster": ("neptune_storage", "neptune_requests"),
    "aws_docdb_cluster": ("docdb_storage", "docdb_requests"),
    "aws_cloudtrail": ("trail_data_events",),
    "aws_glue_job": ("glue_dpu",),
    "aws_guardduty_detector": (),
    "aws_backup_plan": (),
    "aws_ec2_transit_gateway": (),
}
DYNAMODB = ("dynamodb_writes", "dynamodb_reads", "dynamodb_storage")
FUNCTIONS = ("functions_executions", "functions_duration")
AZURE: Mapping[str, tuple[str, ...]] = {
    "azurerm_storage_account": ("blob_hot_lrs", "blob_hot_writes", "blob_hot_reads", "egress_internet"),
    "azurerm_function_app": FUNCTIONS,
    "azurerm_linux_function_app": FUNCTIONS,
    "azurerm_windows_function_app": FUNCTIONS,
    "azurerm_cosmosdb_account": (),
    "azurerm_log_analytics_workspace": ("log_ingestion",),
    "azurerm_application_insights": ("insights_ingestion",),
    "azurerm_key_vault": ("key_vault_operations",),
    "azurerm_cognitive_account": (),
    "azurerm_container_group": (),
    "azurerm_databricks_workspace": ("databricks_all_purpose",),
}
CLOUD_RUN = ("cloud_run_cpu", "cloud_run_memory", "cloud_run_requests")
GCP: Mapping[str, tuple[str, ...]] = {
    "google_storage_bucket": ("gcs_standard", "egress_internet"),
    "google_cloudfunctions_function": ("functions_invocations", "functions_memory"),
    "google_cloudfunctions2_function": CLOUD_RUN,
    "google_cloud_run_service": CLOUD_RUN,
    "google_cloud_run_v2_service": CLOUD_RUN,
    "google_cloud_run_v2_job": CLOUD_RUN[:2],
    "google_bigquery_dataset": ("bigquery_queries",),
    "google_bigquery_table": ("bigquery_storage",),
    "google_pubsub_topic": ("pubsub_messages",),
    "google_artifact_registry_repository": ("artifact_storage",),
    "google_logging_project_sink": ("log_ingestion",),
    "google_compute_router_nat": ("nat_gateway", "nat_data"),
}
BY_USE: Mapping[str, tuple[str, ...]] = {**AWS, **AZURE, **GCP}

# What a unit counts, in the words of a bill.
LABELS: Mapping[str, str] = {
    "artifact_storage": "stored artefacts", "aurora_requests": "input and output requests of Aurora", "aurora_storage": "stored data of Aurora",
    "bigquery_queries": "data that queries read", "bigquery_storage": "stored data of BigQuery", "blob_hot_lrs": "stored data (hot, local redundancy)",
    "blob_hot_reads": "reads of blobs", "blob_hot_writes": "writes of blobs", "cloud_run_cpu": "vCPU time of Cloud Run",
    "cloud_run_memory": "memory time of Cloud Run", "cloud_run_requests": "requests to Cloud Run",
    "cloudfront_us_eu": "delivered data (North America and Europe)", "databricks_all_purpose": "Databricks units, all-purpose compute",
    "docdb_requests": "input and output requests of DocumentDB", "docdb_storage": "stored data of DocumentDB",
    "dynamodb_reads": "read request units", "dynamodb_storage": "stored data of DynamoDB", "dynamodb_writes": "write request units",
    "ecr_storage": "stored images", "efs_standard": "stored data (standard)", "egress_internet": "traffic to the internet",
    "events_published": "published events", "firehose_ingestion": "data taken in", "functions_duration": "time that functions run",
    "functions_executions": "executions", "functions_invocations": "invocations", "functions_memory": "memory time of functions",
    "gcs_standard": "stored data (standard)", "glue_dpu": "hours of data processing units", "http_api_requests": "requests to the API",
    "insights_ingestion": "telemetry taken in", "key_vault_operations": "operations on keys and secrets",
    "lambda_duration": "time that functions run", "lambda_requests": "invocations", "log_ingestion": "logs taken in",
    "log_storage": "logs that are kept", "nat_data": "traffic through the gateway", "nat_gateway": "each gateway by the machines behind it",
    "neptune_requests": "input and output requests of Neptune", "neptune_storage": "stored data of Neptune", "pubsub_messages": "data of messages",
    "rest_api_requests": "requests to the API", "s3_reads": "reads (GET)", "s3_standard": "stored data (S3 Standard)",
    "s3_writes": "writes and lists (PUT, COPY, POST, LIST)", "service_bus_basic_operations": "operations on messages",
    "sns_requests": "publish requests", "sqs_fifo": "requests to a FIFO queue", "sqs_standard": "requests to a standard queue",
    "state_transitions": "state transitions", "trail_data_events": "data events",
}  # fmt: skip


def reason(kind: str, provider: str, region: str | None, skus: Iterable[str], ledger: Ledger) -> str:
    """Why a resource of this kind is in no total, and what a unit of it costs; the prices stand in `usage_prices` with source and date.

    What has no price in the region is shown with that of another, which is named."""
    offers = [offer for sku in skus if region and (offer := _offer(provider, region, sku))]
    by_region: dict[str, list[str]] = {}
    for offer in offers:
        _keep(kind, prices.region_name(provider, region or ""), offer, ledger)
        by_region.setdefault(offer.region, []).append(
            f"{offer.sku} {number(offer.usd_per_unit)} USD/{offer.unit} ({offer.as_of})"
        )
    shown = "; ".join(f"in {place}: {', '.join(texts)}" for place, texts in by_region.items())
    return f"{BILLED_BY_USE}; list price {shown}" if shown else BILLED_BY_USE


def _keep(kind: str, region: str, offer: ServiceOffer, ledger: Ledger) -> None:
    """Notes the price once for each kind and region, with how many resources it is for."""
    kept = ledger.details.setdefault("usage_prices", [])
    found = next((r for r in kept if (r["kind"], r["used_in"], r["sku"]) == (kind, region, offer.sku)), None)
    if found is not None:
        found["resources"] += 1
        return
    kept.append({
        "kind": kind, "used_in": region, "resources": 1, "sku": offer.sku, "counts": LABELS.get(offer.sku, offer.sku), "unit": offer.unit,
        "region": offer.region, "usd_per_unit": offer.usd_per_unit, "source": offer.source, "as_of": offer.as_of, "old": is_old(offer.as_of),
    })  # fmt: skip


def _offer(provider: str, region: str, sku: str) -> ServiceOffer | None:
    if own := prices.service(provider, region, sku):
        return own
    elsewhere = prices.service_elsewhere(provider, region, sku)
    return elsewhere[0].model_copy(update={"region": elsewhere[1]}) if elsewhere else None
