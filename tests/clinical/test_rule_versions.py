"""An amendment raises anew what its changes speak of, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from shared.clinical import Study, compare
from shared.contracts.signals import Signal
from tests.clinical.stories import STUDY, Trial, at, day, protocol_with

AMENDED = day(15)
NEXT = ('version: "1"', 'version: "2"')
ABOUT_THE_STUDY = {"recommendation.changed", "enrolment.hold", "dose.exceeded"}
SUBJECTS = {"dlt.candidate", "toxicity.severe", "data.query"}


def _trial(*changes: tuple[str, str]) -> Trial:
    """Two subjects: one with platelets of grade 4, one with febrile neutropenia; then version 2."""
    trial = Trial()
    trial.enrol("1-01")
    trial.enrol("1-02")
    trial.lab("1-01", "PLAT", "18", day(9))
    trial.event("1-02", "Febrile neutropenia", 3, day(9))
    _amend(trial, 2, NEXT, *changes)
    return trial


def _amend(trial: Trial, revision: int, *changes: tuple[str, str]) -> None:
    body = {"version": str(revision), "document": protocol_with(*changes)}
    known = at(AMENDED + timedelta(days=revision))
    trial.record("protocol", None, body, recordid="protocol", revision=revision, known=known)


def _sent(trial: Trial, by_rule: bool = True) -> list[list[Signal]]:
    """What is sent at each version, as the monitor sends it."""
    study, standing, sent = Study(STUDY), list[Signal](), list[list[Signal]]()
    raised: Counter[str] = Counter()
    for number in (1, 2, 3):
        moment = at(AMENDED + timedelta(days=number), 16)
        study.add(fact for fact in trial.facts if fact.known_at <= moment)
        rules = study.rule_versions(moment) if by_rule else None
        new = compare(standing, study.assess(as_of=moment), raised.__getitem__, rules=rules)
        raised.update(one.key for one in new if not one.ends)
        ended = {one.supersedes for one in new}
        standing = [one for one in standing if one.id not in ended]
        standing += [one for one in new if not one.ends]
        sent.append(list(new))
    return sent


def _types(sent: list[Signal]) -> set[str]:
    return {one.type.value for one in sent}


def test_an_amendment_of_names_raises_nothing() -> None:
    first, second, _ = _sent(_trial(("title: LVGN6051", "title: Amended, LVGN6051")))
    assert _types(first) >= ABOUT_THE_STUDY | SUBJECTS
    assert second == []


def test_an_amendment_of_the_design_raises_what_is_said_of_the_study() -> None:
    first, second, _ = _sent(_trial(("variant: deescalate", "variant: plain")))
    assert _types(second) <= ABOUT_THE_STUDY
    assert "recommendation.changed" in _types(second)
    assert {one.supersedes for one in second} <= {one.id for one in first}


def test_another_criterion_raises_the_candidates_by_it_alone() -> None:
    change = ("text: Febrile neutropenia", "text: Febrile neutropenia, of any duration")
    _, second, _ = _sent(_trial(change))
    about = [one for one in second if one.subject is not None]
    assert [(one.subject, one.type.value) for one in about] == [("1-02", "dlt.candidate")]


def test_another_window_raises_all() -> None:
    first, second, _ = _sent(_trial(("last_day: 21", "last_day: 28")))
    assert {one.slot for one in second} == {one.slot for one in first}


def test_what_is_taken_back_is_raised_again() -> None:
    trial = _trial(("text: Febrile neutropenia", "text: Fever"))
    _amend(trial, 3, ('version: "1"', 'version: "3"'))
    slots = [{one.slot for one in sent if one.subject} for sent in _sent(trial)]
    assert slots[1] == slots[2] == {f"dlt/{STUDY}-1-02"}


def test_signals_told_by_the_name_of_a_version_are_not_told_again() -> None:
    """As of a study that was amended before the rules of a version had versions of their own."""
    trial = _trial(("title: LVGN6051", "title: Amended, LVGN6051"))
    told = _sent(trial, by_rule=False)[1]
    assert {one.key.split("|")[-2] for one in told} == {"2"}
    study = Study(STUDY)
    study.add(trial.facts)
    moment = at(AMENDED + timedelta(days=3), 16)
    assert not compare(
        told, study.assess(as_of=moment), lambda _: 1, rules=study.rule_versions(moment)
    )
