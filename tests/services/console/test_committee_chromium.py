"""The acting pages in a real browser: nobody is kept out, on a phone, in the dark, by keyboard."""

import pytest

from tests.services.console.acting_desk import desk, neighbours
from tests.services.console.acting_neighbours import (
    CASE,
    COMMITTEE,
    PASSWORD,
    Acting,
    lettered_table,
    small_packet,
)
from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, TAB, Browser
from tests.services.console.golden import STUDY

__all__ = ["desk", "neighbours"]
pytestmark = pytest.mark.chromium

PAGES = (
    f"/studies/{STUDY}/alerts",
    f"/studies/{STUDY}/alerts/alert-signal-7",
    f"/studies/{STUDY}/adjudication",
    CASE,
    COMMITTEE,
    f"{COMMITTEE}?known_at=2022-12-26",
)
OVERHANG = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_nothing_keeps_anybody_out(desk: Browser, console: str) -> None:
    found = {}
    for width, scheme in ((360, "dark"), (1280, "light")):
        desk.resize(width, 900)
        desk.prefer(scheme)
        for page in PAGES:
            desk.open(console + page)
            desk.run("for (const d of document.querySelectorAll('main details')) d.open = true")
            found[page, width] = findings(desk)
            assert desk.run(OVERHANG) <= 0, (page, width)
    assert not any(found.values()), found
    assert desk.complaints() == []


def test_a_wide_table_scrolls_by_itself(desk: Browser, console: str, neighbours: Acting) -> None:
    """Words for screen readers alone are in its cells: they must not widen the page."""
    neighbours.packet = small_packet().model_copy(update={"table": lettered_table(30)})
    desk.resize(360, 900)
    desk.open(console + COMMITTEE)
    desk.wait(lambda: desk.run("return !!document.querySelector('.stood')"), "the marked cell")
    assert desk.run(OVERHANG) <= 0
    assert findings(desk) == []


def test_a_phone_shows_the_counts_of_dlts(desk: Browser, console: str) -> None:
    """Those confirmed and the candidates, without scrolling sideways."""
    desk.resize(390, 844)
    desk.open(console + COMMITTEE)
    cut_off = desk.run(
        "const box = document.querySelector('[aria-labelledby=counts].wide');"
        "const edge = box.getBoundingClientRect().right;"
        "return [...box.querySelectorAll('tr > :nth-child(n + 3):nth-child(-n + 4)')]"
        ".filter((cell) => cell.getBoundingClientRect().right > edge)"
        ".map((cell) => cell.textContent)"
    )
    assert cut_off == []
    assert "DLT candidate" in desk.text("[aria-labelledby=counts].wide")


def test_a_case_is_judged_by_keyboard_alone(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    desk.open(console + CASE)
    desk.run("document.querySelector('input[name=decision]').focus()")
    desk.press(" ")
    for text in ("Grade 4, related", None, PASSWORD):
        desk.press(TAB)
        if text is not None:
            desk.run(f"document.activeElement.value = '{text}'")
    assert desk.run("return document.activeElement.name") == "password"
    desk.press(ENTER)
    desk.wait(lambda: "on record" in desk.text("#main"), "the judgement")
    assert [event["data"]["decision"] for event in neighbours.recorded] == ["DLT"]
