"""The inbox and one alert as data: what stands, who knows, and what was the case on a past day.

Pure. Nothing that is unknown is turned into "nobody".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Protocol

from services.console.alerts_answers import AlertRecord, Delivery, Forecast, Telling
from services.console.words import SEVERITIES, SIGNALS, UNKNOWN, Word
from shared.contracts.signals import Severity, SignalType

STATES: Mapping[str, Word] = {
    "open": Word("Open", "warn", "diamond-open"),
    "acknowledged": Word("Acknowledged", "go", "check"),
    "superseded": Word("Superseded", "calm", "dash", "Another signal has followed it up."),
    "withdrawn": Word("Withdrawn", "calm", "cross", "What it said no longer stands."),
    "closed": Word("Closed", "calm", "check", "Somebody ended the matter for a stated reason."),
}
DELIVERY_STATES: Mapping[str, Word] = {
    "pending": Word("Waiting to be sent", "wait", "half"),
    "failed": Word("Failed, tried again", "warn", "question"),
    "sent": Word("Delivered", "go", "check"),
    "given_up": Word("Given up", "stop", "cross"),
    "cancelled": Word("Called off", "calm", "dash"),
}
REMARKS: Mapping[str, str] = {
    "note": "Note",
    "seen": "Seen",
    "handed_over": "Handed over",
    "closed": "Closed",
}
ENDED = ("superseded", "withdrawn")
_JUDGE = ("/adjudication", "Judge the candidate")
_DECIDE = ("/committee", "What the committee decides on")
_ASK = ("/data", "What is asked and missing")
LEADS: Mapping[SignalType, tuple[str, str]] = {
    SignalType.DLT_CANDIDATE: _JUDGE,
    SignalType.RECOMMENDATION_CHANGED: _DECIDE,
    SignalType.ENROLMENT_HOLD: _DECIDE,
    SignalType.DOSE_EXCEEDED: _DECIDE,
    SignalType.MTD_DETERMINED: _DECIDE,
    SignalType.DECISION_BASIS_CHANGED: _DECIDE,
    SignalType.STOPPING_CROSSED: _DECIDE,
    SignalType.STOPPING_NEAR: _DECIDE,
    SignalType.DATA_QUERY: _ASK,
    SignalType.DATA_CONFLICT: _ASK,
    SignalType.STUDY_DEGRADED: _ASK,
    SignalType.STUDY_STALE: _ASK,
}
"""The page on which something can be done about what a signal says."""
_ORDER: tuple[Severity, ...] = ("critical", "urgent", "warning", "notice", "info")
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One alert of the inbox."""

    alert: AlertRecord
    title: str
    severity: Word
    state: Word

    @property
    def waits(self) -> bool:
        """Whether somebody has yet to take it on."""
        return _waits(self.alert)

    @property
    def leads(self) -> tuple[str, str] | None:
        """The end of the address of the page where it is dealt with, and what is there."""
        signal = self.alert.signal
        return LEADS.get(signal.type) if signal and self.alert.state not in ENDED else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of the filter, with how many alerts it leads to."""

    text: str
    value: str
    count: int
    chosen: bool


class Listed(Protocol):
    """As much of an alert as decides where in the inbox it is."""

    @property
    def id(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def asks(self) -> bool: ...
    @property
    def raised_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Inbox:
    """What the filter leaves: first what waits, gravest and oldest first, then the newest. `ids`
    are those of this page; `rows` its alerts, once they have been asked for."""

    ids: tuple[str, ...]
    total: int
    page: int
    pages: int
    waiting: int
    states: tuple[Choice, ...]
    severities: tuple[Choice, ...]
    rows: tuple[Row, ...] = ()

    def filled(self, alerts: Iterable[AlertRecord]) -> Inbox:
        """With its alerts; one that is gone by now is left out."""
        found = {alert.id: alert for alert in alerts}
        return replace(self, rows=tuple(row_of(found[one]) for one in self.ids if one in found))


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything sent to one person about one alert."""

    subscriber: str
    ways: tuple[tuple[Delivery, Word], ...]


def row_of(alert: AlertRecord) -> Row:
    """An alert in words."""
    return Row(
        alert=alert,
        title=SIGNALS[alert.signal.type] if alert.signal else alert.kind,
        severity=severity_word(alert.severity),
        state=STATES.get(alert.state, UNKNOWN),
    )


def severity_word(severity: str) -> Word:
    return next((SEVERITIES[one] for one in _ORDER if one == severity), UNKNOWN)


def inbox_of(
    alerts: Sequence[AlertRecord], state: str | None, severity: str | None, page: int
) -> Inbox:
    """`state` also ``waiting``: those that want an acknowledgement and have none."""
    return choose(alerts, state, severity, page).filled(alerts)


