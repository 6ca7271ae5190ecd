"""Which kinds of Terraform resources are services that answer for themselves: what a bill of materials lists beside components."""

from __future__ import annotations

PROVIDERS = {"aws": "Amazon Web Services", "azurerm": "Microsoft Azure", "google": "Google Cloud"}

_KINDS = {
    "relational database": (
        "aws_db_instance", "aws_rds_cluster", "azurerm_mariadb_server", "azurerm_mssql_database", "azurerm_mssql_managed_instance",
        "azurerm_mysql_flexible_server", "azurerm_mysql_server", "azurerm_postgresql_flexible_server", "azurerm_postgresql_server",
        "azurerm_sql_database", "google_alloydb_cluster", "google_spanner_instance", "google_sql_database_instance",
    ),
    "document, key-value or graph database": (
        "aws_docdb_cluster", "aws_dynamodb_table", "aws_neptune_cluster", "azurerm_cosmosdb_account", "google_bigtable_instance",
        "google_firestore_database",
    ),
    "cache": (
        "aws_elasticache_cluster", "aws_elasticache_replication_group", "aws_memorydb_cluster", "azurerm_redis_cache",
        "google_memcache_instance", "google_redis_instance",
    ),
    "data warehouse or analytics": (
        "aws_emr_cluster", "aws_redshift_cluster", "aws_redshiftserverless_workgroup", "azurerm_databricks_workspace",
        "azurerm_hdinsight_spark_cluster", "azurerm_kusto_cluster", "azurerm_synapse_workspace", "google_bigquery_dataset",
        "google_dataproc_cluster",
    ),
    "search": ("aws_elasticsearch_domain", "aws_opensearch_domain", "azurerm_search_service"),
    "object storage": ("aws_s3_bucket", "azurerm_storage_account", "google_storage_bucket"),
    "file storage": (
        "aws_efs_file_system", "aws_fsx_lustre_file_system", "aws_fsx_openzfs_file_system", "azurerm_netapp_account",
        "google_filestore_instance",
    ),
    "queue, topic or stream": (
        "aws_kinesis_firehose_delivery_stream", "aws_kinesis_stream", "aws_mq_broker", "aws_msk_cluster", "aws_sns_topic", "aws_sqs_queue",
        "azurerm_eventhub_namespace", "azurerm_servicebus_namespace", "google_pubsub_topic",
    ),
    "Kubernetes cluster": ("aws_eks_cluster", "azurerm_kubernetes_cluster", "google_container_cluster"),
    "container service": (
        "aws_apprunner_service", "aws_ecs_service", "azurerm_container_app", "azurerm_container_group", "google_cloud_run_service",
        "google_cloud_run_v2_service",
    ),
    "function": (
        "aws_lambda_function", "azurerm_function_app", "azurerm_linux_function_app", "azurerm_windows_function_app",
        "google_cloudfunctions2_function", "google_cloudfunctions_function",
    ),
    "web application": (
        "azurerm_app_service", "azurerm_linux_web_app", "azurerm_windows_web_app", "google_app_engine_application",
    ),
    "API gateway": (
        "aws_api_gateway_rest_api", "aws_apigatewayv2_api", "azurerm_api_management", "google_api_gateway_gateway",
    ),
    "content delivery": ("aws_cloudfront_distribution", "azurerm_cdn_frontdoor_profile", "azurerm_frontdoor"),
    "model serving": (
        "aws_sagemaker_endpoint", "azurerm_cognitive_account", "azurerm_cognitive_deployment", "google_vertex_ai_endpoint",
    ),
    "machine learning platform": ("aws_sagemaker_domain", "azurerm_machine_learning_workspace"),
    "container registry": (
        "aws_ecr_repository", "azurerm_container_registry", "google_artifact_registry_repository",
    ),
    "key vault": ("azurerm_key_vault",),
}  # fmt: skip

SERVICES = {kind: what for what, kinds in _KINDS.items() for kind in kinds}
