"""Turning the pages back: a day or a minute of it, kept by the navigation, marked on every page."""

import httpx2
import pytest

from tests.services.console import golden
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import BOARD

DAY = "2022-11-08"
MINUTE = "2022-11-08T16:00Z"


@pytest.fixture(autouse=True)
def _known_then(neighbours: Neighbours) -> None:
    known = golden.at("2022-11-08T16:00")
    for asked in (DAY, MINUTE):
        neighbours.past[asked] = golden.assessment(as_of=known, known_at=known)


@pytest.mark.parametrize(
    ("fields", "past"),
    [
        ({"day": DAY}, DAY),
        ({"day": DAY, "time": ""}, DAY),
        ({"day": DAY, "time": "16:00"}, MINUTE),
    ],
)
def test_the_picker_turns_the_page_it_stands_on_back(
    person: httpx2.Client, fields: dict[str, str], past: str
) -> None:
    answer = person.get("/as-known", params={"where": BOARD, **fields})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BOARD}?known_at={past}")


@pytest.mark.parametrize("where", ["//elsewhere.example", "https://elsewhere.example", "/x?y"])
def test_the_picker_leads_nowhere_else(person: httpx2.Client, where: str) -> None:
    answer = person.get("/as-known", params={"where": where, "day": DAY})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "fields", [{"day": "yesterday"}, {"day": DAY, "time": "16h"}, {"day": "", "time": "16:00"}]
)
def test_what_is_no_moment_is_refused(person: httpx2.Client, fields: dict[str, str]) -> None:
    answer = person.get("/as-known", params={"where": BOARD, **fields})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("past", "said"),
    [(DAY, "the end of 2022-11-08 (study time)"), (MINUTE, "2022-11-08 16:00 UTC")],
)
def test_a_page_of_the_past_says_of_when_and_leads_on_in_the_past(
    person: httpx2.Client, past: str, said: str
) -> None:
    page = person.get(BOARD, params={"known_at": past}).text
    assert f"As known at {said}" in page
    navigation = page.split('<nav class="pages"')[1].split("</nav>")[0]
    addresses = [piece.split('"')[0] for piece in navigation.split('href="')[1:]]
    assert addresses
    assert all(address.endswith(f"?known_at={past}") for address in addresses)
    assert f'<a class="button" href="{BOARD}">Back to the present</a>' in page


def test_nothing_can_be_posted_from_the_past(person: httpx2.Client) -> None:
    page = person.get(BOARD, params={"known_at": DAY}).text
    posts = [piece.split('"')[0] for piece in page.split('method="post" action="')[1:]]
    assert posts == ["/logout"]
