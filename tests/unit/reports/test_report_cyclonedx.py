"""The bill of materials: valid by its library's own schema, the same bytes each time, and nothing that nobody wrote down."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra_mind.errors import OptionInvalid
from infra_mind.model.result import AssessmentResult, ImageUse, ModelUse, ResourceSummary
from infra_mind.reports.cyclonedx import package_url, render
from infra_mind.reports.formats import format_named, render_as
from infra_mind.reports.places import Places
from infra_mind.reports.services import PROVIDERS, SERVICES
from tests.unit.reports import sample

EVIL = "a\u202e <b>\x00 `x` {0}\nb"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def bom(result: AssessmentResult, places: Places | None = None) -> dict[str, Any]:
    text = render(result, places or Places()).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    made: dict[str, Any] = json.loads(text)
    return made


def image(name: str = "nginx", tag: str = "", digest: str = "", **more: Any) -> ImageUse:
    place = {"address": "service/web", "artefact": "compose.yaml", "line_start": 3, "line_end": 3}
    return ImageUse(name=name, tag=tag, digest=digest, **place | more)


def of(*images: ImageUse, **more: Any) -> AssessmentResult:
    return sample.empty().model_copy(update={"images": images, **more})


def hostile() -> AssessmentResult:
    model = ModelUse(name=EVIL, use="served", workload=EVIL, path="llm_serving.0.model")
    bucket = ResourceSummary(
        address=EVIL, format="terraform", kind="aws_s3_bucket", artefact=EVIL, line_start=0, line_end=0, count=None
    )  # fmt: skip
    summary = sample.empty().summary.model_copy(update={"name": EVIL})
    return of(
        image(address=EVIL, artefact=EVIL, line_start=0), models=(model,), inventory=(bucket, bucket), summary=summary,
        provenance={"finished_at": EVIL},
    )  # fmt: skip


@pytest.mark.parametrize("make", [sample.result, sample.empty, hostile, lambda: sample.result("partial")])
def test_it_is_valid_by_the_schema_and_the_same_each_time(make: Callable[[], AssessmentResult]) -> None:
    assert bom(make())["specVersion"] == "1.6"
    assert render(make()) == render(make())


def test_the_schema_would_find_a_mistake() -> None:
    broken = bom(sample.result())
    broken["components"][0]["type"] = "image"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_serial_number_and_time_come_from_the_result() -> None:
    ended = {"finished_at": "2026-11-03T10:20:30.123+00:00"}
    one, other = bom(of(provenance=ended)), bom(of(assessment_id="asm_99", provenance=ended))
    assert one["metadata"]["timestamp"] == "2026-11-03T10:20:30.123000+00:00"
    assert one["serialNumber"] != other["serialNumber"]
    assert one["serialNumber"][len("urn:uuid:") :][14] == "5"  # a name's, no chance
    assert "timestamp" not in bom(of())["metadata"]


@pytest.mark.parametrize(
    ("seen", "url"),
    [
        (image("nginx"), "pkg:docker/nginx"),
        (image("nginx", "1.27"), "pkg:docker/nginx@1.27"),
        (image("docker.io/library/nginx", "1.27"), "pkg:docker/nginx@1.27"),
        (image("vllm/vllm-openai", "v0.11.0"), "pkg:docker/vllm/vllm-openai@v0.11.0"),
        (image("ghcr.io/a/b/c", "1"), "pkg:docker/a/b/c@1?repository_url=ghcr.io"),
        (image("localhost:5000/x", "1"), "pkg:docker/x@1?repository_url=localhost:5000"),
        (image("nginx", "1.27", DIGEST), f"pkg:docker/nginx@{DIGEST}"),
    ],
)  # fmt: skip
def test_an_image_has_the_package_url_of_its_registry(seen: ImageUse, url: str) -> None:
    assert package_url(seen).to_string() == url


def test_an_image_is_one_component_with_all_its_places() -> None:
    seen = (
        image("nginx", "1.27"),
        image("docker.io/library/nginx", "1.27", artefact="web/Dockerfile", line_start=1, address="web/Dockerfile#0"),
        image("nginx"),
        image("nginx", "1.28", DIGEST),
    )  # fmt: skip
    bare, tagged, digested = sorted(bom(of(*seen), Places(artefacts="infra"))["components"], key=lambda c: c["bom-ref"])  # fmt: skip
    assert [c["type"] for c in (bare, tagged, digested)] == ["container"] * 3
    assert "version" not in bare
    assert tagged["version"] == "1.27"
    assert {(o["location"], o["line"], o["additionalContext"]) for o in tagged["evidence"]["occurrences"]} == {
        ("infra/compose.yaml", 3, "service/web"), ("infra/web/Dockerfile", 1, "web/Dockerfile#0"),
    }  # fmt: skip
    assert digested["version"] == DIGEST
    assert digested["properties"] == [{"name": "infra-mind:image:tag", "value": "1.28"}]


def test_places_are_in_the_order_of_file_and_line_and_each_once() -> None:
    seen = [
        image("nginx", "1", artefact=f"{file}.yaml", line_start=line)
        for file in "cab"
        for line in range(30, 0, -1)
    ]
    (found,) = bom(of(*seen, *seen))["components"]
    places = [(o["location"], o["line"]) for o in found["evidence"]["occurrences"]]
    assert places == [(f"{file}.yaml", line) for file in "abc" for line in range(1, 31)]


def test_models_of_our_own_are_components_and_a_rented_one_is_a_service() -> None:
    made = bom(sample.result())
    models = {c["name"]: c for c in made["components"] if c["type"] == "machine-learning-model"}
    assert (
        models["meta-llama/llama-3.1-70b-instruct"]["purl"]
        == "pkg:huggingface/meta-llama/Llama-3.1-70B-Instruct"
    )
    assert "purl" not in models["fine-tune"]
    assert all("version" not in model for model in models.values())
    assert {"name": "infra-mind:field", "value": "training.0.name"} in models["fine-tune"]["properties"]
    assert "gpt-5" in {service["name"] for service in made["services"]}


def test_managed_services_are_listed_with_provider_and_place() -> None:
    (bucket,) = [s for s in bom(sample.result())["services"] if s["name"] == "aws_s3_bucket.letters"]
    assert (bucket["description"], bucket["provider"]["name"]) == ("object storage", "Amazon Web Services")
    said = {p["name"]: p["value"] for p in bucket["properties"]}
    assert said == {
        "infra-mind:kind": "aws_s3_bucket", "infra-mind:artefact": "terraform/aws/storage.tf", "infra-mind:line": "17",
        "infra-mind:count": "1",
    }  # fmt: skip
    assert "aws_subnet.private" not in render(sample.result()).decode()


def test_what_is_counted_to_zero_is_no_service() -> None:
    (bucket, _) = sample.result().inventory
    assert "services" not in bom(of(inventory=(bucket.model_copy(update={"count": 0}),)))


def test_every_kind_of_service_has_a_provider() -> None:
    assert {kind.partition("_")[0] for kind in SERVICES} == set(PROVIDERS)


def test_the_assessed_system_depends_on_everything_and_nothing_else_is_known() -> None:
    made = bom(sample.result())
    listed = {part["bom-ref"] for part in (*made["components"], *made["services"])}
    (root,) = made["dependencies"]
    assert (root["ref"], set(root["dependsOn"])) == ("asm_01", listed)
    assert "vulnerabilities" not in made


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cyclonedx", None)
    with pytest.raises(OptionInvalid, match=r"infra-mind\[cyclonedx\]"):
        render_as(format_named("cyclonedx"), sample.result())
