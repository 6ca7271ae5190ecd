"""Azure, through the azurerm provider."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_boolean,
    expect_one_of,
    is_at_least,
    is_false,
    is_one_of,
    is_true,
    linked_or_failed,
    said,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.ports import ADMIN, DATABASES, WORLD, ports_named, spans, world_in
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_LEARN = "https://learn.microsoft.com/azure/"
_STORAGE_RULES = "azurerm_storage_account_network_rules"
_STORAGE = ("azurerm_storage_account",)
_AKS = ("azurerm_kubernetes_cluster",)
_NSG = ("azurerm_network_security_group", "azurerm_network_security_rule")
_SQL_SERVERS = (
    "azurerm_mssql_server",
    "azurerm_sql_server",
    "azurerm_postgresql_server",
    "azurerm_mysql_server",
    "azurerm_mariadb_server",
)


@RULES.add(
    "IM-AZ-STORAGE-001", "Storage account allows public blobs", severity=Severity.HIGH,
    reason="Any container of the account can then be opened to everyone, without any log-in.",
    family=Family.EXPOSURE, kinds=_STORAGE, fix="Set `allow_nested_items_to_be_public = false`.",
    references=(_LEARN + "storage/blobs/anonymous-read-access-prevent",), ckv=("CKV_AZURE_190", "CKV_AZURE_59"), controls=("public-access",), exposes=True,
    patch=hcl("allow_nested_items_to_be_public", "false"),
)  # fmt: skip
def public_blobs(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.boolean("public_network_access_enabled", True):
        yield passed(
            "public_network_access_enabled"
        )  # whatever is public in it, the internet does not reach it
        return
    old = "allow_blob_public_access"  # its name before version 3 of the provider, there false by default
    yield (
        expect_boolean(subject, old, False)
        if subject.has(old)
        else expect_boolean(subject, "allow_nested_items_to_be_public", False, True)
    )


RULES.add(
    "IM-AZ-STORAGE-002", "Container of blobs is public", severity=Severity.CRITICAL,
    reason="Everyone who knows or guesses the address reads the blobs.",
    family=Family.EXPOSURE, kinds=("azurerm_storage_container",), fix='Set `container_access_type = "private"`.',
    references=(_LEARN + "storage/blobs/anonymous-read-access-configure",), ckv=("CKV_AZURE_34",), controls=("public-access",), exposes=True,
    patch=hcl("container_access_type", '"private"'),
)(is_one_of("container_access_type", ("private",), "private"))  # fmt: skip


@RULES.add(
    "IM-AZ-STORAGE-003", "Storage account accepts plain HTTP", severity=Severity.MEDIUM,
    reason="Data and account keys cross the network readable.",
    family=Family.ENCRYPTION, kinds=_STORAGE, fix="Set `https_traffic_only_enabled = true`.",
    references=(_LEARN + "storage/common/storage-require-secure-transfer",), ckv=("CKV_AZURE_3",), controls=("encryption-in-transit",),
    patch=lambda resource, path, lines: hcl(path, "true")(resource, path, lines),
)  # fmt: skip
def https_only(subject: Subject, _: Context) -> Iterator[Outcome]:
    old = "enable_https_traffic_only"  # its name before version 4 of the provider
    yield expect_boolean(subject, old if subject.has(old) else "https_traffic_only_enabled", True, True)


RULES.add(
    "IM-AZ-STORAGE-004", "Storage account speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021).",
    family=Family.ENCRYPTION, kinds=_STORAGE, fix='Set `min_tls_version = "TLS1_2"`.',
    references=(_LEARN + "storage/common/transport-layer-security-configure-minimum-version",), ckv=("CKV_AZURE_44",), controls=("encryption-in-transit",), patch=hcl("min_tls_version", '"TLS1_2"'),
)(is_one_of("min_tls_version", ("TLS1_2", "TLS1_3"), "TLS1_2"))  # fmt: skip


@RULES.add(
    "IM-AZ-STORAGE-005", "Storage account takes calls from every network", severity=Severity.MEDIUM,
    reason="A leaked key or token works from anywhere.",
    family=Family.NETWORK, kinds=(*_STORAGE, _STORAGE_RULES), fix='Set `public_network_access_enabled = false`, or `network_rules { default_action = "Deny" }`.', effort=Effort.HOURS,
    references=(_LEARN + "storage/common/storage-network-security",), ckv=("CKV_AZURE_35",), controls=("network-segmentation",), exposes=True,
)  # fmt: skip
def storage_network(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.resource.kind == _STORAGE_RULES:
        yield expect_one_of(subject, "default_action", ("Deny",))
    elif not subject.boolean("public_network_access_enabled", True):
        yield passed("public_network_access_enabled")
    elif subject.has("network_rules"):
        yield expect_one_of(subject, "network_rules.default_action", ("Deny",), "Allow")
    else:  # rules of their own are judged where they stand
        yield linked_or_failed(
            subject, context, _STORAGE_RULES, "storage_account_id", "network rules that deny by default"
        )


def inbound(subject: Subject) -> list[Subject]:
    return (
        subject.blocks("security_rule")
        if subject.resource.kind == "azurerm_network_security_group"
        else [subject]
    )


def _reach(rule: Subject) -> list[tuple[float, float]] | None:
    """The ports the rule opens to the whole internet, None if it opens none."""
    if (
        rule.text("direction", "Inbound").lower() != "inbound"
        or rule.text("access", "Allow").lower() != "allow"
    ):
        return None
    if not world_in(rule.strings("source_address_prefix") + rule.strings("source_address_prefixes")):
        rule.settle("source_address_prefix", "source_address_prefixes")
        return None
    if rule.text("protocol", "*").lower() in {"icmp", "esp", "ah"}:
        return None  # has no ports
    ranges = rule.strings("destination_port_range") + rule.strings("destination_port_ranges")
    return [span for text in ranges for span in spans(text)]


@RULES.add(
    "IM-AZ-NSG-001", "SSH or RDP is open to the whole internet", severity=Severity.CRITICAL,
    reason="Remote log-in is guessed at around the clock; one weak password is a full break-in.",
    family=Family.NETWORK, kinds=_NSG, fix="Remove the rule and use Azure Bastion.", references=(_LEARN + "bastion/bastion-overview",),
    ckv=("CKV_AZURE_9", "CKV_AZURE_10"), controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def nsg_admin(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(inbound(subject), lambda rule: open_ports(rule, ADMIN))


@RULES.add(
    "IM-AZ-NSG-002", "A database port or every port is open to the whole internet", severity=Severity.CRITICAL,
    reason="Databases, caches and search engines are found by scanners within hours.",
    family=Family.NETWORK, kinds=_NSG, fix="Allow only the subnets that need it.", references=(_LEARN + "virtual-network/network-security-groups-overview",), controls=("network-segmentation", "public-access"), exposes=True,
)  # fmt: skip
def nsg_database(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(inbound(subject), lambda rule: open_ports(rule, DATABASES))


def open_ports(rule: Subject, wanted: dict[int, str]) -> Iterator[Outcome]:
    reach = _reach(rule)
    names = [name for low, high in reach or () for name in ports_named(wanted, low, high)]
    everything = (0, 65535) in (reach or ())
    if everything and wanted is not DATABASES:
        return  # said by IM-AZ-NSG-002
    if names:
        what = "every port" if everything else ", ".join(names)
        yield failed(
            rule.at("source_address_prefix"), f"{what} from {WORLD}", "only the addresses that need it"
        )
    else:
        yield passed(rule.at("source_address_prefix"))


RULES.add(
    "IM-AZ-AKS-001", "Kubernetes API of the cluster is open to the whole internet", severity=Severity.HIGH,
    reason="The API server is the key to the whole cluster; one leaked token or one flaw of it is enough.",
    family=Family.EXPOSURE, kinds=_AKS, fix="Set `private_cluster_enabled = true`, or `api_server_access_profile { authorized_ip_ranges }`.", effort=Effort.HOURS,
    references=(_LEARN + "aks/private-clusters",), ckv=("CKV_AZURE_6",), controls=("public-access", "network-segmentation"), exposes=True,
)(lambda subject, _: _aks_api(subject))  # fmt: skip


def _aks_api(subject: Subject) -> Iterator[Outcome]:
    if subject.boolean("private_cluster_enabled"):
        yield passed("private_cluster_enabled")
        return
    for path in ("api_server_access_profile.authorized_ip_ranges", "api_server_authorized_ip_ranges"):
        if subject.has(path) and not world_in(subject.strings(path)) and subject.raw(path):
            yield passed(path)
            return
    yield failed(
        "private_cluster_enabled", said(subject, "private_cluster_enabled"), "true, or authorised addresses"
    )


RULES.add(
    "IM-AZ-AKS-002", "Cluster runs without role-based access", severity=Severity.HIGH,
    reason="Every valid token may do everything.",
    family=Family.IDENTITY, kinds=_AKS, fix="Set `role_based_access_control_enabled = true` with Entra ID.", effort=Effort.HOURS,
    references=(_LEARN + "aks/manage-azure-rbac",), ckv=("CKV_AZURE_5",), controls=("access-control",),
)(lambda subject, _: [
    expect_boolean(subject, "role_based_access_control.enabled" if subject.has("role_based_access_control") else "role_based_access_control_enabled", True, True)
])  # fmt: skip


@RULES.add(
    "IM-AZ-AKS-003", "Cluster sends no logs", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards what ran and who did it.",
    family=Family.LOGGING, kinds=_AKS, fix="Add `oms_agent { log_analytics_workspace_id = ... }` or a diagnostic setting.", effort=Effort.HOURS,
    references=(_LEARN + "aks/monitor-aks",), ckv=("CKV_AZURE_4",), controls=("logging", "audit"),
)  # fmt: skip
def aks_logs(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.has("oms_agent"):
        yield passed("oms_agent")
    elif subject.has("addon_profile.oms_agent"):  # the form before version 3 of the provider
        yield expect_boolean(subject, "addon_profile.oms_agent.enabled", True)
    else:
        yield linked_or_failed(
            subject,
            context,
            "azurerm_monitor_diagnostic_setting",
            "target_resource_id",
            "oms_agent or a diagnostic setting",
        )


RULES.add(
    "IM-AZ-AKS-004", "Cluster keeps a local administrator account", severity=Severity.MEDIUM,
    reason="The shared account goes round Entra ID and its log.",
    family=Family.IDENTITY, kinds=_AKS, fix="Set `local_account_disabled = true`.", references=(_LEARN + "aks/manage-local-accounts-managed-azure-ad",),
    ckv=("CKV_AZURE_141",), controls=("access-control",),
)(is_true("local_account_disabled"))  # fmt: skip
RULES.add(
    "IM-AZ-SQL-001", "Database server has a public endpoint", severity=Severity.HIGH,
    reason="Only its firewall rules and passwords stand before the data.",
    family=Family.EXPOSURE, kinds=_SQL_SERVERS, fix="Set `public_network_access_enabled = false` and use a private endpoint.", effort=Effort.HOURS,
    references=(_LEARN + "azure-sql/database/connectivity-settings",), ckv=("CKV_AZURE_113", "CKV_AZURE_53", "CKV_AZURE_68"), controls=("public-access",), exposes=True,
    patch=hcl("public_network_access_enabled", "false"),
)(is_false("public_network_access_enabled", True))  # fmt: skip


@RULES.add(
    "IM-AZ-SQL-002", "Database firewall lets the whole internet in", severity=Severity.CRITICAL,
    reason="Everyone may try passwords on the database; 0.0.0.0 to 0.0.0.0 lets in every customer of Azure.",
    family=Family.NETWORK, kinds=tuple(f"azurerm_{e}_firewall_rule" for e in ("mssql", "sql", "postgresql", "mysql", "mariadb", "postgresql_flexible_server", "mysql_flexible_server")),
    fix="Name the addresses, or use a private endpoint.", references=(_LEARN + "azure-sql/database/firewall-configure",), ckv=("CKV_AZURE_11",), controls=("network-segmentation", "public-access"), exposes=True,
)  # fmt: skip
def sql_firewall(subject: Subject, _: Context) -> Iterator[Outcome]:
    start, end = subject.text("start_ip_address"), subject.text("end_ip_address")
    wide = start == "0.0.0.0" and end in {"0.0.0.0", "255.255.255.255"}  # noqa: S104 - read from a file, nothing listens
    yield (
        failed("end_ip_address", f"{start} to {end}", "named addresses")
        if wide
        else passed("start_ip_address")
    )


RULES.add(
    "IM-AZ-SQL-003", "Database accepts connections without TLS", severity=Severity.MEDIUM,
    reason="Passwords and rows cross the network readable.",
    family=Family.ENCRYPTION, kinds=("azurerm_postgresql_server", "azurerm_mysql_server", "azurerm_mariadb_server"), fix="Set `ssl_enforcement_enabled = true`.",
    references=(_LEARN + "mysql/flexible-server/how-to-connect-tls-ssl",), ckv=("CKV_AZURE_28", "CKV_AZURE_29"), controls=("encryption-in-transit",), patch=hcl("ssl_enforcement_enabled", "true"),
)(is_true("ssl_enforcement_enabled"))  # fmt: skip


@RULES.add(
    "IM-AZ-SQL-004", "Database server keeps no audit log", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards who read what.",
    family=Family.LOGGING, kinds=("azurerm_mssql_server", "azurerm_sql_server"), fix="Add an `azurerm_mssql_server_extended_auditing_policy`.",
    references=(_LEARN + "azure-sql/database/auditing-overview",), ckv=("CKV_AZURE_23",), controls=("logging", "audit"),
)  # fmt: skip
def sql_audit(subject: Subject, context: Context) -> Iterator[Outcome]:
    if subject.has("extended_auditing_policy"):
        yield passed("extended_auditing_policy")
    else:
        yield linked_or_failed(
            subject,
            context,
            "azurerm_mssql_server_extended_auditing_policy",
            "server_id",
            "an extended auditing policy",
        )


RULES.add(
    "IM-AZ-VAULT-001", "Key vault can be purged", severity=Severity.MEDIUM,
    reason="Whoever may delete it destroys the keys, and with them all that they encrypt, at once and for good.",
    family=Family.BACKUP, kinds=("azurerm_key_vault",), fix="Set `purge_protection_enabled = true`.", references=(_LEARN + "key-vault/general/soft-delete-overview",),
    ckv=("CKV_AZURE_110", "CKV_AZURE_42"), controls=("deletion-protection", "key-management"), patch=hcl("purge_protection_enabled", "true"),
)(is_true("purge_protection_enabled"))  # fmt: skip


@RULES.add(
    "IM-AZ-VAULT-002", "Key vault takes calls from every network", severity=Severity.MEDIUM,
    reason="A leaked token works from anywhere.",
    family=Family.NETWORK, kinds=("azurerm_key_vault",), fix='Set `network_acls { default_action = "Deny", bypass = "AzureServices" }`.', effort=Effort.HOURS,
    references=(_LEARN + "key-vault/general/network-security",), ckv=("CKV_AZURE_109", "CKV_AZURE_189"), controls=("network-segmentation",), exposes=True,
)  # fmt: skip
def vault_network(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.boolean("public_network_access_enabled", True):
        yield passed("public_network_access_enabled")
    else:
        yield expect_one_of(subject, "network_acls.default_action", ("Deny",), "Allow")


@RULES.add(
    "IM-AZ-IAM-001", "Owner or a like role is given away", severity=Severity.HIGH,
    reason="Its holder may do everything in the scope and give rights to others.",
    family=Family.IDENTITY, kinds=("azurerm_role_assignment",), fix="Give the role that is used, on the resource that needs it.", effort=Effort.HOURS,
    references=(_LEARN + "role-based-access-control/best-practices",), controls=("least-privilege", "access-control"),
)  # fmt: skip
def owner_role(subject: Subject, _: Context) -> Iterator[Outcome]:
    role = subject.text("role_definition_name")
    wide = {"Owner", "User Access Administrator", "Contributor"}
    if role == "Contributor" and subject.raw("scope") and "/resourceGroups/" in str(subject.raw("scope")):
        wide = wide - {"Contributor"}
    yield (
        failed("role_definition_name", role, "a narrower role")
        if role in wide
        else passed("role_definition_name")
    )


@RULES.add(
    "IM-AZ-IAM-002", "Own role allows everything", severity=Severity.HIGH,
    reason="A role with the action `*` is Owner under another name.",
    family=Family.IDENTITY, kinds=("azurerm_role_definition",), fix="List the actions that are used.", effort=Effort.HOURS,
    references=(_LEARN + "role-based-access-control/custom-roles",), ckv=("CKV_AZURE_39",), controls=("least-privilege",),
)  # fmt: skip
def own_role(subject: Subject, _: Context) -> Iterator[Outcome]:
    for block in subject.blocks("permissions"):
        wide = "*" in block.strings("actions")
        yield (
            failed(block.at("actions"), "*", "the actions that are used")
            if wide
            else passed(block.at("actions"))
        )


RULES.add(
    "IM-AZ-VM-001", "Machine takes passwords for log-in", severity=Severity.MEDIUM,
    reason="Passwords are guessed around the clock; keys are not.",
    family=Family.IDENTITY, kinds=("azurerm_linux_virtual_machine", "azurerm_linux_virtual_machine_scale_set"), fix="Set `disable_password_authentication = true` and give a key.",
    references=(_LEARN + "virtual-machines/linux/ssh-from-windows",), ckv=("CKV_AZURE_1", "CKV_AZURE_49"), controls=("remote-access",),
)(is_true("disable_password_authentication", True))  # fmt: skip
RULES.add(
    "IM-AZ-VM-002", "Machine's host does not encrypt its disks and caches", severity=Severity.LOW,
    reason="Temporary disks and caches lie in the clear on the host; managed disks themselves are always encrypted by Azure.",
    family=Family.ENCRYPTION, kinds=("azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine"), fix="Set `encryption_at_host_enabled = true`.",
    references=(_LEARN + "virtual-machines/disk-encryption",), ckv=("CKV_AZURE_151",), controls=("encryption-at-rest",), patch=hcl("encryption_at_host_enabled", "true"),
)(is_true("encryption_at_host_enabled"))  # fmt: skip
RULES.add(
    "IM-AZ-NET-001", "Network interface has a public address", severity=Severity.MEDIUM,
    reason="What listens on the machine can be reached from outside as soon as a rule slips.",
    family=Family.EXPOSURE, kinds=("azurerm_network_interface",), fix="Remove `public_ip_address_id`; use a load balancer or Bastion.",
    references=(_LEARN + "virtual-network/ip-services/public-ip-addresses",), ckv=("CKV_AZURE_119",), controls=("public-access",), exposes=True,
)(lambda subject, _: [
    failed(b.at("public_ip_address_id"), "a public address", "none") if b.has("public_ip_address_id") else passed(b.base)
    for b in subject.blocks("ip_configuration")
])  # fmt: skip
_WEB = (
    "app_service",
    "linux_web_app",
    "windows_web_app",
    "linux_function_app",
    "windows_function_app",
    "function_app",
)
_APPS = tuple(f"azurerm_{name}{slot}" for name in _WEB for slot in ("", "_slot"))
RULES.add(
    "IM-AZ-APP-001", "Web application accepts plain HTTP", severity=Severity.MEDIUM,
    reason="Requests, cookies and passwords cross the network readable.",
    family=Family.ENCRYPTION, kinds=_APPS, fix="Set `https_only = true`.", references=(_LEARN + "app-service/configure-ssl-bindings",),
    ckv=("CKV_AZURE_14", "CKV_AZURE_70"), controls=("encryption-in-transit",), patch=hcl("https_only", "true"),
)(is_true("https_only"))  # fmt: skip
RULES.add(
    "IM-AZ-ACR-001", "Registry has an administrator account", severity=Severity.MEDIUM,
    reason="One shared password may push every image.",
    family=Family.SUPPLY_CHAIN, kinds=("azurerm_container_registry",), fix="Set `admin_enabled = false` and use identities.",
    references=(_LEARN + "container-registry/container-registry-authentication",), ckv=("CKV_AZURE_137",), controls=("supply-chain", "access-control"), patch=hcl("admin_enabled", "false"),
)(is_false("admin_enabled"))  # fmt: skip
RULES.add(
    "IM-AZ-COG-001", "AI service takes calls from every network", severity=Severity.MEDIUM,
    reason="A leaked key runs up the bill and reads what the model was given, from anywhere.",
    family=Family.EXPOSURE, kinds=("azurerm_cognitive_account", "azurerm_machine_learning_workspace", "azurerm_search_service"), fix="Set `public_network_access_enabled = false` with a private endpoint.", effort=Effort.HOURS,
    references=(_LEARN + "ai-services/cognitive-services-virtual-networks",), ckv=("CKV_AZURE_134", "CKV_AZURE_144", "CKV_AZURE_124"), controls=("public-access",), exposes=True,
    patch=hcl("public_network_access_enabled", "false"),
)(is_false("public_network_access_enabled", True))  # fmt: skip
RULES.add(
    "IM-AZ-CACHE-001", "Cache offers a port without TLS", severity=Severity.MEDIUM,
    reason="Keys and sessions cross the network readable.",
    family=Family.ENCRYPTION, kinds=("azurerm_redis_cache",), fix="Set `non_ssl_port_enabled = false`.", references=(_LEARN + "azure-cache-for-redis/cache-configure",),
    ckv=("CKV_AZURE_91",), controls=("encryption-in-transit",), patch=lambda resource, path, lines: hcl(path, "false")(resource, path, lines),
)(lambda subject, _: [
    expect_boolean(subject, "enable_non_ssl_port" if subject.has("enable_non_ssl_port") else "non_ssl_port_enabled", False)
])  # fmt: skip
RULES.add(
    "IM-AZ-LOG-001", "Flow log of the network is kept for less than 90 days", severity=Severity.LOW,
    reason="Break-ins are often found after months.",
    family=Family.LOGGING, kinds=("azurerm_network_watcher_flow_log",), fix="Set `retention_policy { enabled = true, days = 90 }`.",
    references=(_LEARN + "network-watcher/nsg-flow-logs-overview",), ckv=("CKV_AZURE_12",), controls=("logging",),
    patch=hcl("retention_policy.days", "90"),
)(is_at_least("retention_policy.days", 90, 0, "days"))  # fmt: skip
