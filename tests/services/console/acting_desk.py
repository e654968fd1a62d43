"""Somebody who may judge and decide, at a real browser: fixtures for tests of the acting pages."""

from collections.abc import Iterator

import pytest

from tests.services.console.acting_neighbours import PASSWORD, Acting
from tests.services.console.browser import ENTER, Browser


@pytest.fixture
def neighbours() -> Acting:
    found = Acting()
    found.roles = ["medical_monitor", "committee_member"]
    return found


@pytest.fixture
def desk(browser: Browser, console: str) -> Iterator[Browser]:
    """Somebody with both roles, signed in with a password."""
    browser.type("#login", "somebody")
    browser.type("#password", PASSWORD + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    yield browser
    browser.prefer("light")
    browser.open("about:blank")
