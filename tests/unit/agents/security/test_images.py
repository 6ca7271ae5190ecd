"""Which images the artefacts name, and where; and what is not taken for one."""

from __future__ import annotations

import json

import pytest

from infra_mind.agents.security.images import images_of
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact

DIGEST = "sha256:" + "0123456789abcdef" * 4
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      initContainers:
        - {name: wait, image: busybox}
      containers:
        - name: api
          image: ghcr.io/clinic/api:2.4.1@DIGEST
"""


def named(path: str, text: str) -> list[tuple[str, str, str, int]]:
    found = images_of(build_inventory([Artefact(path=path, content=text)]))
    assert {image.artefact for image in found} <= {path}
    return [(image.name, image.tag, image.digest, image.line_start) for image in found]


def test_containers_of_a_workload_are_found_with_their_lines() -> None:
    assert named("api.yaml", POD.replace("DIGEST", DIGEST)) == [
        ("busybox", "", "", 8), ("ghcr.io/clinic/api", "2.4.1", DIGEST, 11),
    ]  # fmt: skip


def test_bases_of_stages_are_found_and_a_stage_is_none() -> None:
    text = "FROM golang:1.25 AS build\nRUN true\nFROM build AS test\nFROM scratch\nCOPY --from=build /a /a\n"
    assert named("Dockerfile", text) == [("golang", "1.25", "", 1)]


def test_images_that_files_are_taken_from_are_found() -> None:
    text = (
        "FROM golang:1.25 AS build\nFROM debian:13\nCOPY --chown=1 --from=nginx:1.27 /a /a\nCOPY --from=BUILD /a /b\n"
        "COPY --from=0 /a /c\nRUN --mount=type=cache,target=/x --mount=type=bind,from=ghcr.io/astral-sh/uv:0.9,target=/uv \\\n  true\n"
        "RUN --mount=from=build,target=/b true --mount=from=no:1\nRUN echo --mount=from=no:2\nCOPY a --from=no:3 b\nCOPY --from=scratch / /\n"
    )
    assert named("Dockerfile", text) == [
        ("golang", "1.25", "", 1), ("debian", "13", "", 2), ("nginx", "1.27", "", 3), ("ghcr.io/astral-sh/uv", "0.9", "", 6),
    ]  # fmt: skip


def test_compose_services_are_found() -> None:
    text = "services:\n  web:\n    image: nginx:1.27\n  own:\n    build: .\n"
    assert named("compose.yaml", text) == [("nginx", "1.27", "", 3)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('resource "aws_lambda_function" "a" {\n  image_uri = "1.dkr.ecr.eu-west-1.amazonaws.com/a:3"\n}\n',
         [("1.dkr.ecr.eu-west-1.amazonaws.com/a", "3", "", 2)]),
        ('resource "google_cloud_run_v2_service" "a" {\n  template {\n    containers {\n      image = "gcr.io/p/a:1"\n    }\n  }\n}\n',
         [("gcr.io/p/a", "1", "", 4)]),
        ('resource "aws_ecs_task_definition" "a" {\n  container_definitions = jsonencode([{ image = "nginx:1" }])\n}\n', [("nginx", "1", "", 2)]),
        ('resource "aws_ecs_task_definition" "a" {\n  container_definitions = ' + json.dumps('[{"image": "nginx:2"}]') + "\n}\n", [("nginx", "2", "", 2)]),
        ('resource "aws_ecs_task_definition" "a" {\n  container_definitions = "[[[["\n}\n', []),
        ('resource "google_compute_instance" "a" {\n  boot_disk {\n    initialize_params {\n      image = "debian-cloud/debian-12"\n    }\n  }\n}\n', []),
    ],
)  # fmt: skip
def test_terraform_names_images_in_its_container_blocks_only(
    text: str, found: list[tuple[str, str, str, int]]
) -> None:
    assert named("main.tf", text) == found


@pytest.mark.parametrize(
    "reference",
    ["${REGISTRY}/api:1", "Not An Image", "https://user:pass@host/a", "a:b:c", "nginx:1.27@sha256:12", "x" * 700, "api:ghp_" + "a1B2" * 10],
)  # fmt: skip
def test_what_is_no_reference_or_holds_a_token_is_left_out(reference: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - image: {json.dumps(reference)}\n"
    assert named("pod.yaml", text) == []
