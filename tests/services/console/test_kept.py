"""What is kept of a page is what would be written anew, whatever has changed and whoever asks."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI

from services.console.charts.gallery import Gallery
from services.console.kept import Kept
from tests.services.console import golden, golden_profile
from tests.services.console.neighbours import KEY, Neighbours
from tests.services.console.test_access import BOARD

DAY = "2022-11-08"
SUBJECT = golden_profile.ID
PAGE = f"{BOARD}/subject/{SUBJECT}"
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
        app.state.boards, app.state.subjects = Kept(32), Kept(32)

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


def _profile(**changes: object) -> Change:
    def change(neighbours: Neighbours) -> None:
        shown = golden_profile.profile().model_copy(update=changes)
        neighbours.profiles = dict.fromkeys([(SUBJECT, None), (SUBJECT, DAY)], shown)

    return change


def _other_doses(neighbours: Neighbours) -> None:
    doses = tuple(one.model_copy(update={"label": f"other {one.level}"}) for one in golden.doses())
    neighbours.assessment = golden.assessment(doses=doses)


OF_A_SUBJECT: tuple[Change, ...] = (
    _profile(),
    _profile(age=33),
    _profile(as_of=golden.at("2023-01-02T09:00")),
    _behind,
    _other_doses,
)


def test_a_subjects_page_that_is_kept_is_the_one_that_would_be_written(
    person: httpx2.Client, neighbours: Neighbours, afresh: Callable[[], None]
) -> None:
    seen = []
    for change in OF_A_SUBJECT:
        change(neighbours)
        for asked in ({}, {"known_at": DAY}, {"whole": "true"}):
            shown = [steady(person.get(PAGE, params=asked).text) for _ in range(2)]
            afresh()
            assert [steady(person.get(PAGE, params=asked).text)] * 2 == shown
            seen.append(shown[0])
    assert len(set(seen)) == len(seen), "no two states look the same"


def test_the_pictures_of_a_kept_page_are_found(
    person: httpx2.Client, app: FastAPI, neighbours: Neighbours
) -> None:
    picture = re.findall(r'src="([^"]*series-1.svg[^"]*)"', person.get(PAGE).text)
    app.state.gallery = Gallery()
    assert re.findall(r'src="([^"]*series-1.svg[^"]*)"', person.get(PAGE).text) == picture
    _profile(series=())(neighbours)
    drawn = person.get(picture[0].replace("&amp;", "&"))
    assert "has changed since" not in drawn.text


@pytest.mark.parametrize(
    ("address", "writes"),
    [(BOARD, "services.console.pages.write_board"), (PAGE, "services.console.subject.part")],
)
def test_the_same_page_is_written_once_for_everybody(
    person: httpx2.Client, monkeypatch: pytest.MonkeyPatch, address: str, writes: str
) -> None:
    first = steady(person.get(address).text)
    monkeypatch.setattr(writes, None)
    assert steady(person.get(address).text) == first


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
