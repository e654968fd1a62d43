"""Bands of invented criteria: what the form allows beyond what NCI prints today."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clinical.ctcae import Answer, Compiled, Measurement
from shared.clinical.ctcae.bands import compiled_in
from shared.clinical.ctcae.covers import Context
from shared.clinical.ctcae.criteria import criterion_of
from shared.clinical.ctcae.form import CriterionDocument
from shared.clinical.ctcae.sample import Range, baseline_of

CASE = {"value": 1, "unit": "g/L", "grade": 0}


def invented(
    *clauses: dict[str, Any], beside: tuple[Measurement, ...] = (), **document: Any
) -> Compiled:
    """A criterion with these clauses for grades 1, 2, ..., of albumin in g/L without a range."""
    found = CriterionDocument(
        **{
            "term": "Invented",
            "soc": "Investigations",
            "meddra": "10000000",
            "source": "invented",
            "direction": "low",
            "analytes": ("ALB",),
            "unit": "g/L",
            "grades": {grade: (clause,) for grade, clause in enumerate(clauses, 1)},
            "cases": (CASE,),
            **document,
        }
    )
    normal = Range(None, None)
    before = baseline_of(None, "g/L", normal, "ALB", signed=found.signed)
    criterion = criterion_of(found, "5.0", "ALB")
    return compiled_in(criterion, Context("g/L", normal, before, beside=beside))


def bounds(answer: Answer) -> tuple[int, int]:
    return answer.low, answer.high


def test_a_criterion_without_numbers_is_for_a_person() -> None:
    answer = invented(raised_by={3: ("present",)}).at("9")
    assert (answer.state, answer.reason) == ("unusable", "needs_clinical_input")
    assert bounds(answer) == (0, 3)


def test_conditions_that_exclude_each_other_cover_nothing() -> None:
    found = invented({"below": {"g/L": 30}, "also": {"at_least": {"g/L": 30}}})
    assert [bounds(found.at(value)) for value in ("29", "30", "31")] == [(0, 0)] * 3


def test_two_conditions_on_one_value() -> None:
    found = invented({"below": {"g/L": 30}, "also": {"at_least": {"g/L": 20}}})
    assert [found.at(value).low for value in ("19.9", "20", "29.9", "30")] == [0, 1, 1, 0]
    assert found.at("25").limit == "< 30 g/L and >= 20 g/L"
    assert bounds(found.at("<25")) == (0, 1)


HGB = {"test": "HGB", "below": {"g/L": 80}}


@pytest.mark.parametrize(
    ("result", "unit", "expected"),
    [
        ("79.9", "g/L", (1, 1)),
        ("80", "g/L", (0, 0)),
        ("7.99", "g/dL", (1, 1)),
        ("8", "g/dL", (0, 0)),
        ("<8", "g/dL", (1, 1)),
        ("<9", "g/dL", (0, 1)),
        (">=8", "g/dL", (0, 0)),
        ("7", None, (0, 1)),
        ("7", "%", (0, 1)),
    ],
)
def test_another_measurement_in_any_unit_that_converts(
    result: str, unit: str | None, expected: tuple[int, int]
) -> None:
    other = Measurement("HGB", result, unit, None, None)
    found = invented({"below": {"g/L": 30}, "beside": HGB}, beside=(other,))
    assert bounds(found.at("29")) == expected


def test_another_measurement_of_a_test_nobody_knows() -> None:
    clause = {"below": {"g/L": 30}, "beside": {"test": "ODD", "below": {"g/L": 80}}}
    other = Measurement("ODD", "7", "ms", None, None)
    assert bounds(invented(clause, beside=(other,)).at("29")) == (0, 1)


def test_a_measurement_that_can_be_negative() -> None:
    found = invented({"below": {"g/L": -2}}, signed=True)
    assert [found.at(value).low for value in ("-2.1", "-2", "0")] == [1, 0, 0]
    assert bounds(found.at("<-2")) == (1, 1)
    assert bounds(found.at("<0")) == (0, 1)
    assert bounds(found.at(">-2")) == (0, 0)
    assert [(band.lower, band.upper) for band in found.bands()] == [(None, -2), (-2, None)]


def test_several_limits_reached_are_not_named_as_one() -> None:
    found = invented(
        grades={2: ({"below": {"g/L": 30}}, {"below": {"g/L": 20}, "needs": ("ill",)})},
    )
    assert bounds(found.at("<30")) == (2, 2)
    found = invented(grades={2: ({"below": {"g/L": 20}}, {"below": {"g/L": 30}})})
    assert (found.at("15").limit, found.at("25").limit) == ("< 20 g/L", "< 30 g/L")
    assert (bounds(found.at("<30")), found.at("<30").limit) == ((2, 2), None)


def test_what_is_lacking_outweighs_a_comparator() -> None:
    found = invented({"below": {"lln": 1}}, {"below": {"g/L": 30}})
    answer = found.at(">20")
    assert (bounds(answer), answer.state, answer.reason) == ((0, 2), "lacking", "no_range")
