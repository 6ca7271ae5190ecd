"""What a rule is: one function over one resource, with what a person needs to judge and to repair what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.edits import Edit
from infra_mind.agents.security.subject import Subject, Unknown
from infra_mind.model.finding import Effort, Severity, Status
from infra_mind.model.inventory import Format, Resource

RULE_ID = re.compile(r"^IM-[A-Z0-9]+(-[A-Z0-9]+)*-\d{3}$")
ANY_KIND = "*"


class Family(StrEnum):
    EXPOSURE = "public exposure"
    ENCRYPTION = "encryption"
    SECRETS = "secrets in the clear"
    IDENTITY = "over-wide identity"
    NETWORK = "network open to the world"
    LOGGING = "logging and audit"
    BACKUP = "backups and deletion protection"
    METADATA = "instance metadata"
    CONTAINER = "containers"
    SUPPLY_CHAIN = "supply chain"


@dataclass(frozen=True)
class Outcome:
    """What a rule saw at one place of one resource. `observed` never holds a secret: mask before."""

    status: Status
    path: str = ""
    observed: str = ""
    expected: str = ""


Check = Callable[[Subject, Context], Iterable[Outcome]]
Patch = Callable[[Resource, str, Sequence[str]], Edit | None]


@dataclass(frozen=True)
class Rule:
    """`reason` says why the severity is what it is; `controls` are tags that a compliance table maps to controls;
    `ckv` are the ids under which Checkov users know the check; `exposes` marks what makes a resource reachable from the internet;
    `patch` proposes an edit for one failed path, given the lines of the file."""

    id: str
    title: str
    severity: Severity
    reason: str
    family: Family
    format: Format
    kinds: tuple[str, ...]
    fix: str
    effort: Effort
    check: Check
    references: tuple[str, ...] = ()
    ckv: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    exposes: bool = False
    patch: Patch | None = None


class RuleSet:
    """The rules of one area, in the order they are written. An id that stands twice is refused."""

    def __init__(self, format: Format) -> None:
        self.format = format
        self._rules: dict[str, Rule] = {}

    def add(
        self, id: str, title: str, *, severity: Severity, reason: str, family: Family, kinds: tuple[str, ...],
        fix: str, effort: Effort = Effort.MINUTES, references: tuple[str, ...] = (), ckv: tuple[str, ...] = (),
        controls: tuple[str, ...] = (), exposes: bool = False, patch: Patch | None = None,
    ) -> Callable[[Check], Check]:  # fmt: skip
        """Decorator: the function becomes the check of a rule with this metadata."""

        def register(check: Check) -> Check:
            self.put(Rule(
                id=id, title=title, severity=severity, reason=reason, family=family, format=self.format, kinds=kinds,
                fix=fix, effort=effort, check=check, references=references, ckv=ckv, controls=controls,
                exposes=exposes, patch=patch,
            ))  # fmt: skip
            return check

        return register

    def put(self, rule: Rule) -> None:
        """Raises ValueError for an id that is malformed or taken."""
        if not RULE_ID.match(rule.id):
            raise ValueError(f"{rule.id}: a rule id looks like IM-AWS-S3-001")
        if rule.id in self._rules:
            raise ValueError(f"{rule.id} stands twice")
        self._rules[rule.id] = rule

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())


def collect(sets: Iterable[RuleSet]) -> dict[str, Rule]:
    """One table of all rules by id, sorted. Raises ValueError if two sets share an id."""
    table: dict[str, Rule] = {}
    for rules in sets:
        for rule in rules:
            if rule.id in table:
                raise ValueError(f"{rule.id} stands twice")
            table[rule.id] = rule
    return dict(sorted(table.items()))


def passed(path: str = "") -> Outcome:
    return Outcome(Status.PASS, path)


def failed(path: str, observed: str, expected: str) -> Outcome:
    return Outcome(Status.FAIL, path, observed, expected)


def undecided(path: str, reason: str) -> Outcome:
    """The value is only known at apply time; `reason` is the expression."""
    return Outcome(Status.UNRESOLVABLE, path, reason, "a value known from the files")


def each(blocks: Iterable[Subject], check: Callable[[Subject], Iterable[Outcome]]) -> Iterator[Outcome]:
    """The check over every block; a block that apply time decides is undecided and does not hide the others."""
    for block in blocks:
        try:
            block.known("")
            yield from check(block)
        except Unknown as unknown:
            yield undecided(unknown.path, unknown.reason)