def choose(alerts: Sequence[Listed], state: str | None, severity: str | None, page: int) -> Inbox:
    """The same without its rows, for which the alerts in brief are enough."""
    kinds = [(one.state, one.severity, _waits(one)) for one in alerts]
    kept = [one for one, kind in zip(alerts, kinds, strict=True) if _fits(kind, state, severity)]
    kept.sort(key=_urgency)
    pages = max(1, -(-len(kept) // PAGE_SIZE))
    page = min(page, pages)
    tally = Counter(kinds)

    def count(state: str | None, severity: str | None) -> int:
        return sum(number for kind, number in tally.items() if _fits(kind, state, severity))

    return Inbox(
        ids=tuple(one.id for one in kept[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        total=len(kept),
        page=page,
        pages=pages,
        waiting=count("waiting", None),
        states=_choices(
            {"waiting": "Wants an acknowledgement"} | {n: w.text for n, w in STATES.items()},
            state,
            lambda value: count(value, severity),
        ),
        severities=_choices(
            {name: SEVERITIES[name].text for name in _ORDER},
            severity,
            lambda value: count(state, value),
        ),
    )


def as_known(alerts: Iterable[AlertRecord], moment: datetime) -> tuple[AlertRecord, ...]:
    """The alerts as they stood at a moment: what was done or followed later is unseen."""
    listed = [alert for alert in alerts if alert.raised_at <= moment]
    known = {alert.id for alert in listed}
    return tuple(_then(alert, known, moment) for alert in listed)


def _then(alert: AlertRecord, known: set[str], moment: datetime) -> AlertRecord:
    acknowledgements = tuple(one for one in alert.acknowledgements if one.at <= moment)
    notes = tuple(one for one in alert.notes if one.at <= moment)
    follower = alert.followed_by if alert.followed_by in known else None
    if follower and alert.state in ENDED:
        state = alert.state
    elif any(note.kind == "closed" for note in notes):
        state = "closed"
    else:
        state = "acknowledged" if acknowledgements else "open"
    return alert.model_copy(
        update={
            "acknowledgements": acknowledgements,
            "notes": notes,
            "followed_by": follower,
            "state": state,
        }
    )


def reach_of(deliveries: Sequence[Delivery], moment: datetime | None) -> tuple[Reach, ...]:
    """By person, those first who may not know of it; a past `moment` hides what came later."""
    seen = [one if moment is None else _delivery_then(one, moment) for one in deliveries]
    there = sorted((one for one in seen if one is not None), key=lambda one: one.subscriber)
    people = [
        Reach(name, tuple((one, DELIVERY_STATES.get(one.state, UNKNOWN)) for one in ways))
        for name, ways in groupby(there, key=lambda one: one.subscriber)
    ]
    return tuple(sorted(people, key=lambda one: (_reached(one), one.subscriber)))


def _reached(reach: Reach) -> bool:
    return any(one.state == "sent" for one, _ in reach.ways)


def _delivery_then(delivery: Delivery, moment: datetime) -> Delivery | None:
    if delivery.created_at > moment:
        return None
    log = tuple(one for one in delivery.log if one.at <= moment)
    if delivery.settled_at is not None and delivery.settled_at <= moment:
        return delivery.model_copy(update={"log": log})
    failed = bool(log) and log[-1].step == "failed"
    return delivery.model_copy(
        update={
            "log": log,
            "state": "failed" if failed else "pending",
            "attempts": max((line.number for line in log), default=0),
            "settled_at": None,
            "due_at": None,
        }
    )


def steps_to_come(alert: AlertRecord, forecast: Forecast, now: datetime) -> tuple[Telling, ...]:
    """The steps of the ladder that are still to come; the first telling is that of the raising."""
    if alert.state != "open" or not alert.asks:
        return ()
    return tuple(step for step in forecast.tellings[1:] if step.at > now)


def _waits(alert: Listed) -> bool:
    return alert.asks and alert.state == "open"


def _fits(kind: tuple[str, str, bool], state: str | None, severity: str | None) -> bool:
    """``kind``: the alert's state and severity, and whether it waits for somebody."""
    its_state, its_severity, waits = kind
    in_state = waits if state == "waiting" else _is(its_state, state)
    return in_state and _is(its_severity, severity)


def _is(value: str, wanted: str | None) -> bool:
    return wanted is None or value == wanted


def _urgency(alert: Listed) -> tuple[bool, int, float]:
    if _waits(alert):
        grave = next((n for n, name in enumerate(_ORDER) if name == alert.severity), 0)
        return False, grave, alert.raised_at.timestamp()
    return True, 0, -alert.raised_at.timestamp()


def _choices(
    names: Mapping[str, str], chosen: str | None, count: Callable[[str | None], int]
) -> tuple[Choice, ...]:
    return (
        Choice("All", "", count(None), chosen is None),
        *(Choice(text, name, count(name), chosen == name) for name, text in names.items()),
    )
