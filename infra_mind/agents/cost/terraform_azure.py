"""What Azure resources of Terraform cost."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra_mind.agents.cost.by_use import FUNCTIONS
from infra_mind.agents.cost.pricer import Handler, Pricer
from infra_mind.knowledge.instances import canonical
from infra_mind.knowledge.prices import Purchase

# Managed disks are sold by tier: a disk pays for the smallest tier that holds it (Azure documentation, "Managed disk types").
TIERS = {
    "P": ((4, 1), (8, 2), (16, 3), (32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30), (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
    "S": ((32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30), (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80)),
}  # fmt: skip
TIERS["E"] = TIERS["P"]
NODE_DISK = "Premium_LRS"  # of a node of AKS (Azure documentation, "OS disk types")
LETTER = {"Premium_LRS": "P", "StandardSSD_LRS": "E", "Standard_LRS": "S"}


def machine(size: str, count: str | None = None) -> Handler:
    """A Linux machine or set of machines whose size stands at `size` and number at `count`; its OS disk where its size is given."""

    def handle(pricer: Pricer) -> None:
        name = pricer.word(size)
        number = 1.0 if count is None else pricer.number(count)
        if name and number is not None:
            pricer.machines(name, number, _purchase(pricer))
        if number is not None and pricer.has("os_disk.0.disk_size_gb"):
            _disk(pricer, "os_disk.0.storage_account_type", "os_disk.0.disk_size_gb", number)

    return handle


def _purchase(pricer: Pricer) -> Purchase:
    return "spot" if pricer.resource.get("priority") == "Spot" else "on_demand"


def cluster(pricer: Pricer) -> None:
    """`azurerm_kubernetes_cluster`: its default pool, and the control plane in a paid tier."""
    _pool(pricer, "default_node_pool.0.")
    tier = pricer.word("sku_tier", "Free")
    if tier in ("Standard", "Paid"):
        pricer.units("aks_uptime_sla", 1, "AKS control plane", flat=True)
    elif tier and tier != "Free":
        pricer.miss(f"no dated price of AKS tier {tier}")


def pool(pricer: Pricer) -> None:
    """`azurerm_kubernetes_cluster_node_pool`."""
    _pool(pricer, "")


def _pool(pricer: Pricer, head: str) -> None:
    name = pricer.word(f"{head}vm_size")
    least = f"{head}min_count"
    if pricer.has(least):
        pricer.scaled()
    count = pricer.number(
        least if pricer.has(least) and not pricer.has(f"{head}node_count") else f"{head}node_count", 1
    )
    if name and count is not None:
        pricer.machines(name, count, _purchase(pricer))
    ephemeral = pricer.resource.get(f"{head}os_disk_type") == "Ephemeral"  # on the machine itself
    if count is not None and pricer.has(f"{head}os_disk_size_gb") and not ephemeral:
        _disk(pricer, "", f"{head}os_disk_size_gb", count, NODE_DISK)


def disk(pricer: Pricer) -> None:
    """`azurerm_managed_disk`."""
    _disk(pricer, "storage_account_type", "disk_size_gb")


def _disk(pricer: Pricer, kind: str, size: str, times: float = 1, always: str = "") -> None:
    """A disk of that size on each of so many machines; of the kind at `kind`, or `always` the same."""
    name, gigabytes = always or pricer.word(kind), pricer.number(size)
    if name is None or gigabytes is None:
        return
    tier = tier_of(name, gigabytes)
    if tier is None:
        pricer.miss(f"no dated price of a {name} disk of {gigabytes:g} GB")
    else:
        pricer.units(
            f"disk_{tier}_lrs",
            times,
            f"{name} disk {tier}" if times == 1 else f"{times:g} × {name} disk {tier}",
        )


def tier_of(kind: str, gigabytes: float) -> str | None:
    """The smallest tier of managed disk (`P10`) that holds as much; None for kinds that are not sold by tier."""
    letter = LETTER.get(kind, "")
    return next((f"{letter}{t}" for holds, t in TIERS.get(letter, ()) if gigabytes <= holds), None)


HYBRID_BENEFIT = ("Windows_Server", "Windows_Client")  # licences that are brought along
FIVE_REGIONS = "Windows costs on top of Linux what it costs in five European regions, where it is the same for most sizes"


def windows(size: str, count: str | None = None) -> Handler:
    """A Windows machine or set of machines: what the machine costs with Linux, and Windows unless its licence is brought along."""

    def handle(pricer: Pricer) -> None:
        machine(size, count)(pricer)
        name = pricer.resource.get(size)
        number = 1.0 if count is None else pricer.resource.get(count)
        if not isinstance(name, str) or not isinstance(number, int | float):
            return None  # booked as unpriced with the machine
        if pricer.resource.get("license_type") in HYBRID_BENEFIT:
            return None
        if _purchase(pricer) == "spot":
            return pricer.miss("no dated price of Windows at spot", "Windows")
        pricer.ledger.assume("windows", FIVE_REGIONS, source="Azure Retail Prices, five European regions")
        return pricer.units(f"windows_{canonical('azure', name)}", number, f"Windows on {number:g} × {name}")

    return handle


def any_machine(pricer: Pricer) -> None:
    """`azurerm_virtual_machine`, which says in a block of its own that it runs Windows."""
    made = windows if pricer.has("os_profile_windows_config") else machine
    made("vm_size")(pricer)


def flexible_server(engine: str) -> Handler:
    """A flexible server: compute by its size, twice with a standby, and storage."""

    def handle(pricer: Pricer) -> None:
        size = pricer.word("sku_name")
        nodes = 2 if pricer.has("high_availability.0.mode") else 1
        if size:
            pricer.units(f"{engine}_{size}", nodes, f"{nodes} × {size}")
        for path, unit in (("storage_mb", 1024.0), ("storage.0.size_gb", 1.0)):
            if pricer.has(path) and (given := pricer.number(path)) is not None:
                pricer.units(f"{engine}_storage", nodes * given / unit, f"{nodes * given / unit:g} GB")

    return handle


def single_server(pricer: Pricer) -> None:
    """`azurerm_postgresql_server`, `azurerm_mysql_server`, `azurerm_mariadb_server`: vCores of the tier and storage."""
    size = pricer.word("sku_name")
    tier, _, cores = (size or "").partition("_Gen5_")
    if size and not (tier in ("B", "GP", "MO") and cores.isdigit()):
        return pricer.miss(f"no dated price of {size}")
    if size:
        pricer.units(f"single_server_vcore_{tier}", int(cores), size)
    if pricer.has("storage_mb") and (megabytes := pricer.number("storage_mb")) is not None:
        pricer.units("single_server_storage", megabytes / 1024, f"{megabytes / 1024:g} GB")
    return None


def sql_database(pricer: Pricer) -> None:
    """`azurerm_mssql_database`: a size of the DTU model, or vCores with their licence and storage."""
    size = pricer.word("sku_name", "GP_S_Gen5_2")
    if size is None:
        return None
    cores = re.fullmatch(r"(GP|BC|HS)_Gen5_(\d+)", size)
    if not cores:
        if size.startswith("GP_S_"):
            return pricer.miss("a serverless database is billed by the vCores it takes")
        return pricer.units(f"sql_{size}", 1, size)
    tier, number = cores[1], int(cores[2])
    pricer.units(f"sql_vcore_{tier}_Gen5", number, f"{number} vCores {tier}")
    if pricer.resource.get("license_type") is None:
        pricer.default("license_type", "LicenseIncluded")
    if pricer.resource.get("license_type") != "BasePrice":
        pricer.units(f"sql_license_{tier}", number, f"licence of {number} vCores")
    if pricer.has("max_size_gb") and (gigabytes := pricer.number("max_size_gb")) is not None:
        pricer.units(f"sql_storage_{tier}", gigabytes, f"{gigabytes:g} GB")
    return None


def redis(pricer: Pricer) -> None:
    """`azurerm_redis_cache`: Standard and Premium have a replica each shard, and the list's price is of one node."""
    sku, family, size = pricer.word("sku_name"), pricer.word("family"), pricer.number("capacity")
    shards = pricer.number("shard_count", 1)
    if sku and family and size is not None and shards is not None:
        nodes = shards * (1 if sku == "Basic" else 2)
        pricer.units(f"redis_{sku}_{family}{size:g}", nodes, f"{nodes:g} nodes {sku} {family}{size:g}")


