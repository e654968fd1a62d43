"""What is pressed on a page that renews itself does what it said when it was aimed at."""

import pytest

from tests.services.console import golden_signals
from tests.services.console.acting_desk import desk, neighbours
from tests.services.console.acting_neighbours import Acting
from tests.services.console.browser import Browser
from tests.services.console.golden import STUDY

__all__ = ["desk", "neighbours"]
pytestmark = pytest.mark.chromium

STAND_STILL = "const now = performance.now(); performance.now = () => now;"
"""However busy the machine is, no time goes by in the page."""
GO_ON = "const at = performance.now(); performance.now = () => at + {};"
BUTTON = "#ack-alert-signal-7"


@pytest.fixture
def board(desk: Browser, console: str, neighbours: Acting) -> Browser:
    """With one alert that can be acknowledged."""
    neighbours.signals = golden_signals.signals()
    desk.open(f"{console}/studies/{STUDY}")
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")
    desk.run(STAND_STILL)
    return desk


def another_signal(board: Browser, neighbours: Acting) -> None:
    """One more, above the others, which moves what is beneath it."""
    again = neighbours.signals[5].model_copy(update={"id": "signal-8", "key": "again"})
    neighbours.signals += (again,)
    neighbours.entry_changes = {"applied_through": "501"}
    there = "return Boolean(document.querySelector('[data-signal=signal-8]'))"
    board.wait(lambda: bool(board.run(there)), "the signal")


def another_engine(board: Browser, neighbours: Acting) -> None:
    """Changes the page, and moves nothing."""
    neighbours.assessment = neighbours.assessment.model_copy(update={"engine": "9.9.9"})
    neighbours.entry_changes = {"applied_through": "502"}
    board.wait(lambda: "9.9.9" in board.text(".proof"), "the renewal")


def test_a_button_that_has_just_moved_is_not_pressed(board: Browser, neighbours: Acting) -> None:
    another_signal(board, neighbours)
    board.click_at_once(BUTTON)
    another_engine(board, neighbours)
    board.run(GO_ON.format(699))
    board.click_at_once(BUTTON)
    assert neighbours.done == []
    board.run(GO_ON.format(2))
    board.click_at_once(BUTTON)
    board.wait(lambda: bool(neighbours.done), "the acknowledgement")
    assert neighbours.done == [("acknowledge", {"version": 1})]


def test_a_button_that_stayed_where_it_was_is_pressed(board: Browser, neighbours: Acting) -> None:
    another_engine(board, neighbours)
    board.click_at_once(BUTTON)
    board.wait(lambda: bool(neighbours.done), "the acknowledgement")


def test_what_is_pressed_stays_until_it_is_let_go(board: Browser) -> None:
    held = board.run_until_done(
        "const done = arguments[0]; let waits = true;"
        "dispatchEvent(new PointerEvent('pointerdown'));"
        "released().then(() => { waits = false; });"
        "setTimeout(() => { const held = waits;"
        " dispatchEvent(new PointerEvent('pointerup')); released().then(() => done(held)); }, 100);"
    )
    assert held is True


def test_signing_out_is_not_overtaken_by_the_end_of_the_session(
    board: Browser, neighbours: Acting
) -> None:
    """The way out leads over the provider: to load this page anew would stop it on the way."""
    board.run("window.stays = true")
    sent = "new Event('submit', {bubbles: true})"
    board.run(f"document.querySelector('.leave').dispatchEvent({sent})")
    neighbours.keys.clear()
    board.wait(lambda: "you are signed out" in board.text("#liveness"), "the end")
    assert board.run("return window.stays") is True
