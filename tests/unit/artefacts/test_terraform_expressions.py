from __future__ import annotations

import json
from typing import Any

import pytest

from infra_mind.artefacts.terraform import functions
from infra_mind.artefacts.terraform.values import EvaluationError
from infra_mind.model.inventory import contains_unresolvable, is_unresolvable, unresolvable
from tests.unit.artefacts.texts import inventory, resource, terraform_value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("7 / 2", 3.5),
        ("8 / 2", 4),
        ("-3 % 2 == -1", True),
        ('"a" == "a" && 2 > 1 || false', True),
        ('1 == "1"', False),
        ("!true", False),
        ("true ? [1] : [2]", [1]),
        ("1 > 2 ? 1 : 2 > 1 ? 3 : 4", 3),
        ('"a${1 + 1}b${true}"', "a2btrue"),
        ('"$${a} %%{b}"', "${a} %{b}"),
        ('"tab\\t\\"q\\" \\u00e9"', 'tab\t"q" é'),
        ('"%{ if 1 > 2 }a%{ else }b%{ endif }"', "b"),
        ('"%{ for x in [1, 2] }<${x}>%{ endfor }"', "<1><2>"),
        ('[for s in ["a", "b"] : upper(s)]', ["A", "B"]),
        ('[for i, s in ["a", "b"] : i if s != "a"]', [1]),
        ("{for k, v in {a = 1, b = 2} : v => k}", {"1": "a", "2": "b"}),
        ('{for s in ["ab", "ac", "b"] : substr(s, 0, 1) => s...}', {"a": ["ab", "ac"], "b": ["b"]}),
        ("[{a = 1}, {a = 2}][*].a", [1, 2]),
        ("[{a = [1]}, {a = [2]}].*.a", [[1], [2]]),
        ("{a = {b = [4, 5]}}.a.b[1]", 5),
        ('{ (upper("k")) = 1, "l" : 2 }', {"K": 1, "l": 2}),
        ("{\n in = 1\n for = 2\n }", {"in": 1, "for": 2}),
        ("max(1, 3, 2) + min([4, 5]...)", 7),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    found = terraform_value(expression)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("merge({a = 1, b = 1}, null, {b = 2})", {"a": 1, "b": 2}),
        ("concat([1], [2, 3])", [1, 2, 3]),
        ('lookup({a = 1}, "b", 5)', 5),
        ('length("häh") + length([1]) + length({})', 4),
        ('format("%s-%03d %5.1f%% %q %v", "a", 7, 1.25, "x", [1])', 'a-007   1.2% "x" [1]'),
        ('formatlist("%s.x", ["a", "b"])', ["a.x", "b.x"]),
        ('join(",", ["a", 1])', "a,1"),
        ('toset(["b", "a", "b"])', ["a", "b"]),
        ('split(",", "a,b")', ["a", "b"]),
        ('replace("a-b-c", "-", "")', "abc"),
        ("element([1, 2, 3], 4)", 2),
        ("keys({b = 1, a = 2})", ["a", "b"]),
        ("values({b = 1, a = 2})", [2, 1]),
        ("flatten([[1, [2]], [], 3])", [1, 2, 3]),
        ('coalesce("", null, "x")', "x"),
        ("try({a = 1}.b, 7)", 7),
        ("can({a = 1}.b)", False),
        ('cidrsubnet("10.0.0.0/16", 8, 3)', "10.0.3.0/24"),
        (
            'cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)',
            ["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"],
        ),
        ('cidrhost("10.12.112.0/20", 16)', "10.12.112.16"),
        ('cidrnetmask("172.16.0.0/12")', "255.240.0.0"),
        ('jsondecode("{\\"a\\": [1]}").a[0]', 1),
        ('yamldecode("a: [no]").a[0]', "no"),
        ('base64decode(base64encode("é"))', "é"),
        ('sha256("")', "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ('tonumber("3.5") + tonumber("2")', 5.5),
        ('tobool("true")', True),
        ("tostring(1.0)", "1"),
        ("range(1, 7, 2)", [1, 3, 5]),
        ('zipmap(["a"], [1])', {"a": 1}),
        ('setproduct(["a", "b"], [1])', [["a", 1], ["b", 1]]),
        ('setsubtract(["a", "b"], ["a"])', ["b"]),
        ('contains(["a"], "a")', True),
        ("slice([1, 2, 3], 1, 3)", [2, 3]),
        ('one(["x"])', "x"),
        ('compact(["", "a", null])', ["a"]),
        ("distinct([1, 1, 2])", [1, 2]),
        ('sort(["b", "a"])', ["a", "b"]),
        ('trimprefix("v1", "v")', "1"),
        ('chomp("a\\n")', "a"),
        ('title("hello world")', "Hello World"),
        ('startswith("abc", "ab")', True),
        ('parseint("ff", 16)', 255),
        ("sum([1, 2.5])", 3.5),
        ("pow(2, 10)", 1024),
        ("ceil(1.2) + floor(1.8)", 3),
        ("chunklist([1, 2, 3], 2)", [[1, 2], [3]]),
        ('matchkeys([1, 2], ["a", "b"], ["b"])', [2]),
        ('transpose({a = ["x"], b = ["x"]})', {"x": ["a", "b"]}),
        ('indent(2, "a\\nb")', "a\n  b"),
    ],
)
def test_functions(expression: str, value: Any) -> None:
    assert terraform_value(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("aws_vpc.main.id", "aws_vpc.main.id"),
        ("aws_vpc.main[0].id", "aws_vpc.main[0].id"),
        ('aws_vpc.main["a"].id', 'aws_vpc.main["a"].id'),
        ("aws_vpc.main[*].id", "aws_vpc.main[*].id"),
        ("aws_vpc.main.*.id", "aws_vpc.main[*].id"),
        ("aws_vpc.main[local.i + 1].id", "aws_vpc.main[3].id"),
        ("data.aws_ami.x.id", "data.aws_ami.x.id"),
        ('"${aws_vpc.main.id}"', "aws_vpc.main.id"),
        ('"x-${aws_vpc.main.id}-${var.b}"', "aws_vpc.main.id, var.b"),
        ("var.b", "var.b"),
        ("upper(var.b)", "var.b"),
        ("var.b ? 1 : 2", "var.b"),
        ("var.b + 1", "var.b"),
        ("[for x in var.b : x]", "var.b"),
        ("terraform.workspace", "terraform.workspace"),
        ("uuid()", "uuid()"),
        ('regex("(a+)+$", "aaaa")', "regex()"),
        ("local.none", "local.none"),
    ],
)
def test_what_only_apply_time_knows_names_its_reference(expression: str, reason: str) -> None:
    assert terraform_value(expression, "locals { i = 2 }\nvariable b {}") == unresolvable(reason)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("true || var.b", True),
        ("false && var.b", False),
        ("length([var.b, 1])", 2),
        ("merge({a = var.b}, {c = 1}).c", 1),
        ("[var.b, 1]", [unresolvable("var.b"), 1]),
        ("{a = var.b, c = 1}", {"a": unresolvable("var.b"), "c": 1}),
        ('lookup({a = var.b, c = 2}, "c", 1)', 2),
        ("concat([var.b], [1])[1]", 1),
    ],
)
def test_known_parts_stay_known(expression: str, value: Any) -> None:
    assert terraform_value(expression, "variable b {}") == value


