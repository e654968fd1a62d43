"""What a number or a test code leaves open is asked once, and only where it matters."""

from __future__ import annotations

import pytest

from tests.clinical.samples_support import (
    FEBRILE,
    WHO,
    day,
    lab,
    protocol,
    queries,
    severe,
    status,
    trial,
    vital,
)
from tests.clinical.stories import at

# -- the worst case -------------------------------------------------------------------------------


def test_the_numeric_minimum_counts_and_the_worst_case_is_asked_once() -> None:
    found = trial()
    for number in (5, 6, 7):
        lab(found, "SODIUM", "127", "mmol/L", day(number), LBORNRLO="135", LBORNRHI="145")
    assert status(found, day(7)) == "in_window"
    asked = [text for text in queries(found, day(7)) if "Hyponatremia" in text]
    assert len(asked) == 1
    assert asked[0].startswith(f"Hyponatremia of {day(5)} counts as grade 2 and may be grade 3")


def test_a_report_answers_what_the_number_leaves_open() -> None:
    found = trial()
    lab(found, "SODIUM", "127", "mmol/L", day(5), LBORNRLO="135", LBORNRHI="145")
    found.event(WHO, "Hyponatremia", 2, day(5))
    assert not [text for text in queries(found, day(5)) if "may be grade" in text]
    found.event(WHO, "Hyponatremia", 3, day(5), recordid="other")
    assert not [text for text in queries(found, day(9)) if "reported grade 3" in text]


@pytest.mark.parametrize(("first", "asked"), [(5, True), (30, False)])
def test_nothing_is_asked_outside_the_window(first: int, asked: bool) -> None:
    found = trial()
    lab(found, "SODIUM", "127", "mmol/L", day(first), LBORNRLO="135", LBORNRHI="145")
    assert any("may be grade" in text for text in queries(found, day(first))) is asked


def test_a_protocol_may_count_the_worst_case() -> None:
    found = trial(protocol(worst_case="counts", criteria=FEBRILE))
    found.lab(WHO, "NEUT", "0.9", day(4))
    assert status(found, day(4)) == "in_window"
    lab(found, "SODIUM", "127", "mmol/L", day(5), LBORNRLO="135", LBORNRHI="145")
    assert severe(found, day(5)) == {"Neutrophil count decreased": 3, "Hyponatremia": 3}


def test_a_comparator_is_still_open_below_what_a_symptom_decides() -> None:
    found = trial()
    vital(found, "OXYSAT", "<90", "%", day(5))
    assert severe(found, day(5)) == {}
    assert status(found, day(5)) == "in_window"
    asked = [text for text in queries(found, day(5)) if "Hypoxia" in text]
    assert len(asked) == 1


# -- unknown tests --------------------------------------------------------------------------------


def test_an_unknown_test_is_asked_about_once() -> None:
    found = trial()
    for number in (5, 6):
        lab(found, "TBILI", "90", "umol/L", day(number))
        lab(found, "HCT", "0.4", "", day(number))
    body = {"LBLOINC": "0-0", "LBORRES": "20", "LBDTC": str(day(5))}
    found.record("lab", WHO, body, known=at(day(5)))
    asked = [text.split()[:2] for text in queries(found, day(6)) if "known test" in text]
    assert sorted(asked) == [["LOINC", "0-0"], ["TBILI", "is"]]


TESTS = {
    "toxicity: {terms: [Pain], grade: 3}": False,
    "toxicity: {terms: [Blood bilirubin increased], grade: 3}": True,
    "hys_law: {transaminase_at_least: 3, bilirubin_at_least: 2}": True,
    "measurement: {testcd: BILI, above: {uln: 3}}": True,
    "measurement: {testcd: TBILI, above: {uln: 3}}": False,
    "measurement: {testcd: SYSBP, domain: vital, above: {mmHg: 180}}": False,
}


@pytest.mark.parametrize("words", TESTS)
def test_only_a_study_that_could_need_it_asks(words: str) -> None:
    criterion = f"    - {{id: one, text: t, source: s, {words}}}\n"
    found = trial(protocol(criteria=criterion))
    lab(found, "TBILI", "90", "umol/L", day(5))
    assert any("known test" in text for text in queries(found, day(5))) is TESTS[words]