def app_service(pricer: Pricer) -> None:
    """`azurerm_service_plan`, `azurerm_app_service_plan`: instances of the size, with Linux or Windows."""
    size = pricer.word("sku_name" if pricer.has("sku_name") else "sku.0.size")
    count = pricer.number("worker_count" if pricer.has("worker_count") else "sku.0.capacity", 1)
    if size in ("F1", "FREE"):
        return None
    if size == "Y1":
        return pricer.by_use(FUNCTIONS)
    system = pricer.word("os_type" if pricer.has("os_type") else "kind", "Windows")
    if size and system and count is not None:
        linux = system.lower() == "linux" or pricer.flag("reserved")
        name = f"app_service_{'linux' if linux else 'windows'}_{'D1' if size == 'SHARED' else size}"
        pricer.units(name, count, f"{count:g} × {size} with {'Linux' if linux else 'Windows'}")
    return None


def sized(prefix: str, path: str, what: str, default: str | None = None) -> Handler:
    """A handler for what costs its size's price every hour."""

    def handle(pricer: Pricer) -> None:
        if size := pricer.word(path, default):
            pricer.units(f"{prefix}_{size}", 1, f"{what} {size}")

    return handle


def public_address(pricer: Pricer) -> None:
    """`azurerm_public_ip`: a Standard address by the hour."""
    pricer.units("public_ipv4", 1, "public IPv4 address", flat=True)


