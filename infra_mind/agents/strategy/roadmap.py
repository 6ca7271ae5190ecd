"""The roadmap: what can be done in 30, 60 and 90 days by the people there are, in the order of the ranks, nothing before what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Literal

from infra_mind.agents.strategy.options import DAYS_OF_EFFORT, Option
from infra_mind.agents.strategy.remedies import kind_of
from infra_mind.model.brief import Brief
from infra_mind.model.fact import Assumption, Fact
from infra_mind.model.finding import Effort

Phase = Literal["30", "60", "90"]
SHARE_OF_TIME = 0.2
WORKING_DAYS_A_WEEK = 5
HORIZON = 90.0
DAYS_A_MONTH = 730 / 24


@dataclass(frozen=True)
class Need:
    """`after` should not be begun before `before` is done; both are rules, or kinds of rules of security."""

    before: str
    after: tuple[str, ...]
    why: str


_COMMITMENTS = ("research.commitment", "cost.commit-gpus", "cost.unused-commitment")
NEEDS = (
    Need("cloud.requests", ("cloud.zone-loss", "cloud.node-capacity", "cloud.spare-nodes", "sustainability.idle"),
         "how much is needed is only known once every container states its requests"),
    Need("reliability.k8s-single-replica", ("reliability.k8s-no-disruption-budget", "reliability.k8s-no-spread"),
         "a budget or a spread over one pod only stops every drain"),
    Need("reliability.one-node-group", ("reliability.k8s-no-spread", "cloud.zone-loss"), "pods cannot spread over one node"),
    Need("IM-K8S-POD", ("IM-K8S-NS",), "a namespace that enforces a standard refuses the pods that do not meet it yet"),
    Need("compliance.residency", ("sustainability.region",), "where data has to stay decides where it may move"),
    *(Need(change, _COMMITMENTS, "a commitment binds to what runs when it is made")
      for change in ("cost.older-generation", "cloud.spare-nodes", "sustainability.idle", "compliance.residency")),
    Need("cost.rent-is-cheaper", ("research.commitment", "cost.commit-gpus"), "a model that is rented needs no GPUs of its own"),
)  # fmt: skip


@dataclass(frozen=True)
class Team:
    """`people` who do this work, and where their number is from; `assumed` where the brief gives none."""

    people: float
    source: str
    assumed: bool = False

    @property
    def person_days_a_day(self) -> float:
        """Per calendar day."""
        return self.people * SHARE_OF_TIME * WORKING_DAYS_A_WEEK / 7


@dataclass(frozen=True)
class Planned:
    """When one option is done, in calendar days from the start, and what it waits for (ids of options, with the reason)."""

    id: str
    person_days: float
    done_by_day: float
    after: tuple[tuple[str, str], ...] = ()

    @property
    def phase(self) -> Phase:
        """The last phase also holds what does not fit: `fits` tells them apart."""
        return "30" if self.done_by_day <= 30 else "60" if self.done_by_day <= 60 else "90"

    @property
    def fits(self) -> bool:
        return self.done_by_day <= HORIZON


def team_of(brief: Brief) -> Team:
    """Those who run the platform; the engineers where none do; one person where nothing is said."""
    team = brief.organisation.team if brief.organisation else None
    for field in ("devops", "engineers"):
        number = getattr(team, field) if team else None
        if number:
            return Team(float(number), f"brief: organisation.team.{field}")
    return Team(1.0, "assumption", assumed=True)


def plan(ranked: Sequence[Option], team: Team) -> dict[str, Planned]:
    """Option → when it is done: one after the other by rank, but what it needs first. `ranked` is best first.

    However many people there are, a piece takes as many working days as it has person-days: others begin the next one meanwhile."""
    waits = {option.id: tuple(_needs(option, ranked)) for option in ranked}
    left, done = list(ranked), dict[str, Planned]()
    spent = 0.0
    while left:
        ready = (o for o in left if all(id_ in done for id_, _ in waits[o.id]))
        option = next(ready, left[0])  # needs that go round in a circle hold nobody up
        left.remove(option)
        days, needed = (
            person_days(option),
            [done[id_].done_by_day for id_, _ in waits[option.id] if id_ in done],
        )
        begun = max([spent / team.person_days_a_day, *needed])
        spent += days
        ended = max(spent / team.person_days_a_day, begun + days * 7 / WORKING_DAYS_A_WEEK)
        done[option.id] = Planned(option.id, days, ended, waits[option.id])
    return done


def person_days(option: Option) -> float:
    """The effort of each rule once: the same change in more places is made with the first."""
    efforts: dict[str, float] = {}
    for finding in option.findings:
        effort = finding.remediation.effort if finding.remediation else Effort.HOURS
        efforts[finding.rule_id] = max(efforts.get(finding.rule_id, 0.0), DAYS_OF_EFFORT[effort])
    return fsum(efforts.values())


def _needs(option: Option, others: Iterable[Option]) -> Iterable[tuple[str, str]]:
    for need in NEEDS:
        if not _is_about(option, need.after):
            continue
        for other in others:
            if other.id != option.id and _is_about(other, (need.before,)):
                yield other.id, need.why


def _is_about(option: Option, names: Iterable[str]) -> bool:
    about = {name for rule in option.rules for name in (rule, kind_of(rule))}
    return bool(about.intersection(names))


def facts(planned: Mapping[str, Planned], team: Team, months: float | None) -> list[Fact]:
    """What there is to do, what the team can do in 30 days, and how much does not fit in 90, nor in the brief's timeline of so many months."""
    total = fsum(p.person_days for p in planned.values())
    return [
        Fact(id="strategy.roadmap.person_days", value=total, unit="person-days", formula="Σ over recommendations of the effort of each rule",
             inputs={"recommendations": len(planned)}, source="findings of all agents; strategy.effort_days"),
        Fact(id="strategy.roadmap.capacity_person_days_per_30_days", value=30 * team.person_days_a_day, unit="person-days",
             formula="people · share of time · 30 · 5 / 7", inputs={"people": team.people, "share_of_time": SHARE_OF_TIME}, source=team.source),
        Fact(id="strategy.roadmap.beyond_90_days", value=sum(not p.fits for p in planned.values()), unit="count",
             formula="recommendations that end after day 90, counted", inputs={"person_days": total, "people": team.people}, source=team.source),
        *([] if months is None else [_beyond_timeline(planned, months, team)]),
    ]  # fmt: skip


