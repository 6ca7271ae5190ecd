"""Google Cloud, through the google provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra_mind.agents.security.checks import expect_boolean, expect_one_of, expect_set, is_set, is_true, said
from infra_mind.agents.security.context import Context
from infra_mind.agents.security.ports import ADMIN, DATABASES, WORLD, ports_named, spans, world_in
from infra_mind.agents.security.proposals import hcl
from infra_mind.agents.security.rule import Family, Outcome, RuleSet, each, failed, passed
from infra_mind.agents.security.subject import Subject
from infra_mind.model.finding import Effort, Severity
from infra_mind.model.inventory import Format

RULES = RuleSet(Format.TERRAFORM)
_CLOUD = "https://cloud.google.com/"
_EVERYONE = frozenset({"allusers", "allauthenticatedusers"})
_IAM_SCOPES = (
    "project", "folder", "organization", "service_account", "storage_bucket", "bigquery_dataset", "bigquery_table", "pubsub_topic",
    "pubsub_subscription", "kms_crypto_key", "kms_key_ring", "secret_manager_secret", "artifact_registry_repository", "compute_instance",
    "cloud_run_service", "cloud_run_v2_service", "cloudfunctions_function", "cloudfunctions2_function",
)  # fmt: skip
_BINDINGS = tuple(f"google_{scope}_iam_{form}" for scope in _IAM_SCOPES for form in ("binding", "member"))
_PROJECT = tuple(
    f"google_{scope}_iam_{form}"
    for scope in ("project", "folder", "organization")
    for form in ("binding", "member")
)
_INSTANCES = ("google_compute_instance", "google_compute_instance_template")
_GKE = ("google_container_cluster",)
_SQL = ("google_sql_database_instance",)


def _members(subject: Subject) -> list[str]:
    return subject.strings("members") + subject.strings("member")


@RULES.add(
    "IM-GCP-IAM-001", "Everyone is given a role", severity=Severity.HIGH,
    reason="allUsers is the whole internet, allAuthenticatedUsers everyone with a Google account.",
    family=Family.EXPOSURE, kinds=_BINDINGS, fix="Name the accounts or groups.", references=(_CLOUD + "iam/docs/overview",),
    ckv=("CKV_GCP_28", "CKV_GCP_101", "CKV_GCP_102"), controls=("public-access", "access-control"), exposes=True,
)  # fmt: skip
def all_users(subject: Subject, _: Context) -> Iterator[Outcome]:
    path = "members" if subject.has("members") else "member"
    bad = [m for m in _members(subject) if m.lower() in _EVERYONE]
    if bad:
        yield failed(
            path,
            f"{subject.raw('role') if isinstance(subject.raw('role'), str) else 'a role'} for {', '.join(bad)}",
            "named members",
        )
        return
    subject.settle(path)
    yield passed(path)


@RULES.add(
    "IM-GCP-IAM-002", "Basic role is given on a whole project", severity=Severity.HIGH,
    reason="Owner and Editor hold thousands of rights over every service of the project.",
    family=Family.IDENTITY, kinds=_PROJECT, fix="Give the predefined roles that are used.", effort=Effort.HOURS,
    references=(_CLOUD + "iam/docs/roles-overview",), ckv=("CKV_GCP_117",), controls=("least-privilege", "access-control"),
)  # fmt: skip
def basic_role(subject: Subject, _: Context) -> Iterator[Outcome]:
    role = subject.text("role")
    yield (
        failed("role", role, "a predefined role")
        if role in {"roles/owner", "roles/editor"}
        else passed("role")
    )


@RULES.add(
    "IM-GCP-IAM-003", "Account may act as every service account of the project", severity=Severity.HIGH,
    reason="Whoever may act as, or make tokens for, every service account has the rights of all of them.",
    family=Family.IDENTITY, kinds=_PROJECT, fix="Give the role on the one service account (`google_service_account_iam_member`).", effort=Effort.HOURS,
    references=(_CLOUD + "iam/docs/service-account-permissions",), ckv=("CKV_GCP_41", "CKV_GCP_49"), controls=("least-privilege", "privilege-escalation"),
)  # fmt: skip
def impersonation(subject: Subject, _: Context) -> Iterator[Outcome]:
    role = subject.text("role")
    bad = role in {
        "roles/iam.serviceAccountUser",
        "roles/iam.serviceAccountTokenCreator",
        "roles/iam.serviceAccountAdmin",
        "roles/iam.serviceAccountKeyAdmin",
    }
    yield failed("role", role, "the role on one service account") if bad else passed("role")


RULES.add(
    "IM-GCP-STORAGE-001", "Bucket has no uniform access", severity=Severity.MEDIUM,
    reason="Access lists of single objects go round the bucket's policy and are overlooked.",
    family=Family.EXPOSURE, kinds=("google_storage_bucket",), fix="Set `uniform_bucket_level_access = true`.",
    references=(_CLOUD + "storage/docs/uniform-bucket-level-access",), ckv=("CKV_GCP_29",), controls=("public-access", "access-control"), patch=hcl("uniform_bucket_level_access", "true"),
)(is_true("uniform_bucket_level_access"))  # fmt: skip
RULES.add(
    "IM-GCP-STORAGE-002", "Bucket may be made public", severity=Severity.MEDIUM,
    reason="Without the prevention one wrong binding later opens it to everyone.",
    family=Family.EXPOSURE, kinds=("google_storage_bucket",), fix='Set `public_access_prevention = "enforced"`.',
    references=(_CLOUD + "storage/docs/public-access-prevention",), ckv=("CKV_GCP_114",), controls=("public-access",), patch=hcl("public_access_prevention", '"enforced"'),
)(lambda subject, _: [expect_one_of(subject, "public_access_prevention", ("enforced",), "inherited")])  # fmt: skip
RULES.add(
    "IM-GCP-STORAGE-003", "Bucket keeps no versions", severity=Severity.LOW,
    reason="Without versions an overwrite or deletion is final once soft deletion has run out.",
    family=Family.BACKUP, kinds=("google_storage_bucket",), fix="Set `versioning { enabled = true }`.",
    references=(_CLOUD + "storage/docs/object-versioning",), ckv=("CKV_GCP_78",), controls=("backup",), patch=hcl("versioning.enabled", "true"),
)(is_true("versioning.enabled"))  # fmt: skip
RULES.add(
    "IM-GCP-STORAGE-004", "Bucket keeps no access log", severity=Severity.LOW,
    reason="Nobody can say afterwards which objects were read, unless data access audit logs are on.",
    family=Family.LOGGING, kinds=("google_storage_bucket",), fix="Set `logging { log_bucket = ... }` or switch on data access audit logs.",
    references=(_CLOUD + "storage/docs/access-logs",), ckv=("CKV_GCP_62",), controls=("logging",),
)(is_set("logging", "a log bucket"))  # fmt: skip


def _reach(rule: Subject, protocols: frozenset[str]) -> list[tuple[float, float]]:
    """The ports of these protocols that the firewall opens to the whole internet."""
    blocks = rule.blocks("allow")
    if rule.text("direction", "INGRESS").upper() != "INGRESS" or rule.boolean("disabled") or not blocks:
        return []
    if not rule.has("source_ranges") and (rule.has("source_tags") or rule.has("source_service_accounts")):
        return []
    ranges = rule.strings("source_ranges") if rule.has("source_ranges") else [WORLD]
    if not world_in(ranges):
        rule.settle("source_ranges")
        return []
    found: list[tuple[float, float]] = []
    for block in blocks:
        if block.text("protocol").lower() in protocols:
            ports = block.strings("ports")
            found += [span for text in ports for span in spans(text)] if ports else [(0, 65535)]
    return found


_TCP = frozenset({"tcp", "all", "6"})


def firewall(rule: Subject, wanted: dict[int, str]) -> Iterator[Outcome]:
    reach = _reach(rule, _TCP if wanted is ADMIN else _TCP | {"udp", "17"})  # SSH and RDP begin over TCP
    names = list(dict.fromkeys(name for low, high in reach for name in ports_named(wanted, low, high)))
    everything = (0, 65535) in reach
    if everything and wanted is not DATABASES:
        return  # said by IM-GCP-FW-002
    if names:
        what = "every port" if everything else ", ".join(names)
        yield failed("source_ranges", f"{what} from {WORLD}", "only the addresses that need it")
    else:
        yield passed("source_ranges")


RULES.add(
    "IM-GCP-FW-001", "SSH or RDP is open to the whole internet", severity=Severity.CRITICAL,
    reason="Remote log-in is guessed at around the clock; one weak password or stolen key is a full break-in.",
    family=Family.NETWORK, kinds=("google_compute_firewall",), fix="Use Identity-Aware Proxy (35.235.240.0/20) instead.",
    references=(_CLOUD + "iap/docs/using-tcp-forwarding",), ckv=("CKV_GCP_2", "CKV_GCP_3"), controls=("network-segmentation", "remote-access"), exposes=True,
)(lambda subject, _: firewall(subject, ADMIN))  # fmt: skip
RULES.add(
    "IM-GCP-FW-002", "A database port or every port is open to the whole internet", severity=Severity.CRITICAL,
    reason="Databases, caches and search engines are found by scanners within hours.",
    family=Family.NETWORK, kinds=("google_compute_firewall",), fix="Allow only the tags or service accounts that need it.",
    references=(_CLOUD + "firewall/docs/firewalls",), ckv=("CKV_GCP_88",), controls=("network-segmentation", "public-access"), exposes=True,
)(lambda subject, _: firewall(subject, DATABASES))  # fmt: skip
RULES.add(
    "IM-GCP-VM-001", "Machine has a public address", severity=Severity.MEDIUM,
    reason="What listens on it can be reached from outside as soon as a firewall rule slips.",
    family=Family.EXPOSURE, kinds=_INSTANCES, fix="Remove `access_config`; use Cloud NAT and a load balancer.",
    references=(_CLOUD + "compute/docs/ip-addresses",), ckv=("CKV_GCP_40",), controls=("public-access",), exposes=True,
)(lambda subject, _: each(subject.blocks("network_interface"), lambda nic: [
    failed(nic.at("access_config"), "a public address", "none") if nic.has("access_config") else passed(nic.base)
]))  # fmt: skip


@RULES.add(
    "IM-GCP-VM-002", "Machine runs as the default service account", severity=Severity.MEDIUM,
    reason="The default account is Editor of the project in projects made before May 2024: a break-in is a break-in to all of it.",
    family=Family.IDENTITY, kinds=_INSTANCES, fix="Give it a service account of its own.", effort=Effort.HOURS,
    references=(_CLOUD + "compute/docs/access/service-accounts",), ckv=("CKV_GCP_30",), controls=("least-privilege",),
)  # fmt: skip
def default_account(subject: Subject, _: Context) -> Iterator[Outcome]:
    account = subject.block("service_account")
    if account is None:
        yield passed("service_account")  # no account, no rights
    elif not account.has("email"):
        yield failed(account.base, "the default account", "an account of its own")
    else:
        bad = account.text("email").endswith("-compute@developer.gserviceaccount.com")
        yield (
            failed(account.at("email"), "the default account", "an account of its own")
            if bad
            else passed(account.at("email"))
        )


@RULES.add(
    "IM-GCP-VM-003", "Machine does not check how it starts", severity=Severity.LOW,
    reason="Without secure boot a changed kernel or boot loader is not noticed.",
    family=Family.CONTAINER, kinds=_INSTANCES, fix="Set `shielded_instance_config { enable_secure_boot = true }`.",
    references=(_CLOUD + "compute/shielded-vm/docs/shielded-vm",), ckv=("CKV_GCP_39",), controls=("integrity",), patch=hcl("shielded_instance_config.enable_secure_boot", "true"),
)  # fmt: skip
def shielded(subject: Subject, _: Context) -> Iterator[Outcome]:
    yield expect_boolean(subject, "shielded_instance_config.enable_secure_boot", True)


@RULES.add(
    "IM-GCP-VM-004", "Machine takes SSH keys of the whole project or a serial console", severity=Severity.LOW,
    reason="A key of the project opens every machine; the serial console goes round the firewall.",
    family=Family.METADATA, kinds=_INSTANCES, fix="Set `block-project-ssh-keys = true` and remove `serial-port-enable`; better, use OS Login.",
    references=(_CLOUD + "compute/docs/oslogin",), ckv=("CKV_GCP_32", "CKV_GCP_35"), controls=("remote-access",),
)  # fmt: skip
def instance_metadata(subject: Subject, context: Context) -> Iterator[Outcome]:
    metadata = {**_project_metadata(context), **subject.mapping("metadata")}
    on = {key for key, value in metadata.items() if str(value).lower() in {"true", "1"}}
    if "serial-port-enable" in on:
        yield failed("metadata", "serial-port-enable", "absent")
    elif on & {"block-project-ssh-keys", "enable-oslogin"}:
        yield passed("metadata")
    else:
        yield failed(
            "metadata", "no block-project-ssh-keys", "block-project-ssh-keys = true, or enable-oslogin"
        )


def _project_metadata(context: Context) -> dict[str, Any]:
    """What every machine of the project gets, as far as the files say it."""
    found: dict[str, Any] = {}
    for project in context.of("google_compute_project_metadata"):
        found |= Subject.of(project).mapping("metadata")
    for item in map(Subject.of, context.of("google_compute_project_metadata_item")):
        found[item.text("key")] = item.raw("value")
    return found


@RULES.add(
    "IM-GCP-GKE-001", "Kubernetes API of the cluster is open to the whole internet", severity=Severity.HIGH,
    reason="The API server is the key to the whole cluster; one leaked token or one flaw of it is enough.",
    family=Family.EXPOSURE, kinds=_GKE, fix="Set `master_authorized_networks_config`, or `private_cluster_config { enable_private_endpoint = true }`.", effort=Effort.HOURS,
    references=(_CLOUD + "kubernetes-engine/docs/how-to/authorized-networks",), ckv=("CKV_GCP_20",), controls=("public-access", "network-segmentation"), exposes=True,
)  # fmt: skip
def gke_api(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.boolean("private_cluster_config.enable_private_endpoint"):
        yield passed("private_cluster_config")
        return
    by_address = "control_plane_endpoints_config.ip_endpoints_config.enabled"
    if not subject.boolean(by_address, True):
        yield passed(by_address)  # by its name in DNS alone, where every call is let in by IAM
        return
    path = "master_authorized_networks_config"
    if not subject.has(path):
        yield failed(path, "absent", "known addresses")
        return
    config = subject.block(path)
    ranges = [r for b in (config.blocks("cidr_blocks") if config else []) for r in b.strings("cidr_block")]
    yield failed(path, f"from {WORLD}", "known addresses") if world_in(ranges) else passed(path)


RULES.add(
    "IM-GCP-GKE-002", "Nodes of the cluster have public addresses", severity=Severity.MEDIUM,
    reason="Every NodePort and every flaw of the kubelet then faces the internet.",
    family=Family.EXPOSURE, kinds=_GKE, fix="Set `private_cluster_config { enable_private_nodes = true }`.", effort=Effort.DAYS,
    references=(_CLOUD + "kubernetes-engine/docs/concepts/private-cluster-concept",), ckv=("CKV_GCP_25",), controls=("public-access",), exposes=True,
)(is_true("private_cluster_config.enable_private_nodes"))  # fmt: skip


@RULES.add(
    "IM-GCP-GKE-003", "Cluster enforces no network policy", severity=Severity.MEDIUM,
    reason="Every pod reaches every other: one break-in is a break-in everywhere.",
    family=Family.NETWORK, kinds=_GKE, fix='Set `datapath_provider = "ADVANCED_DATAPATH"` or `network_policy { enabled = true }`.', effort=Effort.HOURS,
    references=(_CLOUD + "kubernetes-engine/docs/how-to/network-policy",), ckv=("CKV_GCP_12",), controls=("network-segmentation",),
)  # fmt: skip
def gke_network_policy(subject: Subject, _: Context) -> Iterator[Outcome]:
    if subject.text("datapath_provider") == "ADVANCED_DATAPATH" or subject.boolean("enable_autopilot"):
        yield passed("datapath_provider")
    else:
        yield expect_boolean(subject, "network_policy.enabled", True)


@RULES.add(
    "IM-GCP-GKE-004", "Cluster sends no logs", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards what ran and who did it.",
    family=Family.LOGGING, kinds=_GKE, fix='Set `logging_service = "logging.googleapis.com/kubernetes"`.',
    references=(_CLOUD + "kubernetes-engine/docs/how-to/config-logging-monitoring",), ckv=("CKV_GCP_1",), controls=("logging", "audit"), patch=hcl("logging_service", '"logging.googleapis.com/kubernetes"'),
)  # fmt: skip
def gke_logs(subject: Subject, _: Context) -> Iterator[Outcome]:
    service = subject.text("logging_service", "logging.googleapis.com/kubernetes")
    yield (
        failed("logging_service", said(subject, "logging_service"), "logging.googleapis.com/kubernetes")
        if service == "none"
        else passed("logging_service")
    )


RULES.add(
    "IM-GCP-GKE-005", "Legacy rights of the cluster are on", severity=Severity.HIGH,
    reason="Attribute-based rights let every account of the cluster do nearly everything.",
    family=Family.IDENTITY, kinds=_GKE, fix="Set `enable_legacy_abac = false`.", references=(_CLOUD + "kubernetes-engine/docs/how-to/hardening-your-cluster",),
    ckv=("CKV_GCP_7",), controls=("access-control",), patch=hcl("enable_legacy_abac", "false"),
)(lambda subject, _: [expect_boolean(subject, "enable_legacy_abac", False)])  # fmt: skip


@RULES.add(
    "IM-GCP-SQL-001", "Database lets the whole internet in", severity=Severity.CRITICAL,
    reason="Everyone may try passwords on the database.",
    family=Family.EXPOSURE, kinds=_SQL, fix="Remove 0.0.0.0/0 from `authorized_networks`; use a private address or the Auth Proxy.",
    references=(_CLOUD + "sql/docs/postgres/authorize-networks",), ckv=("CKV_GCP_11",), controls=("public-access", "network-segmentation"), exposes=True,
)  # fmt: skip
def sql_open(subject: Subject, _: Context) -> Iterator[Outcome]:
    ip = subject.mapping("settings").get("ip_configuration")
    networks = [
        n
        for s in subject.blocks("settings")
        for i in s.blocks("ip_configuration")
        for n in i.blocks("authorized_networks")
    ]
    yield from each(networks, lambda n: [
        failed(n.at("value"), n.text("value"), "known addresses") if world_in(n.strings("value")) else passed(n.at("value"))
    ])  # fmt: skip
    if not networks and ip is not None:
        yield passed("settings")


RULES.add(
    "IM-GCP-SQL-002", "Database has a public address", severity=Severity.MEDIUM,
    reason="A public address makes a slip in `authorized_networks` an open door; it is the default.",
    family=Family.EXPOSURE, kinds=_SQL, fix="Set `ip_configuration { ipv4_enabled = false }` with a private network.", effort=Effort.HOURS,
    references=(_CLOUD + "sql/docs/postgres/private-ip",), ckv=("CKV_GCP_60",), controls=("public-access",), exposes=True,
)(lambda subject, _: [expect_boolean(subject, "settings.ip_configuration.ipv4_enabled", False, True)])  # fmt: skip


@RULES.add(
    "IM-GCP-SQL-003", "Database accepts connections without TLS", severity=Severity.MEDIUM,
    reason="Passwords and rows cross the network readable.",
    family=Family.ENCRYPTION, kinds=_SQL, fix='Set `ssl_mode = "ENCRYPTED_ONLY"` (or `require_ssl = true` in old versions).',
    references=(_CLOUD + "sql/docs/postgres/configure-ssl-instance",), ckv=("CKV_GCP_6",), controls=("encryption-in-transit",),
)  # fmt: skip
def sql_tls(subject: Subject, _: Context) -> Iterator[Outcome]:
    base = "settings.ip_configuration."
    if subject.has(base + "ssl_mode"):
        yield expect_one_of(
            subject, base + "ssl_mode", ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED")
        )
    else:
        yield expect_boolean(subject, base + "require_ssl", True)


RULES.add(
    "IM-GCP-SQL-004", "Database keeps no backups", severity=Severity.MEDIUM,
    reason="A wrong statement or a deletion is final.",
    family=Family.BACKUP, kinds=_SQL, fix="Set `backup_configuration { enabled = true }`.", references=(_CLOUD + "sql/docs/postgres/backup-recovery/backups",),
    ckv=("CKV_GCP_14",), controls=("backup",),
)(is_true("settings.backup_configuration.enabled"))  # fmt: skip
RULES.add(
    "IM-GCP-SQL-005", "Database can be deleted without a second step", severity=Severity.MEDIUM,
    reason="One mistaken plan removes the database and its backups.",
    family=Family.BACKUP, kinds=(*_SQL, *_GKE), fix="Set `deletion_protection = true`.", references=(_CLOUD + "sql/docs/postgres/deletion-protection",),
    controls=("deletion-protection",), patch=hcl("deletion_protection", "true"),
)(is_true("deletion_protection", True))  # fmt: skip
RULES.add(
    "IM-GCP-VPC-001", "Subnet keeps no flow log", severity=Severity.MEDIUM,
    reason="Nobody can say afterwards where data went.",
    family=Family.LOGGING, kinds=("google_compute_subnetwork",), fix="Add a `log_config` block.", references=(_CLOUD + "vpc/docs/flow-logs",),
    ckv=("CKV_GCP_26",), controls=("logging",),
)(lambda subject, _: [] if subject.raw("purpose") in ("INTERNAL_HTTPS_LOAD_BALANCER", "REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY") else [expect_set(subject, "log_config", "a log_config")])  # fmt: skip


@RULES.add(
    "IM-GCP-BQ-001", "Dataset is readable for everyone", severity=Severity.CRITICAL,
    reason="Everyone with a Google account, or everyone at all, queries the tables.",
    family=Family.EXPOSURE, kinds=("google_bigquery_dataset", "google_bigquery_dataset_access"), fix="Name the groups.",
    references=(_CLOUD + "bigquery/docs/dataset-access-controls",), ckv=("CKV_GCP_15",), controls=("public-access",), exposes=True,
)  # fmt: skip
def public_dataset(subject: Subject, _: Context) -> Iterator[Outcome]:
    entries = subject.blocks("access") if subject.resource.kind == "google_bigquery_dataset" else [subject]

    def check(entry: Subject) -> Iterator[Outcome]:
        who = entry.text("special_group", entry.text("iam_member"))
        yield (
            failed(entry.at("special_group"), who, "named groups")
            if who.lower() in _EVERYONE
            else passed(entry.at("special_group"))
        )

    yield from each(entries, check)
