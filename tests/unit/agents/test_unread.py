"""What was not read for one reason is one finding."""

from __future__ import annotations

from infra_mind.model.finding import Finding
from infra_mind.model.inventory import UnreadFile
from tests.unit.agents.test_cloud import assess, of


def test_files_of_one_reason_are_one_finding_that_one_more_file_does_not_change() -> None:
    def of_files(number: int) -> list[Finding]:
        names = [f"{n}/t.yaml" for n in range(9, 9 - number, -1)]
        kinds = ("helm_template", "unreadable", "unsupported")
        unread = tuple(UnreadFile(artefact=n, reason=f"is {k}", kind=k) for n in names for k in kinds)
        result = assess(unread=unread)
        rules = ("cloud.unread", "cloud.unresolved", "cloud.unsupported")
        return [f for rule in rules for f in of(result, rule)]

    one, three = of_files(1), of_files(3)
    assert [len(f.evidence) for f in three] == [3, 3, 3]
    assert [f.fingerprint for f in one] == [f.fingerprint for f in three]
    assert three[0].title == "3 files: is unreadable"
