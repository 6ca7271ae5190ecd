"""Files that are read in portions give the inventory that one process gives, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.folders import folder
from infra_mind.artefacts.intake import collect
from infra_mind.artefacts.inventory import build_inventory, read_portion
from infra_mind.artefacts.portions import FEWEST, MOST, PORTION_BYTES, portions
from infra_mind.artefacts.terraform import parse
from infra_mind.artefacts.terraform.packed import packed, unpacked
from infra_mind.artefacts.terraform.syntax import Body
from infra_mind.model.inventory import Artefact
from infra_mind.settings import IntakeLimits
from tests.unit.artefacts.test_terraform_grammar import LANGUAGE

ROOT = Path(__file__).parents[3]
SMALL = IntakeLimits(max_file=20_000, max_depth=12, max_yaml_nodes=3_000, max_resources=40)
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


def files(texts: dict[str, str]) -> list[Artefact]:
    return [Artefact(path=path, content=text) for path, text in texts.items()]


CHART = {
    "chart/Chart.yaml": "name: c\nversion: 1.0.0\n",
    "chart/templates/pod.yaml": "kind: {{ .Values.kind }}\n",
    "chart/values.yaml": "kind: Pod\n",
    "shop/.env": "IMAGE=nginx:1.27\n",
    "shop/compose.yaml": "services: {web: {image: '${IMAGE}'}}\n",
    "shop/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: b}]}\n---\nkind: [\n",
    "shop/Dockerfile": "FROM a AS b\nRUN echo 1 \\\n  && echo 2\nFROM b\n",
    "shop/notes.md": "#",
}
MODULES = {
    "main.tf": 'module "a" {\n  source = "./net"\n  for_each = { x = 1, y = 2 }\n  size = each.value + var.more\n}\nmodule "b" { source = "git::https://u:p@h/m" }\n',
    "net/main.tf": 'variable "size" {}\nresource "t" "r" {\n  count = var.size\n  text = templatefile("./t.tftpl", { n = count.index })\n  gone = file("gone.txt")\n}\n',
    "net/t.tftpl": "%{ for i in [1, 2] }${n}-${i} %{ endfor }",
    "terraform.tfvars": "more = 1\n",
    "other.tfvars": "more = 9\n",
    "x.auto.tfvars.json": '{"list": [1, 2.0, {"a": null}], "text": "ä"}',
    "more.tf.json": '{"variable": {"more": {"default": 5}}, "resource": {"t": {"j": {"x": "${var.more}", "tags": {"a": true}}}}}',
}
HOSTILE = {
    "bomb.yaml": BOMB,
    "broken.tf": 'resource "a" "b" {\n',
    "conflict.tf": "<<<<<<< HEAD\n",
    "deep.tf": f"x = {'[' * 30}{']' * 30}\n",
    "deep.yaml": f"{'[' * 30}{']' * 30}\n",
    "deep.tf.json": f'{{"locals": {{"a": {"[" * 30}{"]" * 30}}}}}',
    "large.tf": "# " + "x" * 30_000,
    "long.tf": "x = [" + "1, " * 5_000 + "]\n",
    "many.tf": 'resource "t" "m" { count = 60 }\n',
    "twice.tf": "a = 1\na = 2\n",
    "circle.tf": 'module "self" { source = "./" }\nlocals { a = local.b\n b = local.a }\nresource "t" "c" { x = local.a }\n',
    "empty.tf": "",
    "infinite.tf": "locals { a = 1e999 }\nresource \"t\" \"i\" { x = local.a\n y = [1e400, 123456789012345678901234567890] }\n",
    "huge.tf": f"locals {{ a = {'9' * 200} }}\n",
    "surrogate.tf": 'resource "t" "s" { x = "\\ud83d \\U0001F600 \\u0000" }\n',
    "ok.tf": 'resource "t" "ok" {}\n',
}  # fmt: skip
NOT_TEXT = [Artefact(path="z.tf", problem="a binary file"), Artefact(path="z.yaml", problem="not valid UTF-8 (byte 3)"), Artefact(path="zz.tf")]  # fmt: skip
FOLDERS = {
    "generated": files(dict(folder(40))),
    "clinic": list(collect(ROOT / "examples" / "clinic" / "infrastructure")),
    "charts, environments, manifests": files(CHART),
    "modules, variables, templates": files(MODULES),
    "the whole language": files({"a.tf": LANGUAGE, "b.tf": LANGUAGE.replace("\n", "\r\n")}),
    "hostile": files(HOSTILE) + NOT_TEXT,
    "everything": files(CHART | MODULES | HOSTILE) + NOT_TEXT,
}


def spread(artefacts: list[Artefact], each: int, limits: IntakeLimits | None = None) -> bytes:
    ranges = [(first, first + each - 1) for first in range(1, len(artefacts) + 1, each)]
    read = [read_portion(artefacts, first, last, limits=limits) for first, last in ranges]
    return build_inventory(artefacts, portions=read, limits=limits).to_json()


@pytest.mark.parametrize("each", [1, 3, 1_000])
@pytest.mark.parametrize("name", FOLDERS)
def test_the_inventory_is_the_same_whichever_way_it_came_about(name: str, each: int) -> None:
    artefacts = FOLDERS[name]
    assert spread(artefacts, each) == build_inventory(artefacts).to_json()


@pytest.mark.parametrize("name", FOLDERS)
def test_limits_are_the_same_too(name: str) -> None:
    artefacts = FOLDERS[name]
    assert spread(artefacts, 2, SMALL) == build_inventory(artefacts, limits=SMALL).to_json()


def test_the_hostile_files_are_named_and_hide_nothing() -> None:
    found = build_inventory(FOLDERS["hostile"], limits=SMALL)
    named = {u.artefact for u in found.unread}
    assert named >= {a.path for a in NOT_TEXT} | {"bomb.yaml", "broken.tf", "conflict.tf", "deep.tf", "large.tf", "long.tf", "twice.tf"}  # fmt: skip
    assert any(r.address == "t.i" for r in found.resources)


def test_the_order_of_the_files_does_not_matter() -> None:
    artefacts = FOLDERS["everything"]
    assert spread(artefacts[::-1], 4) == build_inventory(artefacts).to_json()


@pytest.mark.parametrize("name", ["generated", "modules, variables, templates", "the whole language"])
def test_a_syntax_tree_comes_back_as_it_was(name: str) -> None:
    bodies = [b for a in FOLDERS[name] if isinstance(b := parse(a, IntakeLimits()), Body)]
    assert bodies
    assert [unpacked(packed(body)) for body in bodies] == bodies


def test_progress_counts_the_files_of_a_portion() -> None:
    steps: list[tuple[int, int, str]] = []
    artefacts = files({"a.tf": "", "b.tf": "", "c.tf": "", "d.tf": ""})
    read_portion(artefacts, 2, 3, progress=lambda *step: steps.append(step))
    assert steps == [(1, 2, "b.tf"), (2, 2, "c.tf")]


def test_a_portion_too_few_is_no_inventory() -> None:
    artefacts = files({"a.tf": "", "b.tf": ""})
    with pytest.raises(ValueError, match="zip"):
        build_inventory(artefacts, portions=[read_portion(artefacts, 1, 1)])


def test_a_small_folder_is_read_in_one_go() -> None:
    assert portions([]) == []
    assert portions([PORTION_BYTES, PORTION_BYTES]) == []
    assert portions([300] * 64) == []


def test_a_large_file_is_a_portion_alone() -> None:
    assert portions([1, FEWEST * PORTION_BYTES, PORTION_BYTES, 1]) == [(1, 2), (3, 3), (4, 4)]


@given(st.lists(st.integers(0, 2_000_000), max_size=300))
@settings(deadline=None)
def test_portions_hold_every_file_once_in_order_and_are_not_many(sizes: list[int]) -> None:
    found = portions(sizes)
    assert [n for first, last in found for n in range(first, last + 1)] == (
        list(range(1, len(sizes) + 1)) if found else []
    )
    assert len(found) <= MOST
