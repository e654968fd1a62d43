"""Rolling six beyond one dose: where it goes when a dose is exceeded, and what it waits for."""

from __future__ import annotations

import pytest

from shared.clinical.designs import Answer, Question, RollingSix, counts_of


def ask(outcomes: str, current: int, num_doses: int = 3) -> Answer:
    return RollingSix().decide(Question(counts_of(outcomes, num_doses), current))


@pytest.mark.parametrize(
    ("outcomes", "current", "action", "next_dose", "mtd"),
    [
        ("1TTN", 1, "stop", None, None),
        ("1NNN 2TTN", 2, "deescalate", 1, None),
        ("1NNNNN 2TTN", 1, "confirm", 1, None),
        ("1NNNNNN 2TTN", 2, "stop", None, 1),
        ("1NNNNNT 2TTN", 2, "stop", None, 1),
        ("1NNNNNP 2TTN", 2, "stop", None, 1),
        ("1NNNNPP 2TTN", 2, "suspend", 2, None),
        ("1NNNNTP 2TTN", 2, "suspend", 2, None),
        ("1NNN 2NNNTT 3TTN", 2, "deescalate", 1, None),
        ("1NNN 2NNN 3NNN", 3, "stop", None, 3),
        ("1NNN 2NNN 3NNNP", 3, "stay", 3, None),
        ("1NNNPP 2NNN", 2, "suspend", 2, None),
        ("1NNNNNP 2NNN", 2, "escalate", 3, None),
        ("1NN 3TT", 1, "stay", 1, None),
        ("1NNN 3TT", 1, "escalate", 2, None),
        ("1NNNNT 2NNN 3TTN", 3, "suspend", 3, None),
    ],
)
def test_walk(
    outcomes: str, current: int, action: str, next_dose: int | None, mtd: int | None
) -> None:
    answer = ask(outcomes, current)
    assert (answer.action, answer.next_dose, answer.mtd) == (action, next_dose, mtd)


@pytest.mark.parametrize("below", ["1NN", "1NNNNT"])
def test_a_lower_dose_that_fell_holds_the_ones_above(below: str) -> None:
    answer = ask(f"{below} 2NNN", 2)
    assert (answer.action, answer.held_from) == ("suspend", 2)


@pytest.mark.parametrize(
    ("outcomes", "action"), [("1NNNNNPP", "suspend"), ("1NNNNNNP", "escalate")]
)
def test_more_than_six_are_off_the_grid(outcomes: str, action: str) -> None:
    assert ask(outcomes, 1).action == action


def test_candidates_hold() -> None:
    answer = ask("1NNN 2NTC", 2)
    assert (answer.action, answer.held_from, answer.eliminated_from) == ("suspend", 2, None)


def test_no_mtd_before_the_walk_is_over() -> None:
    question = Question(counts_of("1NNN 2NNN", 3), 2, final=True)
    answer = RollingSix().decide(question)
    assert (answer.action, answer.mtd) == ("stop", None)
    assert "not over" in answer.report.text
