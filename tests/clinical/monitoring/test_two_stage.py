"""Simon's design while it runs: certain as soon as it is certain, and not before."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.monitoring import (
    EventCounts,
    TwoStage,
    futility_table,
    look,
    two_stage_characteristics,
)

DESIGN = TwoStage(r1=4, n1=16, r=11, n=38, p0=0.20)

designs = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda sizes: st.integers(0, sizes[0] - 1).flatmap(
        lambda r1: st.builds(
            TwoStage,
            r1=st.just(r1),
            n1=st.just(sizes[0]),
            r=st.integers(r1, sum(sizes) - 1),
            n=st.just(sum(sizes)),
        )
    )
)


def rejected(design: TwoStage, outcomes: tuple[int, ...]) -> bool:
    """Whether the study, run to its end in this order, rejects p0."""
    return sum(outcomes[: design.n1]) > design.r1 and sum(outcomes) > design.r


@given(designs, st.fractions(0, 1, max_denominator=12))
@settings(deadline=None)
def test_characteristics_agree_with_enumeration(design: TwoStage, p: Fraction) -> None:
    early = rejection = Fraction(0)
    for outcomes in itertools.product((0, 1), repeat=design.n):
        weight = p ** sum(outcomes) * (1 - p) ** (design.n - sum(outcomes))
        early += weight * (sum(outcomes[: design.n1]) <= design.r1)
        rejection += weight * rejected(design, outcomes)
    found = two_stage_characteristics(design, p)
    assert (found.early_stop, found.rejection) == (early, rejection)
    assert found.expected_n == design.n1 * early + design.n * (1 - early)


@pytest.mark.parametrize(
    ("design", "expected_n"),
    [(DESIGN, 20.44), (TwoStage(r1=4, n1=19, r=9, n=29), 22.27)],
)
def test_expected_subjects_of_the_reference(design: TwoStage, expected_n: float) -> None:
    assert round(two_stage_characteristics(design, 0.20).expected_n, 2) == expected_n


def orders(n: int, responses: int) -> set[tuple[int, ...]]:
    return {
        tuple(int(place in chosen) for place in range(n))
        for chosen in itertools.combinations(range(n), responses)
    }


@given(designs, st.data())
@settings(deadline=None)
def test_futile_means_that_no_completion_rejects(design: TwoStage, data: st.DataObject) -> None:
    """Counts alone don't know the order: the stop must be certain for every order they allow."""
    n = data.draw(st.integers(0, design.n))
    responses = data.draw(st.integers(0, n))
    can_reject = any(
        rejected(design, seen + rest)
        for seen in orders(n, responses)
        for rest in itertools.product((0, 1), repeat=design.n - n)
    )
    found = look(design, EventCounts(n, responses, data.draw(st.integers(0, design.n - n))))
    assert (found.status == "crossed") == (not can_reject)


@pytest.mark.parametrize(
    ("written", "status", "margin", "text"),
    [
        ((11, 0, 0), "near", 1, "more than 4 of 16 open the second stage"),
        ((12, 0, 4), "crossed", 0, "more than 4 of 16 open the second stage"),
        ((13, 4, 0), "clear", 3, "more than 4 of 16 open the second stage"),
        ((13, 4, 3), "open", 3, "accrual waits for the first"),
        ((15, 4, 1), "near", 1, "accrual waits for the first"),
        ((16, 4, 0), "crossed", 0, "more than 4 of 16 open the second stage"),
        ((17, 4, 0), "crossed", 0, "more than 4 of 16 open the second stage"),
        ((16, 5, 0), "clear", 16, "more than 11 of 38 would reject p0 = 0.2"),
        ((37, 11, 1), "near", 1, "more than 11 of 38 would reject p0 = 0.2"),
        ((38, 11, 0), "crossed", 0, "more than 11 of 38 would reject p0 = 0.2"),
        ((38, 12, 0), "clear", None, "more than 11 responses reject p0 = 0.2"),
        ((20, 12, 18), "clear", None, "more than 11 responses reject p0 = 0.2"),
    ],
)
def test_status(written: tuple[int, int, int], status: str, margin: int | None, text: str) -> None:
    found = look(DESIGN, EventCounts(*written))
    assert (found.status, found.margin) == (status, margin)
    assert found.report.text.endswith(text)
    assert found.report.thresholds == {"r1": 4, "n1": 16, "r": 11, "n": 38}


def test_an_unconfirmed_response_opens_nothing() -> None:
    assert look(DESIGN, EventCounts(15, 4, 1, 1)).status == "near"


def test_more_subjects_than_planned_are_read_cautiously() -> None:
    """12 responses of 40 may have been 10 of the first 38."""
    found = look(DESIGN, EventCounts(40, 12))
    assert found.status == "crossed"
    assert found.report.text.endswith("the cautious reading is taken")
    assert look(DESIGN, EventCounts(40, 14)).status == "clear"


def test_futility_table() -> None:
    rows = {row.n: row.at_most for row in futility_table(DESIGN)}
    assert (rows[11], rows[12], rows[16], rows[17], rows[38]) == (None, 0, 4, None, 11)
