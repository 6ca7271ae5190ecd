"""Azure: web applications, registries, messaging, further databases and keys, what watches over a subscription."""

from __future__ import annotations

from collections.abc import Iterator

from infra_mind.agents.security.checks import (
    expect_boolean,
    expect_one_of,
    expect_set,
    is_false,
    is_one_of,
    is_set,
    is_true,
)
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.ports import SERVICES
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.rules.azure import inbound, open_ports
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_LEARN = "https://learn.microsoft.com/azure/"
_AKS = ("azurerm_kubernetes_cluster",)
_NEW_APPS = tuple(
    f"azurerm_{system}_{form}" for system in ("linux", "windows") for form in ("web_app", "function_app", "web_app_slot", "function_app_slot")
)  # fmt: skip
_APPS = ("azurerm_app_service", "azurerm_app_service_slot", "azurerm_function_app", *_NEW_APPS)
_FLEXIBLE = ("azurerm_postgresql_flexible_server", "azurerm_mysql_flexible_server")
_OLD_TLS = frozenset(
    {"1.0", "1.1", "tls1_0", "tls1_1", "tls10", "tls11", "tlsenforcementdisabled", "disabled"}
)


@RULES.add(
    "IM-AZ-TLS-001", "Service speaks an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021).",
    family=Family.ENCRYPTION, controls=("encryption-in-transit",), fix="Set the least version to 1.2.", references=(_LEARN + "security/fundamentals/encryption-overview",),
    kinds=(*_APPS, "azurerm_mssql_server", "azurerm_postgresql_server", "azurerm_mysql_server", "azurerm_eventhub_namespace", "azurerm_servicebus_namespace", "azurerm_redis_cache"),
    ckv=("CKV_AZURE_15", "CKV_AZURE_145", "CKV_AZURE_52", "CKV_AZURE_147", "CKV_AZURE_54", "CKV_AZURE_223", "CKV_AZURE_205"),
)  # fmt: skip
def least_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    # absent is 1.2 in the documentation of version 4 of the provider (2025): only what is written counts
    for path in ("minimum_tls_version", "ssl_minimal_tls_version_enforced", "site_config.min_tls_version", "site_config.minimum_tls_version"):  # fmt: skip
        if subject.has(path):
            version = subject.text(path)
            old = version.lower() in _OLD_TLS
            yield failed(subject.at(path), version, "1.2") if old else passed(subject.at(path))


@RULES.add(
    "IM-AZ-APP-002", "Web application takes files over plain FTP", severity=Severity.MEDIUM,
    reason="The password that deploys the application crosses the network readable.",
    family=Family.ENCRYPTION, kinds=_APPS, fix='Set `ftps_state = "Disabled"` (or `FtpsOnly`).', references=(_LEARN + "app-service/deploy-ftp",),
    ckv=("CKV_AZURE_78",), controls=("encryption-in-transit",), patch=hcl("site_config.ftps_state", '"Disabled"'),
)  # fmt: skip
def plain_ftp(subject: Subject, _: Context) -> Iterator[Outcome]:
    default = "Disabled" if subject.resource.kind in _NEW_APPS else "AllAllowed"
    yield expect_one_of(subject, "site_config.ftps_state", ("Disabled", "FtpsOnly"), default)


RULES.add(
    "IM-AZ-APP-003", "Web application can be debugged from afar", severity=Severity.MEDIUM,
    reason="A debugger reads and changes everything the program holds.",
    family=Family.EXPOSURE, kinds=_APPS, fix="Set `remote_debugging_enabled = false`.", references=(_LEARN + "app-service/configure-common",),
    ckv=("CKV_AZURE_72",), controls=("remote-access",), patch=hcl("site_config.remote_debugging_enabled", "false"),
)(is_false("site_config.remote_debugging_enabled"))  # fmt: skip


