"""Secrets that stand in defaults of variables and in files of values, whether or not a resource takes them."""

from __future__ import annotations

import pytest

from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

RULE = "IM-TF-SECRET-004"


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        (
            "variables.tf",
            'variable "db_password" {\n  type    = string\n  default = "Tr0ub4dor-and-3"\n}\n',
            3,
        ),
        ("variables.tf", 'variable "api_token" { default = "f3b0c44298fc1c149afb" }\n', 1),
        ("prod.tfvars", 'region = "eu-west-1"\ndb_password = "Tr0ub4dor-and-3"\n', 2),
        ("prod.tfvars", 'databases = {\n  main = {\n    password = "Tr0ub4dor-and-3"\n  }\n}\n', 3),
        ("prod.tfvars", 'databases = { main = { password = "Tr0ub4dor-and-3" } }\n', 1),
        ("prod.tfvars", "a = 1\ndb_password = <<EOT\nTr0ub4dor-and-3\nEOT\n", 2),
        (
            "prod.tfvars.json",
            '{\n  "region": "x",\n  "db": {"main": [{"password": "Tr0ub4dor-and-3"}]}\n}\n',
            3,
        ),
        ("variables.tf", 'variable "db" {\n  default = { user = "x", password = "Tr0ub4dor-and-3" }\n}\n', 2),
        ("variables.tf", 'variable "db_password" {\n  default = <<-EOT\n    Tr0ub4dor-and-3\n  EOT\n}\n', 2),
        (
            "variables.tf",
            'variable "db" {\n  type = object({ password = optional(string, "Tr0ub4dor-and-3") })\n}\n',
            2,
        ),
        ("main.tf", 'locals {\n  db = { password = "Tr0ub4dor-and-3" }\n}\n', 2),
        ("main.tf", 'output "admin_password" {\n  value = "Tr0ub4dor-and-3"\n}\n', 2),
        (
            "main.tf",
            'module "db" {\n  source = "a/b/c"\n  version = "1.0.0"\n  settings = { password = "Tr0ub4dor-and-3" }\n}\n',
            4,
        ),
        ("main.tf.json", '{"module": {"db": {"source": "a/b/c",\n "password": "Tr0ub4dor-and-3"}}}\n', 2),
        ("main.tf.json", '{"variable": {"db_password": {\n "default": "Tr0ub4dor-and-3"}}}\n', 2),
    ],
)
def test_a_secret_is_found_at_its_line(path: str, text: str, line: int) -> None:
    (found,) = of(run(Artefact(path=path, content=text)), RULE)
    assert (found.evidence[0].artefact, found.evidence[0].line_start) == (path, line)
    assert "Tr0ub4dor" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("variables.tf", 'variable "db_password" {\n  type = string\n}\n'),
        ("variables.tf", 'variable "db_password" {\n  default = ""\n}\n'),
        ("variables.tf", 'variable "db_password" {\n  # default = "Tr0ub4dor-and-3"\n}\n'),
        ("variables.tf", 'variable "private_key" {\n  default = "../keys/main"\n}\n'),
        ("variables.tf", 'variable "region" {\n  default = "eu-west-1"\n}\n'),
        ("prod.tfvars", 'db_password_secret_name = "prod/db"\n# db_password = "Tr0ub4dor-and-3"\n'),
        ("values.txt", 'db_password = "Tr0ub4dor-and-3"\n'),
        ("main.tf", 'locals {\n  password = var.given ? var.password : "Tr0ub4dor-and-3"\n}\n'),
        ("main.tf", 'locals {\n  password = "${random_password.db.result}-1"\n}\n'),
        (
            "main.tf",
            'locals {\n  /* password = "Tr0ub4dor-and-3" */\n  notes = "password = Tr0ub4dor-and-3"\n}\n',
        ),
        ("variables.tf", 'variable "db_password" {\n  description = "Tr0ub4dor-and-3"\n}\n'),
    ],
)
def test_what_is_no_secret_is_none(path: str, text: str) -> None:
    assert of(run(Artefact(path=path, content=text)), RULE) == []


def test_an_argument_of_a_module_that_is_here_is_found_once_where_it_arrives() -> None:
    called = Artefact(
        path="main.tf", content='module "db" {\n  source = "./db"\n  password = "Tr0ub4dor-and-3"\n}\n'
    )
    made = 'variable "password" {}\nresource "aws_db_instance" "x" {\n  password = var.password\n}\n'
    (found,) = of(run(called, Artefact(path="db/main.tf", content=made)), RULE)
    assert {e.artefact for e in found.evidence} == {"main.tf", "db/main.tf"}


def test_a_token_is_known_by_its_form() -> None:
    text = 'variable "settings" {\n  default = "AKIA' + "Q3EGRIV7ZTYPLXTW" + '"\n}\n'
    (found,) = of(run(Artefact(path="variables.tf", content=text)), "IM-TF-SECRET-005")
    assert found.evidence[0].line_start == 2


def test_files_that_order_nothing_are_said_to() -> None:
    off = 'resource "aws_s3_bucket" "logs" {\n  count = 0\n}\n'
    (found,) = of(run(Artefact(path="main.tf", content=off)), "IM-ARTEFACT-NONE", Status.NOT_ASSESSED)
    assert found.title == "1 file was read and orders no resource"
