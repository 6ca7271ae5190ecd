"""What an agent gives, and what an assessment gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from infra_mind.model.base import Value
from infra_mind.model.fact import Assumption, Fact
from infra_mind.model.finding import Effort, Finding, Impact, Severity
from infra_mind.model.numbers import counted, number

MOST_KINDS = 6


class CostLine(Value):
    """One priced thing: quantity × unit price = usd_per_month; `fact` links to the fact it appears as, if any."""

    what: str
    address: str = ""
    artefact: str = ""
    line: int | None = None
    provider: str = ""
    region: str = ""
    sku: str
    quantity: float
    unit: str
    usd_per_unit: float
    usd_per_month: float
    purchase: Literal["on_demand", "spot", "committed"] = "on_demand"
    source: str
    as_of: str
    old: bool = Field(
        default=False, description="The price is more than a year older than the newest list of the release"
    )
    origin: Literal["brief", "artefact"] = Field(
        description="Lines of artefacts are shown beside the brief's total, never added twice"
    )


BILLED_BY_USE = "billed by use (requests, traffic, stored data), which no file says"


class Unpriced(Value):
    """A thing that costs money and has no dated price here: left out of the total, and said so."""

    what: str
    kind: str = Field(
        default="other", description="Kind of resource (`aws_nat_gateway`) or list of the brief (`llm_api`)"
    )
    address: str = ""
    artefact: str = ""
    line: int | None = None
    reason: str

    @property
    def once(self) -> bool:
        """True of what is paid once: it is in no monthly total anyhow."""
        return self.kind == "training"

    @property
    def by_use(self) -> bool:
        """True where only a unit has a price: how many there will be is unknown."""
        return self.reason.startswith(BILLED_BY_USE)


def without_price(priced: int, unpriced: Sequence[Unpriced]) -> str:
    """`3 of 9 lines have no dated price, 1 of them billed by use: 1 aws_s3_bucket, 1 llm_api, 1 remote_module`; the most frequent kinds first."""
    have = "has" if len(unpriced) == 1 else "have"
    lines = f"{number(len(unpriced))} of {counted(priced + len(unpriced), 'line')}"
    return f"{lines} {have} no dated price{by_use(unpriced)}: {kinds_of(unpriced)}"


def by_use(unpriced: Sequence[Unpriced]) -> str:
    """`, 2 of them billed by use`; empty where none is."""
    count = sum(thing.by_use for thing in unpriced)
    return f", {number(count)} of them billed by use" if count else ""


def kinds_of(unpriced: Sequence[Unpriced]) -> str:
    """`2 llm_api, 1 aws_nat_gateway`; the most frequent kinds first, and how many kinds more there are."""
    kinds = sorted(Counter(thing.kind for thing in unpriced).items(), key=lambda item: (-item[1], item[0]))
    named = [f"{number(count)} {kind}" for kind, count in kinds[:MOST_KINDS]]
    more = len(kinds) - MOST_KINDS
    named += [f"{counted(more, 'kind')} more"] if more > 0 else []
    return ", ".join(named)


def with_old_price(lines: Sequence[CostLine]) -> str:
    """`3 of 9 lines have a price more than a year older than the newest list`; empty where none has."""
    old = sum(line.old for line in lines)
    have = "has" if old == 1 else "have"
    return (
        f"{number(old)} of {counted(len(lines), 'line')} {have} a price more than a year older than the newest list"
        if old
        else ""
    )


class Recommendation(Value):
    """One ranked thing to do. Every sentence is made from the facts and findings that it names."""

    rank: int
    id: str
    title: str
    text: str
    severity: Severity
    effort: Effort
    utility: float
    pareto: bool
    rank_stability: float = Field(
        description="Share of seeded weight perturbations in which it keeps this rank"
    )
    tie_with: tuple[str, ...] = ()
    phase: Literal["30", "60", "90"]
    done_by_day: float | None = Field(
        default=None,
        description="Calendar day on which the team is done with it; after 90 it does not fit its phase",
    )
    impact: Impact = Impact()
    control_ids: tuple[str, ...] = Field(
        default=(), description="Controls of the regimes in scope that fail by its findings"
    )
    after: tuple[str, ...] = Field(
        default=(), description="Ids of recommendations that have to be done before"
    )
    findings: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()

    @property
    def when(self) -> str:
        """`within 30 days`, or that it does not fit in 90."""
        late = self.done_by_day is not None and self.done_by_day > 90
        return "after 90 days" if late else f"within {self.phase} days"


class AgentResult(Value):
    """What one agent gives. Order is part of the value: agents sort what they give."""

    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    cost_lines: tuple[CostLine, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    details: dict[str, Any] = Field(
        default_factory=dict, description="Agent's own tables for reports (topology, tornado, ...): JSON data"
    )


class AgentFailure(Value):
    """Why an agent gave nothing: the type and message of the error and the attempt it was; never a pickle.

    `security.patches` is no agent, but what it adds to its result later: what it found is whole."""

    agent: str
    error_type: str
    message: str
    attempt: int

    @property
    def lost(self) -> str:
        """What the result lacks for it."""
        agent, _, addition = self.agent.partition(".")
        if addition:
            return f"{agent} lacks its {addition}, its findings are whole"
        return "what it would have found is unknown"

    @property
    def hides_findings(self) -> bool:
        return "." not in self.agent


class ResourceSummary(Value):
    """A resource without its values: what the result shows of the inventory."""

    address: str
    format: str
    kind: str
    artefact: str
    line_start: int
    line_end: int
    count: int | None


class ImageUse(Value):
    """One place of an artefact that names a container image; `tag` and `digest` are empty where it names none."""

    name: str = Field(description="Repository with its registry as it stands there: `ghcr.io/a/b`")
    tag: str = ""
    digest: str = ""
    address: str
    artefact: str
    line_start: int
    line_end: int


class ModelUse(Value):
    """A model of the brief. Training names no model there: it bears the name of its training."""

    name: str
    known_as: str = Field(
        default="", description="Its id on the Hugging Face Hub where the table of models has it"
    )
    use: Literal["served", "trained", "rented"]
    workload: str
    path: str = Field(description="Field of the brief: `llm_serving.0.model`")


class Summary(Value):
    name: str
    headline: str
    findings: dict[str, int] = Field(
        description="Failed findings by severity, without those that are suppressed"
    )
    suppressed: tuple[str, ...] = Field(
        default=(), description="Ids of failed findings that a suppression takes out of every score"
    )
    key_facts: tuple[str, ...] = Field(description="Ids of the facts a person wants first")
    sentences: tuple[str, ...] = ()


class Coverage(Value):
    """How much of what was handed in could be judged at all; shown beside every score."""

    files: int
    files_read: int
    resources: int
    checks_by_status: dict[str, int]
    agents_done: tuple[str, ...]
    agents_failed: tuple[str, ...]
    not_assessed: tuple[str, ...] = Field(description="Fields and files that were missing or unreadable")
    unread: tuple[str, ...] = Field(
        default=(),
        description="Files that were not read, whole or in a part: behind findings that name the first of them",
    )


class AssessmentResult(Value):
    """The result of the contract; everything but `assessment_id` and `provenance` is the same for the same input."""

    assessment_id: str
    status: Literal["completed", "partial"]
    summary: Summary
    recommendations: tuple[Recommendation, ...]
    agents: dict[str, AgentResult]
    failures: tuple[AgentFailure, ...] = ()
    inventory: tuple[ResourceSummary, ...]
    images: tuple[ImageUse, ...] = ()
    models: tuple[ModelUse, ...] = ()
    coverage: Coverage
    data_versions: dict[str, dict[str, str]]
    provenance: dict[str, Any]

    def fact(self, fact_id: str) -> Fact | None:
        """The fact with this id, of whatever agent."""
        return next((f for a in self.agents.values() for f in a.facts if f.id == fact_id), None)
