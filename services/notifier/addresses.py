"""Where messages may go: checked when a routing is set, and again whenever it is used.

Private, link-local and metadata addresses are refused however they are written: a name is looked
up, and an IPv4 address inside an IPv6 one (mapped, NAT64) is taken out and judged.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Collection, Sequence
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

MAIL_LANE = "mail"
_MAILBOX = re.compile(r"[^@\s,;<>\"()\[\]\\:\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")


LOOKUP_SECONDS = 3.0
"""How long setting a routing waits for a name; sending looks it up again in any case."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2002::/16",  # 6to4: a router elsewhere sends it on to the IPv4 address inside
        "2001::/32",  # Teredo: the same
        "64:ff9b:1::/48",  # NAT64 by local rules
        "::/96",  # IPv4-compatible
        "fec0::/10",  # site-local, out of use: what is reached there is a site's own
        "168.63.129.16/32",  # a public address that a cloud answers itself, like the next
        "100.64.0.0/10",  # shared address space, another cloud's metadata among it
    )
)


class AddressRefused(ValueError):
    """The rule for addresses forbids this one."""


def is_mailbox(text: str) -> bool:
    """Whether this is exactly one plain e-mail address."""
    return _MAILBOX.fullmatch(text) is not None


def check_url(url: str) -> SplitResult:
    """The parts of a usable http(s) address; ValueError says what is wrong with it."""
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("holds a space, a control character or a letter outside ASCII")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "\\" in url:
        raise ValueError("is not an http(s) address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("carries a user name or password")
    if parts.port == 0:
        raise ValueError("has a port that does not exist")
    return parts


@lru_cache(maxsize=1024)
def lane_of(channel: str, address: str) -> str:
    """What a hanging receiver would block: all mail, one target, or one host and port."""
    if channel == "apprise":
        return f"apprise:{address}"
    if channel != "webhook":
        return MAIL_LANE
    parts = check_url(address)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def is_trusted(parts: SplitResult, trusted_hosts: Collection[str]) -> bool:
    """Whether the operator has named the host, as ``host`` or as ``host:port``, in lower case.

    Raises AddressRefused for plain http to any other host.
    """
    trusted = parts.hostname in trusted_hosts or parts.netloc.lower() in trusted_hosts
    if not trusted and parts.scheme != "https":
        raise AddressRefused("plain http is only for hosts the operator trusts")
    return trusted


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet may reach."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    refused = any(ip in network for network in _REFUSED if network.version == ip.version)
    return ip.is_global and not ip.is_multicast and not refused


def checked(addresses: Sequence[str]) -> str:
    """One of a host's addresses. Raises AddressRefused unless all of them are public."""
    if not addresses or not all(map(is_public, addresses)):
        raise AddressRefused("the host has a private address and the operator has not named it")
    return addresses[0]


def check_host(host: str) -> str | None:
    """What is doubtful about a host, None if nothing. Raises AddressRefused for one that must not
    be reached. A look-up that takes too long counts as one that failed."""
    found: list[str] = []

    def look() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(str(entry[4][0]) for entry in answers)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    if not found:
        return f"the host {host} has no address now"
    checked(found)
    return None
