"""Settings that live in a resource of their own: across modules, counts and roots."""

from __future__ import annotations

from infra_mind.model.finding import Status
from infra_mind.model.inventory import Artefact
from tests.unit.agents.security.snippets import of, run

_BUCKET = 'resource "aws_s3_bucket" "b" {\n  bucket_prefix = "b"\n}\n'
_BLOCK = 'resource "aws_s3_bucket_public_access_block" "p" {\n  bucket = %s\n}\n'
_RULE = "IM-AWS-S3-002"


def _open(*artefacts: Artefact) -> list[str]:
    result = run(*artefacts)
    assert not of(result, _RULE, Status.UNRESOLVABLE)
    return [f.evidence[0].artefact for f in of(result, _RULE)]


def test_inside_a_module_that_is_called_for_each() -> None:
    call = 'module "s" {\n  source = "./s"\n  for_each = toset(["a", "b"])\n}\n'
    inner = _BUCKET + _BLOCK % "aws_s3_bucket.b.id"
    assert _open(Artefact(path="main.tf", content=call), Artefact(path="s/main.tf", content=inner)) == []


def test_through_the_output_of_a_module() -> None:
    root = 'module "s" {\n  source = "./s"\n}\n' + _BLOCK % "module.s.id"
    inner = _BUCKET + 'output "id" {\n  value = aws_s3_bucket.b.id\n}\n'
    assert _open(Artefact(path="main.tf", content=root), Artefact(path="s/main.tf", content=inner)) == []


def test_through_the_variable_of_a_module() -> None:
    root = _BUCKET + 'module "p" {\n  source = "./p"\n  bucket = aws_s3_bucket.b.id\n}\n'
    inner = 'variable "bucket" {}\n' + _BLOCK % "var.bucket"
    assert _open(Artefact(path="main.tf", content=root), Artefact(path="p/main.tf", content=inner)) == []


def test_with_count_and_index() -> None:
    text = 'resource "aws_s3_bucket" "b" {\n  count = 2\n}\n' + _BLOCK % "aws_s3_bucket.b[0].id"
    assert _open(Artefact(path="main.tf", content=text)) == []


def test_one_root_does_not_answer_for_another_with_the_same_names() -> None:
    guarded = Artefact(path="one/main.tf", content=_BUCKET + _BLOCK % "aws_s3_bucket.b.id")
    bare = Artefact(path="two/main.tf", content=_BUCKET)
    assert _open(guarded, bare) == ["two/main.tf"]


def test_a_policy_document_is_said_once_where_it_stands() -> None:
    text = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["*"]\n    resources = ["*"]\n  }\n}\n'
        'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    )
    (finding,) = of(run(Artefact(path="main.tf", content=text)), "IM-AWS-IAM-001")
    assert finding.resource == "data.aws_iam_policy_document.d"
