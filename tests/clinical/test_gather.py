"""Two studies that hold some of the subjects each, and tell each other what they find, say what one
study with all of them says."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Queue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study, evaluate
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.facts import STUDY_KINDS
from tests.clinical.stories import DAY_1, STUDY, Trial, at
from tests.clinical.test_properties import histories

_LONGEST = 30.0


class _Table:
    """Where two put what they have found, as bytes, as between processes."""

    def __init__(self) -> None:
        self._there: tuple[Queue[bytes], Queue[bytes]] = (Queue(), Queue())

    def side(self, number: int) -> Any:
        def gather(question: str, here: list[Any]) -> list[Any]:
            self._there[1 - number].put(pickle.dumps((question, here)))
            asked, there = pickle.loads(self._there[number].get(timeout=_LONGEST))  # noqa: S301
            assert asked == question
            return [*here, *there]

        return gather


def _by_two(facts: list[Fact], first: set[str], as_of: datetime, known_at: datetime) -> Any:
    table = _Table()

    def work(number: int) -> tuple[Assessment, datetime | None]:
        study = Study(facts[0].study, table.side(number))
        study.add(
            fact
            for fact in facts
            if fact.kind in STUDY_KINDS or (fact.subject in first) == (number == 0)
        )
        return study.assess(as_of=as_of, known_at=known_at), study.next_deadline(as_of)

    with ThreadPoolExecutor(2) as both:
        return tuple(both.map(work, (0, 1)))


@settings(max_examples=15, deadline=None)
@given(facts=histories(), data=st.data())
def test_two_that_tell_each_other_what_they_find_say_what_one_says(
    facts: list[Fact], data: st.DataObject
) -> None:
    people = sorted({fact.subject for fact in facts if fact.kind not in STUDY_KINDS})
    first = data.draw(st.sets(st.sampled_from(people)) if people else st.just(set()))
    moments = st.sampled_from([fact.known_at for fact in facts])
    known = max(fact.known_at for fact in facts)
    for as_of, known_at in ((known, known), (data.draw(moments), known)):
        whole = Study(facts[0].study)
        whole.add(facts)
        said = whole.assess(as_of=as_of, known_at=known_at), whole.next_deadline(as_of)
        assert said[0] == evaluate(facts, as_of=as_of, known_at=known_at)
        assert _by_two(facts, first, as_of, known_at) == (said, said)


def test_a_record_that_stands_for_two_subjects_is_named_twice() -> None:
    trial = Trial()
    trial.enrol("1-01", 1, DAY_1)
    trial.enrol("1-02", 1, DAY_1)
    study = Study(trial.facts[0].study)
    study.add(trial.facts)
    once = list(study.identities())
    assert len(set(once)) == len(once)
    lab = trial.lab("1-01", "PLAT", "40", DAY_1, known=at(DAY_1, 9))
    change = {"fact_id": "moved", "subject": f"{STUDY}-1-02", "revision": 2}
    study.add([lab, lab.model_copy(update=change)])
    assert list(study.identities()).count(lab.record) == 2


@pytest.mark.parametrize("kind", sorted(STUDY_KINDS))
def test_records_about_the_study_are_nobodys(kind: str) -> None:
    trial = Trial()
    trial.decide("escalate", 2, at(DAY_1, 18))
    study = Study(trial.facts[0].study)
    study.add(fact for fact in trial.facts if fact.kind == kind)
    assert not list(study.identities())
