"""References to container images: registry, tag and digest, as the OCI distribution specification reads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    name: str
    tag: str
    digest: str

    @property
    def floating(self) -> bool:
        """True if the same reference may be another image tomorrow by design: no tag, or `latest`."""
        return not self.digest and self.tag in {"", "latest"}


def parse_image(reference: str) -> Image:
    """`ghcr.io/a/b:1.2@sha256:…` in its parts; a port of the registry is no tag."""
    rest, _, digest = reference.strip().partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(head + slash + name, tag, digest)
