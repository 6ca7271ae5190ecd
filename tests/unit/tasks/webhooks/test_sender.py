"""Requests to a real receiver on loopback: what arrives, what fails how, and what is never connected to."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra_mind.model.webhook import Address, target_of
from infra_mind.tasks.webhooks import sender as module
from infra_mind.tasks.webhooks.addresses import AddressPolicy, AddressRefused
from infra_mind.tasks.webhooks.deliverer import DeliverLimits
from infra_mind.tasks.webhooks.sender import Answer, HttpSender, Resolve, SendFailed, resolve_name
from tests.unit.tasks.webhooks.receiver import receiver, status

LOOPBACK = AddressPolicy.of("127.0.0.1/32")
NOTHING = AddressPolicy()


def answers(*texts: str) -> Resolve:
    """A resolver that gives one of `texts` for each question, the last one for ever."""
    left = list(texts)

    async def resolve(host: str, port: int) -> list[Address]:
        return [ipaddress.ip_address(left.pop(0) if len(left) > 1 else left[0])]

    return resolve


async def test_what_arrives_is_what_was_given() -> None:
    async with receiver(status(204)) as there:
        answer = await HttpSender(LOOPBACK).post(
            target_of(there.url(path="/a/b?c=d")), {"webhook-id": "msg_1"}, b'{"x": 1}'
        )
    assert answer == Answer(204)
    (got,) = there.received
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/a/b?c=d", b'{"x": 1}', "msg_1")
    assert got.headers["host"] == f"127.0.0.1:{there.port}"


@pytest.mark.parametrize("code", [200, 400, 410, 500])
async def test_every_status_is_an_answer(code: int) -> None:
    async with receiver(status(code)) as there:
        assert await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"") == Answer(code)


@pytest.mark.parametrize(
    ("header", "seconds"), [("Retry-After: 120", 120.0), ("retry-after: Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("x: y", 0.0)]
)  # fmt: skip
async def test_a_receiver_may_ask_for_time(header: str, seconds: float) -> None:
    async with receiver(status(503, header)) as there:
        assert await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"") == Answer(503, seconds)


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with receiver() as inside, receiver(status(302, f"location: {inside.url()}")) as there:
        assert (await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"")).status_code == 302
        assert inside.received == []


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy, receiver() as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(path=""))
        assert await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"") == Answer(200)
        assert proxy.received == []


async def test_a_huge_answer_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n" + b"x" * 100_000
    async with receiver(endless) as there:
        assert await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"") == Answer(200)


# -- failures -------------------------------------------------------------------------------------------------------------


async def test_no_answer_in_time() -> None:
    async with receiver(None) as there:
        with pytest.raises(SendFailed, match="Timeout"):
            await HttpSender(LOOPBACK, timeout_s=0.05).post(target_of(there.url()), {}, b"")


async def test_nobody_listens() -> None:
    async with receiver() as there:
        pass
    with pytest.raises(SendFailed, match="ConnectError"):
        await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"])
async def test_what_listens_speaks_no_http(answer: bytes) -> None:
    async with receiver(answer) as there:
        with pytest.raises(SendFailed, match=r"Protocol|Read"):
            await HttpSender(LOOPBACK).post(target_of(there.url()), {}, b"")


async def test_a_name_without_an_address() -> None:
    with pytest.raises(SendFailed, match="NameNotResolved"):
        await HttpSender(NOTHING).post(target_of("https://no-such-name.invalid/"), {}, b"")


async def test_names_are_resolved_by_the_system() -> None:
    assert ipaddress.ip_address("127.0.0.1") in await resolve_name("localhost", 443)
    assert await resolve_name("[::1]", 443) == [ipaddress.ip_address("::1")]


async def test_names_that_nobody_answers_for_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than the loop's own pool has threads, here one."""
    answered = threading.Event()
    asked = threading.Semaphore(0)

    def unanswered(*_: object, **__: object) -> list[object]:
        asked.release()
        answered.wait(60)
        return []

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    monkeypatch.setattr(socket, "getaddrinfo", unanswered)
    names = [asyncio.ensure_future(resolve_name(f"{n}.example", 443)) for n in range(2)]
    try:
        assert await asyncio.wait_for(asyncio.to_thread(asked.acquire), 20)
    finally:
        answered.set()
    assert await asyncio.gather(*names) == [[], []]


