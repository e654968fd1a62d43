"""From what a page says to where something is done about it, and what a silent service leaves."""

import re

import httpx2
import pytest

from tests.services.console import golden, golden_oversight
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import BOARD

PAST = "2022-11-08"


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours(
        assessment=golden_oversight.assessment(),
        past={PAST: golden_oversight.assessment(as_of=golden.NOW, known_at=golden.NOW)},
    )


def said(page: str) -> str:
    """What can be read in a piece of a page."""
    return " ".join(re.sub("<[^>]*>", "", page).split())


@pytest.mark.parametrize("asked", ["", f"?known_at={PAST}"])
def test_what_the_board_counts_leads_to_where_it_is(person: httpx2.Client, asked: str) -> None:
    page = person.get(BOARD + asked).text
    head = page.split('<section class="recommendation')[1].split('<div class="desk">')[0]
    ways = dict(re.findall(r'<a[^>]* href="([^"]+)">([^<]+)</a>', head))
    places = {way[1:] for way in ways if way.startswith("#")}
    assert {"level-4", "stopping", "signals", "queries"} <= places
    assert [place for place in places if f'id="{place}"' not in page] == []
    assert ways[f"{BOARD}/adjudication{asked}"] == "judges 1 candidate"
    assert ways[f"{BOARD}/committee{asked}"] == "records a decision"


def test_a_silent_notifier_takes_nothing_from_the_rule(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["notifier"] = 503
    page = person.get(f"{BOARD}/alerts")
    told = said(page.text)
    assert page.status_code == 503
    assert "who has acknowledged it, is not known" in told
    assert "not the same as “no alert”" in told
    assert "the rule recommends" not in told, "the board has that, and is a click away"
    assert f'<a href="{BOARD}">The board</a>' in page.text
    assert person.get(BOARD).status_code == 200


def test_a_silent_monitor_leaves_no_board_to_go_to(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["monitor"] = 503
    page = person.get(f"{BOARD}/alerts").text
    assert "Do not open a dose level" in page
    assert "The board" not in page
    assert f'href="{BOARD}/alerts">Try again' in page


@pytest.mark.parametrize("path", ["/studies/ANOTHER", f"{BOARD}/alerts/none"])
def test_what_is_not_there_is_not_to_be_tried_again(person: httpx2.Client, path: str) -> None:
    page = person.get(path)
    assert page.status_code == 404
    assert "Try again" not in page.text
    assert '<a href="/">All studies</a>' in page.text


def test_a_page_that_names_no_icon_has_one_all_the_same(visitor: httpx2.Client) -> None:
    found = visitor.get("/favicon.ico", follow_redirects=True)
    assert (found.status_code, found.headers["content-type"]) == (200, "image/svg+xml")


def test_a_silent_intake_is_called_so_in_the_audit(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["ingest"] = 503
    told = said(person.get(f"{BOARD}/audit").text)
    assert "Protocol: Not known now: the intake says that it cannot answer now." in told
