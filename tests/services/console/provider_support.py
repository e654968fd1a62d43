"""The console between a real intake and a real provider, with a stand-in for the monitor."""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.console.app import create_app
from services.console.sessions import Session, Sessions
from services.ingest.app import create_app as create_ingest
from shared.runtime.auth import Authenticator
from shared.runtime.clock import SystemClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.sessions import Sessions as AccountSessions
from shared.runtime.settings import OidcSettings, Settings
from tests.oidc_provider import CHEAP, CLIENT, SECRET, OidcProvider, sign_in_at
from tests.services.console.acting_neighbours import Acting
from tests.services.console.neighbours import pointed_at


@dataclass
class Office:
    """A console with somebody at the desk."""

    url: str
    sessions: Sessions
    neighbours: Acting
    visitor: httpx2.Client

    def start(self, goal: str = "/") -> str:
        """Presses the button on the sign-in page; gives the provider's address."""
        page = self.visitor.get("/login", params={"next": goal})
        assert 'id="provider"' in page.text
        return leads_to(self.visitor.post("/provider/start", data={"next": goal}))

    def answer(self, came: dict[str, str]) -> httpx2.Response:
        """Comes back with what the provider sent."""
        return self.visitor.get("/provider/answer", params=came)

    def sign_in(self, who: str) -> Session:
        """All of it; the stand-in for the monitor knows the session from then on."""
        answer = self.answer(sign_in_at(self.start(), who))
        assert answer.status_code == 200, answer.text
        return self.session()

    def session(self) -> Session:
        found = self.sessions.find(self.visitor.cookies.get("vigil_session"))
        assert found is not None
        self.neighbours.keys.add(found.key)
        return found


def leads_to(page: httpx2.Response) -> str:
    """Where a page goes on to by itself."""
    assert page.status_code == 200, page.text
    return html.unescape(page.text.split('content="0;url=')[1].split('"')[0])


@pytest.fixture
def office(
    settings: Settings,
    engine: Engine,
    provider: OidcProvider,
    live_server: Callable[[FastAPI], str],
) -> Iterator[Office]:
    sessions, neighbours = Sessions(idle=7200, longest=43200), Acting()
    neighbours.roles = ["committee_member"]
    oidc = OidcSettings(provider.issuer, CLIENT, "http://127.0.0.1:9", SECRET, name="the hospital")
    with PostgresBus(engine) as bus:
        ingest = live_server(
            create_ingest(
                replace(settings, oidc=oidc),
                engine,
                bus,
                SystemClock(),
                authenticator=Authenticator(engine, cache_seconds=0),
                sessions=AccountSessions(engine, passwords=CHEAP),
            )
        )
        monitor = live_server(neighbours.app())
        console = pointed_at(monitor, ingest=ingest)
        url = live_server(create_app(settings, console, sessions=sessions))
        # What comes back from the provider has to find the console.
        object.__setattr__(oidc, "public_url", url)
        with httpx2.Client(base_url=url, trust_env=False, timeout=60) as visitor:
            visitor.headers.update({"Accept": "text/html", "Origin": url})
            yield Office(url, sessions, neighbours, visitor)
