"""One faulty and one clean example for every rule of the further services, in the short form of `examples_aws`."""

from __future__ import annotations

AWS_SERVICES: dict[str, tuple[str, str]] = {
    "IM-AWS-API-001": (
        'aws_api_gateway_stage: stage_name = "p"',
        'aws_api_gateway_stage: access_log_settings {\ndestination_arn = "a"\nformat = "f"\n}',
    ),
    "IM-AWS-API-002": (
        'aws_api_gateway_method: http_method = "GET"\nauthorization = "NONE"',
        'aws_api_gateway_method: http_method = "GET"\nauthorization = "AWS_IAM"',
    ),
    "IM-AWS-API-003": (
        'aws_api_gateway_domain_name: security_policy = "TLS_1_0"',
        'aws_api_gateway_domain_name: domain_name = "d"',
    ),
    "IM-AWS-API-004": (
        "aws_api_gateway_method_settings: settings {\ncaching_enabled = true\n}",
        "aws_api_gateway_method_settings: settings {\ncaching_enabled = true\ncache_data_encrypted = true\n}",
    ),
    "IM-AWS-ATHENA-001": (
        'aws_athena_database: name = "d"',
        'aws_athena_database: encryption_configuration {\nencryption_option = "SSE_KMS"\n}',
    ),
    "IM-AWS-ATHENA-002": (
        "aws_athena_workgroup: configuration {\nenforce_workgroup_configuration = false\n}",
        'aws_athena_workgroup: name = "w"',
    ),
    "IM-AWS-CDN-003": (
        "aws_cloudfront_distribution: enabled = true",
        'aws_cloudfront_distribution: logging_config {\nbucket = "b"\n}',
    ),
    "IM-AWS-CDN-004": (
        "aws_cloudfront_distribution: enabled = true",
        'aws_cloudfront_distribution: web_acl_id = "w"',
    ),
    "IM-AWS-CDN-005": (
        'aws_cloudfront_distribution: origin {\ncustom_origin_config {\norigin_protocol_policy = "http-only"\n}\n}',
        'aws_cloudfront_distribution: origin {\ncustom_origin_config {\norigin_protocol_policy = "https-only"\n}\n}',
    ),
    "IM-AWS-TRAIL-005": ('aws_cloudtrail: name = "t"', 'aws_cloudtrail: cloud_watch_logs_group_arn = "a"'),
    "IM-AWS-BUILD-001": (
        "aws_codebuild_project: artifacts {\nencryption_disabled = true\n}",
        'aws_codebuild_project: artifacts {\ntype = "S3"\n}',
    ),
    "IM-AWS-BUILD-002": (
        "aws_codebuild_project: environment {\nprivileged_mode = true\n}",
        "aws_codebuild_project: environment {\nprivileged_mode = false\n}",
    ),
    "IM-AWS-CONFIG-001": (
        'aws_config_configuration_aggregator: account_aggregation_source {\nregions = ["eu-west-1"]\n}',
        "aws_config_configuration_aggregator: account_aggregation_source {\nall_regions = true\n}",
    ),
    "IM-AWS-DAX-001": (
        'aws_dax_cluster: cluster_name = "c"',
        "aws_dax_cluster: server_side_encryption {\nenabled = true\n}",
    ),
    "IM-AWS-AMI-002": (
        'data "aws_ami" "x" {\n  most_recent = true\n  filter {\n    name = "name"\n    values = ["u-*"]\n  }\n}',
        'data "aws_ami" "x" {\n  most_recent = true\n  owners = ["amazon"]\n}',
    ),
    "IM-AWS-ECS-003": (
        'aws_ecs_task_definition: volume {\nname = "v"\nefs_volume_configuration {\nfile_system_id = "f"\n}\n}',
        'aws_ecs_task_definition: volume {\nname = "v"\nefs_volume_configuration {\ntransit_encryption = "ENABLED"\n}\n}',
    ),
    "IM-AWS-CACHE-003": (
        'aws_elasticache_cluster: engine = "redis"',
        "aws_elasticache_cluster: snapshot_retention_limit = 5",
    ),
    "IM-AWS-SEARCH-003": (
        'aws_opensearch_domain: domain_name = "d"',
        "aws_opensearch_domain: node_to_node_encryption {\nenabled = true\n}",
    ),
    "IM-AWS-SEARCH-004": (
        'aws_opensearch_domain: domain_endpoint_options {\ntls_security_policy = "Policy-Min-TLS-1-0-2019-07"\n}',
        'aws_opensearch_domain: domain_endpoint_options {\ntls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"\n}',
    ),
    "IM-AWS-SEARCH-005": (
        'aws_opensearch_domain: domain_name = "d"',
        'aws_opensearch_domain: log_publishing_options {\nlog_type = "AUDIT_LOGS"\n}',
    ),
    "IM-AWS-LB-006": ('aws_lb: name = "l"', "aws_lb: drop_invalid_header_fields = true"),
    "IM-AWS-EMR-001": (
        "aws_emr_security_configuration: configuration = jsonencode({EncryptionConfiguration = {EnableAtRestEncryption = false}})",
        "aws_emr_security_configuration: configuration = jsonencode({EncryptionConfiguration = {EnableAtRestEncryption = true, EnableInTransitEncryption = true}})",
    ),
    "IM-AWS-IAM-010": (
        "aws_iam_account_password_policy: minimum_password_length = 8",
        "aws_iam_account_password_policy: minimum_password_length = 14\npassword_reuse_prevention = 24",
    ),
    "IM-AWS-IAM-011": (
        "aws_iam_account_password_policy: minimum_password_length = 14",
        "aws_iam_account_password_policy: require_lowercase_characters = true\nrequire_uppercase_characters = true\nrequire_numbers = true\nrequire_symbols = true\nmax_password_age = 90",
    ),
    "IM-AWS-LAMBDA-003": (
        'aws_lambda_permission: principal = "s3.amazonaws.com"',
        'aws_lambda_permission: principal = "s3.amazonaws.com"\nsource_arn = "arn:aws:s3:::b"',
    ),
    "IM-AWS-LAMBDA-004": (
        'aws_lambda_function: runtime = "python3.7"',
        'aws_lambda_function: runtime = "python3.13"',
    ),
    "IM-AWS-MQ-002": (
        'aws_mq_broker: engine_type = "ActiveMQ"',
        "aws_mq_broker: logs {\ngeneral = true\naudit = true\n}",
    ),
    "IM-AWS-MSK-001": (
        'aws_msk_cluster: encryption_info {\nencryption_in_transit {\nclient_broker = "TLS_PLAINTEXT"\n}\n}',
        'aws_msk_cluster: cluster_name = "k"',
    ),
    "IM-AWS-MSK-002": (
        'aws_msk_cluster: cluster_name = "k"',
        "aws_msk_cluster: logging_info {\nbroker_logs {\ns3 {\nenabled = true\n}\n}\n}",
    ),
    "IM-AWS-MSK-003": (
        'aws_msk_cluster: broker_node_group_info {\nconnectivity_info {\npublic_access {\ntype = "SERVICE_PROVIDED_EIPS"\n}\n}\n}',
        'aws_msk_cluster: cluster_name = "k"',
    ),
    "IM-AWS-KEY-001": (
        'aws_secretsmanager_secret: name = "s"',
        'aws_secretsmanager_secret: kms_key_id = "k"',
    ),
    "IM-AWS-WORKSPACE-001": (
        "aws_workspaces_workspace: root_volume_encryption_enabled = true",
        "aws_workspaces_workspace: root_volume_encryption_enabled = true\nuser_volume_encryption_enabled = true",
    ),
    "IM-AWS-VPC-002": ("aws_default_vpc: enable_dns_support = true", "aws_default_vpc: force_destroy = true"),
    "IM-AWS-TRANSFER-001": (
        'aws_transfer_server: protocols = ["SFTP", "FTP"]',
        'aws_transfer_server: protocols = ["SFTP"]',
    ),
    "IM-AWS-GLUE-001": (
        'aws_glue_security_configuration: encryption_configuration {\ns3_encryption {\ns3_encryption_mode = "DISABLED"\n}\n}',
        'aws_glue_security_configuration: encryption_configuration {\ncloudwatch_encryption {\ncloudwatch_encryption_mode = "SSE-KMS"\n}\njob_bookmarks_encryption {\njob_bookmarks_encryption_mode = "CSE-KMS"\n}\ns3_encryption {\ns3_encryption_mode = "SSE-KMS"\n}\n}',
    ),
    "IM-AWS-EKS-004": (
        'aws_eks_node_group: remote_access {\nec2_ssh_key = "k"\n}',
        'aws_eks_node_group: remote_access {\nec2_ssh_key = "k"\nsource_security_group_ids = ["sg-1"]\n}',
    ),
    "IM-AWS-SG-005": (
        'aws_security_group: ingress {\nfrom_port = 23\nto_port = 23\nprotocol = "tcp"\ncidr_blocks = ["0.0.0.0/0"]\n}',
        'aws_security_group: ingress {\nfrom_port = 443\nto_port = 443\nprotocol = "tcp"\ncidr_blocks = ["0.0.0.0/0"]\n}',
    ),
    "IM-AWS-RDS-008": (
        "aws_db_instance: auto_minor_version_upgrade = false",
        'aws_db_instance: engine = "postgres"',
    ),
}

