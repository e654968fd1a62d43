"""The people who may look at the demo: one synthetic account for each role, two of the committee.

Their passwords are random and made anew for each telling; nobody is meant by the names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from services.demo import STUDY
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.auth import Role
from shared.runtime.clock import SystemClock
from shared.runtime.passwords import Passwords, one_time

_PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("monitor", "Medical monitor (demo)", "medical_monitor"),
    ("chair", "Committee chair (demo)", "committee_member"),
    ("member", "Committee member (demo)", "committee_member"),
    ("admin", "Study administrator account (demo)", "study_admin"),
    ("auditor", "Auditor (demo)", "auditor"),
)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Somebody made up, and the way in."""

    login: str
    name: str
    password: str = field(repr=False)


def make_accounts(engine: Engine) -> list[DemoAccount]:
    """An account for everybody; each can be signed into at once."""
    passwords, made = Passwords(), []
    with engine.begin() as conn:
        for login, name, role in _PEOPLE:
            one = DemoAccount(login, name, one_time())
            create_account(
                conn,
                passwords,
                login,
                name,
                [(STUDY, role)],
                by=OPERATOR,
                now=SystemClock().now(),
                password=one.password,
            )
            made.append(one)
    return made
