"""What an assessment saw as a CycloneDX 1.6 bill of materials: images, models and managed services. Needs the extra `cyclonedx`.

It is what the brief and the artefacts declare: nobody looked into an image or at what runs. A version that is not written down is left
out, and a failed check is no `vulnerability` of it: those are known flaws of a component, a configuration has findings (SARIF)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.service import Service
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from infra_mind.model.result import AssessmentResult, ImageUse, ModelUse, ResourceSummary
from infra_mind.reports.places import HANDED_IN, Places
from infra_mind.reports.services import PROVIDERS, SERVICES
from infra_mind.reports.text import clean, one_line

DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_USES = {"served": "served on own GPUs", "trained": "trained; named after its training", "rented": "rented by the token"}  # fmt: skip


def render(result: AssessmentResult, places: Places = HANDED_IN) -> bytes:
    """UTF-8 JSON. Same result, same bytes: the serial number comes from the assessment's id and end, the time from its provenance."""
    ended = _time(result.provenance.get("finished_at"))
    root = Component(
        name=one_line(result.summary.name), type=ComponentType.APPLICATION, bom_ref=result.assessment_id
    )
    tool = Component(name="infra-mind", type=ComponentType.APPLICATION, bom_ref="infra-mind", version=version("infra-mind"))  # fmt: skip
    components = [*_containers(result.images, places), *_models(result.models, places)]
    services = [*_managed(result.inventory, places), *_rented(result.models, places)]
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"urn:infra-mind:{result.assessment_id}:{ended or ''}"),
        metadata=BomMetaData(
            component=root, tools=ToolRepository(components=[tool]), timestamp=ended or datetime.fromtimestamp(0, UTC),
            lifecycles=[PredefinedLifecycle(LifecyclePhase.DESIGN)], properties=_said_of(result),
        ),
        components=components,
        services=services,
        dependencies=[Dependency(root.bom_ref, (Dependency(part.bom_ref) for part in (*components, *services)))],
    )  # fmt: skip
    # The library's own check, which it calls deprecated, takes time with the square of their number.
    bom.validate = lambda: True  # type: ignore[method-assign]
    made = json.loads(JsonV1Dot6(bom).output_as_string())
    # An entry without `dependsOn` says that a part depends on nothing; what it depends on is not known here.
    made["dependencies"] = [known for known in made["dependencies"] if "dependsOn" in known]
    for part in made.get("components", ()):
        if (
            "evidence" in part
        ):  # the library keeps places in a set whose order is that of their addresses in memory
            part["evidence"]["occurrences"].sort(key=itemgetter("location", "line", "additionalContext"))
    if ended is None:
        del made["metadata"]["timestamp"]
    return json.dumps(made, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _time(text: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _said_of(result: AssessmentResult) -> list[Property]:
    """How much of what was handed in could be read: a list that is not whole must not look so."""
    seen = result.coverage
    return _properties(
        ("assessment", result.assessment_id), ("status", result.status), ("files", seen.files), ("files_read", seen.files_read)
    )  # fmt: skip


def _properties(*pairs: tuple[str, object]) -> list[Property]:
    return [Property(name=f"infra-mind:{name}", value=one_line(str(value))) for name, value in pairs]


# -- images -----------------------------------------------------------------------------------------------------------
def _containers(images: Iterable[ImageUse], places: Places) -> Iterator[Component]:
    """One for each image: the same digest is the same image whatever its tag, and so is the same tag without a digest."""
    named = sorted(((package_url(image).to_string(), image) for image in images), key=itemgetter(0))
    for _, group in groupby(named, key=itemgetter(0)):
        uses = [image for _, image in group]
        url = package_url(uses[0])
        tags = sorted({image.tag for image in uses if image.tag and image.digest})
        yield Component(
            name=min(image.name for image in uses),
            type=ComponentType.CONTAINER,
            version=url.version,
            purl=url,
            bom_ref=url.to_string(),
            properties=_properties(*(("image:tag", tag) for tag in tags)),
            evidence=ComponentEvidence(
                occurrences=[
                    Occurrence(location=location, line=line, additional_context=address)
                    for location, line, address in dict.fromkeys(
                        (clean(places.path(use.artefact)), max(1, use.line_start), one_line(use.address)) for use in uses
                    )
                ]
            ),
        )  # fmt: skip


def package_url(image: ImageUse) -> PackageURL:
    """`pkg:docker/a/b@1.2?repository_url=ghcr.io`. The version is the digest, else the tag; none means none, and not `latest`."""
    host, slash, rest = image.name.partition("/")
    hosted = bool(slash) and ("." in host or ":" in host or host == "localhost")
    registry, path = (host, rest) if hosted else ("docker.io", image.name)
    on_hub = registry in DOCKER_HUB
    namespace, _, name = path.rpartition("/")
    return PackageURL(
        type="docker",
        namespace=None if on_hub and namespace == "library" else namespace or None,
        name=name,
        version=image.digest or image.tag or None,
        qualifiers=None if on_hub else {"repository_url": registry},
    )


# -- models -----------------------------------------------------------------------------------------------------------
def _models(models: Iterable[ModelUse], places: Places) -> Iterator[Component]:
    for model in models:
        if model.use != "rented":
            group, _, name = model.known_as.partition("/")
            yield Component(
                name=one_line(model.name),
                type=ComponentType.MACHINE_LEARNING_MODEL,
                bom_ref=f"model:{model.path}",
                description=_USES[model.use],
                purl=PackageURL(type="huggingface", namespace=group, name=name) if name else None,
                properties=_of_model(model, places),
            )


def _rented(models: Iterable[ModelUse], places: Places) -> Iterator[Service]:
    """A model that others run is a service of theirs; who they are the brief does not say."""
    return (
        Service(
            name=one_line(model.name), bom_ref=f"model:{model.path}", description=f"language model, {_USES['rented']}",
            properties=_of_model(model, places),
        )
        for model in models
        if model.use == "rented"
    )  # fmt: skip


def _of_model(model: ModelUse, places: Places) -> list[Property]:
    return _properties(
        ("use", model.use), ("workload", model.workload), ("artefact", places.path("brief")), ("field", model.path)
    )  # fmt: skip


# -- services ---------------------------------------------------------------------------------------------------------
def _managed(inventory: Iterable[ResourceSummary], places: Places) -> Iterator[Service]:
    """Managed services that the artefacts declare; what is counted to zero does not exist."""
    seen: set[str] = set()
    for resource in inventory:
        ref = f"{resource.artefact}#{resource.address}"
        if resource.kind not in SERVICES or resource.count == 0 or ref in seen:
            continue
        seen.add(ref)
        counted = () if resource.count is None else (("count", resource.count),)
        yield Service(
            name=one_line(resource.address),
            bom_ref=one_line(ref),
            description=SERVICES[resource.kind],
            provider=OrganizationalEntity(name=PROVIDERS[resource.kind.partition("_")[0]]),
            properties=_properties(
                ("kind", resource.kind), ("artefact", places.path(resource.artefact)), ("line", resource.line_start), *counted
            ),
        )  # fmt: skip
