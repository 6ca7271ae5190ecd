"""What a residency says of transfers out of the European Economic Area, and what it does not."""

from __future__ import annotations

import pytest

from tests.unit.agents.test_compliance import control, of_rule, run


@pytest.mark.parametrize(
    ("where", "region", "residency", "transfers"),
    [
        (["eu"], "eu-west-1", "pass", "pass"),
        (["eu"], "us-east-1", "fail", "fail"),
        (["de"], "eu-west-1", "fail", "not_assessed"),  # wrong for the organisation, and no transfer
        (["us"], "eu-west-1", "fail", "not_assessed"),
        (["us"], "us-east-1", "pass", "not_assessed"),  # as it wants it, which makes no transfer lawful
        (["eu", "us"], "us-east-1", "pass", "not_assessed"),
    ],
)
def test_transfers_are_told_apart_from_where_the_organisation_wants_its_data(
    where: list[str], region: str, residency: str, transfers: str
) -> None:
    fields = {
        "hosting": {"provider": "aws", "region": region},
        "compliance": {"regimes": ["gdpr"], "data_classes": ["personal"], "data_residency": where},
    }
    result = run(fields)
    (found,) = of_rule(result, "compliance.residency")
    assert found.status == residency
    assert control(result, "gdpr:Art.44")["status"] == transfers
    assert bool(found.references) is (transfers != "not_assessed")
