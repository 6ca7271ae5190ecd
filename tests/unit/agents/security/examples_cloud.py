"""One faulty and one clean example for every rule of Azure and Google Cloud, in the short form of `examples_aws`."""

from __future__ import annotations

_NSG = 'azurerm_network_security_rule: direction = "Inbound"\naccess = "Allow"\nsource_address_prefix = "%s"\ndestination_port_range = "%s"'
_FW = 'google_compute_firewall: source_ranges = ["%s"]\nallow {\nprotocol = "tcp"\nports = ["%s"]\n}'
_IP = "google_sql_database_instance: settings {\nip_configuration {\n%s\n}\n}"

AZURE: dict[str, tuple[str, str]] = {
    "IM-AZ-STORAGE-001": (
        'azurerm_storage_account: name = "s"',
        "azurerm_storage_account: allow_nested_items_to_be_public = false",
    ),
    "IM-AZ-STORAGE-002": (
        'azurerm_storage_container: container_access_type = "blob"',
        'azurerm_storage_container: container_access_type = "private"',
    ),
    "IM-AZ-STORAGE-003": (
        "azurerm_storage_account: https_traffic_only_enabled = false",
        "azurerm_storage_account: enable_https_traffic_only = true",
    ),
    "IM-AZ-STORAGE-004": (
        'azurerm_storage_account: min_tls_version = "TLS1_0"',
        'azurerm_storage_account: min_tls_version = "TLS1_2"',
    ),
    "IM-AZ-STORAGE-005": (
        'azurerm_storage_account: name = "s"',
        'azurerm_storage_account: network_rules {\ndefault_action = "Deny"\n}',
    ),
    "IM-AZ-NSG-001": (_NSG % ("*", "20-30"), _NSG % ("10.0.0.0/8", "22")),
    "IM-AZ-NSG-002": (_NSG % ("Internet", "*"), _NSG % ("Internet", "443")),
    "IM-AZ-AKS-001": (
        'azurerm_kubernetes_cluster: name = "c"',
        "azurerm_kubernetes_cluster: private_cluster_enabled = true",
    ),
    "IM-AZ-AKS-002": (
        "azurerm_kubernetes_cluster: role_based_access_control_enabled = false",
        'azurerm_kubernetes_cluster: name = "c"',
    ),
    "IM-AZ-AKS-003": (
        'azurerm_kubernetes_cluster: name = "c"',
        'azurerm_kubernetes_cluster: oms_agent {\nlog_analytics_workspace_id = "w"\n}',
    ),
    "IM-AZ-AKS-004": (
        'azurerm_kubernetes_cluster: name = "c"',
        "azurerm_kubernetes_cluster: local_account_disabled = true",
    ),
    "IM-AZ-SQL-001": (
        'azurerm_mssql_server: name = "s"',
        "azurerm_mssql_server: public_network_access_enabled = false",
    ),
    "IM-AZ-SQL-002": (
        'azurerm_mssql_firewall_rule: start_ip_address = "0.0.0.0"\nend_ip_address = "255.255.255.255"',
        'azurerm_mssql_firewall_rule: start_ip_address = "192.0.2.1"\nend_ip_address = "192.0.2.1"',
    ),
    "IM-AZ-SQL-003": (
        "azurerm_mysql_server: ssl_enforcement_enabled = false",
        "azurerm_mysql_server: ssl_enforcement_enabled = true",
    ),
    "IM-AZ-SQL-004": (
        'azurerm_mssql_server: name = "s"',
        'azurerm_mssql_server: name = "s"\n---\nazurerm_mssql_server_extended_auditing_policy: server_id = azurerm_mssql_server.x.id',
    ),
    "IM-AZ-VAULT-001": (
        'azurerm_key_vault: name = "v"',
        "azurerm_key_vault: purge_protection_enabled = true",
    ),
    "IM-AZ-VAULT-002": (
        'azurerm_key_vault: name = "v"',
        'azurerm_key_vault: network_acls {\ndefault_action = "Deny"\nbypass = "None"\n}',
    ),
    "IM-AZ-IAM-001": (
        'azurerm_role_assignment: role_definition_name = "Owner"',
        'azurerm_role_assignment: role_definition_name = "Reader"',
    ),
    "IM-AZ-IAM-002": (
        'azurerm_role_definition: permissions {\nactions = ["*"]\n}',
        'azurerm_role_definition: permissions {\nactions = ["Microsoft.Compute/virtualMachines/read"]\n}',
    ),
    "IM-AZ-VM-001": (
        "azurerm_linux_virtual_machine: disable_password_authentication = false",
        'azurerm_linux_virtual_machine: name = "v"',
    ),
    "IM-AZ-VM-002": (
        'azurerm_linux_virtual_machine: name = "v"',
        "azurerm_linux_virtual_machine: encryption_at_host_enabled = true",
    ),
    "IM-AZ-NET-001": (
        "azurerm_network_interface: ip_configuration {\npublic_ip_address_id = azurerm_public_ip.p.id\n}",
        'azurerm_network_interface: ip_configuration {\nname = "i"\n}',
    ),
    "IM-AZ-APP-001": ('azurerm_linux_web_app: name = "a"', "azurerm_linux_web_app: https_only = true"),
    "IM-AZ-ACR-001": (
        "azurerm_container_registry: admin_enabled = true",
        "azurerm_container_registry: admin_enabled = false",
    ),
    "IM-AZ-COG-001": (
        'azurerm_cognitive_account: kind = "OpenAI"',
        "azurerm_cognitive_account: public_network_access_enabled = false",
    ),
    "IM-AZ-CACHE-001": (
        "azurerm_redis_cache: enable_non_ssl_port = true",
        "azurerm_redis_cache: non_ssl_port_enabled = false",
    ),
    "IM-AZ-LOG-001": (
        "azurerm_network_watcher_flow_log: retention_policy {\nenabled = true\ndays = 7\n}",
        "azurerm_network_watcher_flow_log: retention_policy {\nenabled = true\ndays = 90\n}",
    ),
}

