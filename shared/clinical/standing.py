"""One standing signal: how its key, its moments and its words are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TypeVar

from shared.clinical.rule_versions import RuleVersions
from shared.contracts.assessment import Assessment, Query, SubjectAssessment
from shared.contracts.envelope import sha256
from shared.contracts.signals import Severity, SignalType, StandingSignal


@dataclass(slots=True)
class Draft:
    """A signal before it is one: of those that stand by an assessment few were not told before.
    ``also``: the other keys by which it may have been told."""

    key: str
    slot: str
    type: SignalType
    severity: Severity
    subject: str | None
    dose_level: int | None
    rule: str
    at: datetime
    known_at: datetime
    text: str
    cohort: str | None = None
    also: tuple[str, ...] = ()

    def by_rule(self, rules: RuleVersions) -> Draft:
        """With the first version in which its rule reads as it does in its key."""
        *later, first = rules.of(self.subject is not None, self.rule)
        if not later:
            return self
        trigger = self.key.rpartition("|")[2]
        named = f"{self.slot}|{self.type.value}|{self.rule}"
        also = tuple(f"{named}|{version}|{trigger}" for version in later)
        return replace(self, key=f"{named}|{first}|{trigger}", also=also)

    def signal(self) -> StandingSignal:
        """The signal, checked against the contract."""
        return StandingSignal(
            **{name: getattr(self, name) for name in self.__slots__ if name != "also"}
        )


def signal_of(
    assessment: Assessment,
    kind: SignalType,
    severity: Severity,
    slot: str,
    trigger: str,
    rule: str,
    text: str,
    at: datetime | date | None,
    known_at: datetime | None,
    subject: str | None = None,
    dose_level: int | None = None,
) -> Draft:
    """A signal by its parts. ``slot``: what it is about; ``trigger``: what makes it another one;
    ``at``: when it happened, a date or None standing for the moment it was known."""
    known = known_at or assessment.known_at
    happened = at or known
    if not isinstance(happened, datetime):
        # A date alone is written as its noon, and never as later than it was known.
        happened = min(datetime.combine(happened, time(12), UTC), known)
    version = assessment.protocol_version
    return Draft(
        key=f"{slot}|{kind.value}|{rule}|{version}|{sha256(trigger)[:16]}",
        slot=slot,
        type=kind,
        severity=severity,
        subject=subject,
        dose_level=dose_level,
        rule=rule,
        at=happened,
        known_at=known,
        text=text,
    )


_Part = TypeVar("_Part", SubjectAssessment, Query)

_MOST = 4096
"""So many parts of assessments are remembered."""

_kept: dict[tuple[int, str, object], tuple[object, Sequence[Draft]]] = {}
"""By the part's identity; with the part, so that while it is here no other can be taken for it."""


def kept(
    assessment: Assessment,
    part: _Part,
    besides: object,
    work: Callable[[Assessment, _Part], Iterable[Draft]],
) -> Sequence[Draft]:
    """The signals that stand by one part of an assessment. They hang on the part, on the version of
    the protocol and on what the caller names ``besides``, and from one assessment to the next most
    parts are the same objects. A part without a moment of its own takes the assessment's."""
    if part.known_at is None:
        return tuple(work(assessment, part))
    key = id(part), assessment.protocol_version, besides
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = part, tuple(work(assessment, part))
    return found[1]
