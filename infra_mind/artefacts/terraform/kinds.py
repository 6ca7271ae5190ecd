"""Which cloud a kind of resource belongs to, by the prefix of its name."""

from __future__ import annotations

import re

_PROVIDERS = {
    "aws": "aws",
    "awscc": "aws",
    "azurerm": "azure",
    "azuread": "azure",
    "azapi": "azure",
    "google": "gcp",
    "google-beta": "gcp",
    "kubernetes": "kubernetes",
    "helm": "kubernetes",
    "kubectl": "kubernetes",
    "docker": "docker",
}
_PREFIX = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)_")


def provider_of(kind: str) -> str | None:
    """`aws` for `aws_vpc`; None for a provider that is not known here."""
    prefix = _PREFIX.match(kind)
    return _PROVIDERS.get(prefix[1]) if prefix else None
