"""A study that goes on from what it remembers says what one that is told everything at once says.

In any order of arrival, late, corrected and deleted records among them, and after
pauses of any length: what is kept between two assessments must never be a second truth.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study, evaluate
from shared.clinical.subject import SubjectState
from shared.contracts.envelope import Fact
from tests.clinical.stories import DAY_1, STUDY, at
from tests.clinical.test_properties import histories


@settings(max_examples=8, deadline=None)
@given(facts=histories(), data=st.data())
def test_every_step_equals_the_whole_worked_out_afresh(
    facts: list[Fact], data: st.DataObject
) -> None:
    protocol, *told = facts
    in_order = sorted(told, key=lambda fact: fact.known_at)
    arriving = data.draw(st.one_of(st.just(in_order), st.permutations(told)))
    pauses = data.draw(st.lists(st.integers(0, 72), min_size=len(told), max_size=len(told)))
    study, now = Study(STUDY), at(DAY_1)
    study.add([protocol])
    for number, (fact, hours) in enumerate(zip(arriving, pauses, strict=True), start=1):
        study.add([fact])
        now = max(now, fact.known_at)
        found = study.assess(as_of=now + timedelta(hours=hours))
        now += timedelta(hours=hours)
        if number in (len(told) // 2, len(told)):
            assert found == evaluate([protocol, *arriving[:number]], as_of=now)
    past = data.draw(st.sampled_from(told)).known_at
    assert study.assess(as_of=past) == evaluate(facts, as_of=past)
    assert study.assess(as_of=past, known_at=now) == evaluate(facts, as_of=past, known_at=now)


@settings(max_examples=12, deadline=None)
@given(facts=histories(), data=st.data())
def test_an_earlier_moment_shares_only_what_holds_for_it(
    facts: list[Fact], data: st.DataObject
) -> None:
    study, known = Study(STUDY), max(fact.known_at for fact in facts)
    study.add(facts)
    protocol = study.protocol
    assert protocol is not None
    minutes = st.integers(-3 * 24 * 60, 30 * 24 * 60)
    apart = data.draw(st.lists(minutes | st.sampled_from([0, 1, 539, 540, 541]), max_size=12))
    asked = [at(DAY_1) + timedelta(minutes=number) for number in apart]
    asked += data.draw(st.lists(st.sampled_from([fact.known_at for fact in facts]), max_size=6))
    for as_of in asked:
        afresh = Study(STUDY)
        afresh.add(facts)
        shared, own = (one.states(protocol, as_of, known) for one in (study, afresh))
        assert [_told(one) for one in shared] == [_told(one) for one in own]


def _told(state: SubjectState) -> tuple[object, ...]:
    """All but the entries, which are equal to nothing but themselves."""
    said = state.assessment, state.queries, state.deadlines, state.since, state.fatal
    return *said, state.corrected, state.followed, state.watched, len(state.dosed)
