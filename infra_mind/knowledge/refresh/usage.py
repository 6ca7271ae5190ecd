"""What use costs, and fees that no list by region has: read off the reference outputs of one repository's own tests, one region each.

Cost divided by quantity, or the price of a unit where the output says "depends on usage"; the date is that of the output's last
change, so the price may be older."""

from __future__ import annotations

from infra_mind.knowledge.prices import EVERYWHERE

# (sku, unit, region, USD, as of, test): the first tier of what is sold in tiers.
AWS = (
    ("s3_writes", "million requests", "us-east-1", 5.00, "2024-07-01", "s3_bucket_test"),
    ("s3_reads", "million requests", "us-east-1", 0.40, "2024-07-01", "s3_bucket_test"),
    ("s3_writes", "million requests", "eu-west-2", 5.30, "2024-07-01", "kinesis_firehose_delivery_stream_test"),
    ("s3_reads", "million requests", "eu-west-2", 0.42, "2024-07-01", "kinesis_firehose_delivery_stream_test"),
    ("log_ingestion", "GB", "us-east-1", 0.50, "2024-07-01", "cloudwatch_log_group_test"),
    ("log_storage", "GB-month", "us-east-1", 0.03, "2024-07-01", "cloudwatch_log_group_test"),
    ("dynamodb_writes", "million requests", "us-east-2", 0.625, "2024-11-15", "dynamodb_table_test"),
    ("dynamodb_reads", "million requests", "us-east-2", 0.125, "2024-11-15", "dynamodb_table_test"),
    ("dynamodb_storage", "GB-month", "us-east-2", 0.25, "2024-11-15", "dynamodb_table_test"),
    ("dynamodb_write_capacity", "month", "us-east-2", 0.4745, "2024-11-15", "dynamodb_table_test"),
    ("dynamodb_read_capacity", "month", "us-east-2", 0.0949, "2024-11-15", "dynamodb_table_test"),
    ("ecr_storage", "GB-month", "us-east-1", 0.10, "2024-07-01", "ecr_repository_test"),
    ("sns_requests", "million requests", "us-east-1", 0.50, "2024-12-04", "sns_topic_test"),
    ("rest_api_requests", "million requests", "us-east-1", 3.50, "2024-07-01", "api_gateway_rest_api_test"),
    ("state_transitions", "million transitions", "us-east-1", 25.00, "2024-07-01", "sfn_state_machine_test"),
    ("firehose_ingestion", "GB", "eu-west-2", 0.035, "2024-07-01", "kinesis_firehose_delivery_stream_test"),
    ("cloudfront_us_eu", "GB", EVERYWHERE, 0.085, "2024-07-01", "cloudfront_distribution_test"),
    ("aurora_storage", "GB-month", "us-east-1", 0.10, "2024-07-01", "rds_cluster_test"),
    ("aurora_requests", "million requests", "us-east-1", 0.20, "2024-07-01", "rds_cluster_test"),
    ("aurora_storage", "GB-month", "sa-east-1", 0.19, "2024-07-01", "rds_cluster_test"),
    ("aurora_requests", "million requests", "sa-east-1", 0.28, "2024-07-01", "rds_cluster_test"),
    ("docdb_storage", "GB-month", "us-east-1", 0.10, "2024-07-01", "docdb_cluster_instance_test"),
    ("docdb_requests", "million requests", "us-east-1", 0.20, "2024-07-01", "docdb_cluster_instance_test"),
    ("neptune_storage", "GB-month", "eu-west-2", 0.12, "2024-07-01", "neptune_cluster_test"),
    ("neptune_requests", "million requests", "eu-west-2", 0.23, "2024-07-01", "neptune_cluster_test"),
    ("trail_data_events", "million requests", "us-east-1", 1.00, "2024-07-01", "cloudtrail_test"),
    ("events_published", "million requests", "us-east-1", 1.00, "2024-07-01", "cloudwatch_event_bus_test"),
    ("glue_dpu", "hour", "us-east-1", 0.44, "2024-07-01", "glue_job_test"),
    ("dashboard", "month", "us-east-1", 3.00, "2024-07-01", "cloudwatch_dashboard_test"),
    ("advanced_parameter", "month", "us-east-1", 0.05, "2024-07-01", "ssm_parameter_test"),
    ("private_ca", "month", "us-east-1", 400.0, "2024-07-01", "acmpca_certificate_authority_test"),
    ("private_ca_short_lived", "month", "us-east-1", 50.0, "2024-07-01", "acmpca_certificate_authority_test"),
    ("fsx_windows_multi_az_hdd", "GB-month", "us-east-1", 0.025, "2024-07-01", "fsx_windows_file_system_test"),
    ("global_accelerator", "hour", EVERYWHERE, 0.025, "2024-07-01", "global_accelerator_test"),
)  # fmt: skip
AZURE = (
    ("log_ingestion", "GB", "westeurope", 2.99, "2024-08-30", "log_analytics_workspace_test"),
    ("insights_ingestion", "GB", "eastus", 2.30, "2024-07-01", "application_insights_test"),
    ("key_vault_operations", "million operations", "eastus", 3.00, "2024-07-01", "key_vault_key_test"),
    ("event_hub_events", "million operations", "eastus", 0.028, "2024-07-01", "event_hubs_namespace_test"),
    ("event_hub_standard", "hour", "eastus", 0.03, "2024-07-01", "event_hubs_namespace_test"),
    ("event_hub_premium", "month", "eastus", 749.71, "2024-07-01", "event_hubs_namespace_test"),
    ("registry_Basic", "month", "eastus", 5.00, "2024-07-01", "container_registry_test"),
    ("registry_Premium", "month", "eastus", 50.00, "2024-07-01", "container_registry_test"),
    ("databricks_all_purpose", "hour", "eastus", 0.40, "2024-07-01", "databricks_workspace_test"),
)  # fmt: skip
GCP = (
    ("bigquery_queries", "TB", "us-central1", 6.25, "2024-07-01", "bigquery_table_test"),
    ("bigquery_storage", "GB-month", "us-central1", 0.023, "2024-07-01", "bigquery_table_test"),
    ("cloud_run_cpu", "million vCPU-seconds", "europe-west3", 33.6, "2024-07-01", "cloud_run_v2_service_test"),
    ("cloud_run_memory", "million GB-seconds", "europe-west3", 3.5, "2024-07-01", "cloud_run_v2_service_test"),
    ("cloud_run_requests", "million requests", "europe-west3", 0.40, "2024-07-01", "cloud_run_v2_service_test"),
    ("functions_invocations", "million requests", "us-central1", 0.40, "2024-12-04", "cloudfunctions_function_test"),
    ("functions_memory", "million GB-seconds", "us-central1", 2.5, "2024-12-04", "cloudfunctions_function_test"),
    ("pubsub_messages", "TiB", "us-central1", 40.0, "2024-07-01", "pubsub_topic_test"),
    ("artifact_storage", "GB-month", "us-central1", 0.10, "2024-07-01", "artifact_registry_repository_test"),
    ("log_ingestion", "GB", "us-central1", 0.50, "2024-07-01", "logging_project_sink_test"),
    ("kms_key_version", "month", "us-central1", 0.06, "2024-07-01", "kms_crypto_key_test"),
    ("secret_version", "month", "us-central1", 0.06, "2024-07-01", "secret_manager_secret_version_test"),
    ("dns_zone", "month", "us-central1", 0.20, "2024-07-01", "dns_managed_zone_test"),
)  # fmt: skip
# An instance of App Service by the hour in eastus, 2024-08-30: with Linux, with Windows.
APP_SERVICE = {
    "B1": (0.017, 0.075), "B2": (0.034, 0.15), "B3": (0.067, 0.3), "D1": (0.013, 0.013), "S1": (0.095, 0.1), "S2": (0.19, 0.2),
    "S3": (0.38, 0.4), "P1v2": (0.101, 0.2), "P2v2": (0.202, 0.4), "P3v2": (0.403, 0.8), "P0v3": (0.0775, 0.1575),
    "P1v3": (0.155, 0.315), "P2v3": (0.31, 0.63), "P3v3": (0.62, 1.26), "P1mv3": (0.186, 0.346), "P2mv3": (0.372, 0.692),
    "P3mv3": (0.744, 1.384), "P4mv3": (1.488, 2.768), "P5mv3": (2.976, 5.536), "I1v2": (0.386, 0.547), "I2v2": (0.772, 1.094),
    "I3v2": (1.544, 2.188), "I4v2": (3.088, 4.376), "I5v2": (6.176, 8.752), "I6v2": (12.352, 17.504),
}  # fmt: skip
PLANS = tuple(
    (f"app_service_{system}_{size}", "hour", "eastus", usd, "2024-08-30", "service_plan_test")
    for size, prices in APP_SERVICE.items()
    for system, usd in zip(("linux", "windows"), prices, strict=True)
)
USAGE = tuple(
    (provider, *row)
    for provider, rows in (("aws", AWS), ("azure", AZURE + PLANS), ("gcp", GCP))
    for row in rows
)