@RULES.add(
    "IM-AZ-APP-004", "Web application lets everybody in as far as the platform goes", severity=Severity.INFO,
    reason="The platform's own log-in is off; the program may well have one.",
    family=Family.IDENTITY, kinds=_APPS, fix="Set `auth_settings { enabled = true }` (or `auth_settings_v2`) unless the program asks for a log-in itself.",
    references=(_LEARN + "app-service/overview-authentication-authorization",), ckv=("CKV_AZURE_13",), controls=("access-control",),
)  # fmt: skip
def platform_login(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.has("auth_settings_v2"):
        yield expect_boolean(subject, "auth_settings_v2.auth_enabled", True)
    else:
        yield expect_boolean(subject, "auth_settings.enabled", True)


@RULES.add(
    "IM-AZ-DISK-001", "Encryption of a managed disk is switched off", severity=Severity.MEDIUM,
    reason="Azure still encrypts the storage below it; the disk itself can be read where it is attached.",
    family=Family.ENCRYPTION, kinds=("azurerm_managed_disk",), fix="Remove `enabled = false`, best with `disk_encryption_set_id`.", references=(_LEARN + "virtual-machines/disk-encryption-overview",),
    ckv=("CKV_AZURE_2",), controls=("encryption-at-rest",),
)  # fmt: skip
def managed_disk(subject: Subject, _: Context) -> Iterator[Outcome]:
    for settings in subject.blocks("encryption_settings"):
        yield expect_boolean(settings, "enabled", True, True)


RULES.add(
    "IM-AZ-AKS-005", "Cluster enforces no network policy", severity=Severity.MEDIUM,
    reason="Without an engine every NetworkPolicy is ignored, and each pod reaches each other.",
    family=Family.NETWORK, kinds=_AKS, fix='Set `network_profile { network_policy = "cilium" }` (or azure, calico); it is chosen when the cluster is made.', effort=Effort.DAYS,
    references=(_LEARN + "aks/use-network-policies",), ckv=("CKV_AZURE_7",), controls=("network-segmentation",),
)(is_set("network_profile.network_policy", "cilium, azure or calico"))  # fmt: skip


@RULES.add(
    "IM-AZ-AKS-006", "Cluster takes whatever is asked of it", severity=Severity.LOW,
    reason="Without Azure Policy nothing turns away a privileged pod or an image from anywhere.",
    family=Family.CONTAINER, kinds=_AKS, fix="Set `azure_policy_enabled = true`, or bring an admission controller of your own.", references=(_LEARN + "governance/policy/concepts/policy-for-kubernetes",),
    ckv=("CKV_AZURE_116",), controls=("container-isolation",), patch=hcl("azure_policy_enabled", "true"),
)  # fmt: skip
def azure_policy(subject: Subject, _: Context) -> Iterator[Outcome]:
    old = "addon_profile.azure_policy.enabled"  # its place before version 3 of the provider
    yield expect_boolean(subject, old if subject.has(old) else "azure_policy_enabled", True)


@RULES.add(
    "IM-AZ-SQL-005", "Flexible server has a public endpoint", severity=Severity.HIGH,
    reason="Only its firewall rules and passwords stand before the data.",
    family=Family.EXPOSURE, kinds=_FLEXIBLE, fix="Set `delegated_subnet_id`, or `public_network_access_enabled = false` with a private endpoint.", effort=Effort.HOURS,
    references=(_LEARN + "postgresql/flexible-server/concepts-networking-private",), controls=("public-access",), exposes=True,
)  # fmt: skip
def flexible_server(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.has("delegated_subnet_id"):
        yield passed("delegated_subnet_id")
    elif subject.has("public_network_access"):
        yield expect_one_of(subject, "public_network_access", ("Disabled",))
    else:
        yield expect_boolean(subject, "public_network_access_enabled", False, True)


_SAID_BY_POSTGRES = frozenset({"log_checkpoints", "log_connections", "log_disconnections", "connection_throttling", "connection_throttle.enable", "log_duration"})  # fmt: skip


@RULES.add(
    "IM-AZ-SQL-006", "Database does not log who comes, or does not slow guessing down", severity=Severity.LOW,
    reason="The parameter is on by default; here it is switched off.",
    family=Family.LOGGING, kinds=("azurerm_postgresql_configuration", "azurerm_postgresql_flexible_server_configuration"), fix='Set `value = "on"`.',
    references=(_LEARN + "postgresql/flexible-server/concepts-logging",), ckv=("CKV_AZURE_30", "CKV_AZURE_31", "CKV_AZURE_32"), controls=("logging",), patch=hcl("value", '"on"'),
)  # fmt: skip
def postgres_parameter(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("name").lower() in _SAID_BY_POSTGRES:
        yield expect_one_of(subject, "value", ("on",))


@RULES.add(
    "IM-AZ-SQL-007", "Alerts of threats to the database are off or reach nobody", severity=Severity.LOW,
    reason="An injection or a log-in from an odd place is then seen by nobody.",
    family=Family.LOGGING, kinds=("azurerm_mssql_server_security_alert_policy",), fix='Set `state = "Enabled"` without `disabled_alerts`, and `email_addresses` or `email_account_admins`.',
    references=(_LEARN + "azure-sql/database/threat-detection-overview",), ckv=("CKV_AZURE_25", "CKV_AZURE_26"), controls=("threat-detection",),
)  # fmt: skip
def threat_alerts(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_one_of(subject, "state", ("Enabled",))
    off = subject.strings("disabled_alerts")
    yield failed("disabled_alerts", ", ".join(off), "none") if off else passed("disabled_alerts")
    if subject.boolean("email_account_admins"):
        yield passed("email_account_admins")
    else:
        yield expect_set(subject, "email_addresses", "somebody who is told")


@RULES.add(
    "IM-AZ-SQL-008", "Audit log of the database is kept for less than 90 days", severity=Severity.LOW,
    reason="Break-ins are found after months, on average; then the log is gone.",
    family=Family.LOGGING, kinds=("azurerm_mssql_server_extended_auditing_policy", "azurerm_mssql_database_extended_auditing_policy"), fix="Set `retention_in_days = 90` or more (0 is for ever).",
    references=(_LEARN + "azure-sql/database/auditing-setup",), ckv=("CKV_AZURE_24",), controls=("logging", "audit"),
)  # fmt: skip
def audit_retention(subject: Subject, _: Context) -> Iterator[Outcome]:
    days = subject.number("retention_in_days", 0) or 0
    short = 0 < days < 90
    yield failed("retention_in_days", f"{days:g}", "90 or more") if short else passed("retention_in_days")


RULES.add(
    "IM-AZ-FACTORY-001", "Data factory takes calls from every network", severity=Severity.MEDIUM,
    reason="A leaked token starts its pipelines from anywhere.",
    family=Family.NETWORK, kinds=("azurerm_data_factory",), fix="Set `public_network_enabled = false` and use a private endpoint.", effort=Effort.HOURS,
    references=(_LEARN + "data-factory/data-factory-private-link",), ckv=("CKV_AZURE_104",), controls=("network-segmentation",), exposes=True,
)(is_false("public_network_enabled", True))  # fmt: skip
RULES.add(
    "IM-AZ-SYNAPSE-001", "Warehouse stands outside of a managed network", severity=Severity.MEDIUM,
    reason="Its jobs reach, and are reached over, the public network; this is chosen when the workspace is made.",
    family=Family.NETWORK, kinds=("azurerm_synapse_workspace",), fix="Set `managed_virtual_network_enabled = true` (this makes a new workspace).", effort=Effort.DAYS,
    references=(_LEARN + "synapse-analytics/security/synapse-workspace-managed-vnet",), controls=("network-segmentation",),
)(is_true("managed_virtual_network_enabled"))  # fmt: skip
RULES.add(
    "IM-AZ-LAKE-001", "Data lake is not encrypted", severity=Severity.HIGH,
    reason="Encryption is on unless it is switched off, as here, and cannot be changed later.",
    family=Family.ENCRYPTION, kinds=("azurerm_data_lake_store",), fix='Set `encryption_state = "Enabled"`; better, move to a storage account.', effort=Effort.DAYS,
    references=(_LEARN + "storage/blobs/data-lake-storage-introduction",), ckv=("CKV_AZURE_105",), controls=("encryption-at-rest",),
)(is_one_of("encryption_state", ("Enabled",), "Enabled"))  # fmt: skip


@RULES.add(
    "IM-AZ-VAULT-003", "Key or secret never ends", severity=Severity.LOW,
    reason="What has no end is not renewed, and what was once copied opens for ever.",
    family=Family.ENCRYPTION, kinds=("azurerm_key_vault_key", "azurerm_key_vault_secret"), fix="Set `expiration_date`, or a `rotation_policy` for a key.",
    references=(_LEARN + "key-vault/general/best-practices",), ckv=("CKV_AZURE_112", "CKV_AZURE_41"), controls=("key-management",),
)  # fmt: skip
def vault_expiry(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.has("rotation_policy"):
        yield passed("rotation_policy")
    else:
        yield expect_set(subject, "expiration_date", "a day, or a rotation_policy")


@RULES.add(
    "IM-AZ-LOG-002", "Activity log leaves something out or is kept for less than a year", severity=Severity.LOW,
    reason="Who changed what in the subscription is not known after an incident.",
    family=Family.LOGGING, kinds=("azurerm_monitor_log_profile",), fix='Set `categories = ["Action", "Delete", "Write"]` and a retention of 365 days or none; better, a diagnostic setting.',
    references=(_LEARN + "azure-monitor/essentials/activity-log",), ckv=("CKV_AZURE_37", "CKV_AZURE_38"), controls=("logging", "audit"),
)  # fmt: skip
def activity_log(subject: Subject, _: Context) -> Iterator[Outcome]:
    missing = sorted({"action", "delete", "write"} - {c.lower() for c in subject.strings("categories")})
    subject.settle("categories")
    yield (
        failed("categories", f"without {', '.join(missing)}", "all three")
        if missing
        else passed("categories")
    )
    days = subject.number("retention_policy.days", 0) or 0
    limited = subject.boolean("retention_policy.enabled", True) and 0 < days < 365
    path = "retention_policy.days"
    yield failed(path, f"{days:g}", "365 or more") if limited else passed(path)


RULES.add(
    "IM-AZ-LOG-003", "Flow log of the network is switched off", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards where data went.",
    family=Family.LOGGING, kinds=("azurerm_network_watcher_flow_log",), fix="Set `enabled = true`.", references=(_LEARN + "network-watcher/vnet-flow-logs-overview",),
    controls=("logging",), patch=hcl("enabled", "true"),
)(is_true("enabled", True))  # fmt: skip


@RULES.add(
    "IM-AZ-NET-002", "Network interface passes on what is not meant for it", severity=Severity.LOW,
    reason="A machine that forwards can be made the way round a firewall; appliances of the network alone need it.",
    family=Family.NETWORK, kinds=("azurerm_network_interface",), fix="Set `ip_forwarding_enabled = false`.", references=(_LEARN + "virtual-network/virtual-networks-udr-overview",),
    ckv=("CKV_AZURE_118",), controls=("network-segmentation",),
)  # fmt: skip
def ip_forwarding(subject: Subject, _: Context) -> Iterator[Outcome]:
    old = "enable_ip_forwarding"  # its name before version 4 of the provider
    yield expect_boolean(subject, old if subject.has(old) else "ip_forwarding_enabled", False)


RULES.add(
    "IM-AZ-DEFENDER-001", "Defender is on its free tier", severity=Severity.LOW,
    reason="Configurations are rated, but no attack is noticed.",
    family=Family.LOGGING, kinds=("azurerm_security_center_subscription_pricing",), fix='Set `tier = "Standard"` for the services that hold data.', effort=Effort.HOURS,
    references=(_LEARN + "defender-for-cloud/defender-for-cloud-introduction",), ckv=("CKV_AZURE_19",), controls=("threat-detection",),
)(is_one_of("tier", ("Standard",), "Free"))  # fmt: skip


@RULES.add(
    "IM-AZ-DEFENDER-002", "Alerts of Defender reach nobody", severity=Severity.LOW,
    reason="An attack that is noticed and not told is found weeks later.",
    family=Family.LOGGING, kinds=("azurerm_security_center_contact",), fix="Set `email` and `alert_notifications = true`.", references=(_LEARN + "defender-for-cloud/configure-email-notifications",),
    ckv=("CKV_AZURE_21", "CKV_AZURE_131"), controls=("threat-detection",),
)  # fmt: skip
def defender_contact(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "alert_notifications", True)
    yield expect_set(subject, "email", "an address that is read")


@RULES.add(
    "IM-AZ-STORAGE-006", "Blobs that are deleted are gone at once", severity=Severity.LOW,
    reason="A wrong command or ransomware is final.",
    family=Family.BACKUP, kinds=("azurerm_storage_account",), fix="Set `blob_properties { delete_retention_policy { days = 7 } }`.",
    references=(_LEARN + "storage/blobs/soft-delete-blob-overview",), ckv=("CKV2_AZURE_38",), controls=("backup", "deletion-protection"),
)  # fmt: skip
def soft_delete(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("account_kind", "StorageV2") != "FileStorage":
        yield expect_set(subject, "blob_properties.delete_retention_policy", "some days")


@RULES.add(
    "IM-AZ-IAM-003", "Own role may give rights away", severity=Severity.HIGH,
    reason="Whoever may write roles or their assignments gives themselves Owner.",
    family=Family.IDENTITY, kinds=("azurerm_role_definition",), fix="Remove the actions that write under `Microsoft.Authorization`.", effort=Effort.HOURS,
    references=(_LEARN + "role-based-access-control/custom-roles",), controls=("least-privilege", "privilege-escalation"),
)  # fmt: skip
def role_escalation(subject: Subject, _: Context) -> Iterator[Outcome]:
    for block in subject.blocks("permissions"):
        barred = {a.lower() for a in block.strings("not_actions")}
        bad = [a for a in block.strings("actions") if _gives_rights(a.lower()) and a.lower() not in barred]
        path = block.at("actions")
        yield failed(path, ", ".join(bad), "no such action") if bad else passed(path)


def _gives_rights(action: str) -> bool:
    space, _, rest = action.partition("/")
    return space == "microsoft.authorization" and (
        rest in ("*", "*/write")
        or (rest.startswith(("roledefinitions/", "roleassignments/")) and rest.endswith(("/write", "/*")))
    )


@RULES.add(
    "IM-AZ-COSMOS-001", "Database takes calls from every network", severity=Severity.MEDIUM,
    reason="A leaked key works from anywhere.",
    family=Family.NETWORK, kinds=("azurerm_cosmosdb_account",), fix="Set `public_network_access_enabled = false`, or `ip_range_filter` and virtual network rules.", effort=Effort.HOURS,
    references=(_LEARN + "cosmos-db/how-to-configure-firewall",), ckv=("CKV_AZURE_101", "CKV_AZURE_99"), controls=("network-segmentation",), exposes=True,
)  # fmt: skip
def cosmos_network(subject: Subject, _: Context) -> Iterator[Outcome]:
    filtered = subject.boolean("is_virtual_network_filter_enabled") or subject.raw("ip_range_filter")
    if filtered:
        yield passed("ip_range_filter")
    else:
        yield expect_boolean(subject, "public_network_access_enabled", False, True)


RULES.add(
    "IM-AZ-ACR-002", "Images can be pulled without a log-in", severity=Severity.HIGH,
    reason="Images hold the program and often its configuration.",
    family=Family.EXPOSURE, kinds=("azurerm_container_registry",), fix="Set `anonymous_pull_enabled = false`.", references=(_LEARN + "container-registry/anonymous-pull-access",),
    ckv=("CKV_AZURE_138",), controls=("public-access", "access-control"), exposes=True, patch=hcl("anonymous_pull_enabled", "false"),
)(is_false("anonymous_pull_enabled"))  # fmt: skip


@RULES.add(
    "IM-AZ-VM-003", "Machine of the old kind takes passwords for log-in", severity=Severity.MEDIUM,
    reason="Passwords are guessed around the clock; keys are not.",
    family=Family.IDENTITY, kinds=("azurerm_virtual_machine", "azurerm_virtual_machine_scale_set"), fix="Set `disable_password_authentication = true` and give a key.",
    references=(_LEARN + "virtual-machines/linux/ssh-from-windows",), ckv=("CKV_AZURE_1",), controls=("remote-access",),
)  # fmt: skip
def old_machine(subject: Subject, _: Context) -> Iterator[Outcome]:
    for profile in subject.blocks("os_profile_linux_config"):
        yield expect_boolean(profile, "disable_password_authentication", True)


@RULES.add(
    "IM-AZ-NSG-003", "A port of administration, of files or of old protocols is open to the whole internet", severity=Severity.HIGH,
    reason="What listens on these ports speaks in the clear, asks for nothing, or runs commands: scanners try them all day.",
    family=Family.NETWORK, kinds=("azurerm_network_security_group", "azurerm_network_security_rule"), fix="Allow only the addresses that need it, or go through Azure Bastion.",
    references=(_LEARN + "virtual-network/network-security-groups-overview",), controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def nsg_services(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from each(inbound(subject), lambda rule: open_ports(rule, SERVICES))
