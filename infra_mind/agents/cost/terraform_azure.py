"""What Azure resources of Terraform cost."""

from __future__ import annotations

from collections.abc import Mapping

from infra_mind.agents.cost.pricer import Handler, Pricer
from infra_mind.knowledge.prices import Purchase

# Managed disks are sold by tier: a disk pays for the smallest tier that holds it (Azure documentation, "Managed disk types").
TIERS = {
    "P": ((4, 1), (8, 2), (16, 3), (32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30), (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
    "S": ((32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30), (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
}  # fmt: skip
TIERS["E"] = TIERS["P"]
LETTER = {"Premium_LRS": "P", "StandardSSD_LRS": "E", "Standard_LRS": "S"}


def machine(size: str, count: str | None = None) -> Handler:
    """A Linux machine or set of machines whose size stands at `size` and number at `count`; its OS disk where its size is given."""

    def handle(pricer: Pricer) -> None:
        name = pricer.word(size)
        number = 1.0 if count is None else pricer.number(count)
        if name and number is not None:
            pricer.machines(name, number, _purchase(pricer))
        if count is None and pricer.has("os_disk.0.disk_size_gb"):
            _disk(pricer, "os_disk.0.storage_account_type", "os_disk.0.disk_size_gb")

    return handle


def _purchase(pricer: Pricer) -> Purchase:
    return "spot" if pricer.resource.get("priority") == "Spot" else "on_demand"


def cluster(pricer: Pricer) -> None:
    """`azurerm_kubernetes_cluster`: its default pool, and the control plane in a paid tier."""
    _pool(pricer, "default_node_pool.0.")
    tier = pricer.word("sku_tier", "Free")
    if tier in ("Standard", "Paid"):
        pricer.units("aks_uptime_sla", 1, "AKS control plane")
    elif tier and tier != "Free":
        pricer.miss(f"no dated price of AKS tier {tier}")


def pool(pricer: Pricer) -> None:
    """`azurerm_kubernetes_cluster_node_pool`."""
    _pool(pricer, "")


def _pool(pricer: Pricer, head: str) -> None:
    name = pricer.word(f"{head}vm_size")
    least = f"{head}min_count"
    count = pricer.number(
        least if pricer.has(least) and not pricer.has(f"{head}node_count") else f"{head}node_count", 1
    )
    if name and count is not None:
        pricer.machines(name, count, _purchase(pricer))


def disk(pricer: Pricer) -> None:
    """`azurerm_managed_disk`."""
    _disk(pricer, "storage_account_type", "disk_size_gb")


def _disk(pricer: Pricer, kind: str, size: str) -> None:
    name, gigabytes = pricer.word(kind), pricer.number(size)
    if name is None or gigabytes is None:
        return
    tier = next((t for holds, t in TIERS.get(LETTER.get(name, ""), ()) if gigabytes <= holds), None)
    if tier is None:
        pricer.miss(f"no dated price of a {name} disk of {gigabytes:g} GB")
    else:
        pricer.units(f"disk_{LETTER[name]}{tier}_lrs", 1, f"{name} disk {LETTER[name]}{tier}")


def windows(pricer: Pricer) -> None:
    """A Windows machine: the lists here are of Linux."""
    pricer.miss("Windows machines have no dated price here")


HANDLERS: Mapping[str, Handler] = {
    "azurerm_linux_virtual_machine": machine("size"),
    "azurerm_virtual_machine": machine("vm_size"),
    "azurerm_linux_virtual_machine_scale_set": machine("sku", "instances"),
    "azurerm_windows_virtual_machine": windows,
    "azurerm_windows_virtual_machine_scale_set": windows,
    "azurerm_kubernetes_cluster": cluster,
    "azurerm_kubernetes_cluster_node_pool": pool,
    "azurerm_managed_disk": disk,
    "azurerm_nat_gateway": lambda pricer: pricer.units("nat_gateway", 1, "NAT gateway, without traffic"),
}
BY_USE = frozenset(
    {"azurerm_storage_account", "azurerm_function_app", "azurerm_linux_function_app", "azurerm_cosmosdb_account", "azurerm_log_analytics_workspace",
     "azurerm_servicebus_namespace", "azurerm_eventhub_namespace", "azurerm_key_vault", "azurerm_cognitive_account", "azurerm_container_group"}
)  # fmt: skip
NO_PRICE = frozenset(
    {"azurerm_lb", "azurerm_application_gateway", "azurerm_public_ip", "azurerm_postgresql_flexible_server", "azurerm_mysql_flexible_server",
     "azurerm_mssql_database", "azurerm_sql_database", "azurerm_redis_cache", "azurerm_service_plan", "azurerm_app_service_plan",
     "azurerm_firewall", "azurerm_container_registry", "azurerm_virtual_network_gateway", "azurerm_machine_learning_compute_cluster"}
)  # fmt: skip