def test_as_many_names_are_resolved_at_once_as_requests_are_open() -> None:
    assert DeliverLimits().at_once <= module.RESOLVED_AT_ONCE


# -- what is never connected to -------------------------------------------------------------------------------------------


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    async with receiver() as there:
        target = target_of(f"https://receiver.example:{there.port}/")
        with pytest.raises(AddressRefused):
            await HttpSender(NOTHING, resolve=answers("127.0.0.1")).post(target, {}, b"")
        assert there.received == []


async def test_a_name_that_changes_between_the_look_and_the_connection_gains_nothing() -> None:
    """DNS rebinding: public at first, private when somebody looks again. There is one look, and it is the one that counts."""
    looks: list[str] = []

    async def rebinding(host: str, port: int) -> list[Address]:
        looks.append(host)
        return [ipaddress.ip_address("127.0.0.1")]

    async with receiver() as there:
        sender = HttpSender(LOOPBACK, resolve=rebinding)
        await sender.post(target_of(f"http://receiver.example:{there.port}/"), {}, b"")
        assert looks == ["receiver.example"]
        with pytest.raises(AddressRefused):
            await HttpSender(NOTHING, resolve=rebinding).post(
                target_of(f"https://receiver.example:{there.port}/"), {}, b""
            )
        assert len(there.received) == 1


async def test_every_request_is_judged_anew() -> None:
    """No connection is kept: the second request meets the address of then."""
    async with receiver() as there:
        sender = HttpSender(LOOPBACK, resolve=answers("127.0.0.1", "127.0.0.2"))
        target = target_of(f"http://receiver.example:{there.port}/")
        await sender.post(target, {}, b"")
        with pytest.raises(AddressRefused):
            await sender.post(target, {}, b"")
        assert len(there.received) == 1


async def test_a_second_address_gets_its_turn() -> None:
    async with receiver() as there:

        async def two(host: str, port: int) -> list[Address]:
            return [ipaddress.ip_address("127.0.0.2"), ipaddress.ip_address("127.0.0.1")]

        sender = HttpSender(AddressPolicy.of("127.0.0.0/8"), resolve=two)
        assert await sender.post(target_of(f"http://receiver.example:{there.port}/"), {}, b"") == Answer(200)
        assert there.received[0].headers["host"] == f"receiver.example:{there.port}"


# -- TLS ------------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server with a certificate for `name` uses, and what a sender that trusts it uses."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


async def test_the_certificate_is_the_names_although_the_connection_is_to_an_address(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "receiver.example")
    async with receiver(status(200), tls=server) as there:
        sender = HttpSender(LOOPBACK, resolve=answers("127.0.0.1"), tls=trusting)
        assert await sender.post(target_of(f"https://receiver.example:{there.port}/"), {}, b"") == Answer(200)
        assert there.received[0].headers["host"] == f"receiver.example:{there.port}"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "other.example")
    async with receiver(status(200), tls=server) as there:
        sender = HttpSender(LOOPBACK, resolve=answers("127.0.0.1"), tls=trusting)
        with pytest.raises(SendFailed, match="TlsError"):
            await sender.post(target_of(f"https://receiver.example:{there.port}/"), {}, b"")
        assert there.received == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "receiver.example")
    async with receiver(status(200), tls=server) as there:
        sender = HttpSender(LOOPBACK, resolve=answers("127.0.0.1"))
        with pytest.raises(SendFailed, match="TlsError"):
            await sender.post(target_of(f"https://receiver.example:{there.port}/"), {}, b"")
        assert there.received == []


def test_the_time_for_a_request_is_what_the_standard_recommends() -> None:
    assert 15 <= module.TIMEOUT_S <= 30
