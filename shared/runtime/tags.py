"""How an answer is named, so that who has it already need not be sent it again (RFC 9110, 8.8.3).

Whoever asks is known by their own key each time; only what would be said is left out.
"""

from __future__ import annotations

import hashlib
import re

_TAG = re.compile(r'(?:W/)?"([0-9a-f]{64})"')


def name_of(document: str) -> str:
    """What tells one answer from another."""
    return hashlib.sha256(document.encode()).hexdigest()


def tag_of(name: str) -> str:
    """The name as ``ETag`` says it."""
    return f'"{name}"'


def named_in(if_none_match: str | None) -> str:
    """The name in ``If-None-Match``; empty where there is none of ours, which is no error: the
    whole answer is right for everybody. A gateway that compresses makes a tag a weak one."""
    found = _TAG.fullmatch((if_none_match or "").strip())
    return found[1] if found else ""
