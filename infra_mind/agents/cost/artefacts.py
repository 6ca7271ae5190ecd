"""What the artefacts would cost: Terraform resources by their attributes, and what Kubernetes orders from the cloud.

Pods and compose services run on machines that are priced as machines; they have no price of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from infra_mind.agents.cost import by_use, terraform_aws, terraform_aws_fees, terraform_azure, terraform_gcp
from infra_mind.agents.cost.by_use import BY_USE
from infra_mind.agents.cost.kubernetes import Cluster
from infra_mind.agents.cost.ledger import Ledger, Place
from infra_mind.agents.cost.places import Regions
from infra_mind.agents.cost.pricer import Handler, Pricer
from infra_mind.agents.manifests import manifests, with_manifests
from infra_mind.model.brief import Hosting
from infra_mind.model.inventory import Format, Inventory, Resource

HANDLERS: Mapping[str, Handler] = {
    **terraform_aws.HANDLERS,
    **terraform_aws_fees.HANDLERS,
    **terraform_azure.HANDLERS,
    **terraform_gcp.HANDLERS,
}
NO_PRICE = terraform_aws.NO_PRICE | terraform_azure.NO_PRICE | terraform_gcp.NO_PRICE


# What was handed in, may cost money and could not be read.
NOT_READ = {"remote_module": "a remote module", "helm_template": "a Helm template"}


def assess_artefacts(inventory: Inventory, hosting: Hosting | None, ledger: Ledger) -> None:
    """Lines and unpriced things with address, file and line; kinds without a price model are counted in the details."""
    regions, cluster = Regions(inventory, hosting), Cluster(with_manifests(inventory), hosting, ledger)
    blocks = {r.block: r for r in inventory.resources if r.format is Format.TERRAFORM}
    unmodelled: Counter[str] = Counter()
    made = manifests(inventory.resources)
    as_manifests = {(r.artefact, r.address) for r in made}
    for resource in (*inventory.resources, *made):
        if resource.format is Format.TERRAFORM and (resource.artefact, resource.address) in as_manifests:
            continue
        if resource.format is Format.TERRAFORM and not resource.kind.startswith(("provider.", "data.")):
            if not _terraform(resource, regions, blocks, ledger):
                unmodelled[resource.kind] += 1
        elif resource.format is Format.KUBERNETES:
            cluster.book(resource)
    for part in inventory.unread:
        if part.kind in NOT_READ:
            ledger.miss(f"{NOT_READ[part.kind]} in {part.artefact}", part.reason, Place("", part.artefact, part.line, part.kind))  # fmt: skip
    if unmodelled:
        ledger.details["kinds_without_price_model"] = dict(sorted(unmodelled.items()))


def _terraform(resource: Resource, regions: Regions, blocks: Mapping[str, Resource], ledger: Ledger) -> bool:
    """Books one resource; False when this agent knows nothing about its kind."""
    place = Place(resource.address, resource.artefact, resource.line_start, resource.kind)
    if resource.kind in BY_USE:
        skus = BY_USE[resource.kind]
        why = by_use.reason(resource.kind, str(resource.provider), regions.of(resource), skus, ledger)
        ledger.miss(resource.address, why, place)
        return True
    if resource.kind in NO_PRICE:
        ledger.miss(resource.address, f"no dated price list for {resource.kind}", place)
        return True
    handler = HANDLERS.get(resource.kind)
    if handler is None:
        return False
    region = regions.of(resource)
    if resource.count is None:
        ledger.miss(resource.address, "how many there are is only known at apply time", place)
    elif resource.count > 0 and region is None:
        ledger.miss(resource.address, "its region is neither in the files nor in the brief", place)
    elif resource.count > 0 and region is not None:
        handler(Pricer(resource, region, blocks, ledger))
    return True
