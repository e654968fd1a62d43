"""TITE-BOIN: the worked number, both sides of its rules, and where it must be BOIN."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.clinical.designs import Answer, Boin, DoseCounts, Question, TiteBoin, read_request

DESIGN = TiteBoin(target=0.28)
BELOW = DoseCounts(6, 1)


def ask(here: DoseCounts, design: Boin = DESIGN) -> Answer:
    return design.decide(Question((BELOW, here, DoseCounts()), 2))


def test_worked() -> None:
    here = DoseCounts(n=6, dlt=2, pending=3, stft=1.2)
    assert f"{DESIGN.imputed(here):.6f}" == "0.310288"
    answer = ask(here)
    assert (answer.action, answer.next_dose) == ("stay", 2)
    assert f"{answer.report.thresholds['deescalate_below_stft']:.3f}" == "0.706"
    assert answer.report.text == (
        "2/9 with 3 pending (STFT 1.2) = 0.3103 lies between 0.2206 and 0.3344: stay"
    )


def test_worked_odds() -> None:
    """q and the odds of a DLT among the pending, read back from (s + odds (c - STFT)) / n."""
    odds = (9 * DESIGN.imputed(DoseCounts(n=6, dlt=2, pending=3, stft=1.2)) - 2) / (3 - 1.2)
    assert (f"{odds:.6f}", f"{odds / (1 + odds):.6f}") == ("0.440329", "0.305714")


@pytest.mark.parametrize(("stft", "action"), [(0.706, "deescalate"), (0.707, "stay")])
def test_both_sides_of_the_follow_up_needed(stft: float, action: str) -> None:
    assert ask(DoseCounts(6, 2, 3, stft=stft)).action == action


def test_follow_up_not_given_counts_as_none() -> None:
    answer = ask(DoseCounts(6, 2, 3))
    assert answer.action == "deescalate"
    assert "STFT unknown, taken as 0" in answer.report.text
    assert ask(DoseCounts(6, 2, 3, stft=0.0)).action == "deescalate"


@pytest.mark.parametrize(
    ("here", "action"),
    [
        (DoseCounts(3, 0, 3, stft=2.9), "escalate"),
        (DoseCounts(2, 0, 4, stft=3.9), "suspend"),
        (DoseCounts(0, 0, 1, stft=0.5), "suspend"),
        (DoseCounts(0, 0, 0), "stay"),
        (DoseCounts(2, 2, 3, stft=0.0), "deescalate"),
        (DoseCounts(2, 1, 3, stft=0.0), "suspend"),
    ],
)
def test_suspended_while_more_than_half_are_pending(here: DoseCounts, action: str) -> None:
    answer = ask(here)
    assert answer.action == action
    assert (answer.report.rule == "tite_boin.suspend") == (action == "suspend")


@pytest.mark.parametrize(
    ("here", "eliminated_from"),
    [
        (DoseCounts(3, 3), 2),
        (DoseCounts(3, 3, 1), 2),
        (DoseCounts(3, 3, 2), None),
        (DoseCounts(4, 4, 5), None),
        (DoseCounts(5, 5, 4), 2),
    ],
)
def test_eliminated_on_observed_dlts_alone(here: DoseCounts, eliminated_from: int | None) -> None:
    """The pending count as if without a DLT: whatever becomes of them, it is eliminated."""
    answer = ask(here)
    assert (answer.action, answer.eliminated_from) == ("deescalate", eliminated_from)


def test_one_third_may_stay() -> None:
    stays = TiteBoin(target=0.25, stay_at_one_third=True)
    assert ask(DoseCounts(3, 1), stays).action == "stay"
    assert ask(DoseCounts(3, 1), TiteBoin(target=0.25)).action == "deescalate"


def test_by_request_with_patients() -> None:
    finals = [{"dose": 1, "dlt": int(number < 2)} for number in range(6)]
    patients = [*finals, *[{"dose": 1, "weight": 0.4}] * 3]
    request = {"design": {"kind": "tite_boin", "target": 0.28}, "patients": patients}
    design, question = read_request(request)
    assert question.here.stft == pytest.approx(1.2)
    assert design.decide(question).action == "stay"


@st.composite
def counts(draw: st.DrawFn) -> DoseCounts:
    n = draw(st.integers(0, 12))
    dlt, pending = draw(st.integers(0, n)), draw(st.integers(0, 6))
    return DoseCounts(n, dlt, pending, stft=draw(st.floats(0, pending)))


def settled(here: DoseCounts) -> DoseCounts:
    """All pending followed to the end without a DLT."""
    return DoseCounts(here.enrolled, here.dlt)


@given(here=counts(), target=st.sampled_from([0.2, 0.25, 0.28, 0.3]))
def test_full_follow_up_is_boin(here: DoseCounts, target: float) -> None:
    """Fully followed: the suspension apart, the answer is that of BOIN on all treated."""
    full = replace(here, stft=float(here.pending))
    found, boin = ask(full, TiteBoin(target=target)), ask(settled(here), Boin(target=target))
    assert found.eliminated_from == boin.eliminated_from
    if found.action != "suspend":
        assert (found.action, found.next_dose) == (boin.action, boin.next_dose)
    else:
        assert 2 * here.pending > here.enrolled


@given(here=counts(), target=st.sampled_from([0.2, 0.25, 0.28, 0.3]))
def test_nobody_pending_is_boin(here: DoseCounts, target: float) -> None:
    found = ask(settled(here), TiteBoin(target=target))
    boin = ask(settled(here), Boin(target=target))
    assert (found.action, found.next_dose) == (boin.action, boin.next_dose)
    assert found.eliminated_from == boin.eliminated_from


RANK = {"stop": 0, "deescalate": 0, "suspend": 1, "stay": 1, "escalate": 2}


@given(here=counts())
def test_one_more_dlt_never_leads_higher(here: DoseCounts) -> None:
    assume(here.n > here.dlt)
    more = replace(here, dlt=here.dlt + 1)
    assert RANK[ask(more).action] <= RANK[ask(here).action]


@given(here=counts(), share=st.floats(0, 1))
def test_less_follow_up_never_leads_higher(here: DoseCounts, share: float) -> None:
    assert here.stft is not None
    less = replace(here, stft=here.stft * share)
    assert RANK[ask(less).action] <= RANK[ask(here).action]
