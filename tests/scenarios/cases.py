"""Reads a case (a YAML file in `cases/`): records given, and what must stand at moments after them.

``day N`` counts from the first dose of the first subject; ``day 3 08:30`` is site time. A record is
known at 15:00 of its day unless it says ``known``. ``as`` names a record for a later ``revise`` or
``delete``. Everything is synthetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from shared.clinical import Study, compare
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at, end_of

FOLDER = Path(__file__).with_name("cases")


class Expectation(BaseModel):
    """What stands at a moment. ``doses``: confirmed, candidate, pending, evaluable, state.

    ``asked``: words that some query must contain. ``raised`` and ``silent``: types of signals that
    had, or had not, been raised by then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: str
    known: str | None = None
    subjects: dict[str, str | None] = {}
    criteria: dict[str, dict[str, str]] = {}
    onset: dict[str, dict[str, str]] = {}
    late: dict[str, list[str]] = {}
    flags: dict[str, list[str]] = {}
    unflagged: dict[str, list[str]] = {}
    doses: dict[int, tuple[int, int, int, int, str]] = {}
    action: str | None = None
    dose_level: int | None = None
    status: str | None = None
    basis: list[str] | None = None
    asked: list[str] = []
    raised: list[str] = []
    silent: list[str] = []


class Case(BaseModel):
    """One file. ``protocol`` changes the demo study's protocol: dotted path to value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: int
    title: str
    why: str
    protocol: dict[str, Any] = {}
    given: list[dict[str, Any]]
    then: list[Expectation]


def cases() -> list[tuple[str, Case]]:
    """Every case with its file's name, in the order of their numbers."""
    paths = sorted(FOLDER.glob("*.yaml"))
    return [
        (path.stem, Case.model_validate(yaml.safe_load(path.read_text("utf-8")))) for path in paths
    ]


def moment(text: str | int, hour: int = 15) -> datetime:
    """``day 3 08:30`` in site time; without a time at ``hour``; ``end of day 3`` is its last
    instant."""
    words = str(text).split()
    if words[0] == "end":
        return end_of(day(words[-1]))
    number = words[1] if words[0] == "day" else words[0]
    clock = words[-1].split(":") if ":" in words[-1] else [str(hour), "0"]
    return at(day(number), int(clock[0]), int(clock[1]))


def day(number: str | int) -> date:
    """The date of a day; day 1 is the first dose."""
    return DAY_1 + timedelta(days=int(number) - 1)


class Teller:
    """Turns the given records into facts."""

    def __init__(self, case: Case) -> None:
        self.trial = Trial(_protocol(case.protocol))
        self._named: dict[str, Fact] = {}
        for step in case.given:
            self._tell(dict(step))

    def _tell(self, step: dict[str, Any]) -> None:
        name = step.pop("as", None)
        ((word, said),) = step.items()
        tell: Callable[..., Fact | None] = getattr(self, f"_{word}")
        fact = tell(**said) if isinstance(said, dict) else tell(said)
        if name is not None:
            assert fact is not None
            self._named[name] = fact

    def _enrol(self, subject: str, level: int = 1, day_: int = 1, **how: Any) -> None:
        self.trial.enrol(subject, level, day(how.pop("day", day_)), **how)

    def _clean(self, subjects: list[str], level: int = 1, **how: Any) -> None:
        self.trial.clean(*subjects, level=level, day=day(how.get("day", 1)))

    def _complete(self, subject: str, **how: Any) -> None:
        known = how.get("known")
        self.trial.complete(subject, day(how.get("day", 1)), known=known and moment(known))

    def _lab(self, subject: str, test: str, result: str, taken: str, **how: Any) -> Fact:
        when = moment(taken, 8)
        known = moment(how.pop("known", f"day {(when.date() - DAY_1).days + 1}"))
        return self.trial.lab(
            subject, test, str(result), when.date(), known=known,
            LBDTC=when.strftime("%Y-%m-%dT%H:%M"), **how,
        )  # fmt: skip

    def _event(self, subject: str, term: str, grade: int, onset: str | int, **how: Any) -> Fact:
        known = how.pop("known", None)
        began: date | str = day(onset) if str(onset).isdigit() else str(onset)
        if "AEENDTC" in how:
            how["AEENDTC"] = str(day(how["AEENDTC"]))
        changes = [
            {"dtc": str(day(number)), "grade": str(to)}
            for number, to in how.pop("grade_from_day", {}).items()
        ]
        return self.trial.event(
            subject, term, grade, began, known=known and moment(known),
            grade_changes=changes, **how,
        )  # fmt: skip

    def _dose(self, subject: str, **how: Any) -> Fact:
        return self.trial.dose(subject, day(how.pop("day")), **how)

    def _left(self, subject: str, reason: str, **how: Any) -> Fact:
        number = how["day"]
        return self.trial.record(
            "disposition", subject,
            {"DSDECOD": reason, "DSSTDTC": str(day(number)), "DSSCAT": "STUDY PARTICIPATION"},
            known=moment(how.get("known", number)),
        )  # fmt: skip

    def _record(self, kind: str, subject: str, known: str, **data: Any) -> Fact:
        how = {key: data.pop(key) for key in ("recordid", "revision", "reason") if key in data}
        return self.trial.record(kind, subject, data, known=moment(known), **how)

    def _review(self, subject: str, decision: str, known: str, **data: Any) -> Fact:
        return self.trial.review(subject, decision, moment(known), **data)

    def _decide(self, action: str, level: int, known: str, **data: Any) -> Fact:
        return self.trial.decide(action, level, moment(known), **data)

    def _amend(self, known: str, **changes: Any) -> Fact:
        data = {"version": "2", "document": _protocol(changes.pop("protocol"))}
        return self.trial.record(
            "protocol", None, data, known=moment(known), recordid="protocol", revision=2
        )

    def _revise(self, record: str, known: str, reason: str | None = None, **data: Any) -> Fact:
        old = self._named[record]
        body = {
            key: value
            for key, value in (old.data or {}).items()
            if key not in ("STUDYID", "USUBJID")
        }
        fact = self.trial.record(
            old.kind, old.subject.removeprefix(f"{STUDY}-"), {**body, **data},
            known=moment(known), recordid=old.recordid, reason=reason,
            revision=(old.revision or 0) + 1,
        )  # fmt: skip
        self._named[record] = fact
        return fact

    def _delete(self, record: str, known: str) -> Fact:
        return self.trial.delete(self._named[record], moment(known))

    def _again(self, record: str) -> None:
        self.trial.facts.append(self._named[record])

    def signals(self, until: datetime) -> list[Signal]:
        """Every signal raised by then, fact by fact as they became known."""
        study = Study(STUDY)
        standing: list[Signal] = []
        raised: Counter[str] = Counter()
        told: list[Signal] = []
        waiting = sorted(self.trial.facts, key=lambda fact: fact.known_at)
        moments = {fact.known_at for fact in waiting if fact.known_at <= until} | {until}
        for now in sorted(moments):
            study.add([fact for fact in waiting if fact.known_at == now])
            new = compare(standing, study.assess(as_of=now), raised.__getitem__)
            raised.update(one.key for one in new if not one.ends)
            ended = {one.supersedes for one in new}
            standing = [one for one in standing if one.id not in ended]
            standing += [one for one in new if not one.ends]
            told += new
        return told


