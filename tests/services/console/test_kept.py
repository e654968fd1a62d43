"""What is kept of a page is what would be written anew, whatever has changed and whoever asks."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI

from services.console.kept import Kept
from tests.services.console import golden
from tests.services.console.neighbours import KEY, Neighbours
from tests.services.console.test_access import BOARD

DAY = "2022-11-08"
Change = Callable[[Neighbours], None]


def _later(neighbours: Neighbours) -> None:
    later = golden.at("2023-01-02T09:00")
    neighbours.assessment = golden.assessment(as_of=later, known_at=later)


def _behind(neighbours: Neighbours) -> None:
    neighbours.stale = True


def _renamed(neighbours: Neighbours) -> None:
    neighbours.entry_changes = {"title": "Another name of the study"}


def _nobody(neighbours: Neighbours) -> None:
    neighbours.assessment = golden.assessment(subjects=())


def _before(neighbours: Neighbours) -> None:
    neighbours.assessment = golden.assessment()
    neighbours.stale, neighbours.entry_changes = False, {}


CHANGES: tuple[Change, ...] = (_later, _behind, _renamed, _nobody, _before)


def steady(text: str) -> str:
    """The page without what is another at each time: the form's token and the moments of now."""
    return re.sub(r'name="csrf" value="[^"]*"|data-(now|left)="[^"]*"|until [^<"]* UTC', "", text)


@pytest.fixture
def afresh(app: FastAPI) -> Callable[[], None]:
    """Forgets what is kept."""

    def forget() -> None:
        app.state.boards = Kept(32)

    return forget


def test_a_board_that_is_kept_is_the_one_that_would_be_written(
    person: httpx2.Client, neighbours: Neighbours, afresh: Callable[[], None]
) -> None:
    seen = []
    for change in CHANGES:
        change(neighbours)
        neighbours.past[DAY] = neighbours.assessment
        for asked in ({}, {"known_at": DAY}):
            shown = [steady(person.get(BOARD, params=asked).text) for _ in range(2)]
            afresh()
            assert [steady(person.get(BOARD, params=asked).text)] * 2 == shown
            seen.append(shown[0])
    assert len(set(seen)) == len(seen), "no two states look the same"


def test_the_same_board_is_written_once_for_everybody(
    person: httpx2.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = steady(person.get(BOARD).text)
    monkeypatch.setattr("services.console.pages.write_board", None)
    assert steady(person.get(BOARD).text) == first


def test_what_is_kept_is_not_shown_to_who_may_not_see_it(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    assert person.get(BOARD).status_code == 200
    neighbours.keys.remove(KEY)
    refused = person.get(BOARD)
    assert refused.status_code == 303
    assert refused.headers["location"].startswith("/login")


def test_what_has_not_been_asked_for_longest_gives_way() -> None:
    kept: Kept[str] = Kept(2)
    made: list[str] = []

    def ask(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key * 2

        return kept.get(key, make)

    assert [ask(key) for key in "abacab"] == ["aa", "bb", "aa", "cc", "aa", "bb"]
    assert made == ["a", "b", "c", "b"]
