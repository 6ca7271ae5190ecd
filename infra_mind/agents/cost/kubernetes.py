"""What Kubernetes manifests order from the cloud that hosts the cluster: volumes by their storage class, and load balancers.

Pods run on nodes, which are priced as machines. Provider and region are those of the brief's hosting: a manifest names neither."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from infra_mind.agents.cost.ledger import Ledger, Place
from infra_mind.agents.cost.terraform_azure import tier_of
from infra_mind.knowledge import prices
from infra_mind.knowledge.instances import PROVIDERS
from infra_mind.model.brief import Hosting
from infra_mind.model.fact import id_part
from infra_mind.model.inventory import Inventory, Resource, is_unresolvable

# Classes that the managed clusters bring along (documentation of EKS, AKS and GKE), and what an absent class stands for.
CLASSES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aws": {"": "gp2", "gp2": "gp2", "gp3": "gp3", "ebs-gp3": "gp3", "auto-ebs-sc": "gp3"},
        "azure": {
            "": "StandardSSD_LRS", "default": "StandardSSD_LRS", "managed-csi": "StandardSSD_LRS", "managed": "StandardSSD_LRS",
            "managed-premium": "Premium_LRS", "managed-csi-premium": "Premium_LRS",
        },
        "gcp": {"": "pd-balanced", "standard-rwo": "pd-balanced", "premium-rwo": "pd-ssd", "standard": "pd-standard"},
    }
)  # fmt: skip
DISKS = {"pd-balanced": "pd_balanced", "pd-ssd": "pd_ssd", "pd-standard": "pd_standard", "pd-extreme": "pd_extreme"}  # fmt: skip
# What a class of one's own makes when its parameters do not say (documentation of the CSI drivers).
DRIVER_DEFAULT = {
    "ebs.csi.aws.com": "gp3",
    "kubernetes.io/aws-ebs": "gp2",
    "disk.csi.azure.com": "StandardSSD_LRS",
    "pd.csi.storage.gke.io": "pd-standard",
    "kubernetes.io/gce-pd": "pd-standard",
}
# Words in the name of a class that is not among the files.
WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aws": {"gp3": "gp3", "gp2": "gp2", "st1": "st1", "sc1": "sc1"},
        "azure": {"premium": "Premium_LRS"},
        "gcp": {"ssd": "pd-ssd", "balanced": "pd-balanced"},
    }
)
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "": 1}  # fmt: skip
GIB = 2**30
INTERNAL = {
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "internal",
    "cloud.google.com/load-balancer-type": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
}
NETWORK_TYPES = ("nlb", "nlb-ip", "external")


class Claim(NamedTuple):
    """One claim or template of claims: how many volumes it makes, how large, of which class."""

    path: str
    volumes: float


class Cluster:
    """Prices what the manifests of one inventory order."""

    def __init__(self, inventory: Inventory, hosting: Hosting | None, ledger: Ledger) -> None:
        self._classes = {r.name: r for r in inventory.of("StorageClass")}
        self._provider = hosting.provider if hosting else None
        self._region = hosting.region if hosting else None
        self._ledger = ledger

    def book(self, resource: Resource) -> None:
        """The volumes and load balancers of one manifest."""
        if resource.count == 0:
            return
        if resource.kind == "Service" and resource.get("spec.type") == "LoadBalancer":
            self._service(resource)
        if resource.kind == "Ingress":
            self._ingress(resource)
        for claim in _claims(resource, self._ledger):
            self._claim(resource, claim)

    def _claim(self, resource: Resource, claim: Claim) -> None:
        size = resource.get(f"{claim.path}.resources.requests.storage")
        what = f"volume of {size if size is not None else 'unknown size'}"
        gib = quantity_gib(size)
        name = resource.get(f"{claim.path}.storageClassName")
        if resource.get(f"{claim.path}.volumeName") or name == "":
            return self._miss(resource, what, "it is bound to a volume that exists already")
        if gib is None:
            return self._miss(resource, what, "its size is not a quantity")
        if not self._known(resource, what):
            return None
        kind = self._kind(name) or self._named(name)
        if kind is None:
            return self._miss(
                resource,
                what,
                f"storage class {name!r} is neither among the files nor one that the cloud brings",
            )
        if name is None:
            self._ledger.assume(
                f"kubernetes.default_class.{self._provider}", f"Claims without a storage class get the provider's default, {kind}",
                value=kind, source="the managed cluster's documentation of its default storage class",
            )  # fmt: skip
        return self._volume(resource, kind, gib, claim.volumes)

    def _kind(self, name: Any) -> str | None:
        provider = str(self._provider)
        own = self._classes.get(str(name)) if name else None
        if own is None:
            return CLASSES.get(provider, {}).get("" if name is None else str(name))
        given = next(
            (
                str(v)
                for key in ("type", "skuName", "skuname", "storageaccounttype", "storageAccountType")
                if (v := own.get(f"parameters.{key}"))
            ),
            None,
        )
        return given or DRIVER_DEFAULT.get(str(own.get("provisioner")))

    def _named(self, name: Any) -> str | None:
        """The kind of volume that the name of an unknown class holds (`gp3-encrypted`), said as an assumption."""
        words = re.split(r"[^a-z0-9]+", str(name).lower())
        kind = next((k for word, k in WORDS.get(str(self._provider), {}).items() if word in words), None)
        if kind:
            self._ledger.assume(
                f"kubernetes.class.{id_part(str(name))}", f"Storage class {name!r} is not among the files: its name says {kind}", value=kind,
                source="the name of the class",
            )  # fmt: skip
        return kind

    def _volume(self, resource: Resource, kind: str, gib: float, volumes: float) -> None:
        if self._provider == "aws":
            self._units(resource, f"ebs_{kind}", gib * volumes, f"{volumes:g} × {gib:g} GiB {kind}")
        elif self._provider == "gcp":
            sku = DISKS.get(kind)
            if sku is None:
                return self._miss(resource, f"{gib:g} GiB {kind}", f"no dated price of a {kind} disk")
            self._units(resource, sku, gib * volumes, f"{volumes:g} × {gib:g} GiB {kind}")
        else:
            tier = tier_of(kind, gib)
            if tier is None:
                return self._miss(
                    resource, f"{gib:g} GiB {kind}", f"no dated price of a {kind} disk of that size"
                )
            self._units(resource, f"disk_{tier}_lrs", volumes, f"{volumes:g} × {kind} disk {tier}")
        return None

    def _service(self, resource: Resource) -> None:
        what = "load balancer, without traffic"
        if not self._known(resource, what):
            return
        notes = resource.get("metadata.annotations") or {}
        public = not any(str(notes.get(k, "")).lower() == v for k, v in INTERNAL.items())
        if self._provider == "aws":
            network = notes.get("service.beta.kubernetes.io/aws-load-balancer-type") in NETWORK_TYPES
            sku = "load_balancer" if network or resource.get("spec.loadBalancerClass") else "load_balancer_classic"  # fmt: skip
            self._units(resource, sku, 1, f"{'network' if sku == 'load_balancer' else 'classic'} {what}")
            self._ledger.assume(
                "kubernetes.load_balancer", "A Service of type LoadBalancer is a classic load balancer unless its annotation or class says network",
                source="Kubernetes cloud provider for AWS, its default",
            )  # fmt: skip
        elif self._provider == "azure":
            self._once(resource, "load_balancer", "all Services of a cluster share one load balancer of up to five rules", what)  # fmt: skip
            if public:
                self._units(resource, "public_ipv4", 1, "public IPv4 address", flat=True)
        else:
            self._once(resource, "forwarding_rule", FIRST_FIVE, "forwarding rule, without traffic")

    def _ingress(self, resource: Resource) -> None:
        notes = resource.get("metadata.annotations") or {}
        kind = resource.get("spec.ingressClassName") or notes.get("kubernetes.io/ingress.class")
        if kind == "alb" and self._known(resource, "load balancer"):
            self._units(resource, "load_balancer", 1, "application load balancer, without capacity units")
        elif kind in ("gce", "gce-internal") and self._known(resource, "load balancer"):
            self._once(resource, "forwarding_rule", FIRST_FIVE, "forwarding rule, without traffic")

    def _known(self, resource: Resource, what: str) -> bool:
        if resource.count is None:
            self._miss(resource, what, "how many there are is only known at apply time")
            return False
        if self._provider in PROVIDERS and self._region:
            return True
        absent = "hosting.provider" if self._provider is None else "hosting.region"
        reason = (
            f"the cluster's cloud is not known: {absent} is not given"
            if self._provider is None or self._provider in PROVIDERS
            else f"no price list for {self._provider}"
        )
        self._miss(resource, what, reason)
        return False

    def _units(self, resource: Resource, sku: str, units: float, what: str, flat: bool = False) -> None:
        provider, region = str(self._provider), str(self._region)
        offer = prices.service(provider, region, sku)
        if offer is None and flat and (known := prices.service_elsewhere(provider, region, sku)):
            offer = known[0]
        if offer is None:
            self._miss(resource, what, prices.why_service_unpriced(provider, region, sku))
        elif units > 0:
            self._ledger.service(what, offer, units * (resource.count or 1), _place(resource))

    def _once(self, resource: Resource, sku: str, why: str, what: str) -> None:
        """Books what several resources of a region pay once."""
        region = prices.region_name(str(self._provider), str(self._region))
        if any(line.sku == sku and line.region == region for line in self._ledger.lines):
            self._ledger.assume(f"shared.{sku}.{region}", why, source="the provider's price list")
            return
        self._units(resource, sku, 1, what, flat=True)

    def _miss(self, resource: Resource, what: str, reason: str) -> None:
        self._ledger.miss(f"{resource.address}: {what}", reason, _place(resource))


FIRST_FIVE = "Up to five forwarding rules of a region are paid as one"


def quantity_gib(value: Any) -> float | None:
    """A Kubernetes quantity of bytes in GiB; None for what is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]i|[kMGT]|)", str(value).strip())
    if value is None or is_unresolvable(value) or not found:
        return None
    return float(found[1]) * UNITS[found[2]] / GIB


def _claims(resource: Resource, ledger: Ledger) -> Iterator[Claim]:
    if resource.kind == "PersistentVolumeClaim":
        yield Claim("spec", 1.0)
    templates = resource.get("spec.volumeClaimTemplates") if resource.kind == "StatefulSet" else None
    replicas = resource.get("spec.replicas") if resource.kind == "StatefulSet" else None
    pods = float(replicas) if isinstance(replicas, int) and not isinstance(replicas, bool) else None
    if isinstance(templates, list) and pods is None:
        ledger.assume(
            "kubernetes.replicas", "A StatefulSet that does not say its replicas has one", value=1, unit="count",
            source="Kubernetes API reference, StatefulSetSpec.replicas",
        )  # fmt: skip
    for index in range(len(templates) if isinstance(templates, list) else 0):
        yield Claim(f"spec.volumeClaimTemplates.{index}.spec", 1.0 if pods is None else pods)


def _place(resource: Resource) -> Place:
    return Place(resource.address, resource.artefact, resource.line_start, resource.kind)
