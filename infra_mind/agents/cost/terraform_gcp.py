"""What Google Cloud resources of Terraform cost."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra_mind.agents.cost.pricer import REGIONAL_ZONES, Handler, Pricer
from infra_mind.knowledge import instances
from infra_mind.knowledge.prices import Purchase

# google provider documentation: what counts where the configuration says nothing.
NODE_TYPE = "e2-medium"
DISK_TYPE = "pd-standard"
NODE_DISK_TYPE = "pd-balanced"
DISKS = {
    "pd-balanced": "pd_balanced",
    "pd-ssd": "pd_ssd",
    "pd-standard": "pd_standard",
    "pd-extreme": "pd_extreme",
}


def instance(pricer: Pricer) -> None:
    """`google_compute_instance` with its boot disk; GPUs attached by hand have no price here."""
    if name := pricer.word("machine_type"):
        pricer.machines(name, 1, _purchase(pricer, ""))
    _attached(pricer, "guest_accelerator", name)
    params = "boot_disk.0.initialize_params.0"
    if pricer.has(f"{params}.size"):
        _disk(pricer, f"{params}.size", f"{params}.type")


def disk(pricer: Pricer) -> None:
    """`google_compute_disk`."""
    _disk(pricer, "size", "type")


def _disk(pricer: Pricer, size: str, kind: str, times: float = 1, default: str = DISK_TYPE) -> None:
    """A disk of that size and type on each of so many machines of the resource."""
    gigabytes, name = pricer.number(size), pricer.word(kind, default)
    if gigabytes is None or name is None:
        return
    if name in DISKS:
        pricer.units(DISKS[name], gigabytes * times, f"{gigabytes * times:g} GB {name}")
    else:
        pricer.miss(f"no dated price of a {name} disk")


def cluster(pricer: Pricer) -> None:
    """`google_container_cluster`: the management fee, and its own default pool unless that is removed."""
    pricer.units("gke_cluster", 1, "GKE management fee", flat=True)
    if pricer.flag("enable_autopilot"):
        return pricer.miss("autopilot is billed by what pods request", "pods")
    if pricer.flag("remove_default_node_pool") is False and pricer.has("initial_node_count"):
        _nodes(pricer, "initial_node_count", _zones(pricer))
    return None


def pool(pricer: Pricer) -> None:
    """`google_container_node_pool`: its nodes are counted per zone, so a regional pool has three times as many."""
    if pricer.has("autoscaling"):
        pricer.scaled()
    for path in ("node_count", "initial_node_count", "autoscaling.0.min_node_count"):
        if pricer.has(path):
            return _nodes(pricer, path, _zones(pricer))
    if pricer.has("autoscaling.0.total_min_node_count"):
        return _nodes(pricer, "autoscaling.0.total_min_node_count", 1)
    return pricer.miss("node_count is not given")


def _nodes(pricer: Pricer, path: str, zones: int | None) -> None:
    count, name = pricer.number(path), pricer.word("node_config.0.machine_type", NODE_TYPE)
    if zones is None:
        return pricer.miss("its location is not known, so neither is the number of zones")
    if count is not None and name:
        pricer.machines(name, count * zones, _purchase(pricer, "node_config.0."))
    if count is not None and pricer.has("node_config.0.disk_size_gb"):
        _disk(pricer, "node_config.0.disk_size_gb", "node_config.0.disk_type", count * zones, NODE_DISK_TYPE)
    if count is not None:
        _attached(pricer, "node_config.0.guest_accelerator", name, count * zones)
    return None


def _attached(pricer: Pricer, path: str, machine: str | None, times: float = 1) -> None:
    """GPUs that are added to each of so many machines; those of a machine type that holds some are in its price, named or not."""
    known = instances.instance("gcp", machine) if machine else None
    if not pricer.has(path) or (known and known.gpu):
        return
    listed = pricer.resource.get(path)
    for index in range(len(listed) if isinstance(listed, list) else 1):
        name, count = pricer.word(f"{path}.{index}.type"), pricer.number(f"{path}.{index}.count")
        if name and count is not None:
            pricer.units(f"gpu_{name.rpartition('/')[2]}", times * count, f"{times * count:g} × {name}")


def _zones(pricer: Pricer) -> int | None:
    """Zones of the pool or of the cluster it belongs to; None when no location is known."""
    owner = pricer.at("cluster")
    for one in (pricer, owner):
        if one is None:
            continue
        named = one.resource.get("node_locations")
        location = one.resource.get("location") or one.resource.get("zone")
        if isinstance(named, list) and named and all(isinstance(z, str) for z in named):
            # of a zonal cluster these are further zones beside its own
            return len({*named, location} if isinstance(location, str) and _is_zone(location) else set(named))
        if isinstance(location, str):
            if _is_zone(location):
                return 1
            pricer.ledger.assume(
                "regional_zones", "A regional cluster of Google Cloud spreads over three zones unless it names its own", value=REGIONAL_ZONES,
                unit="count", source="Google Kubernetes Engine documentation, regional clusters",
            )  # fmt: skip
            return REGIONAL_ZONES
    return None


def _is_zone(location: str) -> bool:
    return re.fullmatch(r"[a-z]+-[a-z]+\d+-[a-z]", location) is not None


def _purchase(pricer: Pricer, head: str) -> Purchase:
    scheduling = head or "scheduling.0."
    cheap = pricer.flag(f"{scheduling}preemptible") or pricer.flag(f"{scheduling}spot")
    return (
        "spot" if cheap or pricer.resource.get(f"{scheduling}provisioning_model") == "SPOT" else "on_demand"
    )


def group(pricer: Pricer) -> None:
    """`google_compute_instance_group_manager` at its target size."""
    template = pricer.at("version.0.instance_template")
    if template is None:
        return pricer.miss("its instance template is not among the files")
    count, name = pricer.number("target_size"), template.word("machine_type")
    if count is not None and name:
        pricer.machines(name, count, _purchase(template, ""))
    return None


def database(pricer: Pricer) -> None:
    """`google_sql_database_instance`: vCPUs and memory of its tier, storage; twice when regional. Licences of SQL Server have no price."""
    head = "settings.0."
    engine, tier = pricer.word("database_version", "MYSQL"), pricer.word(f"{head}tier")
    if engine is None or tier is None:
        return
    if engine.startswith("SQLSERVER"):
        pricer.miss("no dated price of SQL Server licences", "licences")
    nodes = 2 if pricer.resource.get(f"{head}availability_type") == "REGIONAL" else 1
    shape, plus = _shape(tier), PLUS.fullmatch(tier)
    if plus:
        cores = float(plus[1])
        pricer.units("cloud_sql_plus_vcpu", nodes * cores, f"{nodes * cores:g} vCPU of {tier}")
        memory = nodes * cores * PLUS_GB_PER_VCPU
        pricer.units("cloud_sql_plus_memory", memory, f"{memory:g} GB of {tier}")
    elif shape:
        cores, memory = shape
        pricer.units("cloud_sql_vcpu", nodes * cores, f"{nodes * cores:g} vCPU of {tier}")
        pricer.units("cloud_sql_memory", nodes * memory, f"{nodes * memory:g} GB of {tier}")
    else:
        pricer.units(f"cloud_sql_{tier}", nodes, f"{nodes} × {tier}")
    size, disk = pricer.number(f"{head}disk_size", SQL_DISK_GB), pricer.word(f"{head}disk_type", "PD_SSD")
    if size is not None and disk:
        pricer.units(
            f"cloud_sql_storage_{disk.removeprefix('PD_').lower()}", nodes * size, f"{nodes * size:g} GB"
        )
    return


def _shape(tier: str) -> tuple[float, float] | None:
    """vCPUs and GB of memory of a tier that names them."""
    if found := re.fullmatch(r"db-custom-(\d+)-(\d+)", tier):
        return float(found[1]), float(found[2]) / 1024
    if found := re.fullmatch(r"db-n1-(standard|highmem)-(\d+)", tier):
        return float(found[2]), float(found[2]) * (3.75 if found[1] == "standard" else 6.5)
    return None


def cache(pricer: Pricer) -> None:
    """`google_redis_instance`: GB of the tier, priced by the size that they make together."""
    tier, size = pricer.word("tier", "BASIC"), pricer.number("memory_size_gb")
    if tier is None or size is None:
        return
    band = next(name for most, name in REDIS_BANDS if size <= most)
    kind = "standard" if tier == "STANDARD_HA" else "basic"
    pricer.units(f"memorystore_{kind}_{band}", size, f"{size:g} GB {kind} {band}")


def address(pricer: Pricer) -> None:
    """`google_compute_address`: an external one in use; internal ones are free."""
    if pricer.word("address_type", "EXTERNAL") == "EXTERNAL":
        pricer.units("public_ipv4", 1, "external address in use")


def rule(pricer: Pricer) -> None:
    """`google_compute_forwarding_rule` and its global kind."""
    pricer.shared("forwarding_rule", "forwarding rule, without traffic", FIRST_FIVE)


def key(pricer: Pricer) -> None:
    """`google_kms_crypto_key`: one version kept in software; rotation makes more of them."""
    level = pricer.word("version_template.0.protection_level", "SOFTWARE")
    if level == "SOFTWARE":
        pricer.units("kms_key_version", 1, "one version of the key, without operations", flat=True)
    elif level:
        pricer.miss(f"no dated price of a key at level {level}")


FIRST_FIVE = "Up to five forwarding rules of a region are paid as one"
# Enterprise Plus: 2 vCPUs have 16 GiB and 8 have 64 (documentation of Google's MCP Toolbox, cloud-sql-postgres-create-instance).
PLUS = re.compile(r"db-perf-optimized-N-(\d{1,2})")
PLUS_GB_PER_VCPU = 8.0
SQL_DISK_GB = 10  # google provider documentation: the size where none is given
# Memorystore's capacity tiers: GB up to which each reaches (Memorystore for Redis documentation).
REDIS_BANDS = ((4, "M1"), (10, "M2"), (35, "M3"), (100, "M4"), (float("inf"), "M5"))
HANDLERS: Mapping[str, Handler] = {
    "google_compute_instance": instance,
    "google_compute_disk": disk,
    "google_container_cluster": cluster,
    "google_container_node_pool": pool,
    "google_compute_instance_group_manager": group,
    "google_compute_region_instance_group_manager": group,
    "google_sql_database_instance": database,
    "google_redis_instance": cache,
    "google_compute_address": address,
    "google_compute_forwarding_rule": rule,
    "google_compute_global_forwarding_rule": rule,
    "google_kms_crypto_key": key,
    "google_secret_manager_secret_version": lambda pricer: pricer.units(
        "secret_version", 1, "secret version in one location, without accesses", flat=True
    ),
    "google_dns_managed_zone": lambda pricer: pricer.units("dns_zone", 1, "zone, without queries", flat=True),
    "google_compute_vpn_tunnel": lambda pricer: pricer.units("vpn_tunnel", 1, "VPN tunnel, without traffic"),
}
NO_PRICE = frozenset(
    {"google_filestore_instance", "google_dataproc_cluster", "google_spanner_instance", "google_alloydb_instance", "google_tpu_v2_vm",
     "google_vertex_ai_endpoint", "google_notebooks_instance"}
)  # fmt: skip