def load_balancer(pricer: Pricer) -> None:
    """`azurerm_lb`: Standard by the hour with up to five rules; Basic is free."""
    if pricer.word("sku", "Standard") != "Basic":
        pricer.units("load_balancer", 1, "load balancer with up to five rules, without traffic")


def message_bus(pricer: Pricer) -> None:
    """`azurerm_servicebus_namespace`: the base unit of Standard, without operations; Basic is billed by operations alone."""
    sku = pricer.word("sku")
    if sku == "Standard":
        pricer.units("service_bus_standard", 1, "base unit, without operations above those it holds")
    elif sku == "Basic":
        pricer.by_use(("service_bus_basic_operations",))
    elif sku:
        pricer.miss(f"no dated price of a {sku} namespace")


def event_hubs(pricer: Pricer) -> None:
    """`azurerm_eventhub_namespace`: its throughput or processing units, without events."""
    sku, units = pricer.word("sku"), pricer.number("capacity", 1)
    if sku in ("Standard", "Premium") and units is not None:
        pricer.units(f"event_hub_{sku.lower()}", units, f"{units:g} units {sku}, without events")
    elif sku:
        pricer.miss(f"no dated price of a {sku} namespace")


def training_cluster(pricer: Pricer) -> None:
    """`azurerm_machine_learning_compute_cluster` at its least size: the machines; the service itself costs nothing."""
    name, least = pricer.word("vm_size"), pricer.number("scale_settings.0.min_node_count")
    if name and least == 0:
        pricer.miss(f"scales from nothing: billed by the hours that {name} runs")
    elif name and least is not None:
        pricer.scaled()
        pricer.machines(
            name, least, "spot" if pricer.resource.get("vm_priority") == "LowPriority" else "on_demand"
        )


HANDLERS: Mapping[str, Handler] = {
    "azurerm_linux_virtual_machine": machine("size"),
    "azurerm_virtual_machine": any_machine,
    "azurerm_linux_virtual_machine_scale_set": machine("sku", "instances"),
    "azurerm_windows_virtual_machine": windows("size"),
    "azurerm_windows_virtual_machine_scale_set": windows("sku", "instances"),
    "azurerm_kubernetes_cluster": cluster,
    "azurerm_kubernetes_cluster_node_pool": pool,
    "azurerm_managed_disk": disk,
    "azurerm_nat_gateway": lambda pricer: pricer.units("nat_gateway", 1, "NAT gateway, without traffic"),
    "azurerm_lb": load_balancer,
    "azurerm_public_ip": public_address,
    "azurerm_postgresql_flexible_server": flexible_server("postgresql"),
    "azurerm_mysql_flexible_server": flexible_server("mysql"),
    "azurerm_postgresql_server": single_server,
    "azurerm_mysql_server": single_server,
    "azurerm_mariadb_server": single_server,
    "azurerm_mssql_database": sql_database,
    "azurerm_redis_cache": redis,
    "azurerm_service_plan": app_service,
    "azurerm_app_service_plan": app_service,
    "azurerm_application_gateway": sized(
        "application_gateway", "sku.0.name", "gateway, without capacity units:"
    ),
    "azurerm_firewall": sized("firewall", "sku_tier", "firewall, without traffic:", "Standard"),
    "azurerm_bastion_host": sized("bastion", "sku", "bastion", "Basic"),
    "azurerm_virtual_network_gateway": sized("vpn_gateway", "sku", "VPN gateway, without traffic:"),
    "azurerm_servicebus_namespace": message_bus,
    "azurerm_eventhub_namespace": event_hubs,
    "azurerm_container_registry": sized("registry", "sku", "registry, without storage above what it holds:"),
    "azurerm_machine_learning_compute_cluster": training_cluster,
    "azurerm_machine_learning_compute_instance": machine("virtual_machine_size"),
    "azurerm_private_endpoint": lambda pricer: pricer.units(
        "private_endpoint", 1, "private endpoint, without traffic", flat=True
    ),
}
NO_PRICE = frozenset(
    {"azurerm_sql_database", "azurerm_kusto_cluster",
     "azurerm_search_service", "azurerm_mssql_managed_instance", "azurerm_frontdoor", "azurerm_hdinsight_spark_cluster"}
)  # fmt: skip
