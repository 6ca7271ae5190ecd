"""An assessment as a plan of steps: the inventory first, then the agents, at last the synthesis. Every step is a pure function
from bytes to bytes, so that it can run in this process, in another one, or on another machine."""

from __future__ import annotations

import gc
import hashlib
import json
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra_mind.agents.base import Agent, Inputs, Later, PermanentError, Progress, silent
from infra_mind.artefacts.portions import portions
from infra_mind.errors import BadInput, InfraMindError
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import distinct
from infra_mind.model.inventory import Artefact, Inventory
from infra_mind.model.result import AgentFailure, AgentResult
from infra_mind.model.submission import Submission
from infra_mind.settings import Settings
from infra_mind.tasks.plan import Plan, Step, order
from infra_mind.tasks.runner import CLAIM, DAY, FAILURES

AGENTS = "infra_mind.agents:table"
ARTEFACTS = "artefacts"
CHECKOV = "checkov"
INVENTORY = "inventory"
SYNTHESIS = "synthesis"
INVENTORY_VERSION = 6
MAX_WORDS = 500
COLLECT_AFTER = 100_000  # new objects, some 20 MB; Python's own 700 are for a process of any kind

# Touches every agent and every table once; nobody sees what comes out.
_SMALL_BRIEF = {
    "name": "warm-up",
    "hosting": {"provider": "aws", "region": "us-east-1", "nodes": [{"instance": "m5.xlarge", "utilisation": 0.5}]},
    "availability": {"target": 0.99, "components": [{"name": "api", "availability": 0.99}]},
    "services": [{"name": "api", "arrivals_per_s": 1, "service_time_s": 0.1, "servers": 1, "wait_within_s": 0.1, "wait_percentile": 0.9}],
    "llm_serving": [{"name": "chat", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "h100_sxm", "requests_per_s": 1, "input_tokens": 100, "output_tokens": 100}],
    "llm_api": [{"name": "api", "model": "gpt-5", "input_tokens_per_month": 1000, "output_tokens_per_month": 1000}],
}  # fmt: skip
_SMALL_FILES = (
    Artefact(path="main.tf", content=(
        'provider "aws" {\n  region = "us-east-1"\n}\nresource "aws_instance" "one" {\n  instance_type = "m5.large"\n}\n'
        'resource "aws_db_instance" "one" {\n  instance_class = "db.m5.large"\n  engine = "postgres"\n  allocated_storage = 10\n}\n'
        'resource "aws_ebs_volume" "one" {\n  type = "gp2"\n  size = 10\n}\n'
        'resource "azurerm_linux_virtual_machine" "one" {\n  size = "Standard_D2s_v5"\n  location = "westeurope"\n}\n'
        'resource "google_compute_instance" "one" {\n  machine_type = "n2-standard-2"\n  zone = "us-central1-a"\n}\n'
    )),
    Artefact(path="pod.yaml", content="apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {containers: [{name: one, image: one}]}\n"),
    Artefact(path="Dockerfile", content="FROM scratch\n"),
)  # fmt: skip

# The same input fails the same way: trying again would only cost time.
_PERMANENT = (PermanentError, BadInput, TypeError, AttributeError, LookupError, ValueError, ArithmeticError, AssertionError, NotImplementedError, RecursionError)  # fmt: skip


