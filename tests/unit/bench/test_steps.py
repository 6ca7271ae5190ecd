"""Both sides do the same work."""

from __future__ import annotations

from pathlib import Path

from bench.seed.tasks import gathered
from bench.steps import act, table
from bench.work import STEPS, Work, starts
from infra_mind.agents.base import Inputs, silent
from infra_mind.model.brief import parse_brief


def test_the_agents_run_on_the_goal_of_a_brief() -> None:
    brief = parse_brief({"name": "bench", "goal": Work("burn", 10).to_json()})
    results = [agent.assess(Inputs(brief=brief), silent) for agent in table().values()]
    assert len(results) == STEPS
    assert all(result.facts[0].value == 1 for result in results)


def test_a_held_step_waits_the_first_time_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    work = Work("hold", 0.0, str(log))
    act(work, 0, silent)
    act(work, 1, silent)
    assert len(starts(log)) == 1
    log.write_text("1 1.0\n")
    act(Work("hold", 3600.0, str(log)), 0, silent)
    assert len(starts(log)) == 2


def test_the_seed_gathers_all_steps() -> None:
    assert gathered(Work("wait", 0.0).to_json()) == STEPS


def test_progress_carries_the_time_of_the_call() -> None:
    notes: list[str] = []
    act(Work("tell", 0.0, times=3), 0, lambda done, total, note="": notes.append(note))
    assert len(notes) == 3
    assert sorted(float(note) for note in notes) == [float(note) for note in notes]
