"""Shortly before a session ends the page says so, and offers to stay."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from services.console.app import create_app
from services.console.sessions import Sessions
from shared.runtime.settings import Settings
from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.neighbours import KEY, Neighbours, pointed_at
from tests.services.console.test_sessions import Watch

pytestmark = pytest.mark.chromium

WARNED = 300.0
"""Seconds before the end."""
LOOK = "document.dispatchEvent(new Event('visibilitychange')); return !{}"
HIDDEN = "document.getElementById('staying').hidden"


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def app(neighbours: Neighbours, watch: Watch, live_server: Callable[[FastAPI], str]) -> FastAPI:
    there = live_server(neighbours.app())
    sessions = Sessions(idle=WARNED + 1, longest=3 * WARNED, clock=watch)
    return create_app(Settings(), pointed_at(there), sessions=sessions)


def _is_told(browser: Browser) -> bool:
    """Whether the page says so, once it has looked at the clock again."""
    return bool(browser.run(LOOK.format(HIDDEN)))


def _until(browser: Browser, words: str) -> None:
    browser.wait(lambda: _is_told(browser) and words in browser.text("#staying"), words)


def test_the_end_is_told_and_can_be_put_off_until_the_last(browser: Browser, watch: Watch) -> None:
    browser.run("document.querySelector('details').open = true")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    watch.now += 5
    _until(browser, "You will be signed out in 5 minutes unless you stay.")
    assert browser.run("return document.getElementById('staying').getAttribute('role')") == "alert"
    for width in (360, 1280):
        browser.resize(width, 900)
        assert findings(browser) == []
    browser.click("#staying button")
    browser.wait(lambda: bool(browser.run(f"return {HIDDEN}")), "to stay")
    for _ in range(3):
        watch.now += WARNED - 10
        _until(browser, "unless you stay")
        browser.click("#staying button")
        browser.wait(lambda: "unless" not in browser.text("#staying"), "to be asked no more")
    _until(browser, "in any case")
    watch.now += WARNED
    _until(browser, "You are signed out.")
    assert browser.run("return document.querySelector('#staying button').hidden") is True
