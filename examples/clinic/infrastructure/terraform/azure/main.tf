# Radiology runs on Azure; the assistant only reads finished reports from there.
terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 3.110"
    }
  }
}

provider "azurerm" {
  features {}
}

locals {
  location = "westeurope"
}

resource "azurerm_resource_group" "radiology" {
  name     = "rg-radiology"
  location = local.location
}

resource "azurerm_storage_account" "reports" {
  name                            = "northgatereports"
  resource_group_name             = azurerm_resource_group.radiology.name
  location                        = local.location
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  public_network_access_enabled   = false
  allow_nested_items_to_be_public = false

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 30
    }
  }
}

resource "azurerm_storage_account" "dicom" {
  name                            = "northgatedicom"
  resource_group_name             = azurerm_resource_group.radiology.name
  location                        = local.location
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_0"
  https_traffic_only_enabled      = false
  allow_nested_items_to_be_public = true
}

resource "azurerm_storage_container" "preview" {
  name                  = "preview"
  storage_account_name  = azurerm_storage_account.dicom.name
  container_access_type = "blob"
}

resource "azurerm_network_security_group" "workstations" {
  name                = "nsg-workstations"
  location            = local.location
  resource_group_name = azurerm_resource_group.radiology.name

  security_rule {
    name                       = "rdp"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    destination_port_range     = "3389"
    source_address_prefix      = "*"
    destination_address_prefix = "*"
  }
}

resource "azurerm_key_vault" "radiology" {
  name                       = "kv-radiology"
  location                   = local.location
  resource_group_name        = azurerm_resource_group.radiology.name
  tenant_id                  = "00000000-0000-0000-0000-000000000000"
  sku_name                   = "standard"
  purge_protection_enabled   = true
  soft_delete_retention_days = 90

  network_acls {
    default_action = "Deny"
    bypass         = "AzureServices"
  }
}

resource "azurerm_postgresql_flexible_server" "ris" {
  name                          = "psql-ris"
  location                      = local.location
  resource_group_name           = azurerm_resource_group.radiology.name
  version                       = "16"
  sku_name                      = "GP_Standard_D4s_v3"
  storage_mb                    = 131072
  administrator_login           = "ris"
  administrator_password        = "Example-Ris-Password-1"
  public_network_access_enabled = true
  backup_retention_days         = 7
}

resource "azurerm_kubernetes_cluster" "viewer" {
  name                    = "aks-viewer"
  location                = local.location
  resource_group_name     = azurerm_resource_group.radiology.name
  dns_prefix              = "viewer"
  private_cluster_enabled = true
  local_account_disabled  = true

  default_node_pool {
    name       = "system"
    vm_size    = "Standard_D4s_v5"
    node_count = 3
    zones      = ["1", "2", "3"]
  }

  identity {
    type = "SystemAssigned"
  }
}