def test_a_policy_by_jsonencode_can_be_read_where_it_is_known() -> None:
    text = terraform_value('jsonencode({Action = "*", Resource = "${aws_s3_bucket.b.arn}/*"})')
    assert json.loads(text) == {"Action": "*", "Resource": unresolvable("aws_s3_bucket.b.arn")}


def test_a_heredoc_keeps_its_known_text() -> None:
    found = terraform_value(
        '<<-EOT\n    {"Resource": "${aws_s3_bucket.b.arn}",\n      "Action": "${local.a}"}\n  EOT',
        'locals { a = "*" }',
    )
    assert found == '{"Resource": "${aws_s3_bucket.b.arn}",\n  "Action": "*"}\n'


def test_a_heredoc_with_blank_lines_and_the_marker_inside_a_line() -> None:
    assert terraform_value("<<EOT\n\n\n EOT is not the end\n\nEOT") == "\n\n EOT is not the end\n\n"


def test_directives_in_a_heredoc() -> None:
    text = '<<-EOT\n    %{ for n in ["a", "b"] ~}\n    host ${n}\n    %{ endfor ~}\n    end\n  EOT'
    assert terraform_value(text) == "host a\nhost b\nend\n"


@pytest.mark.parametrize(
    "expression",
    [
        "{a = 1}.b",
        "[1][3]",
        '1 + "x"',
        "1 / 0",
        "element([], 0)",
        'cidrsubnet("x", 1, 1)',
        'jsondecode("{")',
        'tonumber("a")',
        'base64decode("%")',
        "range(0, 5000)",
        "one([1, 2])",
        'format("%s")',
        'format("%9999d", 1)',
        'lookup({}, "a")',
    ],
)
def test_what_has_no_value_is_unresolvable(expression: str) -> None:
    assert is_unresolvable(terraform_value(expression))


@pytest.mark.parametrize(
    "text",
    [
        "locals { "
        + "\n".join(f'a{i} = "${{local.a{i - 1}}}${{local.a{i - 1}}}"' for i in range(1, 60))
        + '\n a0 = "xxxxxxxxxx"\n}',
        "locals { "
        + "\n".join(f"a{i} = [local.a{i - 1}, local.a{i - 1}]" for i in range(1, 60))
        + "\n a0 = [1]\n}",
        "locals { " + "\n".join(f"a{i} = local.a{i - 1} + 1" for i in range(1, 60)) + "\n a0 = local.a59\n}",
        "locals { a59 = [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : 1]]]]\n}",
        "locals { a59 = local.a59 }",
        'locals { a59 = join("", [for i in range(1000) : replace("'
        + "x" * 1000
        + '", "x", "'
        + "y" * 1000
        + '")])\n}',
        "locals {\n" + "\n".join(f"a{i} = local.a{i + 1}" for i in range(59, 3000)) + "\na3000 = 1\n}",
    ],
    ids=["text", "lists", "circle", "loops", "itself", "replace", "long chain"],
)
def test_locals_that_grow_without_end_or_refer_to_themselves(text: str) -> None:
    assert contains_unresolvable(terraform_value("local.a59", text))


def test_a_long_chain_of_operators_and_attributes_is_no_deep_nesting() -> None:
    assert terraform_value(" + ".join(["1"] * 3000)) == 3000


def test_every_function_refuses_odd_arguments_within_the_error_tree() -> None:
    odd: list[Any] = [None, True, -1, 2.5, "", "x", [], [1, "a", None], {}, {"a": [1]}]
    for name in [*functions._STRICT, *functions._PARTIAL]:
        for arguments in (
            [],
            *([a] for a in odd),
            *([a, b] for a in odd for b in odd),
            *([a, b, b] for a in odd for b in odd),
        ):
            try:
                functions.call(name, list(arguments))
            except EvaluationError:
                continue


def test_null_leaves_an_argument_out() -> None:
    found = inventory({"main.tf": 'resource "t" "r" {\n  x = null\n  y = 1\n}\n'})
    assert resource(found, "t.r").values == {"y": 1}
