"""A fault inside a module is shown with the calls that brought it about, and once for each configuration that calls it."""

from __future__ import annotations

import pytest

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.finding import Finding
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

RULE = "IM-AWS-RDS-002"
MODULE = Artefact(
    path="modules/db/main.tf",
    content='variable "safe" {\n  default = true\n}\nvariable "engine" {}\nresource "aws_db_instance" "d" {\n  engine            = var.engine\n  storage_encrypted = var.safe\n}\n',
)


def root(folder: str, argument: str, source: str = "../modules/db") -> Artefact:
    text = f'# {folder}\n\nmodule "db" {{\n  source = "{source}"\n  engine = "mysql"\n  {argument}\n}}\n'
    return Artefact(path=f"{folder}/main.tf", content=text)


def places(finding: Finding) -> list[tuple[str, int | None, str]]:
    return [(e.artefact, e.line_start, e.path) for e in finding.evidence]


def test_the_argument_of_the_call_stands_beside_the_line_of_the_module() -> None:
    (found,) = of(run(MODULE, root("shop", "safe = false")), RULE)
    assert places(found) == [
        ("modules/db/main.tf", 7, "storage_encrypted"),
        ("shop/main.tf", 6, "module.db.safe"),
    ]


def test_two_configurations_that_call_it_wrongly_are_two_findings() -> None:
    found = of(
        run(MODULE, root("shop", "safe = false"), root("bank", "safe = false"), root("club", "safe = true")),
        RULE,
    )
    assert sorted(f.evidence[1].artefact for f in found) == ["bank/main.tf", "shop/main.tf"]
    assert len({f.fingerprint for f in found}) == 2


def test_a_further_caller_does_not_change_what_a_finding_is_known_by() -> None:
    (alone,) = of(run(MODULE, root("shop", "safe = false")), RULE)
    both = of(run(MODULE, root("shop", "safe = false"), root("bank", "safe = false")), RULE)
    assert alone.fingerprint in {f.fingerprint for f in both}


def test_of_several_arguments_the_one_with_the_name_of_the_attribute_is_shown() -> None:
    text = (
        (MODULE.content or "")
        .replace('variable "safe"', 'variable "storage_encrypted"')
        .replace("var.safe", 'var.engine == "x" ? true : var.storage_encrypted')
    )
    (found,) = of(
        run(Artefact(path=MODULE.path, content=text), root("shop", "storage_encrypted = false")), RULE
    )
    assert places(found)[1] == ("shop/main.tf", 6, "module.db.storage_encrypted")


def test_an_entry_of_a_map_that_the_module_goes_over_is_shown() -> None:
    module = 'variable "all" {}\nresource "aws_db_instance" "d" {\n  for_each          = var.all\n  storage_encrypted = each.value.storage_encrypted\n}\n'
    call = "all = {\n    one = {\n      storage_encrypted = false\n    }\n  }"
    (found,) = of(run(Artefact(path=MODULE.path, content=module), root("shop", call)), RULE)
    assert places(found)[1] == ("shop/main.tf", 8, "module.db.storage_encrypted")


def test_a_default_of_the_module_points_to_the_call_itself() -> None:
    text = (MODULE.content or "").replace("default = true", "default = false")
    (found,) = of(run(Artefact(path=MODULE.path, content=text), root("shop", "")), RULE)
    assert places(found)[1] == ("shop/main.tf", 3, "module.db")


def test_the_value_is_followed_through_the_modules_between() -> None:
    between = Artefact(
        path="modules/data/main.tf",
        content='variable "encrypted" {}\nmodule "inner" {\n  source = "../db"\n  engine = "mysql"\n  safe   = var.encrypted\n}\n',
    )
    top = root("shop", "encrypted = false", "../modules/data")
    (found,) = of(run(MODULE, between, top), RULE)
    assert places(found)[1:] == [
        ("modules/data/main.tf", 5, "module.inner.safe"),
        ("shop/main.tf", 6, "module.db.encrypted"),
    ]
    assert all(not e.observed for e in found.evidence[1:])


def test_the_inventory_knows_the_calls_of_a_resource_the_outermost_first() -> None:
    inventory = build_inventory((MODULE, root("shop", "safe = false")))
    (database,) = inventory.of("aws_db_instance")
    assert [(c.name, c.artefact, c.line_start, c.line_end) for c in database.calls] == [
        ("db", "shop/main.tf", 3, 7)
    ]


@pytest.mark.parametrize(
    ("line", "accepted"), [(3, True), (6, True), (5, False)]
)  # the call, the argument that carries the value, another one
def test_a_fault_is_accepted_at_the_call_or_its_argument_for_that_caller_alone(
    line: int, accepted: bool
) -> None:
    lines = (root("shop", "safe = false").content or "").split("\n")
    lines[line - 1] += f"  # infra-mind:ignore {RULE} a copy for tests"
    shop = Artefact(path="shop/main.tf", content="\n".join(lines))
    found = of(run(MODULE, shop, root("bank", "safe = false")), RULE)
    assert {f.evidence[1].artefact: f.is_suppressed for f in found} == {
        "shop/main.tf": accepted,
        "bank/main.tf": False,
    }


def test_a_file_of_suppressions_speaks_for_the_modules_that_its_folder_calls() -> None:
    entry = f"suppressions:\n  - {{rule: {RULE}, path: '*', reason: a copy for tests}}\n"
    file = Artefact(path="shop/.infra-mind.yaml", content=entry)
    found = of(run(MODULE, file, root("shop", "safe = false"), root("bank", "safe = false")), RULE)
    assert {f.evidence[1].artefact: f.is_suppressed for f in found} == {
        "shop/main.tf": True,
        "bank/main.tf": False,
    }
