"""The course of a term worked out panel by panel is the one worked out from everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import load_protocol
from shared.clinical.courses import Courses
from shared.clinical.grades import graded_results
from shared.clinical.history import History
from shared.clinical.observations import Course, Observation
from shared.clinical.person import Person
from shared.clinical.timeline import entry_of
from shared.clinical.toxicity import measured_courses, observed
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at

_TESTS = {
    "lab": {
        "CA": ("mmol/L", "1.6", "1.98", "2.3", "3.3"),
        "CACORR": ("mmol/L", "1.7", "2.4"),
        "ALB": ("g/L", "18", "42"),
        "CREAT": ("umol/L", "70", "160", "350"),
        "EGFR": ("mL/min/1.73m2", "25", "90"),
        "NEUT": ("10^9/L", "0.4", "0.9", "3.1"),
        "PLAT": ("10^9/L", "20", "60", "180"),
        "MADEUP": ("g/L", "1"),
    },
    "vital": {
        "TEMP": ("C", "36.8", "39.5"),
        "WEIGHT": ("kg", "50", "58", "80"),
        "SYSBP": ("mmHg", "118", "145", "170"),
        "DIABP": ("mmHg", "75", "95", "112"),
    },
    "ecg": {"QT": ("ms", "380", "470", "540"), "QTCF": ("ms", "430", "510"), "RR": ("ms", "600")},
}
_RANGES = {"CA": ("2.1", "2.6"), "ALB": ("35", "50"), "CREAT": ("60", "100")}
_VALUES = [
    (kind, test, unit, value)
    for kind, tests in _TESTS.items()
    for test, (unit, *values) in tests.items()
    for value in values
]
_PREFIX = {"lab": "LB", "vital": "VS", "ecg": "EG"}


def _data(kind: str, test: str, unit: str, value: str, day: date) -> dict[str, str]:
    prefix, (low, high) = _PREFIX[kind], _RANGES.get(test, ("1", "100"))
    data = {"TESTCD": test, "DTC": f"{day}T08:30", "ORRES": value, "ORRESU": unit}
    if kind == "lab":
        data |= {"ORNRLO": low, "ORNRHI": high}
    return {f"{prefix}{name}": said for name, said in data.items()}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(_VALUES), st.integers(-2, 3), st.sampled_from([None, 0, 1, 2])),
        min_size=2,
        max_size=30,
    )
)
def test_panels_together_are_the_whole(
    records: list[tuple[tuple[str, str, str, str], int, int | None]],
) -> None:
    trial = Trial()
    trial.enrol("1-01")
    about = {"SUBJID": "1-01", "RFICDTC": str(DAY_1), "AGE": 60, "SEX": "F"}
    trial.record("subject", "1-01", about, recordid="1-01/DM", known=at(DAY_1, 9), revision=2)
    for number, ((kind, test, unit, value), day, again) in enumerate(records):
        data = _data(kind, test, unit, value, DAY_1 + timedelta(days=day))
        recordid = f"1-01/{kind}/{number if again is None else again}"
        known = at(DAY_1 + timedelta(days=10), 1, number)
        trial.record(kind, "1-01", data, recordid=recordid, known=known, revision=number + 1)
    history, kept = History(), Courses()
    facts = [fact for fact in trial.facts if fact.subject != STUDY]
    for fact in facts:
        history.add(entry_of(fact))
        _hold(history, kept, fact.known_at)
    for fact in facts:
        _hold(history, kept.of_the_past, fact.known_at)
    _hold(history, kept, facts[-1].known_at)


def test_a_date_in_the_future_that_was_let_stand_is_seen_where_it_may_have_been() -> None:
    trial = Trial()
    trial.enrol("1-01")
    for number, (day, value) in enumerate([(1, "180"), (400, "20"), (3, "60")]):
        data = _data("lab", "PLAT", "10^9/L", value, DAY_1 + timedelta(days=day))
        for again in (1, 2):
            known = at(DAY_1 + timedelta(days=10), number, again)
            told = {"recordid": f"1-01/{number}", "known": known, "reason": "checked"}
            trial.record("lab", "1-01", data, revision=again, **told)
    history = History()
    for fact in trial.facts:
        if fact.subject != STUDY:
            history.add(entry_of(fact))
    _hold(history, Courses(), at(DAY_1 + timedelta(days=11)))


def _hold(history: History, kept: Courses, now: datetime) -> None:
    person = Person(load_protocol(PROTOCOL.read_text()), "x", history.standing(now), now)
    if person.start is not None:
        fresh = person.measurements()
        graded = map(fresh.graded_of, fresh.records)
        values = (observed(person.zone, contents, person.start) for contents in graded)
        whole = measured_courses(chain.from_iterable(values))
        standing = {kind: person.of(kind) for kind in ("subject", *_TESTS)}
        found = kept.of(person.protocol, person.zone, person.start, standing).course
        assert _grades(found) == _grades(whole)
        assert _plain(found) == _plain(whole)
        going_on = Person(person.protocol, "x", history.standing(now), now, kept)
        published = sorted(graded_results(going_on), key=lambda one: one.id)
        assert published == sorted(graded_results(person), key=lambda one: one.id)


def _grades(courses: Mapping[str, Course]) -> dict[str, tuple[int, int, bool]]:
    """What is known without a look at the observations."""
    return {term: (one.low, one.high, one.is_undecided) for term, one in courses.items()}


def _plain(courses: Mapping[str, Course]) -> dict[str, list[Observation]]:
    return {term: list(course) for term, course in courses.items()}
