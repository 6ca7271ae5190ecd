"""The store over Redis or Valkey: keys, Lua scripts, the connection, and the mapping of its failures."""

from infra_mind.tasks.redis.store import RedisStore

__all__ = ["RedisStore"]