AZURE_SERVICES: dict[str, tuple[str, str]] = {
    "IM-AZ-NSG-003": (
        'azurerm_network_security_rule: direction = "Inbound"\naccess = "Allow"\nsource_address_prefix = "*"\ndestination_port_range = "20-21"',
        'azurerm_network_security_rule: direction = "Inbound"\naccess = "Allow"\nsource_address_prefix = "*"\ndestination_port_range = "443"',
    ),
    "IM-AZ-TLS-001": (
        'azurerm_mssql_server: minimum_tls_version = "1.0"',
        'azurerm_mssql_server: minimum_tls_version = "1.2"',
    ),
    "IM-AZ-APP-002": (
        'azurerm_linux_web_app: site_config {\nftps_state = "AllAllowed"\n}',
        'azurerm_linux_web_app: name = "a"',
    ),
    "IM-AZ-APP-003": (
        "azurerm_linux_web_app: site_config {\nremote_debugging_enabled = true\n}",
        'azurerm_linux_web_app: name = "a"',
    ),
    "IM-AZ-APP-004": (
        'azurerm_linux_web_app: name = "a"',
        "azurerm_linux_web_app: auth_settings_v2 {\nauth_enabled = true\n}",
    ),
    "IM-AZ-DISK-001": (
        "azurerm_managed_disk: encryption_settings {\nenabled = false\n}",
        "azurerm_managed_disk: encryption_settings {\nenabled = true\n}",
    ),
    "IM-AZ-AKS-005": (
        'azurerm_kubernetes_cluster: name = "c"',
        'azurerm_kubernetes_cluster: network_profile {\nnetwork_policy = "cilium"\n}',
    ),
    "IM-AZ-AKS-006": (
        'azurerm_kubernetes_cluster: name = "c"',
        "azurerm_kubernetes_cluster: azure_policy_enabled = true",
    ),
    "IM-AZ-SQL-005": (
        'azurerm_postgresql_flexible_server: name = "p"',
        'azurerm_postgresql_flexible_server: delegated_subnet_id = "s"',
    ),
    "IM-AZ-SQL-006": (
        'azurerm_postgresql_configuration: name = "log_connections"\nvalue = "off"',
        'azurerm_postgresql_configuration: name = "log_connections"\nvalue = "on"',
    ),
    "IM-AZ-SQL-007": (
        'azurerm_mssql_server_security_alert_policy: state = "Disabled"',
        'azurerm_mssql_server_security_alert_policy: state = "Enabled"\nemail_account_admins = true',
    ),
    "IM-AZ-SQL-008": (
        "azurerm_mssql_server_extended_auditing_policy: retention_in_days = 6",
        "azurerm_mssql_server_extended_auditing_policy: retention_in_days = 90",
    ),
    "IM-AZ-FACTORY-001": (
        'azurerm_data_factory: name = "f"',
        "azurerm_data_factory: public_network_enabled = false",
    ),
    "IM-AZ-SYNAPSE-001": (
        'azurerm_synapse_workspace: name = "w"',
        "azurerm_synapse_workspace: managed_virtual_network_enabled = true",
    ),
    "IM-AZ-LAKE-001": (
        'azurerm_data_lake_store: encryption_state = "Disabled"',
        'azurerm_data_lake_store: name = "l"',
    ),
    "IM-AZ-VAULT-003": (
        'azurerm_key_vault_key: name = "k"',
        'azurerm_key_vault_key: expiration_date = "2030-01-01T00:00:00Z"',
    ),
    "IM-AZ-LOG-002": (
        'azurerm_monitor_log_profile: categories = ["Write"]\nretention_policy {\nenabled = true\ndays = 30\n}',
        'azurerm_monitor_log_profile: categories = ["Action", "Delete", "Write"]\nretention_policy {\nenabled = true\ndays = 365\n}',
    ),
    "IM-AZ-LOG-003": (
        "azurerm_network_watcher_flow_log: enabled = false",
        "azurerm_network_watcher_flow_log: enabled = true",
    ),
    "IM-AZ-NET-002": (
        "azurerm_network_interface: ip_forwarding_enabled = true",
        'azurerm_network_interface: name = "n"',
    ),
    "IM-AZ-DEFENDER-001": (
        'azurerm_security_center_subscription_pricing: tier = "Free"',
        'azurerm_security_center_subscription_pricing: tier = "Standard"',
    ),
    "IM-AZ-DEFENDER-002": (
        'azurerm_security_center_contact: email = "s@example.com"\nalert_notifications = false',
        'azurerm_security_center_contact: email = "s@example.com"\nalert_notifications = true',
    ),
    "IM-AZ-STORAGE-006": (
        'azurerm_storage_account: name = "s"',
        "azurerm_storage_account: blob_properties {\ndelete_retention_policy {\ndays = 7\n}\n}",
    ),
    "IM-AZ-IAM-003": (
        'azurerm_role_definition: permissions {\nactions = ["Microsoft.Authorization/roleAssignments/write"]\n}',
        'azurerm_role_definition: permissions {\nactions = ["Microsoft.Authorization/roleAssignments/read"]\n}',
    ),
    "IM-AZ-COSMOS-001": (
        'azurerm_cosmosdb_account: name = "c"',
        "azurerm_cosmosdb_account: public_network_access_enabled = false",
    ),
    "IM-AZ-ACR-002": (
        "azurerm_container_registry: anonymous_pull_enabled = true",
        'azurerm_container_registry: name = "r"',
    ),
    "IM-AZ-VM-003": (
        "azurerm_virtual_machine: os_profile_linux_config {\ndisable_password_authentication = false\n}",
        "azurerm_virtual_machine: os_profile_linux_config {\ndisable_password_authentication = true\n}",
    ),
}

