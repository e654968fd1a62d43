"""A polling thread goes on after whatever fails, rests as it is told and ends when it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from shared.runtime.polling import Polling
from tests.runtime.bus_contract import wait_for


class Turns:
    """What the thread does, and what it was told of."""

    def __init__(self) -> None:
        self.taken = 0
        self.errors: list[str] = []
        self.ended = threading.Event()
        self.plan: Callable[[int], float] = lambda _number: 60.0

    def __call__(self) -> float:
        self.taken += 1
        return self.plan(self.taken)

    def failed(self, error: Exception) -> None:
        self.errors.append(str(error))


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def polling(turns: Turns) -> Iterator[Polling]:
    polling = Polling("test", turns, on_error=turns.failed, on_end=turns.ended.set)
    yield polling
    polling.stop(60)


def test_it_rests_as_long_as_a_turn_says_and_stops_within_the_rest(
    polling: Polling, turns: Turns
) -> None:
    turns.plan = lambda number: 0.0 if number < 5 else 60.0
    assert not polling.ready(60)
    polling.start()
    wait_for(lambda: turns.taken == 5)
    wait_for(lambda: polling.ready(60))
    assert polling.stop(60)
    assert turns.ended.is_set()
    assert turns.taken == 5
    assert not polling.ready(60)


def test_it_goes_on_after_an_error_and_is_not_ready_before_a_turn_succeeds(
    polling: Polling, turns: Turns
) -> None:
    proceed = threading.Event()

    def plan(number: int) -> float:
        if number <= 2:
            raise RuntimeError(f"turn {number}")
        proceed.wait(60)
        return 60.0

    turns.plan = plan
    polling.start()
    wait_for(lambda: turns.taken == 3)
    assert turns.errors == ["turn 1", "turn 2"]
    assert not polling.ready(60)
    proceed.set()
    wait_for(lambda: polling.ready(60))


def test_what_a_turn_waits_for_is_interrupted(turns: Turns) -> None:
    rung = threading.Event()
    turns.plan = lambda _number: 0.0 if rung.wait(60) else 1.0
    polling = Polling("test", turns, on_error=turns.failed, interrupt=rung.set)
    polling.start()
    wait_for(lambda: turns.taken == 1)
    assert polling.stop(60)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_not_ready_and_still_lets_go(polling: Polling, turns: Turns) -> None:
    def plan(number: int) -> float:
        if number == 2:
            raise SystemExit
        return 0.0

    turns.plan = plan
    polling.start()
    assert turns.ended.wait(60)
    wait_for(lambda: not polling.alive)
    assert not polling.ready(60)


def test_one_that_was_never_started_stops(polling: Polling) -> None:
    assert polling.stop(1)
