"""Where messages may go: the shape of addresses, checked when a routing is set and when it is used.

Whether a host may be reached at all is the webhook channel's rule, at the time of sending.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

MAIL_LANE = "mail"
_MAILBOX = re.compile(r"[^@\s,;<>\"()\[\]\\:\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")


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


def lane_of(channel: str, address: str) -> str:
    """What a hanging receiver would block: all mail, or one host and port."""
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
