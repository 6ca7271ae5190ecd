"""Findings and cost lines as CSV, for spreadsheets and for tools that read FOCUS data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from infra_mind.model.finding import Finding
from infra_mind.model.result import AssessmentResult, CostLine
from infra_mind.reports.text import one_line

Cell = str | int | float | None
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection); tabs and line breaks are gone by then.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

FINDING_COLUMNS = (
    "fingerprint", "rule_id", "severity", "status", "suppressed", "agent", "title", "resource", "artefact", "line_start", "line_end",
    "path", "observed", "expected", "confidence", "effort", "remediation", "usd_per_month", "kgco2e_per_month",
    "downtime_minutes_per_year", "controls", "references", "id",
)  # fmt: skip

# Names of FOCUS 1.2 (FinOps Open Cost and Usage Specification); names of our own begin with x_, as it asks for.
FOCUS_COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "ResourceId",
    "ResourceName", "ServiceCategory", "ServiceName", "SkuId", "x_Artefact", "x_Line", "x_Origin", "x_PriceAsOf", "x_PriceSource",
    "x_Purchase",
)  # fmt: skip
_PRICING = {"on_demand": "Standard", "spot": "Dynamic", "committed": "Committed"}


def findings_csv(result: AssessmentResult) -> bytes:
    """Every finding, also what passed and what could not be judged: one row for each place, UTF-8, RFC 4180."""
    every = sorted(
        (f for given in result.agents.values() for f in given.findings),
        key=lambda f: (f.severity.rank, f.rule_id, f.id),
    )
    return _csv(FINDING_COLUMNS, (row for finding in every for row in _rows(finding)))


def focus_csv(result: AssessmentResult) -> bytes:
    """Priced lines, a month each. What an estimate does not know (accounts, periods, service categories, the list price behind a
    spot or committed one) is an empty cell."""
    lines = (line for given in result.agents.values() for line in given.cost_lines)
    return _csv(FOCUS_COLUMNS, (_focus(line) for line in lines))


def cell(value: Cell) -> str:
    """As a cell: numbers as they are, nothing for None, and text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue().encode("utf-8")


def _rows(finding: Finding) -> Iterable[Mapping[str, Cell]]:
    fix, impact = finding.remediation, finding.impact
    row: dict[str, Cell] = {
        "fingerprint": finding.fingerprint, "rule_id": finding.rule_id, "severity": finding.severity.value, "status": finding.status.value,
        "suppressed": finding.suppressed.reason if finding.suppressed and finding.is_suppressed else None,
        "agent": finding.agent, "title": finding.title, "resource": finding.resource, "confidence": finding.confidence.value,
        "effort": fix.effort.value if fix else None, "remediation": fix.text if fix else None,
        "usd_per_month": impact.usd_per_month if impact else None, "kgco2e_per_month": impact.kgco2e_per_month if impact else None,
        "downtime_minutes_per_year": impact.downtime_minutes_per_year if impact else None,
        "controls": "; ".join(finding.control_ids), "references": "; ".join(finding.references), "id": finding.id,
    }  # fmt: skip
    if not finding.evidence:
        yield row
    for seen in finding.evidence:
        yield {
            **row, "artefact": seen.artefact, "line_start": seen.line_start, "line_end": seen.line_end, "path": seen.path,
            "observed": seen.observed, "expected": seen.expected,
        }  # fmt: skip


def _focus(line: CostLine) -> Mapping[str, Cell]:
    listed = line.purchase == "on_demand"
    return {
        "BilledCost": line.usd_per_month, "EffectiveCost": line.usd_per_month, "ContractedCost": line.usd_per_month,
        "ListCost": line.usd_per_month if listed else None, "ListUnitPrice": line.usd_per_unit if listed else None,
        "ContractedUnitPrice": line.usd_per_unit, "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based",
        "ChargeDescription": line.what, "PricingCategory": _PRICING[line.purchase], "PricingQuantity": line.quantity,
        "PricingUnit": line.unit, "ConsumedQuantity": line.quantity, "ConsumedUnit": line.unit, "ProviderName": line.provider,
        "PublisherName": line.provider, "RegionId": line.region, "ResourceId": line.address, "ResourceName": line.what, "SkuId": line.sku,
        "x_Artefact": line.artefact, "x_Line": line.line, "x_Origin": line.origin, "x_PriceAsOf": line.as_of,
        "x_PriceSource": line.source, "x_Purchase": line.purchase,
    }  # fmt: skip
