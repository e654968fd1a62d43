"""Signed webhooks after the Standard Webhooks specification (standardwebhooks.com).

The rule for addresses: https to public addresses only. A host the operator has named as trusted
may also be reached by plain http and may have a private address. A study administrator writes the
address, so without this rule anyone with that role could make this server talk to its own network.
The name is looked up once and the connection goes to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from urllib.parse import SplitResult

import httpx2

from services.notifier.addresses import AddressRefused, check_url, checked, is_trusted
from services.notifier.channels import Outcome, Outgoing, shortened
from services.notifier.channels.loop import awaited
from shared.runtime.clock import Clock

PREFIX = "whsec_"
MAX_READ = 2048
KEEP_SECONDS = 1.0
"""How long a connection is kept for the next message; servers keep theirs for two or more."""

_MAX_WAIT = 3600.0


def new_secret() -> str:
    """A fresh signing secret of 32 bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key in a ``whsec_`` secret; ValueError unless it is base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the part after whsec_ is not base64") from None
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ followed by base64 of 24 to 64 bytes")
    return key


def signatures(keys: Collection[str], id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one v1 HMAC-SHA256 per key, separated by spaces."""
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(secret_bytes(key), signed, hashlib.sha256)).decode()
        for key in keys
    )


class WebhookSender:
    """Posts; follows no redirect, uses no proxy. Certificates are checked against the machine's
    store, or the one that SSL_CERT_FILE names.

    `trusted_hosts` are names as written in addresses, with or without a port. The timestamp in
    the signature is checked against the receiver's clock, so `clock` is the machine's. `lookup`
    gives the address behind a host that is not trusted.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        trusted_hosts: Collection[str] = (),
        timeout: float = 8.0,
        lookup: Callable[[str, int], Awaitable[str]] | None = None,
    ) -> None:
        self._clock = clock
        self._lookup = lookup or public_address
        self._trusted = frozenset(host.lower() for host in trusted_hosts)
        self._timeout = timeout
        self._clients = _Clients(self._new_client)

    @cached_property
    def _authorities(self) -> ssl.SSLContext:
        # Reading the machine's store takes longer than the rest of a send.
        return ssl.create_default_context()

    def _new_client(self) -> httpx2.AsyncClient:
        # The whole exchange has one time limit; a limit per read could add up for ever.
        return httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=None,
            verify=self._authorities,
            limits=httpx2.Limits(keepalive_expiry=KEEP_SECONDS),
        )

    def send(self, message: Outgoing) -> Outcome:
        if not message.secrets:
            return Outcome(False, "not sent: the subscriber has no webhook secret")
        return awaited(self._send(message))

    async def _send(self, message: Outgoing) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(message)
        except AddressRefused as error:
            return Outcome(False, f"not sent: {error}")
        except TimeoutError:
            return Outcome(False, f"no answer within {self._timeout:g} seconds")
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            return Outcome(False, shortened(f"{type(error).__name__}: {error}"))

    async def _post(self, message: Outgoing) -> Outcome:
        parts = check_url(message.address)
        host = await self._checked_host(parts)
        url = httpx2.URL(message.address).copy_with(host=host)
        body = body_of(message)
        async with (
            self._clients.to(parts.netloc) as client,
            client.stream(
                "POST",
                url,
                content=body,
                headers=self._headers(message, parts.netloc, body),
                extensions={"sni_hostname": parts.hostname},
            ) as response,
        ):
            text = await _beginning(response)
        answer = shortened(f"{response.status_code} {response.reason_phrase} {text}")
        return Outcome(response.is_success, answer, _retry_after(response.headers))

    def _headers(self, message: Outgoing, host: str, body: bytes) -> Mapping[str, str]:
        timestamp = int(self._clock.now().timestamp())
        return {
            "host": host,
            "content-type": "application/json",
            "user-agent": "vigil-notifier",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(message.secrets, message.id, timestamp, body),
        }

    async def _checked_host(self, parts: SplitResult) -> str:
        """Where to connect to. Raises AddressRefused by the rule this module states."""
        host = parts.hostname or ""
        if is_trusted(parts, self._trusted):
            return host
        return await self._lookup(host, parts.port or 443)


class _Clients:
    """Clients that have just posted to a host. Each serves one exchange at a time, and never
    another host: a certificate is checked when its connection is made. One that failed is closed,
    and none remembers what it was told.
    """

    def __init__(self, new: Callable[[], httpx2.AsyncClient]) -> None:
        self._new = new
        self._idle: dict[str, list[tuple[httpx2.AsyncClient, asyncio.TimerHandle]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def to(self, host: str) -> AsyncIterator[httpx2.AsyncClient]:
        client = self._kept(host) or self._new()
        try:
            yield client
        except BaseException:
            await client.aclose()
            raise
        client.cookies.clear()
        expiry = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._retire, host)
        self._idle.setdefault(host, []).append((client, expiry))

    def _kept(self, host: str) -> httpx2.AsyncClient | None:
        if not self._idle.get(host):
            return None
        client, expiry = self._idle[host].pop()
        expiry.cancel()
        return client

    def _retire(self, host: str) -> None:
        """Closes the client that has been idle for longest: the first, as only the last is taken
        again."""
        client, _ = self._idle[host].pop(0)
        closing = asyncio.ensure_future(client.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def public_address(host: str, port: int) -> str:
    """One of the host's addresses. Raises AddressRefused unless all of them are public."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return checked([str(entry[4][0]) for entry in found])


def body_of(message: Outgoing) -> bytes:
    """The posted JSON: the same bytes on every try."""
    event = {"type": message.event, "data": message.data}
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


async def _beginning(response: httpx2.Response) -> str:
    """The first bytes of the answer; the rest is left unread."""
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= MAX_READ:
            break
    return read[:MAX_READ].decode("utf-8", "replace")


def _retry_after(headers: httpx2.Headers) -> float | None:
    text = headers.get("retry-after", "")
    return min(float(text), _MAX_WAIT) if text.isascii() and text.isdigit() else None
