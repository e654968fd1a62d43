"""A real browser goes to the provider, which is another site to it, and decides with it."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from shared.runtime.accounts import AccountInfo
from tests.oidc_provider import OidcProvider
from tests.services.console.acting_neighbours import COMMITTEE
from tests.services.console.axe import findings
from tests.services.console.browser import ENTER, Browser
from tests.services.console.golden import STUDY
from tests.services.console.provider_support import Office, office
from tests.services.ingest.support import published

__all__ = ["office"]
pytestmark = pytest.mark.chromium
OVERHANG = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Anybody(set[str]):
    """The monitor's stand-in takes whom the intake has let in."""

    def __contains__(self, key: object) -> bool:
        return bool(key)


def _look(browser: Browser, name: str) -> None:
    """Nobody is kept out of the page, at the desk or on a phone."""
    for width in (360, 1280):
        browser.resize(width, 900)
        assert findings(browser) == [], (name, width)
        assert browser.run(OVERHANG) <= 0, (name, width)


def test_from_signing_in_to_a_confirmed_decision(
    office: Office,
    window: Browser,
    account: Callable[..., AccountInfo],
    provider: OidcProvider,
    engine: Engine,
) -> None:
    account("ada", study=STUDY, subject="sub-ada")
    office.neighbours.keys = Anybody()
    window.open(f"{office.url}/login?next={COMMITTEE}")
    window.forget_cookies()
    window.complaints()
    _look(window, "login")
    window.click("#provider")
    window.type("#who", "ada" + ENTER)
    window.wait(lambda: "Provider" not in window.title and "Opening" not in window.title, "Vigil")
    assert "Dr. Ada" in window.text(".me")
    window.click("input[name=choice][value='hold.4']")
    window.type("#rationale", "2/6 (synthetic)")
    window.click(".act-form button[type=submit]")
    window.wait(lambda: window.title == "Provider", "the provider to ask again")
    assert provider.asked[-1]["prompt"] == "login"
    assert published(engine) == []
    window.type("#who", "ada" + ENTER)
    window.wait(lambda: window.title.startswith("Confirm "), "the way back")
    _look(window, "confirm")
    window.click("#record")
    window.wait(lambda: len(published(engine)) == 1, "the decision")
    [fact] = published(engine)
    assert (fact.actor, fact.data["rationale"]) == ("Dr. Ada", "2/6 (synthetic)")
    window.wait(lambda: "committee" in window.title, "the committee's page")
    window.click(".leave button")
    window.wait(lambda: bool(provider.ended), "the end of the provider's session too")
    window.wait(lambda: "Sign in" in window.title, "the sign-in page")
    assert window.complaints() == []
