"""3+3 as published, and live with pending subjects: both sides of every count.

A dose is written as ``evaluable.confirmed`` with ``p`` pending and ``c`` of those candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import pytest

from shared.clinical.designs import (
    DesignError,
    DoseCounts,
    Question,
    ThreePlusThree,
    counts_of,
    patients_of,
)
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


def walk(text: str, variant: str, num_doses: int = 5) -> tuple[str, int | None, int | None]:
    """What the rule says after the cohorts of ``"1NNN 2NNT"``."""
    design = ThreePlusThree(variant=variant, num_doses=num_doses)  # type: ignore[arg-type]
    current = patients_of(text)[-1].dose
    answer = design.decide(Question(counts_of(text), current))
    return answer.action, answer.next_dose, answer.mtd


@pytest.mark.parametrize(
    ("text", "variant", "said"),
    [
        ("1NNN 2NNN 3NNN 4TTN", "plain", ("stop", None, 3)),
        ("1NNN 2NNN 3NNN 4TTN", "deescalate", ("deescalate", 3, None)),
        ("1NNN 2NNN 3TNN 3NNN 4TTN", "plain", ("stop", None, 3)),
        ("1NNN 2NNN 3TNN 3NNN 4TTN", "deescalate", ("stop", None, 3)),
        ("1NNN 2NNN 3NNN 4TTN 3TTN", "deescalate", ("deescalate", 2, None)),
        ("1NNN 2NNN 3NNN 4TTN 3TTN 2NNN", "deescalate", ("stop", None, 2)),
        ("1NNN 2TTN 1TTN", "deescalate", ("stop", None, None)),
        ("1NNN 2NNN 3NNN 4NNN 5NNN", "plain", ("stop", None, 5)),
        ("1NNN 2NNN 3NNN 4NNN 5NNN", "deescalate", ("stop", None, 5)),
        ("1NNN 2NNN 3NNN 4NNN 5NNN", "confirm6", ("confirm", 5, None)),
        ("1NNN 2NNN 3NNN 4NNN 5NNN 5NNT", "confirm6", ("stop", None, 5)),
        ("1NNN 2NNN 3NNN 4NNN 5NNN 5NTT", "confirm6", ("deescalate", 4, None)),
        ("2NNN", "plain", ("escalate", 3, None)),
    ],
)
def test_walks(text: str, variant: str, said: tuple[str, int | None, int | None]) -> None:
    assert walk(text, variant) == said


def test_the_final_question_has_an_mtd_only_after_the_walk() -> None:
    design = ThreePlusThree(num_doses=3)
    over = design.decide(Question(counts_of("1NNN 2TTN"), 2, final=True))
    assert (over.action, over.mtd) == ("stop", 1)
    going = design.decide(Question(counts_of("1NNN 2NNN"), 2, final=True))
    assert (going.action, going.mtd) == ("stop", None)
    assert "not over" in going.report.text


def test_more_doses_than_the_design_has_are_refused() -> None:
    with pytest.raises(DesignError, match="num_doses is 1"):
        walk("1NNN 2NNN", "plain", 1)


def test_a_lower_dose_that_fell_is_seen_below_an_exceeded_one() -> None:
    """1/3 at dose 1 supports nothing above it, whatever dose 3 says."""
    answer = ask("3.1", "3.0", "3.2", current=3)
    assert (answer.action, answer.hold_from) == ("hold", 2)
    answer = ask("3.1", "3.0", "3.0 p2 c2", current=3)
    assert (answer.action, answer.hold_from) == ("hold", 2)


def test_a_study_below_the_dose_to_fill_goes_on_where_it_is() -> None:
    answer = ask("2.0", "0.0", "3.2", current=1)
    assert (answer.action, answer.dose_level, answer.hold_from) == ("enrol", 1, 3)
    assert ask("3.0", "0.0", "3.2", current=1).dose_level == 2


def test_a_probability_of_the_escalation_rule() -> None:
    """P(escalate past a dose with p = 0.26) = 0.5783065, walked through every outcome."""
    rates = {"N": 0.74, "T": 0.26}
    going = 0.0
    for first in product("NT", repeat=3):
        chance = prod(rates[letter] for letter in first)
        action = walk(f"1{''.join(first)}", "plain", 2)[0]
        if action == "escalate":
            going += chance
        elif action == "expand":
            for second in product("NT", repeat=3):
                text = f"1{''.join(first)} 1{''.join(second)}"
                if walk(text, "plain", 2)[0] == "escalate":
                    going += chance * prod(rates[letter] for letter in second)
    assert f"{going:.7f}" == "0.5783065"
