"""What a plan says of its providers: where they are, as far as variables tell."""

from __future__ import annotations

import pytest

from infra_mind.model.inventory import unresolvable
from tests.unit.artefacts.plans import block, change, is_, planned, refers
from tests.unit.artefacts.texts import resource


def test_a_provider_has_the_region_that_a_variable_gives() -> None:
    providers = {
        "aws": {"name": "aws", "expressions": {"region": refers("var.region"), "profile": refers("var.p")}},
        "aws.west": {"name": "aws", "alias": "west", "expressions": {"region": is_("us-west-2")}},
    }
    variables = {"region": {"value": "eu-west-1"}, "p": {"value": "x"}}
    blocks = [block("aws_vpc.v", provider_config_key="aws.west")]
    found = planned(change("aws_vpc.v", {}), blocks=blocks, providers=providers, variables=variables)
    assert resource(found, "provider.aws").values == {"region": "eu-west-1", "profile": unresolvable("var.p")}
    assert resource(found, "provider.aws.west").values == {"region": "us-west-2", "alias": "west"}
    assert resource(found, "aws_vpc.v").values == {"provider": "aws.west"}


@pytest.mark.parametrize(
    ("references", "known"),
    [
        (("var.places.main", "var.places"), True),
        (('var.places["main"]', "var.places"), True),
        (("var.places", "var.stage"), False),
        (("var.stage",), False),
    ],
)
def test_a_part_of_a_variable_gives_a_region_and_a_condition_does_not(
    references: tuple[str, ...], known: bool
) -> None:
    """`var.stage == "prod" ? ... : ...` stands in a plan as a reference to `var.stage`."""
    found = planned(
        change("aws_vpc.v", {}), blocks=[block("aws_vpc.v")], variables={"places": {"value": {"main": "eu-west-1"}}, "stage": {"value": "prod"}},
        providers={"aws": {"name": "aws", "expressions": {"region": refers(*references)}}},
    )  # fmt: skip
    assert (resource(found, "provider.aws").values["region"] == "eu-west-1") is known
    assert (
        resource(found, "provider.aws").values["region"] == unresolvable(", ".join(references))
    ) is not known
