"""Limits stacked on designs: each on both sides of its line, and orders that contradict."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from shared.clinical.designs import (
    Answer,
    Design,
    DesignError,
    DoseCounts,
    Patient,
    Question,
    Report,
    as_json,
    counts_of,
    design_of,
    patients_of,
)


class _Jumps(Design):
    """Wants dose ``to`` whatever the counts say."""

    kind: Literal["jumps"] = "jumps"
    to: int

    def propose(self, question: Question) -> Answer:
        action = "escalate" if self.to > question.current else "deescalate"
        return Answer(action, self.to, Report("jumps", "jump"))  # type: ignore[arg-type]

    def mtd(self, question: Question) -> Answer:
        return Answer("stop", None, Report("jumps.mtd", "no idea"))


def limited(*limits: dict[str, Any], **members: Any) -> Design:
    chosen = members or {"kind": "boin", "target": 0.3}
    return design_of({**chosen, "limits": list(limits)})


def ask(design: Design, outcomes: str, num_doses: int = 3, **more: Any) -> Answer:
    patients = patients_of(outcomes)
    doses = counts_of(outcomes, num_doses)
    return design.decide(Question(doses, more.pop("current", patients[-1].dose), **more))


def test_the_last_to_speak_is_the_root_of_the_report() -> None:
    design = limited({"kind": "cap_per_dose", "n": 12}, {"kind": "total_cap", "n": 6})
    answer = ask(design, "1NNN 2NNT")
    assert (answer.action, answer.mtd) == ("stop", 2)
    assert [node.rule for node in answer.report.walk()] == [
        "limit.total_cap",
        "isotonic.mtd",
        "boin.stay",
    ]
    assert answer.report.thresholds == {"n": 6}


def test_a_limit_that_does_not_bind_leaves_no_trace() -> None:
    design = limited({"kind": "no_skipping"}, {"kind": "total_cap", "n": 7})
    bare = limited()
    assert as_json(ask(design, "1NNN 2NNT")) == as_json(ask(bare, "1NNN 2NNT"))


@pytest.mark.parametrize(
    ("current", "to", "down", "next_dose"),
    [(1, 2, False, 2), (1, 3, False, 2), (3, 1, False, 1), (3, 1, True, 2), (2, 1, True, 1)],
)
def test_no_skipping(current: int, to: int, down: bool, next_dose: int) -> None:
    rule = _Jumps.model_validate(
        {"to": to, "limits": [{"kind": "no_skipping", "when_deescalating": down}]}
    )
    doses = counts_of("1NNN", 3)
    assert rule.decide(Question(doses, current)).next_dose == next_dose


@pytest.mark.parametrize(
    ("outcomes", "last", "action"),
    [
        ("1NNT 1NNN", 1, "escalate"),
        ("1NNT 1NNN", 3, "escalate"),
        ("1NNT 1NNN", 4, "stay"),
        ("1NNN 1NNT", 1, "stay"),
        ("1NNN 2NTT", 1, "deescalate"),
    ],
)
def test_no_escalation_after_dlt_looks_at_who_came_last(
    outcomes: str, last: int, action: str
) -> None:
    design = limited({"kind": "no_escalation_after_dlt", "last": last})
    assert ask(design, outcomes, patients=patients_of(outcomes)).action == action


@pytest.mark.parametrize(("target", "action"), [(0.16, "stay"), (0.17, "escalate")])
def test_no_escalation_after_dlt_by_counts_looks_at_the_rate(target: float, action: str) -> None:
    design = limited({"kind": "no_escalation_after_dlt", "target": target})
    assert ask(design, "1NNT 1NNN").action == action


def test_no_escalation_after_dlt_without_a_target_minds_any() -> None:
    design = limited({"kind": "no_escalation_after_dlt"}, kind="3+3")
    assert ask(design, "1NNT 1NNN").action == "stay"
    assert ask(design, "1NNN").action == "escalate"


@pytest.mark.parametrize(
    ("outcomes", "n", "action", "next_dose", "mtd"),
    [
        ("1NNN 2TTN", 3, "stop", None, 1),
        ("1NNN 2TTN", 6, "confirm", 1, None),
        ("1NNNNNN 2TTN", 6, "stop", None, 1),
    ],
)
def test_demand_n_at_dose(
    outcomes: str, n: int, action: str, next_dose: int | None, mtd: int | None
) -> None:
    design = limited({"kind": "demand_n_at_dose", "n": n}, kind="3+3")
    answer = ask(design, outcomes)
    assert (answer.action, answer.next_dose, answer.mtd) == (action, next_dose, mtd)
    assert answer.eliminated_from == 2


def test_demand_n_waits_for_the_pending() -> None:
    rule = limited({"kind": "demand_n_at_dose", "n": 6}, kind="3+3")
    doses = (DoseCounts(n=6), DoseCounts(n=3, dlt=2))
    assert rule.decide(Question(doses, 2)).action == "stop"
    found = Answer("stop", None, Report("x", "x"), mtd=1)
    waiting = Question((DoseCounts(n=5, pending=1), doses[1]), 2)
    assert rule.limits[0].apply(rule, waiting, found).action == "suspend"


@pytest.mark.parametrize(("n", "action"), [(3, "stop"), (4, "stay")])
def test_cap_per_dose(n: int, action: str) -> None:
    answer = ask(limited({"kind": "cap_per_dose", "n": n}), "1NNN 2NNT")
    assert (answer.action, answer.mtd) == (action, 2 if action == "stop" else None)


def test_cap_per_dose_looks_at_the_dose_to_be_given() -> None:
    design = limited({"kind": "cap_per_dose", "n": 3})
    assert ask(design, "1NNN").action == "escalate"
    assert ask(design, "1NNN 2TTN").action == "stop"


@pytest.mark.parametrize(("n", "action"), [(6, "suspend"), (7, "deescalate")])
def test_total_cap_counts_the_pending_and_waits_for_them(n: int, action: str) -> None:
    assert ask(limited({"kind": "total_cap", "n": n}), "1NNN 2TNP").action == action


@pytest.mark.parametrize(
    ("at", "most", "action"),
    [("dose", 1, "suspend"), ("dose", 2, "stay"), ("study", 2, "suspend"), ("study", 3, "stay")],
)
def test_suspend_while_pending(at: str, most: int, action: str) -> None:
    design = limited({"kind": "suspend_while_pending", "max_pending": most, "at": at})
    assert ask(design, "1NNNP 2NNTPP", current=2).action == action


def test_pending_patients_do_not_delay_going_down() -> None:
    design = limited({"kind": "suspend_while_pending", "max_pending": 0})
    assert ask(design, "1NNN 2TTNP").action == "deescalate"


@pytest.mark.parametrize(
    ("treated", "today", "action"),
    [
        (date(2026, 3, 1), date(2026, 3, 7), "suspend"),
        (date(2026, 3, 1), date(2026, 3, 8), "stay"),
        (None, date(2026, 3, 8), "suspend"),
        (date(2026, 3, 1), None, "suspend"),
    ],
)
def test_sentinel_gap(treated: date | None, today: date | None, action: str) -> None:
    design = limited({"kind": "sentinel_gap", "days": 7})
    patient = Patient(1, weight=0.2, pending=True, first_dose=treated)
    question = Question((DoseCounts(pending=1), DoseCounts()), 1, patients=(patient,), today=today)
    assert design.decide(question).action == action
    two = replace(question, doses=(DoseCounts(pending=2), DoseCounts()))
    assert design.decide(two).action == "stay"


@pytest.mark.parametrize(("confidence", "action"), [(0.89, "stop"), (0.90, "stay")])
def test_stop_for_toxicity(confidence: float, action: str) -> None:
    """P(p > 0.28) with 3/6 is 0.8984."""
    design = limited(
        {"kind": "stop_for_toxicity", "confidence": confidence}, kind="boin", target=0.28
    )
    answer = ask(design, "1TTT 1NNN")
    assert (answer.action, answer.mtd) == (action, None)
    final = ask(design, "1TTT 1NNN", final=True)
    assert final.mtd == (None if action == "stop" else 1)


def test_stop_for_toxicity_says_nothing_of_an_empty_dose() -> None:
    assert ask(limited({"kind": "stop_for_toxicity"}), "2NNN").action == "escalate"


def test_stop_for_toxicity_holds_on_candidates() -> None:
    design = limited({"kind": "stop_for_toxicity", "confidence": 0.89}, kind="boin", target=0.28)
    answer = ask(design, "1TTC 1NNN")
    assert (answer.action, answer.held_from, answer.eliminated_from) == ("suspend", 1, None)


def test_suspension_and_toxicity_agree_in_either_order() -> None:
    pause: dict[str, Any] = {"kind": "suspend_while_pending", "max_pending": 0}
    toxic: dict[str, Any] = {"kind": "stop_for_toxicity"}
    for stacked in ([pause, toxic], [toxic, pause]):
        assert ask(limited(*stacked), "1TTTP").action == "stop"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ([{"kind": "total_cap", "n": 9}, {"kind": "no_skipping"}], "no_skipping after total_cap"),
        (
            [{"kind": "stop_for_toxicity"}, {"kind": "demand_n_at_dose", "n": 6}],
            "demand_n_at_dose after stop_for_toxicity",
        ),
        (
            [{"kind": "demand_n_at_dose", "n": 7}, {"kind": "cap_per_dose", "n": 6}],
            "allows 6, but demand_n_at_dose wants 7",
        ),
        ([{"kind": "no_skipping"}, {"kind": "no_skipping"}], "stacked twice"),
        ([{"kind": "no_such"}], "no_such"),
        ([{"kind": "total_cap", "n": 9.5}], "valid integer"),
    ],
)
def test_refused(limits: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(DesignError, match=problem):
        limited(*limits)


def test_a_toxicity_stop_needs_to_know_what_is_too_much() -> None:
    with pytest.raises(DesignError, match="give a threshold"):
        limited({"kind": "stop_for_toxicity"}, kind="3+3")
    assert limited({"kind": "stop_for_toxicity", "threshold": 0.3}, kind="3+3").limits
