"""Resources that are billed by what goes through them: no file says how much that is, so they are named with the price of a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra_mind.agents.cost.ledger import Ledger
from infra_mind.knowledge import prices
from infra_mind.knowledge.prices import ServiceOffer, is_old
from infra_mind.model.numbers import number

BILLED_BY_USE = "billed by use (requests, traffic, stored data), which no file says"
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


def reason(kind: str, provider: str, region: str | None, skus: Iterable[str], ledger: Ledger) -> str:
    """Why a resource of this kind is in no total, and what a unit of it costs; the prices stand in the details with source and date.

    What has no price in the region is shown with that of another, which is named."""
    offers = [offer for sku in skus if region and (offer := _offer(provider, region, sku))]
    kept = ledger.details.setdefault("usage_prices", []) if offers else []
    by_region: dict[str, list[str]] = {}
    for offer in offers:
        row = {"kind": kind, "sku": offer.sku, "unit": offer.unit, "region": offer.region, "usd_per_unit": offer.usd_per_unit,
               "source": offer.source, "as_of": offer.as_of, "old": is_old(offer.as_of)}  # fmt: skip
        if row not in kept:
            kept.append(row)
        by_region.setdefault(offer.region, []).append(
            f"{offer.sku} {number(offer.usd_per_unit)} USD/{offer.unit} ({offer.as_of})"
        )
    shown = "; ".join(f"in {place}: {', '.join(texts)}" for place, texts in by_region.items())
    return f"{BILLED_BY_USE}; list price {shown}" if shown else BILLED_BY_USE


def _offer(provider: str, region: str, sku: str) -> ServiceOffer | None:
    if own := prices.service(provider, region, sku):
        return own
    elsewhere = prices.service_elsewhere(provider, region, sku)
    return elsewhere[0].model_copy(update={"region": elsewhere[1]}) if elsewhere else None
