"""Where a webhook may go. The expected values are IANA's special-purpose registries, and the standard library's reading of them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.model.webhook import Address, target_of
from infra_mind.tasks.webhooks.addresses import AddressPolicy, AddressRefused, is_public, meant_address

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2a00:1450:4001:81b::200e",
    "192.0.1.1",
]
CLOSED = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.9.10", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    "2001::1", "3fff::1", "5f00::1", "::7f00:1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::1",
]  # fmt: skip


def addresses(*texts: str) -> list[Address]:
    return [ipaddress.ip_address(text) for text in texts]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_reached(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    AddressPolicy().check_addresses(addresses(text), "https")


@pytest.mark.parametrize("text", CLOSED)
def test_everything_else_is_refused(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(AddressRefused, match="not public"):
        AddressPolicy().check_addresses(addresses(text), "https")


@given(st.ip_addresses())
def test_what_the_standard_library_calls_local_is_never_public(address: Address) -> None:
    meant = meant_address(address)
    closed = meant.is_private or meant.is_multicast or meant.is_reserved or meant.is_link_local
    assert not (is_public(address) and (closed or meant.is_loopback or meant.is_unspecified))


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_is_judged_as_the_ipv4_address_that_it_leads_to(address: ipaddress.IPv4Address) -> None:
    plain = is_public(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | int(address))
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | int(address))
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80))
    assert [is_public(one) for one in (mapped, nat64, six_to_four)] == [plain] * 3


@given(st.lists(st.ip_addresses(), min_size=1, max_size=5))
def test_one_address_that_is_not_public_is_enough(found: list[Address]) -> None:
    try:
        AddressPolicy().check_addresses(found, "https")
    except AddressRefused:
        assert not all(map(is_public, found))
    else:
        assert all(map(is_public, found))


def test_an_allowed_network_is_reached_in_every_form_of_its_addresses_and_nothing_beside_it() -> None:
    policy = AddressPolicy.of("10.1.0.0/16, fd00::/8")
    policy.check_addresses(addresses("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "8.8.8.8"), "https")
    for other in ("10.2.0.1", "127.0.0.1", "fc00::1", "::ffff:10.2.0.1"):
        with pytest.raises(AddressRefused):
            policy.check_addresses(addresses(other), "https")


def test_plain_http_goes_to_allowed_networks_only() -> None:
    policy = AddressPolicy.of("127.0.0.1/32")
    policy.check_addresses(addresses("127.0.0.1"), "http")
    with pytest.raises(AddressRefused, match="https"):
        policy.check_addresses(addresses("127.0.0.1", "8.8.8.8"), "http")


def test_no_text_of_a_refusal_tells_what_a_name_resolves_to() -> None:
    with pytest.raises(AddressRefused) as refused:
        AddressPolicy().check_addresses(addresses("10.20.30.40"), "https")
    assert "10.20" not in str(refused.value)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "ten", "10.0.0.0/33"])
def test_a_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        AddressPolicy.of(text)


# -- before anything is resolved ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["https://10.0.0.1/x", "https://[::1]/", "https://[::ffff:7f00:1]/", "https://localhost/", "https://api.localhost:8443/", "http://example.com/"])  # fmt: skip
def test_what_can_be_seen_at_once_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"not public|https"):
        AddressPolicy().check_target(target_of(url))


@pytest.mark.parametrize("url", ["https://example.com/", "https://1.1.1.1/x", "https://internal-name/"])
def test_a_name_is_judged_when_it_is_connected_to(url: str) -> None:
    AddressPolicy().check_target(target_of(url))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://localhost:9/", "http://name-in-the-house/"])
def test_allowed_networks_may_be_reached_without_tls(url: str) -> None:
    AddressPolicy.of("127.0.0.0/8").check_target(target_of(url))


def test_plain_http_to_a_public_address_is_refused_also_where_a_network_is_allowed() -> None:
    with pytest.raises(ValueError, match="https"):
        AddressPolicy.of("127.0.0.0/8").check_target(target_of("http://8.8.8.8/"))


# -- URLs -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://Example.COM", ("https", "example.com", 443, "/")),
        ("https://example.com:8443/a/b?c=d&e", ("https", "example.com", 8443, "/a/b?c=d&e")),
        ("https://example.com?x=1", ("https", "example.com", 443, "/?x=1")),
        ("http://[2001:DB8::1]:8080/", ("http", "2001:db8::1", 8080, "/")),
        ("https://xn--bcher-kva.example/", ("https", "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    target = target_of(url)
    assert (target.scheme, target.host, target.port, target.path) == parts


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "printable"), ("example.com", "https://"), ("ftp://example.com/", "https://"), ("file:///etc/passwd", "https://"),
        ("https://", "name a host"), ("https://u:p@example.com/", "password"), ("https://@example.com/", "password"),
        ("https://example.com/#top", "fragment"), ("https://example.com:0/", "port 0"), ("https://example.com:99999/", "URL"),
        ("https://example.com/a b", "spaces"), ("https://exämple.com/", "xn--"), ("https://example.com\\@10.0.0.1/", "backslash"),
        ("https://127.1/", "usual form"), ("https://2130706433/", "usual form"), ("https://0x7f000001/", "usual form"),
        ("https://0177.0.0.1/", "usual form"), ("https://[::1/", "URL"), ("https://exa%6dple.com/", "name a host"),
        ("https://-x.example/", "name a host"), ("https://a..b/", "name a host"), ("https://example.com\n/", "printable"),
        ("https://example.com/" + "x" * 2_048, "2048"), ("https://[fe80::1%25eth0]/", "host"),
    ],
)  # fmt: skip
def test_a_url_that_no_receiver_has_is_refused_without_being_repeated(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        target_of(url)
    assert "u:p" not in str(refused.value)


@given(st.text(max_size=60).map("https://".__add__))
def test_whatever_passes_is_one_host_and_one_line(url: str) -> None:
    try:
        target = target_of(url)
    except ValueError:
        return
    assert target.address is not None or set(target.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    assert target.path.startswith("/")
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://hooks.example.com/T0/B1/s3cr3t?x=1", "https://hooks.example.com/…"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://[::1]:80/x", "http://[::1]/…"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, masked: str) -> None:
    assert target_of(url).masked == masked
