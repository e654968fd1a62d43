"""A process that answers line by line is replaced where it died, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from shared.runtime.hand import Hand, NoAnswer

MODULE = "tests.runtime.hand_support"
PATIENT = 60.0


@pytest.fixture
def hand() -> Iterator[Callable[..., Hand]]:
    made: list[Hand] = []

    def make(longest: float = PATIENT, greetings: Sequence[str] = ()) -> Hand:
        made.append(Hand(MODULE, longest, greetings))
        return made[-1]

    yield make
    for one in made:
        one.kill()
        one.end()


def test_one_process_answers_line_after_line(hand: Callable[..., Hand]) -> None:
    asked = hand()
    assert [asked.answer("go") for _ in range(3)] == ["1\n", "2\n", "3\n"]


def test_greetings_are_the_first_lines_of_every_process(hand: Callable[..., Hand]) -> None:
    asked = hand(greetings=("hello", "again"))
    asked.begin()
    assert asked.answer("go") == "3\n"
    with pytest.raises(NoAnswer):
        asked.answer("die")
    assert asked.answer("go") == "3\n"


def test_a_question_is_asked_again_of_a_new_process(
    hand: Callable[..., Hand], tmp_path: Path
) -> None:
    asked = hand()
    assert asked.answer("go") == "1\n"
    assert asked.answer(f"die {tmp_path / 'died'}") == "1\n"


def test_half_an_answer_is_none(hand: Callable[..., Hand], tmp_path: Path) -> None:
    asked = hand()
    assert asked.answer(f"break-off {tmp_path / 'broken-off'}") == "1\n"
    with pytest.raises(NoAnswer):
        asked.answer("break-off")


def test_who_takes_too_long_is_not_asked_twice(hand: Callable[..., Hand], tmp_path: Path) -> None:
    asked = hand(longest=1.0)
    with pytest.raises(NoAnswer):
        asked.answer(f"wait {tmp_path / 'waited'}")
    assert asked._process is None, "and nothing is left of it"


def test_nothing_is_begun_after_the_end(hand: Callable[..., Hand]) -> None:
    asked = hand()
    asked.kill()
    asked.begin()
    with pytest.raises(NoAnswer):
        asked.answer("go")
    assert asked._process is None
