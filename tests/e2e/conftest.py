"""A trial told up to the week before its hold, its people, and a real browser."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from tests.e2e.people import make_people
from tests.e2e.trial import Trial, told_trial
from tests.services.console.browser import Browser, chromium


@pytest.fixture(scope="module")
def trial(new_database: Callable[[], str]) -> Iterator[Trial]:
    with told_trial(new_database(), date(2022, 12, 21)) as told:
        make_people(told.vigil.engine)
        yield told


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as window:
        window.resize(1280, 900)
        yield window
