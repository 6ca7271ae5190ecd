"""Modules that `terraform init` has downloaded: taken from the folder, followed from the call, and nothing outside of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra_mind.artefacts import downloaded, intake
from infra_mind.artefacts.inventory import build_inventory, read_portion
from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run
from tests.unit.artefacts.plans import block, change, plan, refers
from tests.unit.artefacts.texts import only_unread, resource

INDEX = ".terraform/modules/modules.json"
MAIN = 'module "db" {\n  source    = "acme/db/aws"\n  version   = "1.2.3"\n  encrypted = false\n}\n'
DB = 'variable "encrypted" {\n  default = true\n}\nresource "aws_db_instance" "d" {\n  engine            = "mysql"\n  storage_encrypted = var.encrypted\n}\n'
RULE = "IM-AWS-RDS-002"


def index(*entries: tuple[str, Any]) -> str:
    modules = [
        {"Key": "", "Source": "", "Dir": "."},
        *({"Key": key, "Source": "x", "Dir": where} for key, where in entries),
    ]
    return json.dumps({"Modules": modules})


def files(*more: tuple[str, str], main: str = MAIN, listed: str = "", root: str = "") -> list[Artefact]:
    listed = listed or index(("db", ".terraform/modules/db"))
    texts = {"main.tf": main, INDEX: listed, ".terraform/modules/db/main.tf": DB, **dict(more)}
    return [Artefact(path=root + path, content=text) for path, text in texts.items()]


@pytest.mark.parametrize("root", ["", "infra/live/"])
def test_a_call_of_a_registry_module_is_followed_to_where_it_lies(root: str) -> None:
    found = build_inventory(files(root=root))
    assert found.unread == ()
    (made,) = found.resources
    assert (made.address, made.artefact) == (
        "module.db.aws_db_instance.d",
        f"{root}.terraform/modules/db/main.tf",
    )
    assert (made.line_start, made.values["storage_encrypted"]) == (4, False)
    assert [(c.artefact, c.line_start) for c in made.calls] == [(f"{root}main.tf", 1)]


def test_calls_inside_a_downloaded_module_are_followed_by_their_key() -> None:
    outer = 'module "kms" {\n  source = "acme/kms/aws"\n}\nmodule "sub" {\n  source = "./modules/sub"\n}\n'
    listed = index(
        ("db", ".terraform/modules/db"), ("db.kms", ".terraform/modules/db.kms"), ("db.sub", ".terraform/modules/db/modules/sub")
    )  # fmt: skip
    found = build_inventory(
        files(
            (".terraform/modules/db/calls.tf", outer),
            (".terraform/modules/db.kms/main.tf", 'resource "aws_kms_key" "k" {}\n'),
            (".terraform/modules/db/modules/sub/main.tf", 'resource "aws_vpc" "v" {}\n'),
            listed=listed,
        )
    )
    assert [r.address for r in found.resources] == [
        "module.db.aws_db_instance.d",
        "module.db.module.kms.aws_kms_key.k",
        "module.db.module.sub.aws_vpc.v",
    ]
    assert found.unread == ()


def test_a_module_that_nothing_calls_any_more_is_not_there() -> None:
    found = build_inventory(files(main='resource "aws_vpc" "v" {}\n'))
    assert [r.address for r in found.resources] == ["aws_vpc.v"]


def test_a_module_that_is_not_listed_is_named_as_before() -> None:
    found = build_inventory(files(listed=index(("other", ".terraform/modules/db"))))
    assert only_unread(found).kind == "remote_module"


def test_a_module_that_leads_to_itself_ends() -> None:
    again = 'module "again" {\n  source = "acme/db/aws"\n}\n'
    listed = index(("db", ".terraform/modules/db"), ("db.again", ".terraform/modules/db"))
    found = build_inventory(files((".terraform/modules/db/again.tf", again), listed=listed))
    assert [r.address for r in found.resources] == ["module.db.aws_db_instance.d"]
    assert only_unread(found).kind == "remote_module"


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[]", "7", '{"Modules": 5}', '{"Modules": [null, 7, {}, {"Key": 1, "Dir": 2}]}', "[" * 5_000,
        '{"Modules": [{"Key": "db", "Dir": "../../etc"}]}', '{"Modules": [{"Key": "db", "Dir": "/etc"}]}',
        '{"Modules": [{"Key": "db", "Dir": ".terraform/modules/../../../etc"}]}', '{"Modules": [{"Key": "db", "Dir": "modules/db"}]}',
        '{"Modules": [{"Key": "db", "Dir": ".terraform/modules/a\\u0000b"}]}', '{"Modules": [{"Key": "", "Dir": ".terraform/modules/db"}]}',
    ],
)  # fmt: skip
def test_an_index_that_is_none_or_leads_elsewhere_lists_nothing(text: str) -> None:
    assert downloaded.modules(INDEX, text) == {}
    assert downloaded.modules(f"a/b/{INDEX}", text) == {}


def test_a_folder_as_windows_writes_it_is_the_same() -> None:
    found = downloaded.modules(INDEX, index(("db", ".terraform\\modules\\db")))
    assert found["db"].folder == ".terraform/modules/db"


def test_the_folder_is_taken_with_its_modules_and_nothing_else(tmp_path: Path) -> None:
    for file in files(
        (".terraform/modules/db/README.md", "x"),
        (".terraform/modules/db/examples/main.tf", "x"),
        (".terraform/modules/other/main.tf", "x"),
        (".terraform/modules/db/templates/start.tpl", "x"),
        (".terraform/modules/db/templates/deployment.yaml", "x"),
        (".terraform/providers/x.json", "{}"),
        (".terraform/terraform.tfstate", "{}"),
    ):
        path = tmp_path / "infra" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content or "")
    taken = intake.collect(tmp_path)
    module = "infra/.terraform/modules/db"
    assert [a.path for a in taken] == [
        f"{module}/main.tf",
        f"{module}/templates/start.tpl",
        f"infra/{INDEX}",
        "infra/main.tf",
    ]
    assert [r.address for r in build_inventory(taken).resources] == ["module.db.aws_db_instance.d"]


@pytest.mark.parametrize("linked", ["file", "folder", "index", "all"])
def test_no_link_leads_out_of_the_folder(tmp_path: Path, linked: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for place in (outside, inside):
        (place / ".terraform/modules/db").mkdir(parents=True)
    (inside / "main.tf").write_text(MAIN)
    real = {
        "file": ".terraform/modules/db/main.tf",
        "folder": ".terraform/modules/db",
        "index": INDEX,
        "all": ".terraform",
    }[linked]
    for place in (outside, inside):
        (place / ".terraform/modules/db/main.tf").write_text(DB)
        (place / INDEX).write_text(index(("db", ".terraform/modules/db")))
    target = inside / real
    target.rename(tmp_path / "gone")
    target.symlink_to(outside / real)
    taken = [a.path for a in intake.collect(inside)]
    assert taken == ([INDEX, "main.tf"] if linked in ("file", "folder") else ["main.tf"])


@pytest.mark.parametrize("linked", [".terraform/modules/db/main.tf", INDEX])
def test_a_link_of_a_module_to_something_else_of_the_folder_is_not_followed(
    tmp_path: Path, linked: str
) -> None:
    """Else a module could have any file taken by calling it `main.tf`."""
    for path, text in {
        "main.tf": MAIN,
        ".env": "TOKEN=abc",
        INDEX: index(("db", ".terraform/modules/db")),
        ".terraform/modules/db/main.tf": DB,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / linked).unlink()
    (tmp_path / linked).symlink_to(tmp_path / ".env")
    assert linked not in [a.path for a in intake.collect(tmp_path)]


@pytest.mark.parametrize("made", ["folder", "pipe"])
def test_an_index_that_is_no_file_is_none(tmp_path: Path, made: str) -> None:
    index_ = tmp_path / INDEX
    index_.parent.mkdir(parents=True)
    index_.mkdir() if made == "folder" else os.mkfifo(index_)
    (tmp_path / "main.tf").write_text(MAIN)
    assert [a.path for a in intake.collect(tmp_path)] == ["main.tf"]


REGISTRY = "registry.terraform.io/"


@pytest.mark.parametrize(
    ("listed", "version", "source", "asked", "followed"),
    [
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "5.1.0", True),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "~> 5.0", True),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "~> 5.0.2", False),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", ">= 4, < 5.1", False),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "!= 5.1.0", False),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "<= 5.1, > 5.0.9", True),
        (REGISTRY + "acme/db/aws", "5.1.0-beta", "acme/db/aws", "= 5.1.0", True),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "6.0.0", False),
        (REGISTRY + "acme/db/aws", "5.1.0", "acme/db/aws", "latest", True),
        (REGISTRY + "acme/db/aws", "5.1.0", "other/db/aws", "", False),
        (REGISTRY + "acme/db/aws//modules/x", "5.1.0", "acme/db/aws//modules/x", "", True),
        (REGISTRY + "acme/db/aws//modules/x", "5.1.0", "acme/db/aws//modules/y", "", False),
        ("registry.opentofu.org/acme/db/aws", "5.1.0", "acme/db/aws", "", True),
        ("tf.example.com/acme/db/aws", "5.1.0", "acme/db/aws", "", False),
        ("git::https://github.com/acme/db.git?ref=v1", "", "github.com/acme/db?ref=v1", "", True),
        ("git::https://github.com/acme/db.git?ref=v1", "", "github.com/acme/db?ref=v2", "", False),
        ("git::https://github.com/acme/db.git", "", "github.com/acme/db", "", True),
        (None, 5, "acme/db/aws", "1.2.3", True),
    ],
)
def test_a_call_that_was_changed_since_the_download_is_not_followed(
    listed: object, version: object, source: str, asked: str, followed: bool
) -> None:
    """Terraform would ask for `terraform init` too."""
    entry = {"Key": "db", "Source": listed, "Version": version, "Dir": ".terraform/modules/db"}
    main = f'module "db" {{\n  source = "{source}"\n' + (f'  version = "{asked}"\n' if asked else "") + "}\n"
    found = build_inventory(files(main=main, listed=json.dumps({"Modules": [entry]})))
    assert bool(found.resources) is followed
    if not followed:
        unread = only_unread(found)
        assert (unread.kind, unread.line) == ("remote_module", 1)
        assert "than what `terraform init` has downloaded" in unread.reason


def test_templates_of_a_whole_package_serve_the_modules_inside_it(tmp_path: Path) -> None:
    listed = index(("db", ".terraform/modules/db/modules/inner"))
    for path, text in {
        "main.tf": MAIN,
        INDEX: listed,
        ".terraform/modules/db/templates/start.tpl": "hello ${who}",
        ".terraform/modules/db/modules/inner/templates/own.tpl": "and me",
        ".terraform/modules/db/modules/inner/main.tf": 'resource "aws_x" "a" {\n  text = templatefile("${path.module}/../../templates/start.tpl", { who = "you" })\n  own = file("${path.module}/templates/own.tpl")\n}\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = build_inventory(intake.collect(tmp_path))
    assert resource(found, "module.db.aws_x.a").values == {"text": "hello you", "own": "and me"}
    assert found.unread == ()


def test_a_fault_is_shown_with_its_call_and_without_a_patch() -> None:
    (found,) = of(run(*files()), RULE)
    assert [(e.artefact, e.line_start, e.path) for e in found.evidence] == [
        (".terraform/modules/db/main.tf", 6, "storage_encrypted"),
        ("main.tf", 4, "module.db.encrypted"),
    ]
    assert found.remediation is not None
    assert found.remediation.text.endswith(
        "set the module's input for it at the call, or take another version of the module."
    )
    text = MAIN + 'resource "aws_db_instance" "own" {\n  engine = "mysql"\n  storage_encrypted = false\n}\n'
    own = [f for f in of(run(*files(main=text)), RULE) if f.resource == "aws_db_instance.own"]
    assert "downloaded" not in (own[0].remediation.text if own[0].remediation else "downloaded")


def test_a_default_of_a_downloaded_module_is_what_is_applied() -> None:
    result = run(
        *files(
            (".terraform/modules/db/main.tf", DB.replace("true", "false")),
            main='module "db" {\n  source = "acme/db/aws"\n}\n',
        )
    )
    assert len(of(result, RULE)) == 1


def test_no_patch_is_tried_for_what_somebody_else_wrote() -> None:
    acl = 'resource "aws_s3_bucket_acl" "a" {\n  acl = "public-read"\n}\n'
    (found,) = of(run(*files((".terraform/modules/db/main.tf", acl))), "IM-AWS-S3-001")
    assert found.remediation is not None
    assert found.remediation.patch is None


def test_what_a_downloaded_module_declares_is_not_judged() -> None:
    declares = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\nvariable "db_password" {\n  default = "correct-horse"\n}\nmodule "x" {\n  source = "git::http://example.org/x.git"\n}\n'
    result = run(*files((".terraform/modules/db/versions.tf", declares)))
    shown = {
        e.artefact for f in result.findings if f.status is Status.FAIL for e in f.evidence if e.line_start
    }
    assert ".terraform/modules/db/versions.tf" not in shown


def test_a_comment_at_the_call_accepts_it() -> None:
    accepted = MAIN.replace("  encrypted", f"  # infra-mind:ignore {RULE} test data only\n  encrypted")
    (found,) = of(run(*files(main=accepted)), RULE)
    assert found.is_suppressed


def test_a_plan_gives_the_values_and_the_module_the_line() -> None:
    calls = {
        "db": {
            "module": {
                "resources": [block("aws_db_instance.d", {"storage_encrypted": refers("var.encrypted")})]
            }
        }
    }
    entry = change("module.db.aws_db_instance.d", {"storage_encrypted": True})
    found = build_inventory([*files(), plan(entry, blocks=[], modules=calls)])
    made = resource(found, "module.db.aws_db_instance.d")
    assert (made.artefact, made.values["storage_encrypted"], made.plan) == (
        ".terraform/modules/db/main.tf",
        True,
        "tfplan.json",
    )


def test_a_plan_is_not_that_of_a_downloaded_module() -> None:
    dev = Artefact(path="dev/main.tf", content='resource "aws_db_instance" "d" {}\n')
    made = plan(change("aws_db_instance.d", {}), blocks=[block("aws_db_instance.d")], path="plans/a.json")
    found = build_inventory([*files(), dev, made])
    assert resource(found, "aws_db_instance.d").artefact == "dev/main.tf"
    assert found.unread == ()


def test_read_in_another_process_it_gives_the_same() -> None:
    some = files()
    portions = [read_portion(some, n, n) for n in range(1, len(some) + 1)]
    assert build_inventory(some, portions=portions).to_json() == build_inventory(some).to_json()
