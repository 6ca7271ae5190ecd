"""One request to a receiver: resolved once, every address judged, connected to what was judged. No redirects, no proxies."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

import httpcore
import httpx

from infra_mind.model.webhook import Address, Target
from infra_mind.tasks.webhooks.addresses import AddressPolicy

TIMEOUT_S = 15.0  # the standard recommends 15 to 30 s
CONNECT_S = 5.0  # of one address, so that a second one gets its turn
MOST_ADDRESSES = 3
RESOLVED_AT_ONCE = 16  # names; as many as a deliverer has requests open
_TIMEOUTS = {"timeout": {"connect": CONNECT_S}}

Resolve = Callable[[str, int], Awaitable[list[Address]]]


@dataclass(frozen=True)
class Answer:
    """All that is kept of an answer: its body is never read."""

    status_code: int
    retry_after_s: float = 0.0


class SendFailed(Exception):  # noqa: N818 - an outcome, as AddressRefused is
    """No answer came. `kind` is what the log of deliveries shows."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class Sender(Protocol):
    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises SendFailed, and AddressRefused when nothing was sent because of where it would have gone."""


class HttpSender:
    """`resolve` gives all addresses of a name. `tls` decides whose certificates are trusted; by default httpx's choice."""

    def __init__(
        self, policy: AddressPolicy, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._policy, self._resolve, self._timeout_s = policy, resolve or resolve_name, timeout_s
        self._tls = tls or httpx.create_ssl_context()

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme, host=_bracketed(target.host), port=target.port, target=target.path
        )
        backend = _JudgedBackend(self._policy, target.scheme, self._resolve)
        try:
            async with asyncio.timeout(self._timeout_s):
                # A pool of its own for each request: a kept connection would be one that nobody judged this time.
                async with (
                    httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                    pool.stream(
                        "POST", url, headers=list(headers.items()), content=body, extensions=_TIMEOUTS
                    ) as response,
                ):
                    return Answer(response.status, _retry_after_s(response.headers))
        except (TimeoutError, httpcore.TimeoutException):
            raise SendFailed("Timeout") from None
        except httpcore.ConnectError as error:
            raise SendFailed(_why(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise SendFailed(type(error).__name__) from None


class _JudgedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's seam to the network. TLS is done above it with the name, so the certificate must still be the name's."""

    def __init__(self, policy: AddressPolicy, scheme: str, resolve: Resolve) -> None:
        self._policy, self._scheme, self._resolve = policy, scheme, resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        addresses = await self._resolve(host, port)
        self._policy.check_addresses(addresses, self._scheme)
        last: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(
                    str(address),
                    port,
                    timeout=timeout,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


async def resolve_name(host: str, port: int) -> list[Address]:
    """Addresses of a name, in the resolver's order, each once. SendFailed when there are none."""
    host = host.strip("[]")
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _resolving(), partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        raise SendFailed("NameNotResolved") from None
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@cache
def _resolving() -> ThreadPoolExecutor:
    """Threads of its own: names whose servers do not answer hold them, for longer than a request may take, and what else the
    process does in threads must not wait for that."""
    return ThreadPoolExecutor(RESOLVED_AT_ONCE, thread_name_prefix="resolve")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _why(error: BaseException) -> str:
    """`TlsError` when the receiver's certificate or its protocol is the reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "TlsError"
        cause = cause.__cause__ or cause.__context__
    return "ConnectError"


def _retry_after_s(headers: list[tuple[bytes, bytes]]) -> float:
    """Seconds; a date counts as none: the clock of a stranger decides nothing here."""
    given = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return float(given) if given.isdigit() and len(given) < 10 else 0.0
