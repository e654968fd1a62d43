"""The console on a real port, in front of neighbours that answer what a test wants."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi import FastAPI

from services.console.app import create_app
from shared.runtime.settings import Settings
from tests.services.console.browser import Browser, chromium
from tests.services.console.neighbours import KEY, Neighbours, pointed_at


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


@pytest.fixture
def app(neighbours: Neighbours, live_server: Callable[[FastAPI], str]) -> FastAPI:
    """The console's app, pointed at the neighbours."""
    there = live_server(neighbours.app())
    return create_app(Settings(), pointed_at(there, live=0.05))


@pytest.fixture
def console(app: FastAPI, live_server: Callable[[FastAPI], str]) -> str:
    """The console's address."""
    return live_server(app)


@pytest.fixture
def visitor(console: str) -> Iterator[httpx2.Client]:
    """Somebody without a session, whose browser says where its forms come from."""
    with httpx2.Client(base_url=console, trust_env=False, timeout=60) as client:
        client.headers["Accept"] = "text/html"
        client.headers["Origin"] = console
        yield client


@pytest.fixture
def person(visitor: httpx2.Client) -> httpx2.Client:
    """The same, signed in."""
    assert visitor.post("/login", data={"key": KEY}).status_code == 303
    return visitor


@pytest.fixture(scope="session")
def window() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, console: str) -> Browser:
    """A window at the desk, signed out and on the sign-in page."""
    window.open(f"{console}/login")
    window.forget_cookies()
    window.resize(1440, 900)
    window.complaints()
    return window
