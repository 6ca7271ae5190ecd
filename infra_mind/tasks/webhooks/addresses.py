"""Where a webhook may go: to public addresses, and to the networks that the operator allows.

A receiver's URL is chosen by a caller, and what connects to it stands inside the operator's network. So nothing private is reached
unless a setting says so, and it is the address that is connected to which is judged, not the name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra_mind.model.webhook import Address, Target

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA IPv4 and IPv6 Special-Purpose Address Registries: what is not globally reachable; and multicast (RFC 5771).
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's platform address: public in form, answered by the host of the machine
    )
)  # fmt: skip
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")  # all global unicast that IANA has given out
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NAT64 = ipaddress.IPv6Network(
    "64:ff9b::/96"
)  # RFC 6052: the last 32 bits are the IPv4 address that is meant


class AddressRefused(Exception):  # noqa: N818 - says what happened, as the other outcomes of a delivery do
    """The address is not public and not allowed. The text names the reason and never an address."""


@dataclass(frozen=True)
class AddressPolicy:
    """`networks`: what may be reached although it is private. Plain http goes to these alone: elsewhere anybody on the way could read."""

    networks: tuple[Network, ...] = field(default=())

    @classmethod
    def of(cls, text: str) -> AddressPolicy:
        """From networks with commas between them, such as `10.1.0.0/16, fd00::/8`. ValueError."""
        return cls(tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip()))

    def check_target(self, target: Target) -> None:
        """What can be judged before anything is resolved. ValueError with a sentence for the caller."""
        address = _loopback_name(target.host) or target.address
        if target.scheme != "https" and not self.networks:
            raise ValueError("must begin with https://")
        if address is None:
            return
        try:
            self.check_addresses([address], target.scheme)
        except AddressRefused as refused:
            raise ValueError(str(refused)) from None

    def check_addresses(self, addresses: Iterable[Address], scheme: str) -> None:
        """AddressRefused unless all of them may be reached: a name with one private address among public ones is a trap."""
        for address in addresses:
            allowed = self._allows(address)
            if scheme != "https" and not allowed:
                raise AddressRefused("must begin with https://: plain http goes to allowed networks only")
            if not allowed and not is_public(address):
                raise AddressRefused(
                    "leads to an address that is not public; the operator can allow its network"
                )

    def _allows(self, address: Address) -> bool:
        meant = meant_address(address)
        return any(meant in network for network in self.networks if network.version == meant.version)


def meant_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 form of it leads to (mapped, 6to4, NAT64); otherwise the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether it is a unicast address of the public internet."""
    meant = meant_address(address)
    if isinstance(meant, ipaddress.IPv4Address):
        return not any(meant in network for network in _CLOSED_V4)
    if meant.scope_id is not None:
        return False
    return meant in _OPEN_V6 and not any(meant in network for network in _CLOSED_V6)


def _loopback_name(host: str) -> Address | None:
    """RFC 6761: these names mean this machine, whatever a resolver says."""
    return ipaddress.IPv4Address("127.0.0.1") if host == "localhost" or host.endswith(".localhost") else None
