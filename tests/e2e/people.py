"""The people of the trial, each with a login of their own, and how they sign in."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from services.demo import STUDY
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.auth import Role
from shared.runtime.passwords import Passwords
from tests.services.console.browser import ENTER, Browser

PASSWORD = "synthetic people only 17"
MONITOR, MEMBER, SECOND, ADMIN, AUDITOR = "monitor", "member", "second", "admin", "auditor"
_ROLES: dict[str, tuple[str, Role]] = {
    MONITOR: ("Medical monitor (demo)", "medical_monitor"),
    MEMBER: ("Committee chair (demo)", "committee_member"),
    SECOND: ("Committee statistician (demo)", "committee_member"),
    ADMIN: ("Study administrator (demo)", "study_admin"),
    AUDITOR: ("Auditor (demo)", "auditor"),
}


def make_people(engine: Engine) -> None:
    """One account for each of them."""
    passwords = Passwords()
    with engine.begin() as conn:
        for login, (name, role) in _ROLES.items():
            create_account(
                conn,
                passwords,
                login,
                name,
                [(STUDY, role)],
                by=OPERATOR,
                now=datetime.now(UTC),
                password=PASSWORD,
            )


def sign_in(browser: Browser, url: str, login: str, goal: str = "/") -> None:
    """As a person does it: whoever was signed in before is not any more."""
    browser.open(f"{url}/login?next={goal}")
    browser.forget_cookies()
    browser.open(f"{url}/login?next={goal}")
    browser.type("#login", login)
    browser.type("#password", PASSWORD + ENTER)
    browser.wait(lambda: "Sign in" not in browser.title, f"{login} to be signed in")
