"""Expected values that nobody has sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clinical.safety.telling import asked, asking, day, turning
from tests.clinical.stories import Trial, at, end_of

DAY_8 = "expected_labs: [{tests: [PLAT], days: [8]}]"
AROUND = "expected_labs: [{tests: [PLAT], days: [8], days_around: 1, asked_after_days: 2}]"
TICK = timedelta(microseconds=1)


def missing(trial: Trial, number: int = 20) -> list[str]:
    return [text for text in asked(trial, end_of(day(number))) if "expected on" in text]


def test_asked_for_once_the_day_and_the_grace_are_over() -> None:
    for section, number in ((DAY_8, 8), (AROUND, 11)):
        trial = asking(section)
        assert turning(trial, end_of(day(number)) - TICK) == end_of(day(number))
        assert [text for text in asked(trial, end_of(day(number)) - TICK) if "PLAT" in text] == []
        assert missing(trial, number) == [f"PLAT of day 8, expected on {day(8)}"]


@pytest.mark.parametrize(
    ("section", "taken", "answers"),
    [
        (DAY_8, str(day(7)), False),
        (DAY_8, str(day(8)), True),
        (DAY_8, str(day(9)), False),
        (AROUND, str(day(6)), False),
        (AROUND, str(day(7)), True),
        (AROUND, str(day(9)), True),
        (AROUND, str(day(10)), False),
        (DAY_8, "2026-03", True),
    ],
)
def test_a_value_of_the_day_or_of_those_around_answers(
    section: str, taken: str, answers: bool
) -> None:
    trial = asking(section)
    trial.lab("1-01", "PLAT", "200", day(9), LBDTC=taken)
    assert (missing(trial) == []) is answers


def test_not_done_is_an_answer_and_another_test_is_none() -> None:
    said = {"LBDTC": str(day(8)), "LBSTAT": "NOT DONE", "LBREASND": "refused"}
    for test, number in (("PLAT", 0), ("NEUT", 1)):
        trial = asking(DAY_8)
        trial.record("lab", "1-01", {"LBTESTCD": test, **said}, known=at(day(8)))
        assert len(missing(trial)) == number


def test_a_late_value_closes_the_question_and_its_deletion_opens_it() -> None:
    trial = asking(DAY_8)
    fact = trial.lab("1-01", "PLAT", "200", day(8), known=at(day(12)))
    assert (len(missing(trial, 11)), len(missing(trial, 12))) == (1, 0)
    trial.delete(fact, at(day(13)))
    assert len(missing(trial, 13)) == 1


@pytest.mark.parametrize(
    ("data", "number"),
    [
        ({"DSDECOD": "WITHDRAWAL BY SUBJECT", "DSSTDTC": str(day(8))}, 0),
        ({"DSDECOD": "WITHDRAWAL BY SUBJECT", "DSSTDTC": str(day(9))}, 1),
        ({"DSDECOD": "DEATH", "DSSTDTC": str(day(5))}, 0),
        ({"DSDECOD": "ADVERSE EVENT", "DSSTDTC": str(day(5)), "DSSCAT": "STUDY TREATMENT"}, 1),
        ({"DSDECOD": "RANDOMIZED", "DSSTDTC": str(day(1)), "DSCAT": "PROTOCOL MILESTONE"}, 1),
    ],
    ids=["left on the day", "left after it", "dead", "off treatment", "a milestone"],
)
def test_who_has_left_is_expected_nowhere(data: dict[str, Any], number: int) -> None:
    trial = asking(DAY_8)
    trial.record("disposition", "1-01", data, known=at(day(9), 20))
    assert len(missing(trial)) == number
