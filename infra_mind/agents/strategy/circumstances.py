"""What tells two findings of one severity apart: whether the internet reaches them, how much they concern, what data is held, and which
controls of the regimes in scope fail by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra_mind.model.brief import Brief
from infra_mind.model.result import AgentResult

SENSITIVE = frozenset({"health", "payment", "personal", "credentials"})
# Families of rules by which data gets out; the others are about keeping order, watching and restoring.
LEAKING = frozenset({"public exposure", "encryption", "secrets in the clear", "network open to the world"})
REACH, SPREAD, DATA, CONTROLS = 0.4, 0.2, 0.2, 0.2  # shares of the step from one severity to the next


@dataclass(frozen=True)
class Circumstances:
    """`opening` are rules that open something to the internet, `reachable` the addresses behind; `leaking` rules by which data gets out."""

    opening: frozenset[str] = frozenset()
    reachable: frozenset[tuple[str, str]] = frozenset()
    leaking: frozenset[str] = frozenset()
    sensitive: bool = False


@dataclass(frozen=True)
class Weight:
    """0 to 1 each: `reach` (1 opens to the internet, 0.5 is reachable from it), `spread` (1 − 1/n over n resources), `data`, `controls`
    (1 − 1/(1 + n) for n controls that fail)."""

    reach: float = 0.0
    spread: float = 0.0
    data: float = 0.0
    controls: float = 0.0

    @property
    def step(self) -> float:
        """How much of the step to the next severity: 0 to 1."""
        return REACH * self.reach + SPREAD * self.spread + DATA * self.data + CONTROLS * self.controls


def circumstances(results: Mapping[str, AgentResult], brief: Brief | None = None) -> Circumstances:
    """From the tables that the security agent gives (`exposure`, `rules`) and the brief's data classes."""
    details = results["security"].details if "security" in results else {}
    exposure, rules = _rows(details.get("exposure")), _rows(details.get("rules"))
    classes = brief.compliance.data_classes if brief and brief.compliance else ()
    return Circumstances(
        opening=frozenset(str(row.get("rule")) for row in exposure),
        reachable=frozenset((str(row.get("artefact")), str(row.get("address"))) for row in exposure),
        leaking=frozenset(str(row.get("id")) for row in rules if row.get("family") in LEAKING),
        sensitive=bool(SENSITIVE.intersection(classes)),
    )


def controls_failed(results: Mapping[str, AgentResult]) -> dict[str, Sequence[str]]:
    """Id of a failed finding → ids of the controls of the regimes in scope that it fails (`gdpr:Art.32(1)(a)`), by the compliance agent."""
    found = results["compliance"].details.get("evidence", {}) if "compliance" in results else {}
    return found if isinstance(found, dict) else {}


def weigh(
    rules: Iterable[str],
    places: Iterable[tuple[str, str]],
    security: bool,
    here: Circumstances,
    controls: int = 0,
) -> Weight:
    """The weight of findings of `rules` at `places` (artefact, address) by which so many `controls` fail."""
    rules, places = set(rules), set(places)
    reach = 0.0
    if security:
        reach = 1.0 if rules & here.opening else 0.5 if places & here.reachable else 0.0
    leaks = security and here.sensitive and bool(rules & here.leaking)
    return Weight(reach, 1 - 1 / len(places) if places else 0.0, float(leaks), 1 - 1 / (1 + controls))


def _rows(table: Any) -> list[dict[str, Any]]:
    return [row for row in table if isinstance(row, dict)] if isinstance(table, list) else []
