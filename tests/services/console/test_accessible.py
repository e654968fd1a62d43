"""axe-core finds nothing on any page, at the desk and on a phone, in light and in dark."""

import pytest

from tests.services.console import golden_profile
from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.neighbours import KEY
from tests.services.console.test_access import BOARD

pytestmark = pytest.mark.chromium

PAGES = (
    "/",
    BOARD,
    f"{BOARD}?known_at=2022-12-21",
    f"{BOARD}/what-if",
    f"{BOARD}/subject/{golden_profile.ID}",
    "/studies/NO-SUCH-STUDY",
)


def test_the_checker_sees_what_is_wrong(browser: Browser) -> None:
    browser.run("document.documentElement.removeAttribute('lang')")
    assert any("html-has-lang" in found for found in findings(browser))


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_found_on_any_page(
    browser: Browser, console: str, width: int, scheme: str
) -> None:
    browser.prefer(scheme)
    browser.resize(width, 900)
    found = {"/login": findings(browser)}
    browser.click("main summary")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: "Studies" in browser.title, "the list of studies")
    for page in PAGES:
        browser.open(console + page)
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
        found[page] = findings(browser)
    browser.open("about:blank")
    browser.prefer("light")
    assert not any(found.values()), found
