"""Which format a file has: by its name first, by its shape where the name does not tell."""

from __future__ import annotations

import re
from enum import StrEnum

from infra_mind.artefacts.downloaded import is_index

_TERRAFORM = (".tf", ".tf.json", ".tfvars", ".tfvars.json")
TEMPLATES = (".sh", ".bash", ".ps1", ".tpl", ".tftpl", ".tmpl", ".cfg", ".env")
_YAML = (".yaml", ".yml")
SUPPRESSION_FILES = (".infra-mind.yaml", ".infra-mind.yml")
_COMPOSE = re.compile(r"(docker-|podman-)?compose([.\-_][\w.\-]+)?\.ya?ml\Z", re.IGNORECASE)
_DOCKERFILE = re.compile(
    r"((docker|container)file([.\-_][\w.\-]+)?|[\w.\-]+\.(docker|container)file)\Z", re.IGNORECASE
)
_STATE = (".tfstate", ".tfstate.backup")
# How a state begins, as Terraform keeps it (version 4) and as `terraform show -json` prints it
_STATE_HEAD = re.compile(r'\{\s*"version"\s*:\s*\d{1,4}\s*,\s*"terraform_version"\s*:')
_SHOWN_HEAD = re.compile(
    r'\{\s*"format_version"\s*:\s*"[\d.]{1,20}"\s*,\s*"terraform_version"\s*:\s*"[^"]{1,40}"\s*,\s*"values"\s*:'
)
_NO_DOCKERFILE = re.compile(r"\.(md|txt|dockerignore|py|js|go|rb|ya?ml|json)\Z", re.IGNORECASE)


class FileKind(StrEnum):
    TERRAFORM = "terraform"
    COMPOSE = "compose"
    DOCKERFILE = "dockerfile"
    YAML = "yaml"  # Kubernetes, compose by its shape, or something that is not ours
    TEMPLATE = "template"  # read only where a Terraform file asks for it
    HELM = "helm"
    STATE = "state"  # of Terraform: it holds secrets, and none of it is taken
    MODULES = "modules"  # where the modules lie that were downloaded
    SUPPRESSIONS = "suppressions"  # for the security agent: it makes no resource
    OTHER = "other"


def kind_of(path: str) -> FileKind:
    """The kind by name alone."""
    name = path.rpartition("/")[2]
    lower = name.lower()
    if lower in SUPPRESSION_FILES:
        return FileKind.SUPPRESSIONS
    if is_index(path):
        return FileKind.MODULES
    if lower.endswith(_STATE):
        return FileKind.STATE
    if lower.endswith(_TERRAFORM):
        return FileKind.TERRAFORM
    if _COMPOSE.match(name):
        return FileKind.COMPOSE
    if _DOCKERFILE.match(name) and not _NO_DOCKERFILE.search(name):
        return FileKind.DOCKERFILE
    if lower in ("chart.yaml", "chart.yml"):
        return FileKind.HELM
    if lower.endswith(_YAML) or lower.endswith(".json"):
        return FileKind.YAML
    if lower.endswith(TEMPLATES) or lower == ".env":
        return FileKind.TEMPLATE
    return FileKind.OTHER


def is_state(path: str, text: str) -> bool:
    """True for a state of Terraform: by its name, or for a JSON file by how it begins."""
    if kind_of(path) is FileKind.STATE:
        return True
    if not path.lower().endswith(".json") or text.lstrip()[:1] != "{":
        return False
    start = len(text) - len(text.lstrip())
    return bool(_SHOWN_HEAD.match(text, start)) or (
        bool(_STATE_HEAD.match(text, start)) and '"lineage"' in text
    )


def is_wanted(path: str) -> bool:
    """True for the files of a folder that are read and sent."""
    name = path.rpartition("/")[2].lower()
    if name in ("package.json", "package-lock.json", "tsconfig.json", "composer.json", "pnpm-lock.yaml"):
        return False
    return kind_of(path) is not FileKind.OTHER


def charts(paths: list[str]) -> frozenset[str]:
    """Folders that are Helm charts (they hold a `Chart.yaml`), each with a trailing slash; "" for the top."""
    return frozenset(p[: p.rfind("/") + 1] for p in paths if kind_of(p) is FileKind.HELM)