GCP: dict[str, tuple[str, str]] = {
    "IM-GCP-IAM-001": (
        'google_storage_bucket_iam_member: role = "roles/storage.objectViewer"\nmember = "allUsers"',
        'google_storage_bucket_iam_member: role = "roles/storage.objectViewer"\nmember = "group:a@example.com"',
    ),
    "IM-GCP-IAM-002": (
        'google_project_iam_binding: role = "roles/editor"',
        'google_project_iam_binding: role = "roles/viewer"',
    ),
    "IM-GCP-IAM-003": (
        'google_project_iam_member: role = "roles/iam.serviceAccountTokenCreator"',
        'google_project_iam_member: role = "roles/viewer"',
    ),
    "IM-GCP-STORAGE-001": (
        'google_storage_bucket: name = "b"',
        "google_storage_bucket: uniform_bucket_level_access = true",
    ),
    "IM-GCP-STORAGE-002": (
        'google_storage_bucket: name = "b"',
        'google_storage_bucket: public_access_prevention = "enforced"',
    ),
    "IM-GCP-STORAGE-003": (
        'google_storage_bucket: name = "b"',
        "google_storage_bucket: versioning {\nenabled = true\n}",
    ),
    "IM-GCP-STORAGE-004": (
        'google_storage_bucket: name = "b"',
        'google_storage_bucket: logging {\nlog_bucket = "l"\n}',
    ),
    "IM-GCP-FW-001": (_FW % ("0.0.0.0/0", "22"), _FW % ("35.235.240.0/20", "22")),
    "IM-GCP-FW-002": (_FW % ("0.0.0.0/0", "0-65535"), _FW % ("0.0.0.0/0", "443")),
    "IM-GCP-VM-001": (
        'google_compute_instance: network_interface {\nnetwork = "n"\naccess_config {\n}\n}',
        'google_compute_instance: network_interface {\nnetwork = "n"\n}',
    ),
    "IM-GCP-VM-002": (
        'google_compute_instance: service_account {\nscopes = ["cloud-platform"]\n}',
        'google_compute_instance: service_account {\nemail = "app@p.iam.gserviceaccount.com"\n}',
    ),
    "IM-GCP-VM-003": (
        'google_compute_instance: name = "v"',
        "google_compute_instance: shielded_instance_config {\nenable_secure_boot = true\n}",
    ),
    "IM-GCP-VM-004": (
        "google_compute_instance: metadata = {\nserial-port-enable = true\n}",
        "google_compute_instance: metadata = {\nblock-project-ssh-keys = true\n}",
    ),
    "IM-GCP-GKE-001": (
        'google_container_cluster: master_authorized_networks_config {\ncidr_blocks {\ncidr_block = "0.0.0.0/0"\n}\n}',
        'google_container_cluster: master_authorized_networks_config {\ncidr_blocks {\ncidr_block = "192.0.2.0/24"\n}\n}',
    ),
    "IM-GCP-GKE-002": (
        'google_container_cluster: name = "c"',
        "google_container_cluster: private_cluster_config {\nenable_private_nodes = true\n}",
    ),
    "IM-GCP-GKE-003": (
        'google_container_cluster: name = "c"',
        'google_container_cluster: datapath_provider = "ADVANCED_DATAPATH"',
    ),
    "IM-GCP-GKE-004": (
        'google_container_cluster: logging_service = "none"',
        'google_container_cluster: name = "c"',
    ),
    "IM-GCP-GKE-005": (
        "google_container_cluster: enable_legacy_abac = true",
        "google_container_cluster: enable_legacy_abac = false",
    ),
    "IM-GCP-SQL-001": (
        _IP % 'authorized_networks {\nvalue = "0.0.0.0/0"\n}',
        _IP % 'authorized_networks {\nvalue = "192.0.2.7/32"\n}',
    ),
    "IM-GCP-SQL-002": (_IP % "ipv4_enabled = true", _IP % "ipv4_enabled = false"),
    "IM-GCP-SQL-003": (_IP % "require_ssl = false", _IP % 'ssl_mode = "ENCRYPTED_ONLY"'),
    "IM-GCP-SQL-004": (
        'google_sql_database_instance: settings {\ntier = "t"\n}',
        "google_sql_database_instance: settings {\nbackup_configuration {\nenabled = true\n}\n}",
    ),
    "IM-GCP-SQL-005": (
        "google_sql_database_instance: deletion_protection = false",
        "google_sql_database_instance: deletion_protection = true",
    ),
    "IM-GCP-VPC-001": (
        'google_compute_subnetwork: name = "s"',
        "google_compute_subnetwork: log_config {\nflow_sampling = 0.5\n}",
    ),
    "IM-GCP-BQ-001": (
        'google_bigquery_dataset: access {\nrole = "READER"\nspecial_group = "allAuthenticatedUsers"\n}',
        'google_bigquery_dataset: access {\nrole = "READER"\nspecial_group = "projectReaders"\n}',
    ),
    "IM-GCP-KMS-001": (
        'google_kms_crypto_key: name = "k"',
        'google_kms_crypto_key: rotation_period = "7776000s"',
    ),
}