@dataclass(frozen=True)
class Assessor:
    """Plan and steps for one table of agents. `agents` is `module:function`; every process that runs steps can import it."""

    agents: str = AGENTS

    @cached_property
    def table(self) -> dict[str, Agent]:
        module, _, name = self.agents.partition(":")
        table: dict[str, Agent] = getattr(import_module(module), name)()
        return table

    @cached_property
    def plan(self) -> Plan:
        steps = []
        if any(ARTEFACTS in agent.reads for agent in self.table.values()):
            steps.append(
                Step(INVENTORY, reads=(ARTEFACTS,), version=INVENTORY_VERSION, agent=False, divided=True)
            )
        steps += [self._step(agent) for agent in self.table.values()]
        steps += [_later(agent, agent.later) for agent in self.table.values() if agent.later]
        everything = tuple(step.name for step in steps)
        return Plan((*order(steps), Step(SYNTHESIS, after=everything, agent=False)), release=_release())

    def _step(self, agent: Agent) -> Step:
        known = [name for name in agent.needs if name in self.table]
        needs = (INVENTORY, *known) if ARTEFACTS in agent.reads else tuple(known)
        after = tuple(name for name in agent.after if name in self.table and name not in known)
        waits = agent.awaits is not None
        return Step(
            agent.name, needs=needs, after=after, reads=agent.reads, version=agent.version, waits=waits
        )

    def warm(self) -> None:
        """Runs every step once on a small submission: what they import and load at their first use is then there. Not those
        that wait: they would ask others for nothing."""
        data = Submission.of(parse_brief(_SMALL_BRIEF), _SMALL_FILES).to_bytes()
        quick = Settings(checkov="off")
        results: dict[str, bytes] = {}
        for step in self.plan.steps:
            if step.waits:
                continue
            with suppress(
                Exception
            ):  # a table of somebody's own may not take this brief; its steps say so when it matters
                results[step.name] = self.run(step.name, data, results, settings=quick)

    def run(
        self, step: str, data: bytes, results: Mapping[str, bytes], progress: Progress = silent, *,
        settings: Settings | None = None,
    ) -> bytes:  # fmt: skip
        """Runs one step; what it gives as deterministic JSON. Errors pass through: see `is_permanent`."""
        submission = Submission.from_bytes(data)
        if step.partition(".")[0] == INVENTORY:
            return _inventory(step, submission, results, progress)
        if step == SYNTHESIS:
            return self._synthesis(submission, results)
        for agent in self.table.values():
            if agent.later and step == agent.later_step:
                added = agent.later.work(self._inputs(agent.later.reads, submission, results), progress)
                return json.dumps(added, sort_keys=True).encode()
        agent = self.table[step]
        inputs = self._inputs(agent.reads, submission, results)
        if CHECKOV in agent.reads:
            inputs = _scanned(inputs, progress, settings or Settings())
        return _packed(agent.assess(inputs, progress))

    async def run_waiting(
        self, step: str, data: bytes, results: Mapping[str, bytes], progress: Progress = silent
    ) -> bytes:
        """The same for a step that waits, beside others in one event loop."""
        agent = self.table[step]
        assert agent.awaits is not None
        inputs = self._inputs(agent.reads, Submission.from_bytes(data), results)
        return _packed(await agent.awaits(inputs, progress))

    def _inputs(self, reads: tuple[str, ...], submission: Submission, results: Mapping[str, bytes]) -> Inputs:
        reads_artefacts = ARTEFACTS in reads
        return Inputs(
            brief=submission.brief,
            inventory=Inventory.model_validate_json(results[INVENTORY]) if reads_artefacts else Inventory(),
            artefacts={a.path: a for a in submission.artefacts} if reads_artefacts else {},
            results={n: AgentResult.model_validate_json(d) for n, d in results.items() if n in self.table},
            day=json.loads(results.get(CLAIM, b"{}")).get("created_at", "")[:10] if DAY in reads else "",
        )

    def _synthesis(self, submission: Submission, results: Mapping[str, bytes]) -> bytes:
        from infra_mind.knowledge import llm_api
        from infra_mind.knowledge.tables import versions
        from infra_mind.synthesis import build_result

        claim = json.loads(results.get(CLAIM, b"{}"))
        assessment_id = claim.pop("assessment_id", "")
        provenance = {
            **claim,
            "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "version": _release(),
        }
        result = build_result(
            assessment_id=assessment_id,
            brief=submission.brief,
            inventory=Inventory.model_validate_json(results[INVENTORY])
            if INVENTORY in results
            else Inventory(),
            results={n: _whole(agent, results) for n, agent in self.table.items() if n in results},
            failures=[AgentFailure.model_validate(f) for f in json.loads(results.get(FAILURES, b"[]"))],
            provenance=provenance,
            data_versions={**versions(), "llm_api": {"as_of": llm_api.as_of(), "source": llm_api.source()}},
        )
        return result.to_json()


