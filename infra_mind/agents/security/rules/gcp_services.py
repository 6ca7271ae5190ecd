"""Google Cloud: nodes of clusters, names, TLS, database flags, notebooks, caches, default accounts and networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, failed, passed
from infra_mind.agents.security.rules.gcp import firewall
from infra_mind.agents.security.subject import Subject, first_reason
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format, is_unresolvable

RULES = RuleSet(Format.TERRAFORM)
_CLOUD = "https://cloud.google.com/"
_POOLS = ("google_container_cluster", "google_container_node_pool")
_SCOPES = tuple(
    f"google_{scope}_iam_{form}" for scope in ("project", "folder", "organization") for form in ("binding", "member")
)  # fmt: skip


@RULES.add(
    "IM-GCP-GKE-006", "Pods reach the metadata of their node", severity=Severity.MEDIUM,
    reason="Whoever breaks into a pod takes the token of the node's service account.",
    family=Family.METADATA, kinds=_POOLS, fix='Set `workload_metadata_config { mode = "GKE_METADATA" }` and use Workload Identity.', effort=Effort.HOURS,
    references=(_CLOUD + "kubernetes-engine/docs/how-to/workload-identity",), ckv=("CKV_GCP_69",), controls=("instance-metadata",),
)  # fmt: skip
def node_metadata(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "workload_metadata_config."
    for config in _nodes(subject):
        if config.has(path + "node_metadata"):  # its name before version 4 of the provider
            yield expect_one_of(config, path + "node_metadata", ("SECURE", "GKE_METADATA_SERVER"))
        else:
            yield expect_one_of(config, path + "mode", ("GKE_METADATA",))


def _nodes(subject: Subject) -> list[Subject]:
    """The settings of nodes that are really made: not those of a default pool that is removed at once."""
    if subject.boolean("enable_autopilot") or subject.boolean("remove_default_node_pool"):
        return []
    return subject.blocks("node_config")


@RULES.add(
    "IM-GCP-GKE-007", "Nodes run as the default service account", severity=Severity.MEDIUM,
    reason="The default account is Editor of the project in projects made before May 2024: a break-in is a break-in to all of it.",
    family=Family.IDENTITY, kinds=_POOLS, fix="Set `node_config { service_account = ... }`.", effort=Effort.HOURS,
    references=(_CLOUD + "kubernetes-engine/docs/how-to/hardening-your-cluster",), controls=("least-privilege",),
)  # fmt: skip
def node_account(subject: Subject, _: Context) -> Iterator[Outcome]:
    for config in _nodes(subject):
        account = config.raw("service_account")
        default = account is None or (isinstance(account, str) and account.lower() in ("", "default"))
        path = config.at("service_account")
        yield (
            failed(path, "absent" if account is None else "default", "an account of its own")
            if default
            else passed(path)
        )


RULES.add(
    "IM-GCP-GKE-008", "Nodes of the cluster are not shielded", severity=Severity.MEDIUM,
    reason="A machine that was not started by Google can join the cluster and read its secrets; it is on unless it is switched off, as here.",
    family=Family.CONTAINER, kinds=("google_container_cluster",), fix="Remove `enable_shielded_nodes = false`.", references=(_CLOUD + "kubernetes-engine/docs/how-to/shielded-gke-nodes",),
    ckv=("CKV_GCP_71",), controls=("integrity",), patch=hcl("enable_shielded_nodes", "true"),
)(is_true("enable_shielded_nodes", True))  # fmt: skip


@RULES.add(
    "IM-GCP-GKE-009", "Cluster takes a password or a certificate that cannot be withdrawn", severity=Severity.HIGH,
    reason="Both open the whole cluster, and a certificate cannot be revoked.",
    family=Family.IDENTITY, kinds=("google_container_cluster",), fix="Set `issue_client_certificate = false`, remove user name and password.", references=(_CLOUD + "kubernetes-engine/docs/how-to/hardening-your-cluster",),
    ckv=("CKV_GCP_13",), controls=("access-control",),
)  # fmt: skip
def cluster_login(subject: Subject, _: Context) -> Iterator[Outcome]:
    for auth in subject.blocks("master_auth"):
        if auth.raw("password"):
            yield failed(auth.at("password"), "a user name and a password", "absent")
        yield expect_boolean(auth, "client_certificate_config.issue_client_certificate", False)


@RULES.add(
    "IM-GCP-GKE-010", "Nodes are neither mended nor updated by themselves", severity=Severity.LOW,
    reason="Security fixes of node images wait until somebody thinks of them; both are on unless they are switched off, as here.",
    family=Family.SUPPLY_CHAIN, kinds=("google_container_node_pool",), fix="Set `management { auto_repair = true, auto_upgrade = true }`.", references=(_CLOUD + "kubernetes-engine/docs/concepts/cluster-upgrades",),
    ckv=("CKV_GCP_9", "CKV_GCP_10"), controls=("vulnerability-management",),
)  # fmt: skip
def node_upkeep(subject: Subject, _: Context) -> Iterator[Outcome]:
    for name in ("auto_repair", "auto_upgrade"):
        yield expect_boolean(subject, f"management.{name}", True, True)


@RULES.add(
    "IM-GCP-IAM-004", "Default service account is given a role", severity=Severity.MEDIUM,
    reason="Every machine and function without an account of its own gets the right.",
    family=Family.IDENTITY, kinds=_SCOPES, fix="Make a service account for the one program that needs it.", effort=Effort.HOURS,
    references=(_CLOUD + "iam/docs/best-practices-service-accounts",), ckv=("CKV_GCP_46",), controls=("least-privilege",),
)  # fmt: skip
def default_member(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "members" if subject.has("members") else "member"
    bad = [m for m in _written(subject.raw(path)) if any(part in m for part in _DEFAULT_ACCOUNTS)]
    yield failed(path, ", ".join(bad), "an account of its own") if bad else passed(path)


_DEFAULT_ACCOUNTS = (
    "-compute@developer.gserviceaccount.com", "@appspot.gserviceaccount.com", "google_compute_default_service_account.",
    "google_app_engine_default_service_account.",
)  # fmt: skip


def _written(value: Any) -> list[str]:
    """Members as they stand, the expression of one that apply time knows."""
    if is_unresolvable(value):
        return [first_reason(value)]
    items = value if isinstance(value, list | tuple) else [value]
    return [
        first_reason(i) if is_unresolvable(i) else i
        for i in items
        if is_unresolvable(i) or isinstance(i, str)
    ]


@RULES.add(
    "IM-GCP-IAM-005", "Private account of a person is given a role", severity=Severity.MEDIUM,
    reason="Nobody in the organisation can make it use a second factor, or lock it when the person leaves.",
    family=Family.IDENTITY, kinds=_SCOPES, fix="Give the role to an account or a group of the organisation.", references=(_CLOUD + "iam/docs/overview",),
    ckv=("CKV_GCP_41",), controls=("access-control",),
)  # fmt: skip
def private_member(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "members" if subject.has("members") else "member"
    bad = [
        m
        for m in _written(subject.raw(path))
        if m.startswith("user:") and m.endswith(("@gmail.com", "@googlemail.com"))
    ]
    yield failed(path, ", ".join(bad), "accounts of the organisation") if bad else passed(path)


RULES.add(
    "IM-GCP-IAM-006", "Anybody of an outside provider may log in", severity=Severity.HIGH,
    reason="Providers such as GitHub serve everyone: without a condition every repository there is let in.",
    family=Family.IDENTITY, kinds=("google_iam_workload_identity_pool_provider",), fix="Set `attribute_condition` to your own organisation.",
    references=(_CLOUD + "iam/docs/workload-identity-federation-with-deployment-pipelines",), controls=("access-control",),
)(is_set("attribute_condition", "a condition on who it is"))  # fmt: skip
RULES.add(
    "IM-GCP-VPC-002", "Project begins with the default network", severity=Severity.MEDIUM,
    reason="It has a subnet in every region, and rules that let SSH and RDP in from everywhere.",
    family=Family.NETWORK, kinds=("google_project",), fix="Set `auto_create_network = false`.", references=(_CLOUD + "vpc/docs/vpc",),
    ckv=("CKV_GCP_27",), controls=("network-segmentation",), patch=hcl("auto_create_network", "false"),
)(is_false("auto_create_network", True))  # fmt: skip


@RULES.add(
    "IM-GCP-VPC-003", "Subnet reaches Google's services over public addresses alone", severity=Severity.LOW,
    reason="Machines then get public addresses only to reach storage and the like.",
    family=Family.NETWORK, kinds=("google_compute_subnetwork",), fix="Set `private_ip_google_access = true`.", references=(_CLOUD + "vpc/docs/private-google-access",),
    ckv=("CKV_GCP_74",), controls=("network-segmentation",), patch=hcl("private_ip_google_access", "true"),
)  # fmt: skip
def private_access(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("purpose", "PRIVATE") == "PRIVATE":
        yield expect_boolean(subject, "private_ip_google_access", True)


RULES.add(
    "IM-GCP-VM-005", "Machine passes on what is not meant for it", severity=Severity.LOW,
    reason="A machine that forwards can be made the way round a firewall; gateways alone need it.",
    family=Family.NETWORK, kinds=("google_compute_instance", "google_compute_instance_template"), fix="Set `can_ip_forward = false`.",
    references=(_CLOUD + "vpc/docs/using-routes",), ckv=("CKV_GCP_36",), controls=("network-segmentation",),
)(is_false("can_ip_forward"))  # fmt: skip


@RULES.add(
    "IM-GCP-VM-006", "Machine's own checks of its start are switched off", severity=Severity.LOW,
    reason="Both are on for a shielded machine unless they are switched off, as here.",
    family=Family.CONTAINER, kinds=("google_compute_instance", "google_compute_instance_template"), fix="Remove `enable_vtpm = false` and `enable_integrity_monitoring = false`.",
    references=(_CLOUD + "compute/shielded-vm/docs/shielded-vm",), ckv=("CKV_GCP_39",), controls=("integrity",),
)  # fmt: skip
def start_checks(subject: Subject, _: Context) -> Iterator[Outcome]:
    for config in subject.blocks("shielded_instance_config"):
        for name in ("enable_vtpm", "enable_integrity_monitoring"):
            yield expect_boolean(config, name, True, True)


@RULES.add(
    "IM-GCP-VM-007", "Project manages SSH keys by hand", severity=Severity.LOW,
    reason="Without OS Login a key that was once added stays, whoever leaves.",
    family=Family.IDENTITY, kinds=("google_compute_project_metadata",), fix='Set `enable-oslogin = "TRUE"`.', references=(_CLOUD + "compute/docs/oslogin",),
    ckv=("CKV_GCP_33",), controls=("remote-access",),
)  # fmt: skip
def project_login(subject: Subject, _: Context) -> Iterator[Outcome]:
    metadata = {str(k).lower(): v for k, v in subject.mapping("metadata").items()}
    on = str(metadata.get("enable-oslogin", "")).lower() in ("true", "1", "y", "yes")
    yield passed("metadata") if on else failed("metadata", "no enable-oslogin", "enable-oslogin = TRUE")


RULES.add(
    "IM-GCP-TLS-001", "Load balancer's policy takes an outdated TLS", severity=Severity.MEDIUM,
    reason="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996, 2021).",
    family=Family.ENCRYPTION, kinds=("google_compute_ssl_policy", "google_compute_region_ssl_policy"), fix='Set `min_tls_version = "TLS_1_2"`.',
    references=(_CLOUD + "load-balancing/docs/ssl-policies-concepts",), ckv=("CKV_GCP_4",), controls=("encryption-in-transit",), patch=hcl("min_tls_version", '"TLS_1_2"'),
)(is_one_of("min_tls_version", ("TLS_1_2", "TLS_1_3"), "TLS_1_0"))  # fmt: skip


@RULES.add(
    "IM-GCP-DNS-001", "Names are not signed, or by a weak algorithm", severity=Severity.LOW,
    reason="Answers can be forged on the way, and people sent elsewhere.",
    family=Family.NETWORK, kinds=("google_dns_managed_zone",), fix='Set `dnssec_config { state = "on" }` without `rsasha1`.', effort=Effort.HOURS,
    references=(_CLOUD + "dns/docs/dnssec",), ckv=("CKV_GCP_16", "CKV_GCP_17"), controls=("integrity",),
)  # fmt: skip
def signed_names(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("visibility", "public") == "private":
        return
    yield expect_one_of(subject, "dnssec_config.state", ("on",), "off")
    for config in subject.blocks("dnssec_config"):
        for key in config.blocks("default_key_specs"):
            weak = key.text("algorithm").lower() == "rsasha1"
            yield (
                failed(key.at("algorithm"), "rsasha1", "ecdsap256sha256")
                if weak
                else passed(key.at("algorithm"))
            )


_LOGGED = ("log_checkpoints", "log_connections", "log_disconnections", "log_lock_waits")


@RULES.add(
    "IM-GCP-SQL-006", "Database does not log who comes and what waits", severity=Severity.LOW,
    reason="Log-ins and locks leave no trace; the flags are off unless they are set.",
    family=Family.LOGGING, kinds=("google_sql_database_instance",), fix='Set the flags `log_checkpoints`, `log_connections`, `log_disconnections` and `log_lock_waits` to "on".',
    references=(_CLOUD + "sql/docs/postgres/flags",), ckv=("CKV_GCP_51", "CKV_GCP_52", "CKV_GCP_53", "CKV_GCP_54"), controls=("logging",),
)  # fmt: skip
def database_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    if not subject.text("database_version").upper().startswith("POSTGRES") or subject.has(
        "master_instance_name"
    ):
        return
    flags = _flags(subject)
    missing = [name for name in _LOGGED if flags.get(name, "") != "on"]
    path = subject.at("settings.database_flags")
    yield failed(path, f"{', '.join(missing)} not on", "on") if missing else passed(path)


def _flags(subject: Subject) -> dict[str, str]:
    subject.settle("settings")
    blocks = [flag for settings in subject.blocks("settings") for flag in settings.blocks("database_flags")]
    return {flag.text("name").lower(): flag.text("value").lower() for flag in blocks}


# Flags that open a way round rights, and the value that closes it: CIS Google Cloud Benchmark 2.0, 6.1.3, 6.3.2, 6.3.5, 6.3.7.
_OPENING = {
    "local_infile": "off", "cross db ownership chaining": "off", "contained database authentication": "off", "external scripts enabled": "off",
    "remote access": "off", "skip_show_database": "on",
}  # fmt: skip


@RULES.add(
    "IM-GCP-SQL-007", "Database has a flag that opens a way round its rights", severity=Severity.MEDIUM,
    reason="A client reads files of the host, or rights of one database count in another.",
    family=Family.IDENTITY, kinds=("google_sql_database_instance",), fix="Remove the flag, or set it to the closing value.", references=(_CLOUD + "sql/docs/mysql/flags",),
    ckv=("CKV_GCP_50", "CKV_GCP_58", "CKV_GCP_59"), controls=("access-control",),
)  # fmt: skip
def opening_flags(subject: Subject, _: Context) -> Iterator[Outcome]:
    given = {name: value for name, value in _flags(subject).items() if name in _OPENING}
    bad = [f"{name} = {value}" for name, value in given.items() if value != _OPENING[name]]
    path = subject.at("settings.database_flags")
    if bad:
        yield failed(path, ", ".join(bad), "the closing value")
    elif given:
        yield passed(path)


@RULES.add(
    "IM-GCP-ML-001", "Notebook has a public address", severity=Severity.MEDIUM,
    reason="A notebook runs any code; what listens on it is one firewall rule away from everybody.",
    family=Family.EXPOSURE, kinds=("google_notebooks_instance", "google_workbench_instance"), fix="Set `no_public_ip = true` (`disable_public_ip` for Workbench).",
    references=(_CLOUD + "vertex-ai/docs/workbench/introduction",), ckv=("CKV_GCP_89",), controls=("public-access",), exposes=True,
)  # fmt: skip
def notebook_address(subject: Subject, _: Context) -> Iterator[Outcome]:
    old = subject.resource.kind == "google_notebooks_instance"
    yield expect_boolean(subject, "no_public_ip" if old else "gce_setup.disable_public_ip", True)


@RULES.add(
    "IM-GCP-CACHE-001", "Cache takes anybody of the network, in the clear", severity=Severity.MEDIUM,
    reason="Whoever is in the network reads sessions and queues; both guards are off unless they are set.",
    family=Family.ENCRYPTION, kinds=("google_redis_instance",), fix='Set `auth_enabled = true` and `transit_encryption_mode = "SERVER_AUTHENTICATION"`.', effort=Effort.HOURS,
    references=(_CLOUD + "memorystore/docs/redis/about-in-transit-encryption",), ckv=("CKV_GCP_95", "CKV_GCP_97"), controls=("encryption-in-transit", "access-control"),
)  # fmt: skip
def redis_guards(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "auth_enabled", True)
    yield expect_one_of(subject, "transit_encryption_mode", ("SERVER_AUTHENTICATION",), "DISABLED")


@RULES.add(
    "IM-GCP-LOG-001", "Somebody or something is left out of the audit log", severity=Severity.LOW,
    reason="Whoever is exempted reads data without a trace.",
    family=Family.LOGGING, kinds=("google_project_iam_audit_config", "google_folder_iam_audit_config", "google_organization_iam_audit_config"),
    fix="Remove `exempted_members` and name ADMIN_READ, DATA_READ and DATA_WRITE.", references=(_CLOUD + "logging/docs/audit/configure-data-access",),
    ckv=("CKV2_GCP_5",), controls=("logging", "audit"),
)  # fmt: skip
def audit_exemptions(subject: Subject, _: Context) -> Iterator[Outcome]:
    configs = subject.blocks("audit_log_config")
    for config in configs:
        members = config.strings("exempted_members")
        path = config.at("exempted_members")
        yield failed(path, ", ".join(members), "nobody") if members else passed(path)
    kept = {config.text("log_type") for config in configs}
    missing = sorted({"DATA_READ", "DATA_WRITE"} - kept)
    if missing:
        yield failed("audit_log_config", f"without {' and '.join(missing)}", "reads and writes")


@RULES.add(
    "IM-GCP-FW-003", "A port of administration, of files or of old protocols is open to the whole internet", severity=Severity.HIGH,
    reason="What listens on these ports speaks in the clear, asks for nothing, or runs commands: scanners try them all day.",
    family=Family.NETWORK, kinds=("google_compute_firewall",), fix="Allow only the addresses that need it, or use Identity-Aware Proxy.",
    references=(_CLOUD + "firewall/docs/firewalls",), controls=("network-segmentation", "remote-access"), exposes=True,
)  # fmt: skip
def firewall_services(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield from firewall(subject, SERVICES)


@RULES.add(
    "IM-GCP-KMS-001", "Key is not rotated", severity=Severity.LOW,
    reason="A key that never changes, or seldom, protects ever more data.",
    family=Family.ENCRYPTION, kinds=("google_kms_crypto_key",), fix='Set `rotation_period = "7776000s"` (90 days).', references=(_CLOUD + "kms/docs/key-rotation",),
    ckv=("CKV_GCP_43",), controls=("key-management",), patch=hcl("rotation_period", '"7776000s"'),
)  # fmt: skip
def key_rotation(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("purpose", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
        return
    period = subject.raw("rotation_period")
    seconds = period[:-1] if isinstance(period, str) and period.endswith("s") else ""
    if seconds.isdecimal() and len(seconds) < 12 and int(seconds) > 90 * 86_400:
        yield failed("rotation_period", str(period), "90 days or less")
    else:
        yield expect_set(subject, "rotation_period", "90 days")
