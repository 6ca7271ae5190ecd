"""What the generated folder is measured with has to be worth measuring."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import terraform
from bench.folders import folder, write
from infra_mind.artefacts.inventory import build_inventory
from infra_mind.client import read_submission
from infra_mind.model.inventory import Artefact


def test_every_file_of_a_folder_is_read_and_none_is_like_another() -> None:
    texts = dict(folder(200))
    found = build_inventory([Artefact(path=p, content=t) for p, t in texts.items()])
    assert (found.unread, found.files_read, len(found.resources)) == ((), 200, 580)
    assert len(set(texts.values())) == len(texts)


def test_a_folder_on_disk_is_a_submission(tmp_path: Path) -> None:
    submission = read_submission(write(tmp_path, 20))
    assert [(a.path, a.content) for a in submission.artefacts] == sorted(folder(20))


def test_the_command_says_a_line_for_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert terraform.main(["10", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [sum(f" {resources} " in line for line in lines) for resources in (29, 58)] == [1, 1]
