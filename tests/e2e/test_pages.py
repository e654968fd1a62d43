"""Every page over the whole of Vigil: usable by everybody, light, and silent on the console."""

from datetime import date

import pytest

from tests.e2e.people import sign_in
from tests.e2e.pictures import PAGES, WIDTHS, open_page
from tests.e2e.trial import Trial
from tests.services.console.axe import findings
from tests.services.console.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.slow]

MOST_BYTES = 400_000
# An open picker of the past lies over what is beneath it, as it should.
_OPEN_ALL = "for (const d of document.querySelectorAll('details:not(.picker)')) d.open = true"
_WEIGHT = """
const parts = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
return parts.reduce((sum, one) => sum + one.encodedBodySize, 0);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(trial: Trial, browser: Browser, scheme: str) -> None:
    found: dict[str, list[str]] = {}
    trial.tell_records(date(2022, 12, 26))
    browser.prefer(scheme)
    signed_in = ""
    for page in PAGES:
        if page.login != signed_in:
            sign_in(browser, trial.vigil.url, page.login)
            signed_in = page.login
        open_page(browser, trial.vigil.url, page)
        assert 1_000 < browser.run(_WEIGHT) < MOST_BYTES, page.name
        for width, pixels in WIDTHS.items():
            browser.resize(pixels, 900)
            browser.run(_OPEN_ALL)
            found[f"{page.name}, {width}"] = findings(browser) + _sticks_out(browser)
        browser.resize(1280, 900)
    browser.open("about:blank")
    browser.prefer("light")
    assert not any(found.values()), {name: lines for name, lines in found.items() if lines}
    assert browser.complaints() == []


def _sticks_out(browser: Browser) -> list[str]:
    over = browser.run(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [f"the page is {over} px wider than the screen"] if over > 0 else []
