"""The signal list of the study page: what was raised, what still stands, who acknowledged it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from services.console.answers import Alert
from services.console.words import SEVERITIES, SIGNALS, Word
from shared.contracts.signals import Signal

NEEDS_ANSWER = ("critical", "urgent")
NEWEST = 5
"""How many of the newest signals the board shows; all of them have a page of their own."""
MOST_PRESSING = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One signal. `followed_by` is the signal that ended it; `follows` the one it ended.

    `alert` is None where the notifier has no record of it yet; see `SignalList.acknowledgements`.
    """

    signal: Signal
    kind: str
    severity: Word
    standing: bool
    followed_by: str | None
    follows: str | None
    dose: str | None
    alert: Alert | None

    @property
    def pressing(self) -> bool:
        """Stands, is critical or urgent, and nobody is known to have acknowledged it."""
        acknowledged = self.alert is not None and self.alert.acknowledgements
        return self.standing and self.signal.severity in NEEDS_ANSWER and not acknowledged


@dataclass(frozen=True)
class SignalList:
    """Newest first. `acknowledgements` is false where the notifier could not be asked: then who
    acknowledged what is unknown, which is not the same as "nobody"."""

    rows: tuple[Row, ...]
    acknowledgements: bool

    @cached_property
    def standing(self) -> int:
        return sum(row.standing for row in self.rows)

    @cached_property
    def _pressing(self) -> list[Row]:
        return [row for row in self.rows if row.pressing]

    @property
    def awaiting(self) -> int:
        """Standing critical and urgent signals that nobody has acknowledged."""
        return len(self._pressing)

    @cached_property
    def foremost(self) -> tuple[Row, ...]:
        """What the board shows: the newest, and of what awaits an acknowledgement the critical
        first, as many as people can take in."""
        pressing = self._pressing if self.acknowledgements else []
        pressing = sorted(pressing, key=lambda row: row.signal.severity != "critical")
        shown = {row.signal.id for row in (*self.rows[:NEWEST], *pressing[:MOST_PRESSING])}
        return tuple(row for row in self.rows if row.signal.id in shown)

    @property
    def more_pressing(self) -> int:
        """How many await an acknowledgement and are not among the foremost."""
        if not self.acknowledgements:
            return 0
        return self.awaiting - sum(row.pressing for row in self.foremost)


def list_signals(
    signals: Sequence[Signal],
    alerts: Sequence[Alert] | None,
    labels: dict[int, str],
    *,
    known_by: datetime | None = None,
) -> SignalList:
    """`signals` oldest first; those known later than `known_by` are unseen, as are their effects.
    `alerts` None: the notifier did not answer, or the page shows the past."""
    seen = [s for s in signals if known_by is None or s.known_at <= known_by]
    successors = {s.supersedes: s for s in seen if s.supersedes}
    by_id = {s.id: s for s in seen}
    alert_of = {alert.signal.id: alert for alert in alerts or () if alert.signal}

    def name(signal: Signal | None) -> str | None:
        return SIGNALS[signal.type] if signal else None

    return SignalList(
        rows=tuple(
            Row(
                signal=signal,
                kind=SIGNALS[signal.type],
                severity=SEVERITIES[signal.severity],
                standing=not signal.ends and signal.id not in successors,
                followed_by=name(successors.get(signal.id)),
                follows=name(by_id.get(signal.supersedes or "")),
                dose=labels.get(signal.dose_level) if signal.dose_level is not None else None,
                alert=alert_of.get(signal.id),
            )
            for signal in reversed(seen)
        ),
        acknowledgements=alerts is not None,
    )
