"""Exploring a chart in a real browser: tooltips and zoom under the same strict policy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.made import DESIGN, figures
from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.charts.conftest import Drawn
from tests.services.console.neighbours import KEY

pytestmark = pytest.mark.chromium

CHARTS = "/studies/NCT05301764/charts"
NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>"
_CANVAS = "return document.querySelector('.canvas canvas') !== null"
_PLACE = (
    "const at = document.querySelector('.canvas canvas').getBoundingClientRect();"
    " return [at.x, at.y];"
)
_TIP = "return document.querySelector('#vg-tooltip-element.visible')?.innerText ?? ''"
_PICTURE = "return document.querySelector('.canvas img').offsetWidth"
_PIXELS = "return document.querySelector('.canvas canvas').toDataURL()"


def explored(browser: Browser, console: str, name: str) -> list[float]:
    """Where the chart stands in the window once it is drawn there."""
    browser.click("main summary")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    browser.open(f"{console}{CHARTS}/{name}")
    browser.wait(lambda: bool(browser.run("return !!document.querySelector('.explore-bar')")), "it")
    browser.click(".explore-bar button")
    browser.wait(lambda: bool(browser.run(_CANVAS)), "the chart", 90)
    browser.run("document.querySelector('.canvas canvas').scrollIntoView({block: 'center'})")
    found: list[float] = browser.run(_PLACE)
    return found


def mouse(browser: Browser, kind: str, x: float, y: float, **more: Any) -> None:
    browser._devtools("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def test_a_mark_tells_its_numbers_and_hostile_ones_are_text(
    browser: Browser, console: str, neighbours: Drawn
) -> None:
    doses = (NASTY, *DESIGN.doses[1:])
    neighbours.figures = figures(design=DESIGN.model_copy(update={"doses": doses}))
    x, y = explored(browser, console, "operating-characteristics")
    seen = ""
    for step in range(10, 400, 12):
        mouse(browser, "mouseMoved", x + step, y + 60)
        seen = str(browser.run(_TIP))
        if NASTY in seen:
            break
    assert NASTY in seen
    assert "scenario" in seen
    assert browser.run("return document.querySelectorAll('#vg-tooltip-element img').length") == 0
    assert browser.run(_PICTURE) == 0
    assert "Turn the wheel to zoom" in browser.text(".explore-bar")
    assert findings(browser) == []
    browser.click(".explore-bar button")
    assert browser.run(_PICTURE) > 100
    assert browser.run(_CANVAS) is False
    assert browser.complaints() == []


@pytest.mark.parametrize(("width", "narrow"), [(390, True), (1280, False)])
def test_a_phone_explores_the_chart_that_its_picture_shows(
    browser: Browser, console: str, width: int, narrow: bool
) -> None:
    browser.resize(width, 844)
    explored(browser, console, "edish")
    browser.wait(lambda: browser.run(_PICTURE) == 0, "the chart in the picture's place")
    drawn = int(str(browser.run("return document.querySelector('.canvas canvas').offsetWidth")))
    hidden = "const at = document.querySelector('.canvas'); return at.scrollWidth - at.clientWidth"
    assert (drawn < 350) is narrow
    assert browser.run(hidden) == 0
    assert findings(browser) == []
    assert browser.complaints() == []


def test_the_wheel_zooms_and_two_clicks_return(browser: Browser, console: str) -> None:
    x, y = explored(browser, console, "edish")
    before = browser.run(_PIXELS)
    mouse(browser, "mouseMoved", x + 200, y + 150)
    mouse(browser, "mouseWheel", x + 200, y + 150, deltaX=0, deltaY=-240)
    browser.wait(lambda: browser.run(_PIXELS) != before, "the zoom")
    assert browser.complaints() == []


def test_a_click_names_whose_mark_it_is_and_leads_there(browser: Browser, console: str) -> None:
    x, y = explored(browser, console, "dlt-board")
    browser.wait(lambda: "Click a mark" in browser.text(".explore-bar"), "the words")
    named = "return document.querySelector('.explore-bar a')?.textContent ?? ''"
    for step in range(50, 120, 4):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            mouse(browser, kind, x + 200, y + step, button="left", clickCount=1)
        if browser.run(named):
            break
    name = str(browser.run(named)).removeprefix("Open ")
    led = browser.run("return document.querySelector('.explore-bar a').href")
    rows = browser.run(
        "return [...document.querySelectorAll('td a')].map(a => [a.innerText, a.href])"
    )
    assert [led] == [at for one, at in rows if one == name]
    assert findings(browser) == []
    assert browser.complaints() == []
    browser.click(".explore-bar a")
    browser.wait(lambda: browser.url == led, "the subject's page")
