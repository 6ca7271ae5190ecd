"""Webhooks: the URL that a start may name, a delivery as its owner sees it, and the secret that signs it.

Form and signature are those of Standard Webhooks 1.0.0 (standardwebhooks.com)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from infra_mind.model.base import Value

MOST_CHARACTERS = 2_048
_URL = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Target:
    """A webhook's URL taken apart, once and for all: who connects uses these parts and parses nothing again.

    `host` is a name in lower case or an address without brackets; `path` is what stands in the request line."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """The host as an address; None when it is a name."""
        return _address(self.host)

    @property
    def masked(self) -> str:
        """The URL for logs and lists: paths and queries of webhooks are often secrets themselves."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}/" + ("…" if self.path != "/" else "")


def target_of(url: str) -> Target:
    """The parts of a webhook's URL. ValueError with a sentence that never holds the URL itself."""
    if len(url) > MOST_CHARACTERS:
        raise ValueError(f"is longer than {MOST_CHARACTERS} characters")
    if not _URL.fullmatch(url):
        raise ValueError(
            "must be printable ASCII without spaces; write names in their xn-- form and escape the rest"
        )
    if "\\" in url:
        raise ValueError("must not hold a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL such as https://example.com/hook") from None
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with https://")
    if "@" in parts.netloc:
        raise ValueError(
            "must not hold a user name or password; deliveries are signed, verify the signature instead"
        )
    if "#" in url:
        raise ValueError("must not hold a fragment (#...)")
    if port == 0:
        raise ValueError("must not name port 0")
    host = _host(parts.hostname or "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _host(text: str) -> str:
    address = _address(text)
    if address is not None:
        return str(address)
    if not _NAME.fullmatch(text) or len(text) > 253:
        raise ValueError("must name a host, such as https://example.com/hook")
    if _NUMBER.fullmatch(text.rpartition(".")[2]):  # 127.1, 0x7f000001: addresses in disguise
        raise ValueError("must write an address in its usual form, such as 192.0.2.1")
    return text


def _address(text: str) -> Address | None:
    if "%" in text:  # a zone: only this machine knows what it means
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _check_url(url: str) -> str:
    try:
        target_of(url)
    except ValueError as error:
        raise PydanticCustomError("webhook_url", str(error).replace("{", "{{")) from None
    return url


WebhookUrl = Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(_check_url)]


class DeliveryState(StrEnum):
    PENDING = "pending"  # waits for its time, or is being sent
    DELIVERED = "delivered"  # the receiver answered 2xx
    FAILED = "failed"  # given up: every attempt failed, or its address is not allowed
    DISABLED = "disabled"  # the receiver answered 410: it wants no more


class DeliveryAttempt(Value):
    """One request, or what kept it from being sent. `error` is a type such as `Timeout`; answers are not kept."""

    attempt: int = Field(
        description="From 1; a number is missing where a dispatcher died before it could note it"
    )
    at: str
    duration_s: float
    status_code: int | None = None
    error: str | None = None


class Delivery(Value):
    """One end of a task on its way to the receiver. `webhook_id` stays the same over all attempts."""

    webhook_id: str
    task_id: str
    type: str = Field(description="assessment.completed, .partial, .failed or .cancelled")
    url: str = Field(description="Without path and query, which may be secret")
    state: DeliveryState
    created_at: str
    attempts: tuple[DeliveryAttempt, ...] = ()
    next_attempt_at: str | None = None


class WebhookSecret(Value):
    """What verifies a tenant's deliveries. After a rotation they carry two signatures until `previous_until`."""

    secret: str = Field(repr=False, description="whsec_ and 32 random bytes in base64")
    created_at: str
    previous_until: str | None = None
