"""Ports that should never face the internet, and address ranges that mean all of it.

Port numbers: IANA Service Name and Transport Protocol Port Number Registry, and the products' documented defaults (2025)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

WORLD = "0.0.0.0/0"
ADMIN: dict[int, str] = {22: "SSH (22)", 3389: "RDP (3389)"}
DATABASES: dict[int, str] = {
    1433: "SQL Server (1433)", 1521: "Oracle (1521)", 2379: "etcd (2379)", 3306: "MySQL (3306)", 5432: "PostgreSQL (5432)",
    5984: "CouchDB (5984)", 6333: "Qdrant (6333)", 6379: "Redis (6379)", 7000: "Cassandra (7000)", 8086: "InfluxDB (8086)",
    9042: "Cassandra (9042)", 9200: "Elasticsearch (9200)", 11211: "Memcached (11211)", 19530: "Milvus (19530)",
    27017: "MongoDB (27017)",
}  # fmt: skip
SERVICES: dict[int, str] = {
    20: "FTP (20)", 21: "FTP (21)", 23: "Telnet (23)", 111: "RPC (111)", 135: "RPC (135)", 139: "NetBIOS (139)", 389: "LDAP (389)", 445: "SMB (445)",
    512: "rexec (512)", 513: "rlogin (513)", 514: "rsh (514)", 873: "rsync (873)", 2049: "NFS (2049)", 2375: "Docker (2375)", 2376: "Docker (2376)",
    5601: "Kibana (5601)", 5900: "VNC (5900)", 5985: "WinRM (5985)", 5986: "WinRM (5986)", 8265: "Ray (8265)", 8500: "Consul (8500)", 8888: "Jupyter (8888)",
    10250: "kubelet (10250)", 10255: "kubelet (10255)",
}  # fmt: skip
_ANY = frozenset({"*", "any", "internet", "::/0", WORLD})


def world_in(ranges: Iterable[str]) -> bool:
    """True if one of the ranges is half of the internet or more (0.0.0.0/0, 0.0.0.0/1, ::/0, `*`, `Internet`)."""
    return any(text.strip().lower() in _ANY or _is_huge(text) for text in ranges)


def _is_huge(text: str) -> bool:
    try:
        return ipaddress.ip_network(text.strip(), strict=False).prefixlen <= 1
    except ValueError:
        return False


def ports_named(wanted: Mapping[int, str], low: float, high: float) -> list[str]:
    """The names of the wanted ports between `low` and `high`."""
    return [name for port, name in wanted.items() if low <= port <= high]


def spans(text: str) -> list[tuple[float, float]]:
    """`22`, `1000-2000`, `*` and lists of them with commas as (low, high); what is none of these is left out."""
    found: list[tuple[float, float]] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if part.strip() == "*":
            found.append((0, 65535))
        elif low.isdecimal() and (not dash or high.isdecimal()):
            found.append((float(low), float(high or low)))
    return found
