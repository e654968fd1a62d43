"""What the notifier asks the monitor, for the chart of a mail and for nothing else.

Within a second: the mail does not wait longer. What answers slowly, or with more than a chart can
rest on, is broken off.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

import httpx2

SECONDS = 1.0
MOST_BYTES = 16 * 1024 * 1024
_REFUSALS = (401, 403)
_NOT_OURS = b"urn:vigil:problem:not-found"
"""How a study is answered in which the key has no right at all."""


class Refused(Exception):
    """The key is not valid, or gives no right to this study."""


class Answer(Protocol):
    """A document by its contract, and whether the monitor says that it may lack something."""

    @property
    def document(self) -> bytes: ...
    @property
    def stale(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Received:
    document: bytes
    stale: bool


class Monitor(Protocol):
    """Answers about one study. None: no such thing, or no usable answer; it may also raise."""

    def assessment(self, study: str, digest: str) -> Answer | None:
        """The assessment as it was given out."""

    def profile(self, study: str, subject: str, known_at: datetime) -> Answer | None:
        """Everything about a subject, by its opaque id, as known at a moment."""

    def figures(self, study: str, known_at: datetime) -> Answer | None:
        """The numbers behind the charts of the study."""


class HttpMonitor:
    """The monitor as another process, asked with the notifier's own key."""

    def __init__(self, url: str, key: str, *, seconds: float = SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        # Calls between services never leave by a proxy that the environment names.
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"}, trust_env=False, follow_redirects=False
        )

    def assessment(self, study: str, digest: str) -> Answer | None:
        return self._get(study, f"assessments/{quote(digest, safe=':')}")

    def profile(self, study: str, subject: str, known_at: datetime) -> Answer | None:
        return self._get(study, f"subjects/{subject}", known_at)

    def figures(self, study: str, known_at: datetime) -> Answer | None:
        return self._get(study, "figures", known_at)

    def close(self) -> None:
        """Ends the connections; what is being asked fails."""
        self._client.close()

    def _get(self, study: str, what: str, known_at: datetime | None = None) -> Answer | None:
        until = time.monotonic() + self._seconds
        url = f"{self._url}/monitor/v1/studies/{quote(study, safe='')}/{what}"
        params = {} if known_at is None else {"known_at": known_at.isoformat()}
        with self._client.stream("GET", url, params=params, timeout=self._seconds) as response:
            if response.status_code in _REFUSALS:
                raise Refused
            document = _body(response, until)
            stale = response.headers.get("Vigil-Stale", "").lower() == "true"
        if response.status_code == 404 and document is not None and _NOT_OURS in document:
            raise Refused
        if response.status_code != 200 or document is None:
            return None
        return _Received(document, stale)


def _body(response: httpx2.Response, until: float) -> bytes | None:
    """None where it is too large, or not there in time: a time limit of the client's holds for one
    piece, and a server may send a piece now and then for ever."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES or time.monotonic() > until:
            return None
    return bytes(body)
