"""References to container images: registry, tag and digest, as the OCI distribution specification reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra_mind.agents.security.secrets import tokens
from infra_mind.model.inventory import Format, Inventory, Resource
from infra_mind.model.result import ImageUse

_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,128})?"
)
_LONGEST = 600  # a name of 255, a tag of 128 and a digest
_HOLDERS = frozenset({
    "containers", "initContainers", "ephemeralContainers", "container", "init_container", "primary_container",
    "container_definitions",
})  # fmt: skip


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


def images_of(inventory: Inventory) -> tuple[ImageUse, ...]:
    """Every place that names an image, by file and line. What only apply time knows and what is no reference is left out, and so is
    a text that holds an issuer's token."""
    found = {
        _use(resource, path, image)
        for resource in inventory.resources
        for path, text in _named(resource)
        if (image := _readable(text))
    }
    return tuple(sorted(found, key=lambda i: (i.artefact, i.line_start, i.address, i.name, i.tag, i.digest)))


def _use(resource: Resource, path: str, image: Image) -> ImageUse:
    lines = resource.lines_of(path)
    return ImageUse(
        name=image.name, tag=image.tag, digest=image.digest, address=resource.address, artefact=resource.artefact,
        line_start=lines.start, line_end=lines.end,
    )  # fmt: skip


def _readable(text: Any) -> Image | None:
    if not isinstance(text, str) or len(text) > _LONGEST or not _REFERENCE.fullmatch(text.strip()):
        return None
    return None if next(tokens(text), None) else parse_image(text)


def _named(resource: Resource) -> Iterator[tuple[str, Any]]:
    """(dotted path, what stands there) of each place of a resource where an image is named."""
    match resource.format:
        case Format.DOCKERFILE:
            if not resource.get("from_stage") and resource.get("from") != "scratch":
                yield "from", resource.get("from")
            for n, instruction in enumerate(resource.get("instructions") or ()):
                for m, image in enumerate(instruction.get("images", ())):
                    yield f"instructions.{n}.images.{m}", image
        case Format.COMPOSE:
            if resource.kind == "service":
                yield "image", resource.get("image")
        case _:
            if resource.kind == "aws_lambda_function":
                yield "image_uri", resource.get("image_uri")
            if not resource.kind.startswith("data."):
                yield from _of_containers(resource.values)


def _of_containers(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """`image` of the containers anywhere in the tree: an `image` elsewhere may be that of a machine."""
    stack: list[tuple[str, str, Any]] = [("", "", values)]
    while stack:
        path, holder, value = stack.pop()
        if holder == "container_definitions" and isinstance(value, str):
            yield from ((path, item.get("image")) for item in _json_list(value) if isinstance(item, dict))
        elif isinstance(value, dict):
            if holder in _HOLDERS and "image" in value:
                yield f"{path}.image", value["image"]
            stack.extend((f"{path}.{key}".lstrip("."), key, inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            stack.extend((f"{path}.{n}", holder, inner) for n, inner in enumerate(value))


def _json_list(text: str) -> list[Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return read if isinstance(read, list) else []