def _later(agent: Agent, later: Later) -> Step:
    needs = (INVENTORY, agent.name) if ARTEFACTS in later.reads else (agent.name,)
    return Step(agent.later_step, needs=needs, reads=later.reads, version=agent.version, agent=False)


def _whole(agent: Agent, results: Mapping[str, bytes]) -> AgentResult:
    """The agent's result with what it added later."""
    result = AgentResult.model_validate_json(results[agent.name])
    if agent.later is None:
        return result
    added = results.get(agent.later_step)
    return agent.later.put(result, None if added is None else json.loads(added))


def _inventory(step: str, submission: Submission, results: Mapping[str, bytes], progress: Progress) -> bytes:
    """The inventory, from the portions that were read before it if there are any; or one of them (`inventory.1-134`)."""
    from infra_mind.artefacts.inventory import build_inventory, read_portion

    if portion := step.partition(".")[2]:
        first, last = map(int, portion.split("-"))
        return read_portion(submission.artefacts, first, last, progress=progress)
    read = [data for name, data in results.items() if name.partition(".")[0] == INVENTORY]
    return build_inventory(submission.artefacts, progress=progress, portions=read).to_json()


def _scanned(inputs: Inputs, progress: Progress, settings: Settings) -> Inputs:
    """With what Checkov says, where this machine has it. The agent itself stays without input and output."""
    if settings.checkov == "off":
        return inputs
    from infra_mind.scanners import checkov

    found = checkov.scan(
        inputs.inventory, inputs.artefacts, limit_s=settings.checkov_limit_s, tick=lambda: progress(0, 1, "checkov")
    )  # fmt: skip
    return replace(inputs, scan=found)


def _packed(result: AgentResult) -> bytes:
    return result.model_copy(update={"findings": distinct(result.findings)}).to_json()


def input_parts(data: bytes) -> dict[str, str]:
    """Hash of each top-level field of the brief, and of the artefacts: what `Agent.reads` names. `data` is a submission."""
    return _parts(json.loads(data))


def portioned_parts(data: bytes) -> dict[str, str]:
    """The same, with the portions in which many artefacts are read, `artefacts.1-134`: for engines that have more than one processor. What
    one file gives may depend on others (an environment, a chart), so each has the hash of all."""
    submission = json.loads(data)
    parts = _parts(submission)
    files = sorted(submission.get("artefacts", []), key=lambda file: file["path"])
    sizes = [len(file.get("content") or "") for file in files]
    return parts | {f"{ARTEFACTS}.{first}-{last}": parts[ARTEFACTS] for first, last in portions(sizes)}


def _parts(submission: dict[str, Any]) -> dict[str, str]:
    brief = dict(submission["brief"])
    brief[ARTEFACTS] = [submission.get("artefacts", []), brief.get(ARTEFACTS)]
    return {name: _hash(value) for name, value in brief.items()}


@cache
def _release() -> str:
    return version("infra-mind")


@cache
def assessor(agents: str = AGENTS) -> Assessor:
    """The one `Assessor` of this process for a table."""
    return Assessor(agents)


@cache
def spare_the_collector() -> None:
    """For a process that does nothing but run steps: what is loaded by now stays, and steps make large values but hardly any cycles, so that
    Python's search for cycles finds nothing and took a third of a step on a large inventory. It goes on, but seldom. Once a process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def is_permanent(error: BaseException) -> bool:
    """True if trying again with the same input cannot go better."""
    return isinstance(error, _PERMANENT)


def told(error: BaseException) -> str:
    """What is said of an error: our own words as they are; of any other one only its kind and place, because its text may quote
    what was handed in (a secret, say)."""
    if isinstance(error, PermanentError | InfraMindError):
        text = str(error) or type(error).__name__
        return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
