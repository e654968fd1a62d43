"""Two-stage designs against Simon's published tables and an exhaustive search."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.monitoring import (
    SimonDesign,
    TwoStage,
    simon_designs,
    two_stage_characteristics,
)


def written(design: SimonDesign) -> str:
    return f"{design.r1}/{design.n1} {design.r}/{design.n}"


def test_worked_numbers_of_the_reference() -> None:
    found = simon_designs(0.20, 0.45, alpha=0.05, beta=0.10)
    assert found is not None
    assert (written(found.optimal), round(found.optimal.expected_n, 2)) == ("4/16 11/38", 20.44)
    assert (written(found.minimax), round(found.minimax.expected_n, 2)) == ("4/19 9/29", 22.27)


# Simon R, Control Clin Trials 1989;10:1-10, tables 1 and 2: optimal, EN, PET; minimax, EN.
@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "beta", "optimal", "en", "pet", "minimax", "minimax_en"),
    [
        (0.05, 0.25, 0.10, 0.10, "0/9 2/24", 14.5, 0.63, "0/13 2/20", 16.4),
        (0.05, 0.25, 0.05, 0.20, "0/9 2/17", 12.0, 0.63, "0/12 2/16", 13.8),
        (0.05, 0.25, 0.05, 0.10, "0/9 3/30", 16.8, 0.63, "0/15 3/25", 20.4),
        (0.10, 0.30, 0.05, 0.20, "1/10 5/29", 15.0, 0.74, "1/15 5/25", 19.5),
        (0.20, 0.40, 0.05, 0.20, "3/13 12/43", 20.6, 0.75, "4/18 10/33", 22.3),
        (0.30, 0.50, 0.05, 0.20, "5/15 18/46", 23.6, 0.72, "6/19 16/39", 25.7),
        (0.40, 0.60, 0.05, 0.20, "7/16 23/46", 24.5, 0.72, "17/34 20/39", 34.4),
        (0.50, 0.70, 0.05, 0.20, "8/15 26/43", 23.5, 0.70, "12/23 23/37", 27.7),
        (0.70, 0.90, 0.05, 0.20, "4/6 22/27", 14.8, 0.58, "19/23 21/26", 23.2),
        (0.10, 0.25, 0.05, 0.20, "2/18 7/43", 24.7, 0.73, "2/22 7/40", 28.8),
    ],
)
def test_published_designs(
    p0: float,
    p1: float,
    alpha: float,
    beta: float,
    optimal: str,
    en: float,
    pet: float,
    minimax: str,
    minimax_en: float,
) -> None:
    found = simon_designs(p0, p1, alpha, beta)
    assert found is not None
    assert (written(found.optimal), written(found.minimax)) == (optimal, minimax)
    assert found.optimal.expected_n == pytest.approx(en, abs=0.051)
    assert round(found.optimal.early_stop, 2) == pet
    assert found.minimax.expected_n == pytest.approx(minimax_en, abs=0.051)


def every_design(
    p0: float, p1: float, alpha: float, beta: float, n_max: int
) -> list[tuple[int, float]]:
    """Total and expected subjects of each design within the errors, found by trying all."""
    within = []
    for n in range(2, n_max + 1):
        for n1 in range(1, n):
            for r1 in range(n1):
                for r in range(r1, n):
                    design = TwoStage(r1=r1, n1=n1, r=r, n=n)
                    null = two_stage_characteristics(design, p0)
                    power = two_stage_characteristics(design, p1).rejection
                    if null.rejection <= alpha and power >= 1 - beta:
                        within.append((n, null.expected_n))
    return within


@given(
    st.sampled_from([0.05, 0.1, 0.2, 0.35, 0.5]),
    st.sampled_from([0.25, 0.35, 0.45]),
    st.sampled_from([0.05, 0.1, 0.3]),
    st.sampled_from([0.1, 0.2, 0.4]),
)
@settings(max_examples=12, deadline=None)
def test_the_search_leaves_no_better_design_out(
    p0: float, more: float, alpha: float, beta: float
) -> None:
    p1, n_max = p0 + more, 13
    within = every_design(p0, p1, alpha, beta, n_max)
    found = simon_designs(p0, p1, alpha, beta, n_max)
    assert (found is None) == (not within)
    if found is None:
        return
    assert found.optimal.expected_n == pytest.approx(min(en for _, en in within))
    smallest = min(within)
    assert found.minimax.n == smallest[0]
    assert found.minimax.expected_n == pytest.approx(smallest[1])
    for weight in (0.1, 0.3, 0.5, 0.7, 0.9):
        best = min(weight * n + (1 - weight) * en for n, en in within)
        admissible = ((one.n, one.expected_n) for one in found.admissible)
        assert min(weight * n + (1 - weight) * en for n, en in admissible) == pytest.approx(best)


@given(st.integers(5, 60), st.integers(15, 30), st.sampled_from([0.05, 0.1]))
@settings(max_examples=20, deadline=None)
def test_what_a_design_says_of_itself_holds(p0: int, more: int, alpha: float) -> None:
    null, better = p0 / 100, (p0 + more) / 100
    found = simon_designs(null, better, alpha, 0.20)
    if found is None:
        return
    for design in found.admissible:
        does = two_stage_characteristics(design.monitored(null), null)
        assert design.alpha == does.rejection <= alpha
        assert (design.early_stop, design.expected_n) == (does.early_stop, does.expected_n)
        power = two_stage_characteristics(design.monitored(null), better).rejection
        assert design.power == power >= 0.80


def test_admissible_designs_lead_from_minimax_to_optimal_on_a_convex_line() -> None:
    found = simon_designs(0.30, 0.45)
    assert found is not None
    line = found.admissible
    assert (line[0], line[-1]) == (found.minimax, found.optimal)
    slopes = [
        (after.expected_n - before.expected_n) / (after.n - before.n)
        for before, after in itertools.pairwise(line)
    ]
    assert slopes == sorted(slopes)
    assert all(slope < 0 for slope in slopes)


def test_admissible_designs_leave_out_what_no_weight_prefers() -> None:
    found = simon_designs(0.30, 0.45)
    assert found is not None
    assert [written(one) for one in found.admissible] == [
        "16/46 25/65",
        "7/24 26/68",
        "8/26 27/71",
        "9/27 30/81",
    ]


def test_a_second_stage_that_needs_no_further_response() -> None:
    found = simon_designs(1e-6, 0.30, 0.05, 0.10)
    assert found is not None
    assert written(found.optimal) == "0/7 0/8"


def test_no_design_within_the_subjects() -> None:
    assert simon_designs(0.50, 0.55) is None
    assert simon_designs(0.20, 0.45, 0.05, 0.10, n_max=28) is None
    assert simon_designs(0.20, 0.45, 0.05, 0.10, n_max=29) is not None


@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "beta"),
    [
        (0.4, 0.4, 0.05, 0.2),
        (0.0, 0.4, 0.05, 0.2),
        (0.2, 1.0, 0.05, 0.2),
        (0.2, 0.4, 0.0, 0.2),
        (0.2, 0.4, 0.05, 1.0),
    ],
)
def test_questions_without_sense_are_refused(
    p0: float, p1: float, alpha: float, beta: float
) -> None:
    with pytest.raises(ValueError, match=r"p0 < p1|lie between"):
        simon_designs(p0, p1, alpha, beta)


def test_the_search_is_bounded() -> None:
    with pytest.raises(ValueError, match="up to 500"):
        simon_designs(0.20, 0.40, n_max=501)
