"""The graded results of a subject: what each says, and that no order of arrival changes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study
from shared.contracts.envelope import Fact
from shared.contracts.graded import GradedResult
from tests.clinical.samples_support import (
    WHO,
    day,
    ecg,
    graded_of,
    lab,
    person,
    protocol,
    trial,
    vital,
)
from tests.clinical.stories import STUDY, Trial, at

QT = "Electrocardiogram QT corrected interval prolonged"
Step = Callable[[Trial], object]


# -- what depends on what -------------------------------------------------------------------------

LATER: dict[str, tuple[Step, str, object, Step, object]] = {
    "a baseline": (
        lambda to: to.lab(WHO, "ALT", "150", day(8)),
        "Alanine aminotransferase increased",
        "no_baseline",
        lambda to: to.lab(WHO, "ALT", "120", day(-3)),
        (0, 0),
    ),
    "the range, in a correction": (
        lambda to: lab(to, "ALP", "130", "U/L", day(8), recordid="ALP"),
        "Alkaline phosphatase increased",
        "no_range",
        lambda to: lab(
            to, "ALP", "130", "U/L", day(8), recordid="ALP", revision=2, reason="added",
            LBORNRHI="120", LBLOBXFL="Y",
        ),
        "no_baseline",
    ),
    "albumin": (
        lambda to: lab(to, "CA", "1.70", "mmol/L", day(8), LBORNRLO="2.1", LBORNRHI="2.6"),
        "Hypocalcemia",
        (3, 3),
        lambda to: lab(to, "ALB", "20", "g/L", day(8)),
        (0, 0),
    ),
    "a temperature": (
        lambda to: to.lab(WHO, "NEUT", "0.4", day(8)),
        "Febrile neutropenia",
        (0, 3),
        lambda to: vital(to, "TEMP", "38.4", "C", day(8)),
        (3, 3),
    ),
    "the RR interval": (
        lambda to: ecg(to, "QT", "480", day(8)),
        QT,
        None,
        lambda to: ecg(to, "RR", "640", day(8)),
        (3, 3),
    ),
    "age and sex": (
        lambda to: lab(to, "CREAT", "2.4", "mg/dL", day(8)),
        "Chronic kidney disease",
        None,
        lambda to: person(to, AGE=70, SEX="F"),
        (3, 3),
    ),
    "another version of CTCAE": (
        lambda to: to.lab(WHO, "NEUT", "0.3", day(8)),
        "Neutrophil count decreased",
        (4, 4),
        lambda to: amend(to, "6.0"),
        (3, 3),
    ),
}  # fmt: skip
"""What comes first, the term it is graded for, its answer, what comes later, the answer then."""


def amend(found: Trial, version: str) -> Fact:
    document = {"version": "2", "document": TEXTS[version]}
    return found.record(
        "protocol", None, document, known=at(day(9)), recordid="protocol", revision=2
    )


SITES = "time_zone: Asia/Shanghai\nsites: {S1: America/New_York}"
TEXTS = {
    version: protocol(version).replace("time_zone: Asia/Shanghai", SITES)
    for version in ("4.03", "5.0", "6.0")
}


def answer(found: Trial, term: str) -> object:
    """Grades, the reason there is none, or None where there is no result."""
    seen = [one for one in graded_of(found) if one.term == term and one.occurred == day(8)]
    assert len(seen) < 2
    return next((one.not_gradable or (one.grade_low, one.grade_high) for one in seen), None)


@pytest.mark.parametrize("what", LATER)
def test_what_comes_late_regrades_what_depends_on_it(what: str) -> None:
    first, term, before, later, after = LATER[what]
    found = trial()
    first(found)
    assert answer(found, term) == before
    later(found)
    assert answer(found, term) == after


def test_a_result_is_known_when_the_last_it_rests_on_was() -> None:
    found = trial()
    lab(found, "CA", "1.70", "mmol/L", day(8), LBORNRLO="2.1")
    lab(found, "ALB", "20", "g/L", day(8), known=at(day(11)))
    (result,) = [one for one in graded_of(found) if one.term == "Hypocalcemia"]
    assert result.known_at == at(day(11))


# -- the order of arrival -------------------------------------------------------------------------

VALUES: dict[str, tuple[str, ...]] = {
    "ALT": ("30", "120", "150", "900"),
    "CA": ("1.70", "2.2", "<1.5"),
    "ALB": ("20", "40", "haemolysed"),
    "NEUT": ("0.3", "0.9", "3"),
    "CREAT": ("0.9", "2.4"),
    "TEMP": ("36.8", "38.4", "41"),
    "WEIGHT": ("80", "60"),
    "SYSBP": ("120", "185"),
    "QT": ("400", "480"),
    "RR": ("640", "1000"),
}
UNITS = {
    "ALT": "U/L", "CA": "mmol/L", "ALB": "g/L", "NEUT": "10^9/L", "CREAT": "mg/dL",
    "TEMP": "C", "WEIGHT": "kg", "SYSBP": "mmHg", "QT": "ms", "RR": "ms",
}  # fmt: skip
KIND = {
    test: "ecg"
    if test in ("QT", "RR")
    else "vital"
    if test in ("TEMP", "WEIGHT", "SYSBP")
    else "lab"
    for test in VALUES
}
TIMES = ("T08:30", "", "T02:00Z")
PREFIX = {"lab": "LB", "vital": "VS", "ecg": "EG"}


def measure(draw: st.DrawFn, to: Trial) -> None:
    """A value of some test, before treatment or after, a record of its own or a further revision
    of one of three, with a range and a flag or without."""
    test = draw(st.sampled_from(sorted(VALUES)))
    prefix = PREFIX[KIND[test]]
    on, late = draw(st.sampled_from([-3, 1, 8, 8])), draw(st.integers(0, 9))
    body = {
        f"{prefix}TESTCD": test,
        f"{prefix}ORRES": draw(st.sampled_from(VALUES[test])),
        f"{prefix}ORRESU": UNITS[test],
        f"{prefix}DTC": draw(st.sampled_from([f"{day(on)}{time}" for time in TIMES])),
        f"{prefix}LOBXFL": draw(st.sampled_from(["Y", "N"])),
    }
    if prefix == "LB" and draw(st.booleans()):
        body |= {"LBORNRLO": "1.8", "LBORNRHI": "40"}
    to.record(
        KIND[test], WHO, body, known=at(day(on + late)),
        recordid=f"{test}/{draw(st.integers(1, 3))}",
        revision=draw(st.integers(1, 3)), reason=draw(st.sampled_from([None, "slip"])),
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    found = Trial(TEXTS[draw(st.sampled_from(sorted(TEXTS)))])
    found.enrol(WHO)
    for _ in range(draw(st.integers(2, 14))):
        measure(draw, found)
    if draw(st.booleans()):
        person(found, AGE=draw(st.integers(20, 80)), SEX=draw(st.sampled_from("FM")))
    if draw(st.booleans()):
        site = {"SITEID": "S1", "CMTRT": "paracetamol", "CMSTDTC": str(day(8))}
        found.record("concomitant", WHO, site, known=at(day(9)))
    if draw(st.booleans()):
        found.delete(draw(st.sampled_from(found.facts[4:])), at(day(12)))
    if draw(st.booleans()):
        amend(found, draw(st.sampled_from(sorted(TEXTS))))
    found.event(WHO, "Neutropenia", draw(st.integers(1, 4)), day(8))
    return list({fact.fact_id: fact for fact in found.facts}.values())


def results_of(study: Study) -> dict[str, GradedResult]:
    """By id, of which no two may be the same."""
    found = study.graded(f"{STUDY}-{WHO}")
    by_id = {one.id: one for one in found}
    assert len(by_id) == len(found)
    return by_id


def stepwise(facts: Sequence[Fact]) -> Study:
    """A study that was graded after each fact, as the live monitor does."""
    study = Study(STUDY)
    for fact in facts:
        study.add([fact])
        if study.protocol is not None:
            results_of(study)
    return study


@settings(max_examples=40, deadline=None)
@given(facts=histories(), data=st.data())
def test_regrading_equals_grading_from_scratch(facts: list[Fact], data: st.DataObject) -> None:
    fresh = Study(STUDY)
    fresh.add(facts)
    assert results_of(stepwise(data.draw(st.permutations(facts)))) == results_of(fresh)
