"""Ways to reach a subscriber. Each takes an `Outgoing` and answers with an `Outcome`.

A channel never raises for what the other side did: a refusal, a timeout and an answer are all
outcomes, kept word for word (shortened) as the proof of what happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

MAX_ANSWER = 500
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Inline:
    """A picture within a mail; `words` are the paragraph of the text that says what it shows."""

    png: bytes
    words: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, the same on every try: `id` is what lets a receiver see a repeat."""

    id: str
    address: str
    subject: str
    text: str
    event: str
    data: dict[str, object]
    study: str
    urgent: bool
    secrets: tuple[str, ...] = ()
    picture: Inline | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `retry_after`: seconds the receiver asked us to wait."""

    delivered: bool
    answer: str
    retry_after: float | None = None


class Sender(Protocol):
    """One channel."""

    def send(self, message: Outgoing) -> Outcome:
        """Sends, within the channel's own time limit."""


def one_line(text: str) -> str:
    """The text with nothing in it that cannot be printed, stored or sent."""
    return _UNPRINTABLE.sub(" ", text).strip()


def shortened(answer: str) -> str:
    """An answer fit to be stored: one line, printable, at most MAX_ANSWER characters."""
    line = one_line(answer)
    return line if len(line) <= MAX_ANSWER else line[: MAX_ANSWER - 1] + "…"