GCP_SERVICES: dict[str, tuple[str, str]] = {
    "IM-GCP-FW-003": (
        'google_compute_firewall: source_ranges = ["0.0.0.0/0"]\nallow {\nprotocol = "tcp"\nports = ["5900"]\n}',
        'google_compute_firewall: source_ranges = ["0.0.0.0/0"]\nallow {\nprotocol = "tcp"\nports = ["443"]\n}',
    ),
    "IM-GCP-GKE-006": (
        'google_container_node_pool: node_config {\nmachine_type = "m"\n}',
        'google_container_node_pool: node_config {\nworkload_metadata_config {\nmode = "GKE_METADATA"\n}\n}',
    ),
    "IM-GCP-GKE-007": (
        'google_container_node_pool: node_config {\nmachine_type = "m"\n}',
        'google_container_node_pool: node_config {\nservice_account = "n@p.iam.gserviceaccount.com"\n}',
    ),
    "IM-GCP-GKE-008": (
        "google_container_cluster: enable_shielded_nodes = false",
        'google_container_cluster: name = "c"',
    ),
    "IM-GCP-GKE-009": (
        "google_container_cluster: master_auth {\nclient_certificate_config {\nissue_client_certificate = true\n}\n}",
        "google_container_cluster: master_auth {\nclient_certificate_config {\nissue_client_certificate = false\n}\n}",
    ),
    "IM-GCP-GKE-010": (
        "google_container_node_pool: management {\nauto_upgrade = false\n}",
        'google_container_node_pool: name = "p"',
    ),
    "IM-GCP-IAM-004": (
        'google_project_iam_member: role = "roles/viewer"\nmember = "serviceAccount:1-compute@developer.gserviceaccount.com"',
        'google_project_iam_member: role = "roles/viewer"\nmember = "serviceAccount:a@p.iam.gserviceaccount.com"',
    ),
    "IM-GCP-IAM-005": (
        'google_project_iam_member: role = "roles/viewer"\nmember = "user:someone@gmail.com"',
        'google_project_iam_member: role = "roles/viewer"\nmember = "group:all@example.com"',
    ),
    "IM-GCP-IAM-006": (
        'google_iam_workload_identity_pool_provider: workload_identity_pool_id = "p"',
        "google_iam_workload_identity_pool_provider: attribute_condition = \"assertion.repository_owner == 'acme'\"",
    ),
    "IM-GCP-VPC-002": ('google_project: name = "p"', "google_project: auto_create_network = false"),
    "IM-GCP-VPC-003": (
        'google_compute_subnetwork: name = "s"',
        "google_compute_subnetwork: private_ip_google_access = true",
    ),
    "IM-GCP-VM-005": (
        "google_compute_instance: can_ip_forward = true",
        'google_compute_instance: name = "v"',
    ),
    "IM-GCP-VM-006": (
        "google_compute_instance: shielded_instance_config {\nenable_vtpm = false\n}",
        "google_compute_instance: shielded_instance_config {\nenable_vtpm = true\n}",
    ),
    "IM-GCP-VM-007": (
        'google_compute_project_metadata: metadata = {\nfoo = "bar"\n}',
        'google_compute_project_metadata: metadata = {\nenable-oslogin = "TRUE"\n}',
    ),
    "IM-GCP-TLS-001": (
        'google_compute_ssl_policy: name = "p"',
        'google_compute_ssl_policy: min_tls_version = "TLS_1_2"',
    ),
    "IM-GCP-DNS-001": (
        'google_dns_managed_zone: name = "z"',
        'google_dns_managed_zone: dnssec_config {\nstate = "on"\n}',
    ),
    "IM-GCP-SQL-006": (
        'google_sql_database_instance: database_version = "POSTGRES_16"',
        'google_sql_database_instance: database_version = "POSTGRES_16"\nsettings {\n'
        + "".join(
            f'database_flags {{\nname = "{name}"\nvalue = "on"\n}}\n'
            for name in ("log_checkpoints", "log_connections", "log_disconnections", "log_lock_waits")
        )
        + "}",
    ),
    "IM-GCP-SQL-007": (
        'google_sql_database_instance: settings {\ndatabase_flags {\nname = "local_infile"\nvalue = "on"\n}\n}',
        'google_sql_database_instance: settings {\ndatabase_flags {\nname = "local_infile"\nvalue = "off"\n}\n}',
    ),
    "IM-GCP-ML-001": (
        'google_notebooks_instance: name = "n"',
        "google_notebooks_instance: no_public_ip = true",
    ),
    "IM-GCP-CACHE-001": (
        'google_redis_instance: name = "r"',
        'google_redis_instance: auth_enabled = true\ntransit_encryption_mode = "SERVER_AUTHENTICATION"',
    ),
    "IM-GCP-LOG-001": (
        'google_project_iam_audit_config: audit_log_config {\nlog_type = "DATA_READ"\nexempted_members = ["user:a@example.com"]\n}',
        'google_project_iam_audit_config: audit_log_config {\nlog_type = "DATA_READ"\n}\naudit_log_config {\nlog_type = "DATA_WRITE"\n}',
    ),
}
