"""The page of the packet in a real browser: read on a phone, with a keyboard, by everybody."""

from __future__ import annotations

import pytest

from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.charts.conftest import Drawn
from tests.services.console.neighbours import KEY
from tests.services.console.packet_support import without_charts

pytestmark = pytest.mark.chromium

PACKET = "/studies/NCT05301764/packet.html"
_WINDOW = (
    "[...document.querySelectorAll('td')].find(at => at.innerText.startsWith('2022-05-09 to'))"
)
_LINES = f"""
const words = document.createRange();
words.selectNodeContents({_WINDOW});
return words.getClientRects().length;
"""
_MOVED = f"""
const table = {_WINDOW}.closest('.wide'), first = table.querySelector('tbody td');
const before = first.getBoundingClientRect().left;
table.scrollLeft = table.scrollWidth;
return [table.scrollLeft, first.getBoundingClientRect().left - before];
"""
_SHRUNK = """
return [...document.querySelectorAll('svg')].map(
  at => at.getBoundingClientRect().width / at.viewBox.baseVal.width);
"""


def opened(browser: Browser, console: str, neighbours: Drawn, width: int) -> None:
    assert neighbours.packet is not None
    neighbours.packet = without_charts(neighbours.packet, courses=neighbours.packet.courses)
    browser.click("main summary")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    browser.resize(width, 900)
    browser.open(console + PACKET)
    browser.wait(lambda: "Committee packet" in browser.title, "the packet")


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_hinders_and_nothing_is_wider_than_the_page(
    browser: Browser, console: str, neighbours: Drawn, width: int
) -> None:
    opened(browser, console, neighbours, width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert findings(browser) == []
    assert browser.complaints() == []


def test_on_a_phone_a_table_keeps_its_lines_and_says_what_each_row_is_about(
    browser: Browser, console: str, neighbours: Drawn
) -> None:
    opened(browser, console, neighbours, 360)
    assert browser.run(_LINES) == 1
    moved, first = browser.run(_MOVED)
    assert moved > 50
    assert abs(first) < 2


def test_on_a_phone_a_chart_keeps_its_size(
    browser: Browser, console: str, neighbours: Drawn
) -> None:
    opened(browser, console, neighbours, 360)
    shown = browser.run(_SHRUNK)
    assert shown == [pytest.approx(1, abs=0.01)] * len(shown) != []