def hold(case: Case, expected: Expectation) -> None:
    """Asserts what the expectation states, in both orders of arrival."""
    teller = Teller(case)
    now = moment(expected.at)
    known = moment(expected.known) if expected.known else None
    view = teller.trial.assess(now, known)
    assert _stated(view, expected) == _wanted(expected)
    for words in expected.asked:
        assert any(words in query.text for query in view.queries), [q.text for q in view.queries]
    if expected.raised or expected.silent:
        types = {signal.type.value for signal in teller.signals(now)}
        assert set(expected.raised) <= types
        assert not set(expected.silent) & types


def _wanted(expected: Expectation) -> dict[str, Any]:
    apart = {"at", "known", "asked", "raised", "silent"}
    found = expected.model_dump(exclude=apart, exclude_unset=True)
    return {**found, "onset": {
        who: {rule: str(day(number)) for rule, number in rules.items()}
        for who, rules in expected.onset.items()
    }} if expected.onset else found  # fmt: skip


def _stated(view: Assessment, expected: Expectation) -> dict[str, Any]:
    """The view, cut down to what is expected of it."""
    people = {one.subject: one for one in view.subjects}
    doses = {one.level: one for one in view.doses}
    whole: dict[str, Any] = {
        "subjects": {
            who: people[who].status if who in people else None for who in expected.subjects
        },
        "criteria": {
            who: {one.id: one.result for one in people[who].criteria if one.id in rules}
            for who, rules in expected.criteria.items()
        },
        "onset": {
            who: {one.id: str(one.onset) for one in people[who].criteria if one.id in rules}
            for who, rules in expected.onset.items()
        },
        "late": {
            who: [one.criterion for one in people[who].late_toxicity] for who in expected.late
        },
        "flags": {
            who: [flag for flag in people[who].flags if flag in flags]
            for who, flags in expected.flags.items()
        },
        "unflagged": {
            who: [flag for flag in flags if flag not in people[who].flags]
            for who, flags in expected.unflagged.items()
        },
        "doses": {
            level: (
                doses[level].dlt.confirmed,
                doses[level].dlt.candidate,
                doses[level].pending,
                doses[level].evaluable,
                doses[level].state,
            )
            for level in expected.doses
        },
        "action": view.recommendation.action,
        "dose_level": view.recommendation.dose_level,
        "status": view.status,
        "basis": [decision.basis for decision in view.decisions],
    }
    return {name: whole[name] for name in _wanted(expected)}


def _protocol(changes: Mapping[str, Any]) -> str:
    """The demo study's protocol with some values changed."""
    text = PROTOCOL.read_text("utf-8")
    if not changes:
        return text
    document = yaml.safe_load(text)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = document
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place[parent]
        place[int(last) if isinstance(place, list) else last] = value
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
