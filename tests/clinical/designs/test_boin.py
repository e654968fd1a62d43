"""BOIN against its published boundaries, and both sides of each of its rules."""

from __future__ import annotations

from itertools import product

import pytest

from shared.clinical.designs import Answer, Boin, DoseCounts, Question, read_request
from shared.clinical.designs.isotonic import estimates_of, pool_adjacent_violators, select_mtd

BOIN = Boin(target=0.28)


def ask(design: Boin, *doses: str, current: int = 1, **more: object) -> Answer:
    """``"1/3"``: three evaluable, one with a DLT."""
    split = [text.split("/") for text in doses]
    counts = tuple(DoseCounts(n=int(n), dlt=int(dlt)) for dlt, n in split)
    return design.decide(Question(counts, current, **more))  # type: ignore[arg-type]


def test_lambdas() -> None:
    assert [f"{rate:.8f}" for rate in BOIN.lambdas] == ["0.22059768", "0.33444132"]


# Reference table for a target of 0.28; the second from Liu and Yuan's table for 0.3.
@pytest.mark.parametrize(
    ("target", "n", "escalate", "deescalate", "eliminate"),
    [
        (0.28, 3, 0, 2, 3),
        (0.28, 6, 1, 3, 4),
        (0.28, 9, 1, 4, 5),
        (0.28, 12, 2, 5, 6),
        (0.30, 3, 0, 2, 3),
        (0.30, 6, 1, 3, 4),
        (0.30, 9, 2, 4, 5),
        (0.30, 12, 2, 5, 7),
        (0.30, 15, 3, 6, 8),
        (0.30, 18, 4, 7, 9),
    ],
)
def test_boundaries(target: float, n: int, escalate: int, deescalate: int, eliminate: int) -> None:
    found = Boin(target=target).boundaries(n)
    assert found.escalate_if_at_most == escalate
    assert found.deescalate_if_at_least == deescalate
    assert found.eliminate_if_at_least == eliminate


def test_one_of_one_never_eliminates() -> None:
    assert BOIN.boundaries(1).eliminate_if_at_least is None
    assert BOIN.boundaries(2).eliminate_if_at_least is None


@pytest.mark.parametrize(("dlt", "n", "probability"), [(3, 6, "0.8984038"), (4, 6, "0.9787004")])
def test_posterior_tail(dlt: int, n: int, probability: str) -> None:
    assert f"{float(BOIN.toxicity(n, dlt)):.7f}" == probability


@pytest.mark.parametrize(("n", "stops_from"), [(3, 2), (6, 4), (9, 5)])
def test_extrasafe_stops_at_the_lowest_dose(n: int, stops_from: int) -> None:
    strict = Boin(target=0.28, extrasafe=True)
    above = ask(strict, f"{stops_from}/{n}", "0/0")
    assert (above.action, above.next_dose, above.eliminated_from, above.mtd) == (
        "stop",
        None,
        1,
        None,
    )
    assert ask(strict, f"{stops_from - 1}/{n}", "0/0").action != "stop"
    assert ask(strict, "0/3", f"{stops_from}/{n}", current=2).eliminated_from == (
        2 if BOIN.eliminates(n, stops_from) else None
    )


@pytest.mark.parametrize(
    ("doses", "current", "action", "next_dose", "eliminated_from"),
    [
        (("0/3", "0/0"), 1, "escalate", 2, None),
        (("1/3", "0/0"), 1, "stay", 1, None),
        (("2/3", "0/0"), 1, "stay", 1, None),
        (("3/3", "0/0"), 1, "stop", None, 1),
        (("0/3", "2/3"), 2, "deescalate", 1, None),
        (("0/3", "3/3"), 2, "deescalate", 1, 2),
        (("0/6", "3/3"), 1, "stay", 1, 2),
        (("0/3", "0/3"), 2, "stay", 2, None),
        (("0/0", "0/0"), 1, "stay", 1, None),
        (("3/3", "0/3"), 2, "stop", None, 1),
        (("0/3", "4/6", "0/3"), 3, "deescalate", 1, 2),
    ],
)
def test_walk(
    doses: tuple[str, ...],
    current: int,
    action: str,
    next_dose: int | None,
    eliminated_from: int | None,
) -> None:
    design = Boin(target=0.30)
    answer = ask(design, *doses, current=current)
    assert (answer.action, answer.next_dose) == (action, next_dose)
    assert answer.eliminated_from == eliminated_from


def test_eliminated_earlier_stays_so() -> None:
    answer = ask(BOIN, "0/6", "0/3", eliminated_from=2)
    assert (answer.action, answer.next_dose, answer.eliminated_from) == ("stay", 1, 2)
    assert "eliminated earlier" in answer.report.children[1].text


def test_one_third_may_stay_by_the_protocol() -> None:
    """At a target of 0.25, 1/3 is above the boundary 0.298."""
    assert Boin(target=0.25).verdict(3, 1) == "D"
    assert Boin(target=0.25, stay_at_one_third=True).verdict(3, 1) == "S"
    assert Boin(target=0.25, stay_at_one_third=True).verdict(6, 2) == "D"


