"""Many artefacts are read by steps of their own; few are not, and the result is the same."""

from __future__ import annotations

from bench.folders import folder
from infra_mind.assessment import ARTEFACTS, INVENTORY, assessor, input_parts, portioned_parts
from infra_mind.model.brief import parse_brief
from infra_mind.model.inventory import Artefact
from infra_mind.model.submission import Submission


def submission(files: int) -> bytes:
    artefacts = tuple(Artefact(path=path, content=text) for path, text in folder(files))
    return Submission.of(parse_brief({"name": "generated"}), artefacts).to_bytes()


def test_the_portions_of_many_artefacts_are_steps_and_give_the_same_inventory() -> None:
    data, run = submission(450), assessor()
    plan = run.plan.divided(portioned_parts(data))
    names = plan.by_name[INVENTORY].needs
    assert len(names) >= 3
    read = {name: run.run(name, data, {}) for name in names}
    assert run.run(INVENTORY, data, read) == run.run(INVENTORY, data, {})


def test_few_artefacts_are_no_more_steps_than_before() -> None:
    data = submission(60)
    assert portioned_parts(data) == input_parts(data)


def test_a_portion_is_read_again_when_any_file_has_changed() -> None:
    before, after = (portioned_parts(submission(n)) for n in (450, 451))
    portion = f"{ARTEFACTS}.1-"
    [first] = [name for name in before if name.startswith(portion)]
    assert before[first] != after[first]
