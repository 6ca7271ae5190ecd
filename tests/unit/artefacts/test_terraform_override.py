"""Override files: what they say is put into the block that stands elsewhere."""

from __future__ import annotations

import pytest

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact, Inventory

_BASE = 'resource "aws_db_instance" "d" {\n  publicly_accessible = false\n  storage_encrypted = true\n}\n'


def inventory(**files: str) -> Inventory:
    return build_inventory(
        [Artefact(path=name.replace("__", "."), content=text) for name, text in files.items()]
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("override__tf", 'resource "aws_db_instance" "d" {\n  publicly_accessible = true\n}\n'),
        ("a_override__tf", 'resource "aws_db_instance" "d" {\n  publicly_accessible = true\n}\n'),
        ("a_override__tf__json", '{"resource": {"aws_db_instance": {"d": {"publicly_accessible": true}}}}'),
    ],
)
def test_an_attribute_is_replaced_and_the_others_stay(name: str, text: str) -> None:
    (made,) = inventory(**{"main__tf": _BASE, name: text}).resources
    assert made.values == {"publicly_accessible": True, "storage_encrypted": True}
    assert (made.artefact, made.lines["publicly_accessible"].start) == ("main.tf", 2)


def test_blocks_of_a_type_are_replaced_together_and_others_stay() -> None:
    base = 'resource "aws_instance" "i" {\n  ebs_block_device {\n    encrypted = true\n  }\n  metadata_options {\n    http_tokens = "required"\n  }\n}\n'
    over = 'resource "aws_instance" "i" {\n  ami = "a"\n  ebs_block_device {\n    encrypted = false\n  }\n}\n'
    (made,) = inventory(main__tf=base, override__tf=over).resources
    assert made.get("ebs_block_device.0.encrypted") is False
    assert made.get("metadata_options.0.http_tokens") == "required"
    assert made.lines_of("ami").start == 1


def test_variables_and_locals_are_overridden_too() -> None:
    base = 'variable "v" {\n  default = false\n}\nlocals {\n  e = false\n}\nresource "aws_ebs_volume" "x" {\n  encrypted = var.v\n  final_snapshot = local.e\n}\n'
    over = 'variable "v" {\n  default = true\n}\nlocals {\n  e = true\n}\n'
    (made,) = inventory(main__tf=base, a_override__tf=over).resources
    assert made.values == {"encrypted": True, "final_snapshot": True}


def test_an_override_of_nothing_is_read_as_it_stands() -> None:
    (made,) = inventory(override__tf=_BASE).resources
    assert made.artefact == "override.tf"