def _beyond_timeline(planned: Mapping[str, Planned], months: float, team: Team) -> Fact:
    last = months * DAYS_A_MONTH
    return Fact(
        id="strategy.roadmap.beyond_timeline", value=sum(p.done_by_day > last for p in planned.values()), unit="count",
        formula="recommendations that end after timeline_months · 730 / 24 days, counted",
        inputs={"timeline_months": months, "people": team.people}, source=f"brief: organisation.timeline_months; {team.source}",
    )  # fmt: skip


def assumptions(team: Team) -> list[Assumption]:
    found = [
        Assumption(
            id="strategy.effort_days", text="An effort in person-days: minutes 0.1, hours 0.5, days 3, weeks 10; each rule of a piece of work once. "
            "A piece takes as many working days at least: more people begin the next one and do not shorten it.",
            value="0.1, 0.5, 3, 10", unit="person-days", source="scoring of this package",
        ),
        Assumption(
            id="strategy.share_of_time", text="The people who do it have a fifth of their time for it.", value=SHARE_OF_TIME, unit="share",
            source="scoring of this package", field="organisation.team",
        ),
    ]  # fmt: skip
    if team.assumed:
        found.append(Assumption(
            id="strategy.team", text="No team is given: one person does it.", value=team.people, unit="people", source="the smallest team",
            field="organisation.team.devops",
        ))  # fmt: skip
    return found
