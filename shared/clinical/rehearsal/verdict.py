"""What came out otherwise than a case expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from shared.clinical.compare import compare
from shared.clinical.protocol import day_ends
from shared.clinical.rehearsal.case import Case, Expectation, day, moment
from shared.clinical.rehearsal.stage import Stage
from shared.clinical.study import Study
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal

_APART = {"at", "known", "asked", "raised", "silent"}


def rehearse(document: str, case: Case) -> list[str]:
    """Tell a case under a protocol document; one sentence for everything that is otherwise.

    Raises ValueError (`shared.document.DocumentError` for the document) where the case
    cannot be told.
    """
    stage = Stage(document, case.protocol)
    stage.tell(case.given)
    return [miss for expected in case.then for miss in misses(stage, expected)]


def misses(stage: Stage, expected: Expectation) -> list[str]:
    """What an expectation states and is not so, in both orders of arrival."""
    zone = stage.protocol.zone()
    now = day_ends(stage.last, zone) if expected.at == "end" else moment(expected.at, zone)
    known = moment(expected.known, zone) if expected.known else now
    view, other = (
        _assessed(facts, stage.protocol.study, now, known)
        for facts in (stage.facts, stage.facts[::-1])
    )
    found = unmet(view, expected) + _signal_misses(stage, expected, now)
    if view.digest != other.digest:
        found.append("the order of arrival changes the assessment")
    return [f"{expected.at}: {miss}" for miss in found]


def unmet(view: Assessment, expected: Expectation) -> list[str]:
    """What an expectation states of a view, signals apart, and is not so."""
    stated = _stated(view, expected)
    found = [
        f"{name} {_plain(stated[name])} instead of {_plain(wanted)}"
        for name, wanted in _wanted(expected).items()
        if stated[name] != wanted
    ]
    for words in expected.asked:
        if not any(words in query.text for query in view.queries):
            found.append(f"nothing asked about {words!r}")
    return found


def _assessed(facts: Sequence[Fact], study: str, now: datetime, known: datetime) -> Assessment:
    told = Study(study)
    told.add(facts)
    return told.assess(as_of=now, known_at=known)


def _signal_misses(stage: Stage, expected: Expectation, now: datetime) -> list[str]:
    if not expected.raised and not expected.silent:
        return []
    types = {signal.type.value for signal in signals(stage, now)}
    found = [f"no {one} was raised" for one in expected.raised if one not in types]
    return found + [f"{one} was raised" for one in expected.silent if one in types]


def signals(stage: Stage, until: datetime) -> list[Signal]:
    """Every signal raised by then, as the facts became known."""
    study = Study(stage.protocol.study)
    standing: list[Signal] = []
    raised: Counter[str] = Counter()
    told: list[Signal] = []
    for now in sorted({fact.known_at for fact in stage.facts if fact.known_at <= until} | {until}):
        study.add([fact for fact in stage.facts if fact.known_at == now])
        rules = study.rule_versions(now)
        new = compare(standing, study.assess(as_of=now), raised.__getitem__, rules=rules)
        raised.update(one.key for one in new if not one.ends)
        ended = {one.supersedes for one in new}
        standing = [one for one in standing if one.id not in ended]
        standing += [one for one in new if not one.ends]
        told += new
    return told


def _wanted(expected: Expectation) -> dict[str, Any]:
    found = expected.model_dump(exclude=_APART, exclude_unset=True)
    if expected.onset:
        found["onset"] = {
            who: {rule: day(number) for rule, number in rules.items()}
            for who, rules in expected.onset.items()
        }
    return found


def _stated(view: Assessment, expected: Expectation) -> dict[str, Any]:
    """The view, cut down to what is expected of it."""
    return {**_of_subjects(view, expected), **_of_study(view, expected)}


def _of_subjects(view: Assessment, expected: Expectation) -> dict[str, Any]:
    people = {one.subject: one for one in view.subjects}

    def of(who: str, rules: Any, name: str) -> dict[str, str | date | None]:
        lines = people[who].criteria if who in people else ()
        return {one.id: getattr(one, name) for one in lines if one.id in rules}

    flags = {who: set(one.flags) for who, one in people.items()}
    return {
        "subjects": {
            who: people[who].status if who in people else None for who in expected.subjects
        },
        "criteria": {who: of(who, rules, "result") for who, rules in expected.criteria.items()},
        "onset": {who: of(who, rules, "onset") for who, rules in expected.onset.items()},
        "late": {
            who: [one.criterion for one in people[who].late_toxicity] if who in people else None
            for who in expected.late
        },
        "flags": {
            who: [flag for flag in said if flag in flags.get(who, ())]
            for who, said in expected.flags.items()
        },
        "unflagged": {
            who: [flag for flag in said if flag not in flags.get(who, ())]
            for who, said in expected.unflagged.items()
        },
    }


def _of_study(view: Assessment, expected: Expectation) -> dict[str, Any]:
    doses = {one.level: one for one in view.doses}
    return {
        "doses": {
            level: (one.dlt.confirmed, one.dlt.candidate, one.pending, one.evaluable, one.state)
            for level in expected.doses
            if (one := doses.get(level)) is not None
        },
        "action": view.recommendation.action,
        "dose_level": view.recommendation.dose_level,
        "status": view.status,
        "basis": [decision.basis for decision in view.decisions],
        "backfill": [one.level for one in view.doses if one.backfill],
        "stopping": {one.id: one.status for one in view.stopping if one.id in expected.stopping},
    }


def _plain(value: Any) -> str:
    """A value in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(one)}" for key, one in value.items()) or "nothing"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return "none" if value is None else str(value)
