"""Every exception of the Redis client, mapped in one place to what a caller of the store can act on.

Away (`Unavailable`): nothing is known to have happened, trying again is right. Anything else is a defect or a wrong set-up and
is said as such: trying again would not help.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis.exceptions as redis_errors

from infra_mind.errors import InfraMindError, Unavailable

AWAY: dict[type[BaseException], str] = {
    redis_errors.ConnectionError: "The task store cannot be reached",
    redis_errors.TimeoutError: "The task store did not answer in time",
    redis_errors.BusyLoadingError: "The task store is still loading its data from disk",
    redis_errors.MaxConnectionsError: "All connections to the task store are in use",
    redis_errors.ReadOnlyError: "The task store is read-only now: its primary has moved",
    redis_errors.OutOfMemoryError: "The task store is out of memory: raise maxmemory or remove old assessments",
    redis_errors.AuthenticationError: "The task store refused the password: check INFRA_MIND_STORE_URL",
    redis_errors.AuthenticationWrongNumberOfArgsError: "The task store refused the way of logging in: check INFRA_MIND_STORE_URL",
    redis_errors.AuthorizationError: "The task store does not let this user in: check INFRA_MIND_STORE_URL",
    redis_errors.ExternalAuthProviderError: "The provider of the task store's credentials failed",
    redis_errors.NoPermissionError: "The task store's user may not run scripts: check its access rules",
    redis_errors.ClusterDownError: "The task store's cluster is down",
    redis_errors.MasterDownError: "The task store's primary is down",
    redis_errors.TryAgainError: "The task store is moving its data",
    redis_errors.InvalidResponse: "The task store's answer was broken off or is not of its protocol",
    redis_errors.ChildDeadlockedError: "The connection to the task store was broken by a fork",
    OSError: "The task store cannot be reached",
    TimeoutError: "The task store did not answer in time",
}
DEFECTS: dict[type[BaseException], str] = {
    redis_errors.RedisError: "The task store's client failed",
    redis_errors.ResponseError: "The task store refused a command",
    redis_errors.NoScriptError: "The task store lost a script twice in one call",
    redis_errors.DataError: "A value cannot be sent to the task store",
    redis_errors.ModuleError: "The task store lacks a module",
    redis_errors.PubSubError: "The signals of the task store failed",
    redis_errors.WatchError: "The task store refused a transaction",
    redis_errors.ExecAbortError: "The task store refused a transaction",
    redis_errors.LockError: "A lock of the task store failed",
    redis_errors.LockNotOwnedError: "A lock of the task store failed",
    redis_errors.ClusterError: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.RedisClusterException: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.ClusterCrossSlotError: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.CrossSlotTransactionError: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.InvalidPipelineStack: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.SlotNotCoveredError: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.AskError: "Redis Cluster is not supported: use one server with replicas",
    redis_errors.MovedError: "Redis Cluster is not supported: use one server with replicas",
}
# Classes that only some versions of the client have.
for _name, _sentence in (
    ("IncorrectPolicyType", "Redis Cluster is not supported: use one server with replicas"),
    ("NoSuchFieldsetError", "The task store refused a command"),
):
    if _class := getattr(redis_errors, _name, None):
        DEFECTS[_class] = _sentence

# Errors of the server that the client gives no class of their own, by the word in front.
AWAY_CODES = {
    "LOADING": AWAY[redis_errors.BusyLoadingError],
    "READONLY": AWAY[redis_errors.ReadOnlyError],
    "OOM": AWAY[redis_errors.OutOfMemoryError],
    "MISCONF": "The task store cannot write to its disk: free space and check its log",
    "BUSY": "The task store is busy with a long script",
    "NOREPLICAS": "The task store has too few replicas to accept writes",
    "MASTERDOWN": AWAY[redis_errors.MasterDownError],
    "CLUSTERDOWN": AWAY[redis_errors.ClusterDownError],
    "UNBLOCKED": "The task store's primary has moved",
    "NOAUTH": AWAY[redis_errors.AuthenticationError],
    "WRONGPASS": AWAY[redis_errors.AuthenticationError],
    "NOPERM": AWAY[redis_errors.NoPermissionError],
}


def translate(error: BaseException) -> InfraMindError:
    """What to raise in place of `error`. The server's own words are added only where they hold no value of ours."""
    if isinstance(error, redis_errors.ResponseError) and (sentence := _by_code(str(error))):
        return Unavailable(f"{sentence}.")
    for kind in type(error).__mro__:
        if kind in AWAY:
            return Unavailable(f"{AWAY[kind]}.")
        if kind in DEFECTS:
            return InfraMindError(f"{DEFECTS[kind]}: {str(error)[:300]}")
    return InfraMindError(f"The task store failed: {type(error).__name__}")


def _by_code(message: str) -> str | None:
    """The sentence for an error's code; a script's own error carries the code of the command that failed within."""
    words = message.replace("-", " ", 1).split()[:1]
    return AWAY_CODES.get(words[0]) if words else None


@contextmanager
def translated() -> Iterator[None]:
    """Turns every error of the client into one of this package."""
    try:
        yield
    except (redis_errors.RedisError, redis_errors.RedisClusterException, OSError, TimeoutError) as error:
        raise translate(error) from error
