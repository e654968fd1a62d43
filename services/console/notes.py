"""What the pages say when something is missing, was refused, or has been done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.console.html import utc
from services.console.upstream import Unavailable
from services.console.words import Tone

_WHO: Mapping[str, str] = {
    "monitor": "The monitor",
    "notifier": "The notifier",
    "ingest": "The intake",
}
_MEANS: Mapping[str, str] = {
    "notifier": "Who has acknowledged which signal is not known now. The board below is complete.",
    "ingest": "New records may not be coming in. The board shows what has arrived so far.",
}


_NOT_KNOWN: Mapping[str, tuple[str, ...]] = {
    "monitor": (
        "Which subjects have a DLT and what the rule recommends is not known here at present.",
        "This is not the same as “no DLT”.",
        "Do not open a dose level and do not enrol on the strength of an earlier page.",
    ),
    "notifier": (
        "Who was told of which signal, and who has acknowledged it, is not known here at present.",
        "This is not the same as “no alert”: the study’s board shows every signal all the same.",
    ),
    "ingest": (
        "What has come in, and who may do what, is not known here at present.",
        "This is not the same as “nothing”. What a study’s board shows is the monitor’s.",
    ),
}


@dataclass(frozen=True, slots=True)
class Note:
    """One line above a page."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Something a page cannot show: what, and what that means for the reader."""

    heading: str
    text: str


NOTES: Mapping[str, Note] = {
    "acknowledged": Note("go", "Acknowledged."),
    "alert-changed": Note(
        "warn", "Not acknowledged: the alert has changed meanwhile. Read it again below."
    ),
    "not-allowed": Note(
        "warn",
        "Not acknowledged: this needs the role of a medical monitor or a committee member.",
    ),
    "notifier-silent": Note(
        "stop", "Not known whether this was acknowledged: the notifier did not answer. Look again."
    ),
}
"""By the word in ``?note=``. A word, not a text: nobody can put words on our page by a link."""


def unavailable_lines(problem: Unavailable) -> tuple[str, ...]:
    """Why there is no page, and what of the study that leaves unknown."""
    return (f"{_WHO[problem.service]} {problem.how}.", *_NOT_KNOWN[problem.service])


def since(moment: datetime | None) -> str:
    """Since when something is not known."""
    if moment is None:
        return "No usable answer since this console started."
    return f"Last usable answer: {utc(moment)}."


def gap_of(problem: Unavailable) -> Gap:
    """A part that is missing from a page that is otherwise there."""
    return Gap(
        f"{_WHO[problem.service]} {problem.how}.",
        f"{_MEANS[problem.service]} {since(problem.since)}",
    )


def may_not_read_alerts() -> Gap:
    """The key reads the study but not its alerts."""
    return Gap("This key may not read alerts.", "Who has acknowledged which signal is not shown.")


def routing_gap(warning: str) -> Gap:
    """The notifier's own warning about a study."""
    return Gap("Alerts may not reach everybody:", f"{warning}.")
