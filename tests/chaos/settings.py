"""How the platform is set up here: short leases, and a store whose file has all that it has answered."""

# `strict`, because a store that is killed may lose what it has not written yet with `everysec`: that is what the setting says.
SETTINGS = {
    "INFRA_MIND_LEASE_S": "2", "INFRA_MIND_RETRY_BASE_S": "0.2", "INFRA_MIND_CANCEL_GRACE_S": "0.5",
    "INFRA_MIND_DURABILITY": "strict", "INFRA_MIND_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1/32",
}  # fmt: skip
