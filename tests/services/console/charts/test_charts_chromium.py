"""The pages of charts in a real browser: drawn without scripts, readable by everybody."""

from __future__ import annotations

import pytest

from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.neighbours import KEY

pytestmark = pytest.mark.chromium

CHARTS = "/studies/NCT05301764/charts"
_DRAWN = "return [...document.images].every(i => i.complete && i.naturalWidth > 100)"

_LINES = """
const text = [...document.querySelectorAll('.numbers td')].map(at => at.firstChild)
  .find(at => at?.data?.includes('aminotransferase'));
const from = text.data.indexOf('aminotransferase'), word = document.createRange();
word.setStart(text, from);
word.setEnd(text, from + 'aminotransferase'.length);
return word.getClientRects().length;
"""


def opened(browser: Browser, address: str, width: int) -> None:
    """Signed in with a key, all pictures drawn."""
    browser.click("main summary")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    browser.resize(width, 900)
    browser.open(address)
    browser.run("for (const i of document.images) i.loading = 'eager'")
    browser.wait(lambda: bool(browser.run(_DRAWN)), "the pictures")


@pytest.mark.parametrize(
    ("page", "width", "scheme"), [("", 1280, "light"), ("/edish", 390, "dark")]
)
def test_charts_are_drawn_and_nothing_hinders(
    browser: Browser, console: str, page: str, width: int, scheme: str
) -> None:
    browser.prefer(scheme)
    opened(browser, console + CHARTS + page, width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert findings(browser) == []
    assert browser.complaints() == []
    browser.open("about:blank")
    browser.prefer("light")


@pytest.mark.parametrize("name", ["edish", "ae-heat", "shifts", "operating-characteristics"])
def test_a_phone_shows_a_chart_whole(browser: Browser, console: str, name: str) -> None:
    opened(browser, f"{console}{CHARTS}/{name}", 390)
    assert "narrow=1" in str(browser.run("return document.querySelector('.canvas img').currentSrc"))
    hidden = "const at = document.querySelector('.canvas'); return at.scrollWidth - at.clientWidth"
    assert browser.run(hidden) == 0
    shrunk = "const at = document.querySelector('.canvas img'); return at.width / at.naturalWidth"
    assert browser.run(shrunk) > 0.8


def test_on_a_phone_no_word_of_a_table_is_broken(browser: Browser, console: str) -> None:
    opened(browser, f"{console}{CHARTS}/shifts", 390)
    assert browser.run(_LINES) == 1
    assert browser.run("return document.documentElement.scrollWidth") <= 390
