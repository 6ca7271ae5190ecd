"""The inventory: every resource of every artefact, resolved as far as the files themselves allow, with its lines."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import Field

from infra_mind.model.base import Value

UNRESOLVABLE_KEY = "$unresolvable"


def unresolvable(reason: str) -> dict[str, str]:
    """The marker that stands where a value is only known at apply time (`{"$unresolvable": "data.aws_ami.x.id"}`)."""
    return {UNRESOLVABLE_KEY: reason}


def is_unresolvable(value: Any) -> bool:
    """True for the marker itself; use `contains_unresolvable` for trees."""
    return isinstance(value, dict) and UNRESOLVABLE_KEY in value


def contains_unresolvable(value: Any) -> bool:
    """True if the marker stands anywhere in the tree."""
    if is_unresolvable(value):
        return True
    if isinstance(value, dict):
        return any(contains_unresolvable(v) for v in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unresolvable(v) for v in value)
    return False


class Format(StrEnum):
    TERRAFORM = "terraform"
    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    DOCKERFILE = "dockerfile"


class Lines(Value):
    """1-based, both ends included."""

    start: int
    end: int


class CallSite(Value):
    """The block that calls a Terraform module."""

    name: str
    artefact: str
    line_start: int
    line_end: int


class Resource(Value):
    """One resource of one artefact.

    terraform:  kind `aws_s3_bucket` (also `provider` with kind `provider.aws`), address `module.net.aws_vpc.main`,
                or with an index `aws_instance.web[0]`, `aws_instance.web["a"]`; `block` is the address without index.
                A data source has kind `data.aws_ami`. `values` holds nested blocks as lists of dicts.
    kubernetes: kind `Deployment`, address `Deployment/<namespace or default>/<name>`, `values` the whole manifest.
    compose:    kind `service` (also `network`, `volume`, `secret`), address `service/<name>`, values normalised to the long forms.
    dockerfile: kind `stage`, address `<path>#<index or name>`; `values` = {"from": image, "name": ..., "final": bool,
                "instructions": [{"instruction": "RUN", "value": "...", "line": n, "line_end": m,
                "images": [those that COPY --from or RUN --mount takes files from, absent where there are none]}]}.

    The values of a Terraform resource may come from a plan: then `plan` is its path, and `artefact` the same one unless the `.tf` file of the
    resource was handed in too.
    """

    address: str
    block: str
    format: Format
    kind: str
    name: str
    provider: str | None = Field(default=None, description="aws azure gcp kubernetes docker, or None")
    artefact: str
    line_start: int
    line_end: int
    values: dict[str, Any] = Field(default_factory=dict)
    lines: dict[str, Lines] = Field(
        default_factory=dict, description="dotted path into `values` (`ingress.0.cidr_blocks`) → lines"
    )
    count: int | None = Field(default=1, description="How many of it; None when only apply time knows")
    calls: tuple[CallSite, ...] = Field(
        default=(), description="Terraform: the module calls that it comes through, the outermost first"
    )
    plan: str = Field(
        default="", description="Terraform: the plan that the values come from; empty for those of files"
    )
    references: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Of a plan: attribute → the blocks that its configuration refers to there",
    )

    @property
    def is_in_plan(self) -> bool:
        """True for one that stands in a plan alone: there is no text of it that a person could change."""
        return bool(self.plan) and self.artefact == self.plan

    def shown_path(self, path: str) -> str:
        """The path as evidence gives it: below the address in a plan, which is one long line as a rule."""
        if not self.is_in_plan or self.kind == "tfvars":
            return path
        return f"{self.address}.{path}" if path else self.address

    def lines_of(self, path: str) -> Lines:
        """Lines of a dotted path; of the nearest known parent, at last of the resource itself."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path.rpartition(".")[0]
        return Lines(start=self.line_start, end=self.line_end)

    def get(self, path: str, default: Any = None) -> Any:
        """Value at a dotted path (`metadata.labels.app`, `ingress.0.from_port`); `default` where it does not exist.

        An unresolvable parent gives that parent's marker."""
        here: Any = self.values
        for part in path.split("."):
            if is_unresolvable(here):
                return here
            if isinstance(here, dict) and part in here:
                here = here[part]
            elif isinstance(here, list) and part.isdigit() and int(part) < len(here):
                here = here[int(part)]
            else:
                return default
        return here


TOO_LARGE = "larger than the limit"
STATE = "a Terraform state: it holds secrets and is not read"
HAND_IN_A_PLAN = "hand in a plan instead (terraform show -json tfplan)"
# Kinds of parts that were read, and that name what only apply time knows.
APPLY_TIME = frozenset({"remote_module", "unresolvable"})


class UnreadFile(Value):
    """A file that was handed in and not assessed, with the reason; `unresolvable` parts too (remote modules)."""

    artefact: str
    reason: str
    line: int | None = None
    kind: str = Field(
        default="unreadable",
        description="unreadable, too_large, helm_template, unsupported, remote_module, not_sent, limit, unresolvable, state, plan",
    )


class Inventory(Value):
    resources: tuple[Resource, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    files: int = 0
    files_read: int = 0
    variables: tuple[Resource, ...] = Field(
        default=(), description="What the variables of Terraform plans were given; kind `tfvars`"
    )

    @property
    def not_read(self) -> tuple[UnreadFile, ...]:
        """What of `unread` could not be read; the rest is known at apply time only."""
        return tuple(item for item in self.unread if item.kind not in APPLY_TIME)

    def of(self, *kinds: str) -> Iterator[Resource]:
        """Resources of these kinds, in order of address."""
        wanted = set(kinds)
        return (r for r in self.resources if r.kind in wanted)


class Artefact(Value):
    """A file as handed in: `path` relative with forward slashes, `content` its text, None when it is not UTF-8 text.

    `problem` says why the content is not there (binary, invalid UTF-8, over the size limit)."""

    path: str
    content: str | None = None
    problem: str | None = None

    def unread(self) -> UnreadFile:
        """Why a file without a content is not assessed."""
        reason = self.problem or "its content was not handed in"
        kind = (
            "too_large"
            if reason.startswith(TOO_LARGE)
            else "state"
            if reason.startswith(STATE)
            else "unreadable"
        )
        return UnreadFile(artefact=self.path, reason=reason, kind=kind)