def test_ties_are_no_matter_of_floating_point() -> None:
    """7/20 equals a boundary of 0.35: at λe escalate, at λd stay."""
    design = Boin(target=0.30)
    for boundary, verdict in ((0, "E"), (1, "S")):
        assert design.read_rate(design.lambdas[boundary] + 1e-12, "").verdict == verdict
        assert design.read_rate(design.lambdas[boundary] + 1e-6, "").verdict != verdict


def test_worked_mtd() -> None:
    doses = ("1/3", "0/6", "2/6", "4/9", "0/0")
    split = [text.split("/") for text in doses]
    estimates = estimates_of([DoseCounts(int(n), int(dlt)) for dlt, n in split])
    assert [f"{rate:.5f}" for rate in estimates.values()] == [
        "0.01498" if dose < 3 else ("0.33607" if dose == 3 else "0.44505") for dose in estimates
    ]
    answer = ask(BOIN, *doses, current=4, final=True)
    assert (answer.action, answer.mtd, answer.eliminated_from) == ("stop", 3, None)


def test_bounded_mtd() -> None:
    """0.33607 is above λd = 0.33444: bounded, dose 2 is taken."""
    doses = ("1/3", "0/6", "2/6", "4/9", "0/0")
    bounded = Boin(target=0.28, bound_mtd=True)
    assert ask(bounded, *doses, current=4, final=True).mtd == 2
    assert ask(bounded, "2/3", "0/0", current=1, final=True).mtd is None


@pytest.mark.parametrize(
    ("estimates", "mtd"),
    [
        ({1: 0.1, 2: 0.3, 3: 0.3}, 2),
        ({1: 0.26, 2: 0.26, 3: 0.5}, 2),
        ({1: 0.18, 2: 0.38}, 1),
        ({}, None),
    ],
)
def test_ties_of_estimates(estimates: dict[int, float], mtd: int | None) -> None:
    """Equal rates: the lower dose above the target, the higher one below it."""
    assert select_mtd(estimates, 0.28) == mtd


def test_no_mtd_where_dose_1_is_eliminated_or_nothing_was_tried() -> None:
    assert ask(BOIN, "3/3", "0/3", final=True).mtd is None
    assert ask(BOIN, "0/0", "0/0", final=True).mtd is None


def test_pooling_spreads_over_several_doses() -> None:
    assert pool_adjacent_violators([0.3, 0.2, 0.1], [1, 1, 1]) == pytest.approx([0.2] * 3)


@pytest.mark.parametrize("pending", [0, 1])
def test_escalation_waits_for_what_may_change_it(pending: int) -> None:
    counts = (DoseCounts(n=6, dlt=1, pending=pending), DoseCounts())
    answer = BOIN.decide(Question(counts, 1))
    assert answer.action == ("suspend" if pending else "escalate")


def test_pending_that_cannot_change_it_do_not_delay() -> None:
    counts = (DoseCounts(n=5, dlt=0, pending=1), DoseCounts())
    assert BOIN.decide(Question(counts, 1)).action == "escalate"


@pytest.mark.parametrize(
    ("here", "action", "held_from"),
    [
        (DoseCounts(n=3, dlt=1, pending=1, candidate=1), "suspend", 2),
        (DoseCounts(n=3, dlt=0, pending=1, candidate=1), "suspend", None),
        (DoseCounts(n=2, dlt=2, pending=1, candidate=1), "deescalate", 2),
        (DoseCounts(n=3, dlt=1, pending=1, candidate=0), "stay", None),
    ],
)
def test_candidates_hold_before_they_are_confirmed(
    here: DoseCounts, action: str, held_from: int | None
) -> None:
    answer = BOIN.decide(Question((DoseCounts(6, 0), here, DoseCounts()), 2))
    assert (answer.action, answer.held_from) == (action, held_from)
    assert answer.eliminated_from is None


def test_the_mtd_waits_for_the_pending() -> None:
    counts = (DoseCounts(n=6, dlt=1, pending=1),)
    assert BOIN.decide(Question(counts, 1, final=True)).action == "suspend"


def test_the_report_has_the_numbers() -> None:
    report = ask(BOIN, "2/9", "0/0").report
    assert report.text == "2/9 = 0.2222 lies between 0.2206 and 0.3344: stay"
    assert report.inputs["evaluable"] == 9
    assert report.margin == pytest.approx(2 / 9 - 0.22059768, abs=1e-8)
    assert "Liu" in report.source


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": 0},
        {"target": "0.3"},
        {"target": 0.3, "p_saf": 0.3},
        {"target": 0.3, "p_tox": 0.2},
        {"target": 0.8},
        {"target": 0.3, "cutoff": 0.9},
        {},
    ],
)
def test_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read_request({"design": {"kind": "boin", **wrong}, "outcomes": "1NNN"})


def test_more_dlts_never_lead_higher() -> None:
    order = "USDE".replace("USD", "UDS")
    for n, target in product(range(1, 31), (0.2, 0.25, 0.28, 0.3, 0.35)):
        ranks = [order.index(Boin(target=target).verdict(n, dlt)) for dlt in range(n + 1)]
        assert ranks == sorted(ranks, reverse=True)
