"""The store in this process's memory: for `assess --local` and for tests of the engine. Same contract suite as over Redis."""

from infra_mind.tasks.memory.store import MemoryStore

__all__ = ["MemoryStore"]
