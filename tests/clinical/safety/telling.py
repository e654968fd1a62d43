"""A study that asks to be told, and what it is told at a moment. Everything here is synthetic."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.clinical import Study, standing_signals
from shared.contracts.assessment import ClockView, SafetyFinding
from shared.contracts.signals import SignalType, StandingSignal
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, subject_of

TYPES = (SignalType.SAE, SignalType.AESI, SignalType.HYS_LAW)


def day(number: int) -> date:
    return DAY_1 + timedelta(days=number - 1)


def asking(section: str) -> Trial:
    """A trial with one dosed subject and the section ``safety``, in YAML's flow style."""
    trial = Trial(f"{PROTOCOL.read_text()}\nsafety: {{{section}}}\n")
    trial.enrol("1-01")
    return trial


def findings(trial: Trial, moment: datetime) -> tuple[SafetyFinding, ...]:
    return subject_of(trial.assess(moment), "1-01").safety


def clocks(trial: Trial, moment: datetime) -> dict[str, ClockView]:
    """The clocks of the only finding."""
    (finding,) = findings(trial, moment)
    return {clock.id: clock for clock in finding.clocks}


def told(trial: Trial, moment: datetime) -> dict[str, StandingSignal]:
    """The signals of the findings, by rule."""
    signals = standing_signals(trial.assess(moment))
    return {signal.rule: signal for signal in signals if signal.type in TYPES}


def asked(trial: Trial, moment: datetime) -> list[str]:
    return [query.text for query in trial.assess(moment).queries]


def turning(trial: Trial, after: datetime) -> datetime | None:
    """The next moment at which time alone may change the assessment."""
    study = Study(STUDY)
    study.add(trial.facts)
    return study.next_deadline(after)
