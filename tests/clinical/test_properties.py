"""Rule 1: the state is a function of the accepted record versions, whatever their order.

Random histories of three subjects with corrections, deletions, conflicts, reviews and decisions, in
any order of arrival, with duplicates, in any chunks.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study, compare, standing_signals
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal
from tests.clinical.stories import DAY_1, STUDY, Trial, at

SUBJECTS = ("1-01", "1-02", "1-03")


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    trial = Trial()
    for subject in SUBJECTS:
        trial.enrol(subject)
        if draw(st.booleans()):
            trial.complete(subject)
    for _ in range(draw(st.integers(1, 12))):
        subject = draw(st.sampled_from(SUBJECTS))
        day = DAY_1 + timedelta(days=draw(st.integers(1, 25)))
        known = at(day + timedelta(days=draw(st.integers(0, 6))), draw(st.integers(8, 20)))
        value = draw(st.sampled_from(["180", "60", "43", "24", "20", "<20", "haemolysed"]))
        kind = draw(
            st.sampled_from(["lab", "lab", "revise", "delete", "event", "review", "decide"])
        )
        if kind == "lab":
            trial.lab(subject, "PLAT", value, day, known=known)
        elif kind == "revise":
            reason = draw(st.sampled_from([None, "transcription error"]))
            revision = draw(st.integers(1, 3))
            record = f"{subject}/LB/PLAT/{DAY_1 + timedelta(days=9)}"
            trial.lab(
                subject,
                "PLAT",
                value,
                day,
                known=known,
                revision=revision,
                reason=reason,
                recordid=record,
            )
        elif kind == "delete":
            trial.delete(
                draw(
                    st.sampled_from(
                        [f for f in trial.facts if "/LB/" in f.recordid] or trial.facts[1:2]
                    )
                ),
                known,
            )
        elif kind == "event":
            grade = draw(st.integers(1, 5))
            related = draw(st.sampled_from(["RELATED", "NOT RELATED", None, "Perhaps"]))
            trial.event(subject, "Vomiting", grade, day, known=known, related=related)
        elif kind == "review":
            trial.review(subject, draw(st.sampled_from(["DLT", "NOT_DLT"])), known)
        else:
            trial.decide(
                draw(st.sampled_from(["escalate", "expand", "stay", "hold"])),
                draw(st.integers(1, 2)),
                known,
                lifts_hold=draw(st.booleans()),
            )
    # Ingest accepts a version once: what comes again is a duplicate, not another fact.
    return list({fact.fact_id: fact for fact in reversed(trial.facts)}.values())[::-1]


def _monitor(facts: list[Fact], sizes: list[int]) -> tuple[Study, set[str]]:
    """Facts in chunks, an assessment and its signals after each, as the live monitor works."""
    study, standing, sent = Study(STUDY), list[Signal](), list[Signal]()
    end = at(DAY_1 + timedelta(days=40))
    position, index = 0, 0
    while position < len(facts):
        size = sizes[index % len(sizes)]
        study.add(facts[position : position + size])
        position, index = position + size, index + 1
        if study.protocol is None:
            continue
        keys = [signal.key for signal in sent]
        new = compare(standing, study.assess(as_of=end), keys.count)
        sent += new
        ended = {signal.supersedes for signal in new}
        standing = [one for one in standing if one.id not in ended]
        standing += [one for one in new if not one.ends]
    assert len({signal.id for signal in sent}) == len(sent)
    return study, {signal.key for signal in standing}


@settings(max_examples=60, deadline=None)
@given(facts=histories(), data=st.data())
def test_order_duplication_and_chunks_do_not_matter(facts: list[Fact], data: st.DataObject) -> None:
    end = at(DAY_1 + timedelta(days=40))
    reference, standing = _monitor(facts, [len(facts)])
    repeated = facts + data.draw(st.lists(st.sampled_from(facts), max_size=10))
    shuffled = data.draw(st.permutations(repeated))
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    study, also_standing = _monitor(list(shuffled), sizes)
    assert study.assess(as_of=end).digest == reference.assess(as_of=end).digest
    assert also_standing == standing
    assert standing == {one.key for one in standing_signals(reference.assess(as_of=end))}


@settings(max_examples=40, deadline=None)
@given(facts=histories(), hours=st.integers(0, 24 * 40))
def test_a_study_in_memory_equals_the_prefix_evaluated_afresh(
    facts: list[Fact], hours: int
) -> None:
    moment = at(DAY_1, 0) + timedelta(hours=hours)
    study = Study(STUDY)
    for fact in facts:
        study.add([fact])
        study.assess(as_of=max(fact.known_at, moment))
    fresh = Study(STUDY)
    fresh.add(fact for fact in facts if fact.known_at <= moment)
    assert study.assess(as_of=moment).digest == fresh.assess(as_of=moment).digest


@settings(max_examples=60, deadline=None)
@given(facts=histories())
def test_counts_add_up(facts: list[Fact]) -> None:
    study = Study(STUDY)
    study.add(facts)
    for dose in study.assess(as_of=at(DAY_1 + timedelta(days=30))).doses:
        assert dose.treated == dose.evaluable + dose.pending + dose.not_evaluable
        assert dose.dlt.confirmed <= dose.evaluable
        assert dose.dlt.candidate <= dose.pending
