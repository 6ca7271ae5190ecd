"""Infra Mind assesses AI infrastructure: `from infra_mind import Client`.

Importing this package loads neither Ray nor FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra_mind.client import Client

__version__ = "0.1.0"
__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from infra_mind.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
