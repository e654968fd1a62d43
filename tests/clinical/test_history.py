"""What a history was asked meanwhile changes nothing of what it says: it answers like one that was
told the same at once, in another order."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study
from shared.clinical.history import History
from shared.clinical.timeline import Entry, entry_of
from tests.clinical.stories import DAY_1, STUDY, Trial, at

_STEPS = st.tuples(
    st.sampled_from(["lab", "vital"]),
    st.integers(0, 4),
    st.integers(1, 3),
    st.integers(0, 23),
    st.booleans(),
    st.lists(st.integers(0, 23), max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, min_size=1, max_size=25))
def test_what_stands_does_not_hang_on_what_was_asked_before(
    steps: list[tuple[str, int, int, int, bool, list[int]]],
) -> None:
    trial, asked_meanwhile = Trial(), History()
    told: list[Entry] = []
    for kind, record, revision, hour, gone, asked in steps:
        prefix = "LB" if kind == "lab" else "VS"
        said = {"TESTCD": "TEMP", "DTC": str(DAY_1), "ORRES": str(len(told)), "ORRESU": "C"}
        data = None if gone else {f"{prefix}{name}": one for name, one in said.items()}
        how = {"recordid": f"{kind}/{record}", "revision": revision, "known": at(DAY_1, hour)}
        told.append(entry_of(trial.record(kind, "1-01", data, **how)))
        asked_meanwhile.add(told[-1])
        afresh = History()
        for entry in reversed(told):
            afresh.add(entry)
        for moment in (*(at(DAY_1, one) for one in asked), at(DAY_1 + timedelta(days=1))):
            assert _said(asked_meanwhile, moment) == _said(afresh, moment)


def _said(history: History, moment: datetime) -> object:
    standing = history.standing(moment)
    return {
        kind: [(one.entries, frozenset(one.versions), one.doubt) for one in records]
        for kind, records in standing.items()
    }


def test_of_a_subject_of_whom_nothing_is_different_the_parts_are_the_same_objects() -> None:
    trial = Trial()
    trial.enrol("1-01")
    study = Study(STUDY)
    study.add(trial.facts)
    first = study.assess(as_of=at(DAY_1 + timedelta(days=2))).subjects[0]
    study.add([trial.lab("1-01", "PLAT", "200", DAY_1 + timedelta(days=2))])
    second = study.assess(as_of=at(DAY_1 + timedelta(days=2), 20)).subjects[0]
    study.add([trial.lab("1-01", "PLAT", "10", DAY_1 + timedelta(days=2))])
    third = study.assess(as_of=at(DAY_1 + timedelta(days=2), 21)).subjects[0]
    assert second is first
    assert third != first
