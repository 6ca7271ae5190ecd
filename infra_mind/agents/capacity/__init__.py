"""Capacity: how many servers each request and response service needs for the wait that people are promised.

Erlang C per service (`queueing`), uncertainty by simulation (`simulation`), headroom for the growth that the brief names."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from fractions import Fraction

from infra_mind.agents import defaults
from infra_mind.agents.base import Agent, Inputs, Progress
from infra_mind.agents.capacity import queueing
from infra_mind.agents.capacity.simulation import (
    SAMPLES,
    Target,
    seed_of,
    servers_at,
    tornado,
)
from infra_mind.model.brief import Growth, Service
from infra_mind.model.fact import Assumption, Fact, FactValue, id_parts
from infra_mind.model.finding import (
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.numbers import counted, number, percent
from infra_mind.model.result import AgentResult

NAME = "capacity"
ERLANG = "Erlang C (M/M/c): A. K. Erlang 1917; brief: services"
_PERCENTILES = (5, 50, 95)
SMALLEST = "smallest c with 1 − C(c, a)·e^(−(c − a)·t/s) >= percentile"


def assess(inputs: Inputs, progress: Progress) -> AgentResult:
    """Facts `capacity.<name>.*` and findings for every service of the brief."""
    services = inputs.brief.services
    if not services:
        missing = not_assessed(
            agent=NAME, rule_id="capacity.services", title="No service is described, so no capacity was reckoned",
            missing="services", hint="Give `services` with arrivals_per_s and service_time_s in the brief.",
        )  # fmt: skip
        return AgentResult(findings=(missing,))
    growth = inputs.brief.organisation.growth if inputs.brief.organisation else None
    total, done = sum(1 + _simulated(service) for service in services), 0
    parts = []
    ids = id_parts(service.name for service in services)
    for index, service in enumerate(services):
        part = _ServiceCase(service, f"services.{index}", ids[index])
        part.assess(growth)
        done += 1
        progress(done, total, f"{service.name}: queue")
        if _simulated(service):
            part.simulate()
            done += 1
            progress(done, total, f"{service.name}: {SAMPLES} samples")
        parts.append(part)
    return AgentResult(
        facts=tuple(fact for part in parts for fact in part.facts),
        findings=tuple(finding for part in parts for finding in part.findings),
        assumptions=tuple(_assumptions(services, growth)),
        details={"tornado": {p.service.name: p.tornado for p in parts if p.tornado}},
    )


def offered_load(service: Service) -> float:
    """a = λ·s in Erlangs; the decimals of the brief are multiplied exactly, so that 0.1/s × 30 s is 3 and not a bit above."""
    exact = Fraction(repr(service.arrivals_per_s)) * Fraction(repr(service.service_time_s))
    return max(float(exact), sys.float_info.min)


def _simulated(service: Service) -> bool:
    sigmas = service.arrivals_sigma is not None or service.service_sigma is not None
    return sigmas and _target(service) is not None


def _target(service: Service) -> Target | None:
    if service.wait_within_s is None or service.wait_percentile is None:
        return None
    return Target(service.wait_within_s, service.wait_percentile)


@dataclass
class _ServiceCase:
    """What is reckoned and found for one service; `path` is its place in the brief."""

    service: Service
    path: str
    id: str
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tornado: list[dict[str, FactValue]] = field(default_factory=list)

    def assess(self, growth: Growth | None) -> None:
        load = offered_load(self.service)
        self._fact(
            "offered_load", load, "Erlang", "arrivals_per_s · service_time_s",
            arrivals_per_s=self.service.arrivals_per_s, service_time_s=self.service.service_time_s,
        )  # fmt: skip
        needed = self._needed(load)
        self._judge(load, needed)
        if growth is None:
            self._missing("capacity.growth", "organisation.growth", "growth headroom")
        else:
            self._grow(load, growth)

    def _needed(self, load: float) -> int | None:
        """The smallest number of servers for the brief's wait target, as a fact; None when the brief has no target."""
        target = _target(self.service)
        if target is None:
            for missing in ("wait_within_s", "wait_percentile"):
                if getattr(self.service, missing) is None:
                    self._missing("capacity.servers", f"{self.path}.{missing}", "the servers that it needs")
            return None
        servers = queueing.smallest_servers(
            load, self.service.service_time_s, target.within, target.percentile
        )
        self._fact("servers", servers, "count", SMALLEST, **self._target_inputs(load, target))
        return servers

    def _judge(self, load: float, needed: int | None) -> None:
        """What the servers of today do: saturated, too slow or enough."""
        servers = self.service.servers
        if servers is None:
            self._missing("capacity.wait", f"{self.path}.servers", "the wait of today")
            return
        self._fact(
            "utilisation", load / servers, "share", "offered_load / servers", offered_load=load, servers=servers
        )  # fmt: skip
        if load >= servers:
            self._saturated(load, servers, needed)
            return
        p_within = self._waits(load, servers)
        if p_within is None or needed is None:
            return
        self._target_finding(servers, needed, p_within)

    def _saturated(self, load: float, servers: int, needed: int | None) -> None:
        enough = (
            f"{counted(needed, 'server')} {'meets' if needed == 1 else 'meet'} the wait target"
            if needed
            else f"at least {counted(math.floor(load) + 1, 'server')} are needed"
        )
        self._finding(
            "capacity.saturated", f"{self.service.name}: more work arrives than {counted(servers, 'server')} can do",
            Status.FAIL, Severity.CRITICAL, ["offered_load", "utilisation", *(["servers"] if needed else [])],
            path="servers", observed=f"{counted(servers, 'server')} for {number(load)} Erlang: the queue grows without end",
            expected=enough,
            fix=f"Raise the servers of {self.service.name} from {number(servers)}: {enough}; or shorten its service time.",
        )  # fmt: skip

    def _waits(self, load: float, servers: int) -> float | None:
        """Facts of the wait at the brief's own servers; gives P(wait <= wait_within_s) where that is asked."""
        time = self.service.service_time_s
        given = {"offered_load": load, "servers": servers}
        self._fact(
            "p_wait", queueing.erlang_c(servers, load), "share", "C = B/(1 − ρ·(1 − B)), ρ = a/c", **given
        )  # fmt: skip
        self._fact(
            "mean_wait_s", queueing.mean_wait(servers, load, time), "s", "C·s/(c − a)", **given, service_time_s=time
        )  # fmt: skip
        within = self.service.wait_within_s
        if within is None:
            return None
        value = queueing.p_within(servers, load, time, within)
        self._fact(
            "p_within", value, "share", "1 − C·e^(−(c − a)·t/s)", **given, service_time_s=time, wait_within_s=within
        )  # fmt: skip
        return value

    def _target_finding(self, servers: int, needed: int, p_within: float) -> None:
        wanted = (
            f"{percent(self.service.wait_percentile or 0)} within {number(self.service.wait_within_s or 0)} s"
        )
        late = servers < needed
        title = "misses its wait target" if late else "meets its wait target"
        self._finding(
            "capacity.wait-target", f"{self.service.name} {title}",
            Status.FAIL if late else Status.PASS, Severity.HIGH,
            ["p_within", "servers"], path="servers",
            observed=f"{counted(servers, 'server')}: {percent(p_within)} of the arrivals wait no longer than {number(self.service.wait_within_s or 0)} s",
            expected=f"{wanted}: {counted(needed, 'server')}",
            fix=f"Raise the servers of {self.service.name} from {number(servers)} to {number(needed)}." if late else None,
        )  # fmt: skip

    def _grow(self, load: float, growth: Growth) -> None:
        """Load and servers in twelve months, linear in users."""
        # Zero users now is as good as absent: growth from nothing is not a multiple of anything.
        if not growth.users_now or growth.users_in_12_months is None:
            missing = "users_in_12_months" if growth.users_now else "users_now"
            given = "0" if growth.users_now == 0 else ""
            self._missing("capacity.growth", f"organisation.growth.{missing}", "growth headroom", given)
            return
        factor = Fraction(growth.users_in_12_months, growth.users_now)
        later = max(float(Fraction(repr(load)) * factor), sys.float_info.min)
        self._fact(
            "offered_load_in_12_months", later, "Erlang", "offered_load · users_in_12_months / users_now",
            offered_load=load, users_now=growth.users_now, users_in_12_months=growth.users_in_12_months,
        )  # fmt: skip
        target = _target(self.service)
        if target is None:
            return
        needed = queueing.smallest_servers(
            later, self.service.service_time_s, target.within, target.percentile
        )
        self._fact("servers_in_12_months", needed, "count", SMALLEST, **self._target_inputs(later, target))
        if self.service.servers is not None:
            self._growth_finding(self.service.servers, needed)

    def _growth_finding(self, servers: int, needed: int) -> None:
        short = servers < needed
        title = (
            "does not reach for the growth of twelve months"
            if short
            else "reaches for the growth of twelve months"
        )
        self._finding(
            "capacity.growth", f"{self.service.name}: what there is {title}",
            Status.FAIL if short else Status.PASS, Severity.MEDIUM,
            ["offered_load_in_12_months", "servers_in_12_months"], path="servers",
            observed=counted(servers, "server"), expected=f"{counted(needed, 'server')} in 12 months",
            fix=f"Plan {counted(needed, 'server')} for {self.service.name} within 12 months (now {number(servers)})." if short else None,
            assumptions=("capacity.growth_is_linear",),
        )  # fmt: skip

    def simulate(self) -> None:
        """Percentiles of the servers needed, and the tornado."""
        target = _target(self.service)
        assert target is not None, "only services with a target are simulated"
        found = servers_at(self.service, target, [nth / 100 for nth in _PERCENTILES])
        sigmas = {
            name: value
            for name in ("arrivals_sigma", "service_sigma")
            if (value := getattr(self.service, name)) is not None
        }
        inputs = self._target_inputs(offered_load(self.service), target)
        for nth, servers in zip(_PERCENTILES, found, strict=True):
            self._fact(
                f"servers_p{nth}", servers, "count",
                f"{nth}th percentile by nearest rank of `{SMALLEST}` over lognormal inputs",
                **inputs, **sigmas, samples=SAMPLES, seed=str(seed_of(self.service)),
            )  # fmt: skip
        self._tornado(target)
        self._confidence_finding(found[-1])

    def _tornado(self, target: Target) -> None:
        for swing in tornado(self.service, target):
            row: dict[str, FactValue] = {
                "field": swing.field, "sigma": swing.sigma, "servers_low": swing.low, "servers_high": swing.high,
                "swing": swing.width,
            }  # fmt: skip
            self.tornado.append(row)
            self._fact(
                f"servers_swing.{swing.field}", swing.width, "count",
                "servers at the input's 95th percentile − servers at its 5th, the other input at its median",
                sigma=swing.sigma, servers_low=swing.low, servers_high=swing.high,
            )  # fmt: skip

    def _confidence_finding(self, p95: int) -> None:
        """Servers that meet the target on paper and not in one case of twenty are a risk of their own."""
        servers = self.service.servers
        needed = next((f.value for f in self.facts if f.id == f"capacity.{self.id}.servers"), None)
        if servers is None or not isinstance(needed, int) or servers < needed:
            return
        short = servers < p95
        self._finding(
            "capacity.uncertainty", f"{self.service.name}: the wait target {'does not hold' if short else 'holds'} in 95 % of the simulated loads",
            Status.FAIL if short else Status.PASS, Severity.LOW, ["servers_p50", "servers_p95"], path="servers",
            observed=counted(servers, "server"), expected=counted(p95, "server"),
            fix=f"Let {self.service.name} grow to {counted(p95, 'server')}, or narrow the uncertainty of its "
            f"{self.tornado[0]['field']}, which moves the number most." if short else None,
            assumptions=("capacity.values_are_medians",),
        )  # fmt: skip

    def _target_inputs(self, load: float, target: Target) -> dict[str, FactValue]:
        return {
            "offered_load": load, "service_time_s": self.service.service_time_s,
            "wait_within_s": target.within, "wait_percentile": target.percentile,
        }  # fmt: skip

    def _fact(self, name: str, value: FactValue, unit: str, formula: str, **inputs: FactValue) -> None:
        self.facts.append(
            Fact(id=f"capacity.{self.id}.{name}", value=value, unit=unit, formula=formula, inputs=inputs, source=ERLANG)
        )  # fmt: skip

    def _missing(self, rule_id: str, path: str, what: str, given: str = "") -> None:
        self.findings.append(
            not_assessed(
                agent=NAME,
                rule_id=rule_id,
                resource=f"service {self.service.name}",
                missing=path,
                title=f"{self.service.name}: {what} cannot be reckoned "
                + (f"from a `{path}` of {given}" if given else f"without `{path}`"),
                given=given,
                hint=f"Give a `{path}` above 0." if given else "",
            )
        )

    def _finding(
        self, rule_id: str, title: str, status: Status, severity: Severity, facts: list[str], *,
        path: str, observed: str, expected: str, fix: str | None = None, assumptions: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.findings.append(
            make_finding(
                rule_id=rule_id,
                agent=NAME,
                title=title,
                status=status,
                severity=severity,
                resource=f"service {self.service.name}",
                value=status.value,
                evidence=(
                    Evidence(
                        artefact="brief", path=f"{self.path}.{path}", observed=observed, expected=expected
                    ),
                ),
                facts=tuple(f"capacity.{self.id}.{name}" for name in facts),
                assumptions=assumptions,
                remediation=Remediation(text=fix, effort=Effort.HOURS) if fix else None,
            )
        )


def _assumptions(services: tuple[Service, ...], growth: Growth | None) -> list[Assumption]:
    found = [
        Assumption(
            id="capacity.poisson",
            text="Arrivals are a Poisson stream, service times are exponential, nobody leaves the queue (M/M/c).",
            source="Erlang C",
        )
    ]
    if any(_simulated(service) for service in services):
        found.append(
            Assumption(
                id="capacity.values_are_medians",
                text="With a sigma, the given arrivals_per_s and service_time_s are the medians of independent lognormal values.",
                source="brief: services",
            )
        )
    if growth is not None:
        found.append(
            Assumption(
                id="capacity.growth_is_linear",
                text="Arrivals grow in proportion to users; the service time stays.",
                source="brief: organisation.growth",
            )
        )
    return [*found, *_taken_as_certain(services)]


def _taken_as_certain(services: tuple[Service, ...]) -> list[Assumption]:
    """Where servers are reckoned for a target: what has no sigma stays at the value that is given."""
    return [
        assumption
        for i, service in enumerate(services)
        if _target(service) is not None
        for assumption in defaults.used(NAME, service, f"services.{i}", "arrivals_sigma", "service_sigma")
    ]


AGENT = Agent(name=NAME, assess=assess, reads=("services", "organisation"), title="Capacity", version=3)
