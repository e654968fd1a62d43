"""From a chart to the page of a subject: by the rows of its table, and by a click on a mark."""

from __future__ import annotations

import html
import re

import httpx2
import pytest

from services.console.charts.linking import pages_by_name
from shared.charts.blocks import Table
from shared.charts.study import study_charts
from tests.charts.made import figures
from tests.services.console.charts.conftest import Drawn
from tests.services.console.packet_support import demo_packet

CHARTS = "/studies/NCT05301764/charts"
_LINK = re.compile(r'<td><a href="([^"]+)">([^<]+)</a></td>')


def links(page: str) -> list[tuple[str, str]]:
    """Addresses and names in the tables of a page."""
    return [(html.unescape(at), html.unescape(name)) for at, name in _LINK.findall(page)]


def test_each_row_is_about_the_subject_it_names() -> None:
    packet = demo_packet()
    about_nobody = set()
    for chart in study_charts(packet.assessment, figures(packet), packet.labs):
        table = chart.table
        if not table.subjects:
            about_nobody.add(chart.name)
            continue
        named = [row[table.named].split(" · ")[-1] for row in table.rows]
        assert named == [one.removeprefix("NCT05301764-") for one in table.subjects], chart.name
    assert about_nobody == {"shifts"}


@pytest.mark.parametrize("past", ["", "?known_at=2022-12-26"])
def test_a_row_leads_to_its_subject_as_known_on_the_same_day(
    person: httpx2.Client, neighbours: Drawn, past: str
) -> None:
    neighbours.past["2022-12-26"] = neighbours.assessment
    for page in ("", "/dlt-board"):
        found = links(person.get(f"{CHARTS}{page}{past}").text)
        assert all(at.endswith(past) and "4-05" not in at for at, _ in found)
        (at,) = {at for at, name in found if name == "4 mg/kg · 4-05"}
        assert at == f"/studies/NCT05301764/subject/{neighbours.profile.id}{past}"
    assert "4-05" in person.get(at).text


def test_a_csv_holds_no_address(person: httpx2.Client) -> None:
    assert "/subject/" not in person.get(f"{CHARTS}/dlt-board.csv").text


def test_a_mark_leads_where_its_row_does(person: httpx2.Client) -> None:
    rows = links(person.get(f"{CHARTS}/edish").text)
    pages = person.get(f"{CHARTS}/edish.json").json()["usermeta"]["pages"]
    assert pages == {name: at for at, name in rows}
    assert len(pages) == 18


def test_a_name_that_two_subjects_have_leads_to_neither() -> None:
    rows = (("1-01",), ("1-01",), ("1-02",), ("1-02",))
    table = Table("", ("Subject",), rows, subjects=("S-A-1-01", "S-B-1-01", "S-1-02", "S-1-02"))
    assert set(pages_by_name(table, "S", None)) == {"1-02"}
