"""3+3 as published, and live with pending subjects: both sides of every count.

A dose is written as ``evaluable.confirmed`` with ``p`` pending and ``c`` of those candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.clinical.designs import DoseCounts, Question, ThreePlusThree
from shared.clinical.designs.live import action_of, dose_level_of, mtd_status_of


@dataclass(frozen=True)
class Said:
    """The answer in the words of an assessment."""

    action: str
    dose_level: int | None
    mtd: int | None
    mtd_status: str
    hold_from: int | None


def ask(*doses: str, current: int | None = None, variant: str = "deescalate") -> Said:
    """``"6.1"``: six evaluable with one DLT; ``"3.0 p2 c1"``: two more pending, one a candidate."""
    counts = []
    for text in doses:
        head, *rest = text.split()
        evaluable, confirmed = head.split(".")
        extra = {part[0]: int(part[1:]) for part in rest}
        counts.append(
            DoseCounts(int(evaluable), int(confirmed), extra.get("p", 0), extra.get("c", 0))
        )
    design = ThreePlusThree(variant=variant)  # type: ignore[arg-type]
    answer = design.decide(Question(tuple(counts), current or len(doses), start=1))
    return Said(
        action_of(answer),
        dose_level_of(answer),
        answer.mtd,
        mtd_status_of(answer),
        answer.closed_from,
    )


@pytest.mark.parametrize(
    ("dose", "action", "level"),
    [
        ("0.0", "enrol", 1),
        ("2.0", "enrol", 1),
        ("0.0 p3", "wait", 1),
        ("2.0 p1", "wait", 1),
        ("3.0", "escalate", 2),
        ("2.1", "enrol", 1),
        ("2.1 p1", "wait", 1),
        ("3.1", "expand", 1),
        ("3.1 p2", "expand", 1),
        ("3.1 p3", "wait", 1),
        ("5.1 p1", "wait", 1),
        ("6.1", "escalate", 2),
        ("6.0", "escalate", 2),
        ("4.0", "escalate", 2),
        ("4.1", "expand", 1),
        ("5.1", "expand", 1),
        ("3.0 p1", "wait", 1),
        ("3.0 p1 c1", "wait", 1),
    ],
)
def test_current_dose(dose: str, action: str, level: int) -> None:
    answer = ask(dose, "0.0", current=1)
    assert (answer.action, answer.dose_level) == (action, level)


@pytest.mark.parametrize(
    ("dose", "action"),
    [
        ("2.2 p1", "stop"),
        ("3.2", "stop"),
        ("1.1 p2 c1", "hold"),
        ("1.0 p2 c2", "hold"),
        ("6.2", "stop"),
    ],
)
def test_two_dlts_at_the_lowest_dose(dose: str, action: str) -> None:
    answer = ask(dose, "0.0", current=1)
    assert answer.action == action
    assert answer.hold_from == 1
    assert answer.mtd is None


@pytest.mark.parametrize(
    ("below", "action", "level", "mtd"),
    [
        ("3.0", "deescalate", 1, None),
        ("5.1", "deescalate", 1, None),
        ("6.1", "finish", 1, 1),
        ("6.0", "finish", 1, 1),
        ("5.1 p1", "hold", 2, None),
    ],
)
def test_deescalate_fills_the_dose_below_to_six(
    below: str, action: str, level: int, mtd: int | None
) -> None:
    answer = ask(below, "3.2", current=2)
    assert (answer.action, answer.dose_level, answer.mtd) == (action, level, mtd)


def test_plain_takes_the_dose_below_whatever_its_size() -> None:
    answer = ask("3.0", "3.2", current=2, variant="plain")
    assert (answer.action, answer.mtd, answer.mtd_status) == ("finish", 1, "found")


def test_published_walk_4TTN() -> None:  # noqa: N802
    """`1NNN 2NNN 3NNN 4TTN`: plain stops with MTD 3, de-escalation treats three more at dose 3."""
    doses = ("3.0", "3.0", "3.0", "3.2", "0.0")
    assert ask(*doses, current=4, variant="plain").mtd == 3
    answer = ask(*doses, current=4)
    assert (answer.action, answer.dose_level) == ("deescalate", 3)


def test_published_walk_with_three_expanded() -> None:
    """`1NNN 2NNN 3TNN 3NNN 4TTN`: both variants stop with MTD 3."""
    doses = ("3.0", "3.0", "6.1", "3.2", "0.0")
    assert {ask(*doses, current=4, variant=v).mtd for v in ("plain", "deescalate")} == {3}


def test_after_deescalation_the_lower_dose_goes_on_filling() -> None:
    answer = ask("4.0", "3.2", current=1)
    assert (answer.action, answer.dose_level) == ("expand", 1)


def test_a_filled_lower_dose_with_two_makes_the_walk_go_on_down() -> None:
    answer = ask("3.0", "6.2", "3.2", current=2)
    assert (answer.action, answer.dose_level) == ("deescalate", 1)


def test_top_dose_cleared_finishes() -> None:
    answer = ask("3.0", "3.0", current=2)
    assert (answer.action, answer.mtd) == ("finish", 2)


@pytest.mark.parametrize("below", ["3.1", "2.0", "5.1"])
def test_a_lower_dose_that_falls_holds_the_ones_above(below: str) -> None:
    answer = ask(below, "0.0 p2", current=2)
    assert (answer.action, answer.hold_from) == ("hold", 2)


def test_pending_subjects_at_a_cleared_lower_dose_do_not_hold() -> None:
    assert ask("3.0 p1", "0.0 p3", current=2).action == "wait"


def test_two_pending_candidates_below_hold_everything_from_there() -> None:
    answer = ask("3.0 p2 c2", "3.0", current=2)
    assert (answer.action, answer.hold_from) == ("hold", 1)
