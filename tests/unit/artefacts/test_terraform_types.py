"""Variables with a declared type: what is absent from an object is filled in as Terraform does it."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact, is_unresolvable

MODULE = """
variable "sets" {
  type = map(object({
    name     = string
    size     = optional(number, 3)
    public   = optional(bool)
    rules    = optional(list(object({ port = number, open = optional(bool, false) })), [])
    metadata = optional(object({ tokens = optional(string, "required") }), {})
  }))
  default = {}
}
resource "aws_thing" "t" {
  for_each = var.sets
  name     = each.value.name
  size     = each.value.size
  public   = each.value.public
  tokens   = each.value.metadata.tokens
  open     = [for rule in each.value.rules : rule.open]
}
"""


def things(call: str) -> dict[str, dict[str, Any]]:
    files = (
        Artefact(path="modules/m/main.tf", content=MODULE),
        Artefact(path="main.tf", content=f'module "m" {{\n  source = "./modules/m"\n  {call}\n}}\n'),
    )
    return {r.address: r.values for r in build_inventory(files).of("aws_thing")}


def test_optional_attributes_that_are_absent_take_their_defaults_at_every_depth() -> None:
    (made,) = things(
        'sets = { a = { name = "x", rules = [{ port = 22 }, { port = 80, open = true }] } }'
    ).values()
    assert (made["name"], made["size"], made["tokens"]) == ("x", 3, "required")
    assert made["open"] == [False, True]
    assert made.get("public") is None


@pytest.mark.parametrize(("given", "size"), [("size = 7", 7), ("size = null", 3), ("", 3)])
def test_null_counts_as_absent_and_what_is_given_stays(given: str, size: int) -> None:
    (made,) = things(f'sets = {{ a = {{\n name = "x"\n {given}\n }} }}').values()
    assert made["size"] == size


def test_what_apply_time_knows_stays_open_and_the_rest_is_filled_in() -> None:
    (made,) = things("sets = { a = { name = data.aws_x.y.id, metadata = data.aws_x.y.all } }").values()
    assert is_unresolvable(made["name"])
    assert is_unresolvable(made["tokens"])
    assert made["size"] == 3


def test_a_value_of_another_shape_is_left_alone() -> None:
    (made,) = things('sets = "many"').values()
    assert all(is_unresolvable(value) for value in made.values())
    assert things("") == {}


@pytest.mark.parametrize(("path", "known"), [("./conf/a.yaml", True), ("~/conf/a.yaml", False)])
def test_a_path_without_a_home_folder_is_itself(path: str, known: bool) -> None:
    text = f'resource "aws_thing" "t" {{\n  path = pathexpand("{path}")\n}}\n'
    (made,) = build_inventory((Artefact(path="main.tf", content=text),)).of("aws_thing")
    assert made.values["path"] == path if known else is_unresolvable(made.values["path"])


@pytest.mark.parametrize(
    ("nullable", "value"), [("", None), ("nullable = true", None), ("nullable = false", 30)]
)
def test_a_null_that_is_given_is_the_default_only_where_the_variable_takes_no_null(
    nullable: str, value: int | None
) -> None:
    module = f'variable "days" {{\n  default = 30\n  {nullable}\n}}\nresource "aws_thing" "t" {{\n  days = var.days\n}}\n'
    files = (
        Artefact(path="modules/m/main.tf", content=module),
        Artefact(path="main.tf", content='module "m" {\n  source = "./modules/m"\n  days = null\n}\n'),
    )
    (made,) = build_inventory(files).of("aws_thing")
    assert made.values.get("days") == value
