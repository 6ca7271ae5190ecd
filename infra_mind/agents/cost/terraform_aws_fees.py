"""What AWS resources of Terraform cost whatever goes through them: fees, reserved capacity, file systems by their size."""

from __future__ import annotations

from collections.abc import Mapping

from infra_mind.agents.cost.by_use import DYNAMODB
from infra_mind.agents.cost.pricer import Handler, Pricer
from infra_mind.agents.cost.terraform_aws import fixed
from infra_mind.knowledge import prices


def dynamodb(pricer: Pricer) -> None:
    """`aws_dynamodb_table`: provisioned capacity by its units, without what is stored; on demand it is billed by use."""
    mode = pricer.word("billing_mode", "PROVISIONED")
    if mode != "PROVISIONED":
        return pricer.by_use(DYNAMODB) if mode else None
    if prices.service("aws", pricer.region, "dynamodb_write_capacity") is None:
        return pricer.miss("no dated price of provisioned capacity of DynamoDB here, nor of what is stored")
    for path, sku, what in (
        ("write_capacity", "dynamodb_write_capacity", "write"),
        ("read_capacity", "dynamodb_read_capacity", "read"),
    ):
        if (units := pricer.number(path)) is not None:
            pricer.units(sku, units, f"{units:g} {what} capacity units, without what is stored")
    return None


def parameter(pricer: Pricer) -> None:
    """`aws_ssm_parameter`: an advanced one by the month; a standard one is free."""
    if pricer.resource.get("tier") == "Advanced":
        pricer.units("advanced_parameter", 1, "advanced parameter", flat=True)


def certificate_authority(pricer: Pricer) -> None:
    """`aws_acmpca_certificate_authority`: its fee, without certificates."""
    brief = pricer.resource.get("usage_mode") == "SHORT_LIVED_CERTIFICATE"
    sku = "private_ca_short_lived" if brief else "private_ca"
    pricer.units(sku, 1, "private certificate authority, without certificates", flat=True)


def network_firewall(pricer: Pricer) -> None:
    """`aws_networkfirewall_firewall`: an endpoint in each of its subnets."""
    subnets = pricer.resource.get("subnet_mapping")
    if isinstance(subnets, list) and subnets:
        what = f"{len(subnets)} firewall endpoints, without traffic"
        pricer.units("network_firewall_endpoint", len(subnets), what)
    else:
        pricer.miss(pricer.why("subnet_mapping"))


def windows_files(pricer: Pricer) -> None:
    """`aws_fsx_windows_file_system` in two zones: its storage and throughput. One zone costs about half, and no list here says how much."""
    zones = pricer.word("deployment_type", "SINGLE_AZ_1")
    if zones is None:
        return None
    if not zones.startswith("MULTI_AZ"):
        return pricer.miss("no dated price of a file system in one zone")
    kind, size = pricer.word("storage_type", "SSD"), pricer.number("storage_capacity")
    throughput = pricer.number("throughput_capacity")
    if kind and size is not None:
        pricer.units(f"fsx_windows_multi_az_{kind.lower()}", size, f"{size:g} GB {kind}")
    if throughput is not None:
        pricer.units("fsx_windows_multi_az_throughput", throughput, f"{throughput:g} MBps")
    return None


HANDLERS: Mapping[str, Handler] = {
    "aws_dynamodb_table": dynamodb,
    "aws_ssm_parameter": parameter,
    "aws_acmpca_certificate_authority": certificate_authority,
    "aws_networkfirewall_firewall": network_firewall,
    "aws_fsx_windows_file_system": windows_files,
    "aws_cloudwatch_dashboard": fixed("dashboard", "dashboard", flat=True),
    "aws_globalaccelerator_accelerator": fixed("global_accelerator", "accelerator, without traffic"),
}
