"""The pages, pictures and CSVs of charts over HTTP."""

from __future__ import annotations

import csv
import html
import io
import re

import httpx2
import pytest
from fastapi import FastAPI

from services.console.charts.characteristics import characteristics
from services.console.charts.gallery import Gallery
from services.console.charts.simulating import worked_out
from shared.charts.blocks import safe_cell
from shared.charts.study import study_charts
from tests.charts.made import empty_figures, figures
from tests.charts.reading import picture_of
from tests.services.console.charts.conftest import Drawn
from tests.services.console.packet_support import demo_packet

CHARTS = "/studies/NCT05301764/charts"
NASTY = """<script>alert(1)</script>"'&{{7*7}} =1+1 ${x} ]]>"""


def pictures(page: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'<img src="([^"]+)"', page)]


def test_every_chart_has_its_finding_its_numbers_and_a_csv(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    answer = person.get(CHARTS)
    assert answer.status_code == 200
    assert neighbours.packet is not None
    made = study_charts(neighbours.assessment, neighbours.figures, neighbours.packet.labs)
    design = neighbours.figures.design
    charts = (*made, characteristics(design, worked_out(design)))
    assert len(charts) >= 13
    for chart in charts:
        assert f'id="{chart.name}"' in answer.text
        assert html.escape(chart.alt, quote=False) in html.unescape(answer.text)
        if chart.table.rows:
            assert f'href="{CHARTS}/{chart.name}.csv"' in answer.text
    drawn = sum(chart.spec is not None for chart in charts)
    assert len(pictures(answer.text)) == drawn
    assert answer.text.count('loading="lazy"') == drawn - 2
    assert len(answer.content) < 200_000
    assert "style=" not in answer.text
    assert "<script" not in answer.text.split("<main")[1].split("</main")[0]


def test_a_picture_is_drawn_and_may_do_nothing(person: httpx2.Client) -> None:
    address = pictures(person.get(CHARTS).text)[0]
    answer = person.get(address)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-encoding"] == "gzip"
    root = picture_of(answer.text)
    assert root.tag.endswith("svg")
    plain = person.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


def test_a_phone_gets_a_narrower_picture_of_the_same_chart(person: httpx2.Client) -> None:
    page = person.get(CHARTS).text
    slim = [html.unescape(one) for one in re.findall(r'srcset="([^"]+)"', page)]
    assert slim == [f"{one}&narrow=1" for one in pictures(page)]
    (at,) = [one for one in slim if "/edish.svg" in one]
    narrow = picture_of(person.get(at).text)
    wide = picture_of(person.get(at.removesuffix("&narrow=1")).text)
    assert float(narrow.get("width") or 0) < 350 < float(wide.get("width") or 0)
    assert {"Hy’s law range: 0", "Temple’s corollary: 1"} <= {*narrow.itertext()}


def test_a_phone_explores_the_same_chart_that_its_picture_shows(person: httpx2.Client) -> None:
    page = person.get(CHARTS).text
    (at,) = [html.unescape(one) for one in re.findall(r'data-explore="([^"]+edish[^"]+)"', page)]
    wide, slim = (person.get(f"{at}{more}").json() for more in ("", "&narrow=1"))
    assert slim["width"] < wide["width"]
    assert slim["usermeta"] == wide["usermeta"]
    assert [one["data"] for one in slim["layer"]] == [one["data"] for one in wide["layer"]]


def test_a_page_asks_once_for_all_its_pictures(person: httpx2.Client, neighbours: Drawn) -> None:
    for address in pictures(person.get(CHARTS).text)[:2]:
        assert person.get(address).status_code == 200
    asked = [path for _, path in neighbours.asked if path.endswith("/figures")]
    assert len(asked) == 1


def test_a_picture_of_a_study_that_has_changed_says_so(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    address = pictures(person.get(CHARTS).text)[1]
    other = re.sub("v=[0-9a-f]+", f"v={'0' * 64}", address)
    assert "The study has changed since this page was made" in person.get(other).text
    assert "The study has changed" not in person.get(address).text


def test_the_right_to_see_is_asked_for_with_every_picture(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    address = pictures(person.get(CHARTS).text)[0]
    neighbours.keys.clear()
    assert person.get(address).status_code != 200


@pytest.mark.parametrize("path", ["", "/edish", "/edish.svg", "/edish.csv"])
def test_nothing_without_a_session(visitor: httpx2.Client, neighbours: Drawn, path: str) -> None:
    assert visitor.get(CHARTS + path).status_code == 303
    assert neighbours.asked == []


@pytest.mark.parametrize("path", ["/nothing", "/nothing.svg", "/nothing.csv", "/qtcf.svg"])
def test_what_is_not_there(person: httpx2.Client, path: str) -> None:
    assert person.get(CHARTS + path).status_code == 404


def test_the_page_of_one_chart_has_every_row(person: httpx2.Client, neighbours: Drawn) -> None:
    page = person.get(f"{CHARTS}/lab-1").text
    assert neighbours.packet is not None
    first = min(neighbours.packet.labs, key=lambda one: (one.test, one.term))
    told = [
        one for one in neighbours.packet.labs if (one.test, one.term) == (first.test, first.term)
    ]
    assert page.count("<tr") == 1 + sum(len(one.values) for one in told)
    assert f"(the first 40 of {page.count('<tr') - 1} rows)" in person.get(CHARTS).text


def test_a_csv_has_the_rows_of_the_table(person: httpx2.Client, neighbours: Drawn) -> None:
    made = figures()
    heat = (made.heat[0].model_copy(update={"term": "=cmd|' /C calc'!A1"}), *made.heat[1:])
    neighbours.figures = made.model_copy(update={"heat": heat})
    answer = person.get(f"{CHARTS}/ae-heat.csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["Term", "Class", "Subject", "Worst grade"]
    assert len(rows) == 1 + len(heat)
    assert ["'=cmd|' /C calc'!A1", "General", "1 mg/kg · 1-01", "1"] in rows
    changes = list(csv.DictReader(io.StringIO(person.get(f"{CHARTS}/spider.csv").text)))
    assert {row["Change (%)"] for row in changes} == {
        "-12.5",
        "-30.0",
        "4.1",
        "22.0",
        "-45.2",
        "-61.0",
    }


@pytest.mark.parametrize("text", ["-30.0", "+5", "12", "-0.5"])
def test_a_number_is_no_formula(text: str) -> None:
    assert safe_cell(text) == text


def test_a_past_page_is_marked_and_its_pictures_are_of_that_day(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    neighbours.past["2022-12-26"] = neighbours.assessment
    page = person.get(f"{CHARTS}?known_at=2022-12-26").text
    assert "Past view" in page
    assert all("known_at=2022-12-26" in one for one in pictures(page))
    assert f'href="{CHARTS}/edish.csv?known_at=2022-12-26"' in page
    assert person.get(pictures(page)[0]).status_code == 200
    assert person.get(f"{CHARTS}?known_at=soon").status_code == 400


def test_without_the_packet_the_page_says_what_is_not_drawn(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    neighbours.no_packet = True
    page = person.get(CHARTS)
    assert page.status_code == 200
    assert "Laboratory values over time are not drawn" in page.text
    assert 'id="lab-1"' not in page.text


def test_a_monitor_that_is_behind_or_a_degraded_study_is_said(
    person: httpx2.Client, neighbours: Drawn
) -> None:
    neighbours.stale = True
    neighbours.figures = neighbours.figures.model_copy(update={"degraded": True})
    page = person.get(CHARTS).text
    assert "the monitor is behind" in page
    assert "Degraded" in page


def test_charts_are_of_the_last_answers_of_the_monitor(
    person: httpx2.Client, app: FastAPI, neighbours: Drawn
) -> None:
    """Whichever of assessment, figures and packet is another, with the others the same."""
    assert neighbours.packet is not None
    kinds = ("ae-heat", "dlt-board", "lab-1")

    def rows() -> dict[str, int]:
        app.state.gallery = Gallery()
        return {one: person.get(f"{CHARTS}/{one}.csv").text.count("\n") for one in kinds}

    before = rows()
    made, said, packet = neighbours.figures, neighbours.assessment, neighbours.packet
    neighbours.figures = made.model_copy(update={"heat": made.heat[1:]})
    assert rows() == before | {"ae-heat": before["ae-heat"] - 1}
    neighbours.figures = made
    neighbours.assessment = said.model_copy(update={"subjects": said.subjects[:1]})
    assert rows() == before | {"dlt-board": 2}
    neighbours.assessment = said
    fewer = packet.labs[0].model_copy(update={"values": packet.labs[0].values[1:]})
    neighbours.packet = packet.model_copy(update={"labs": (fewer, *packet.labs[1:])})
    assert rows() == before | {"lab-1": before["lab-1"] - 1}
    neighbours.packet = packet
    assert rows() == before


def test_parts_of_two_moments_are_said_to_be_so(person: httpx2.Client, neighbours: Drawn) -> None:
    changed = {"assessment_digest": "sha256:" + "0" * 64}
    neighbours.figures = neighbours.figures.model_copy(update=changed)
    assert "The study changed while this page was made" in person.get(CHARTS).text


def test_without_the_monitor_there_is_no_page(person: httpx2.Client, neighbours: Drawn) -> None:
    neighbours.failing["monitor"] = 503
    answer = person.get(CHARTS)
    assert answer.status_code == 503
    assert "Not known at present" in answer.text


def test_an_empty_study_has_words_for_every_chart(person: httpx2.Client, neighbours: Drawn) -> None:
    packet = demo_packet()
    neighbours.assessment = packet.assessment.model_copy(update={"subjects": (), "doses": ()})
    neighbours.packet = packet.model_copy(
        update={"assessment": neighbours.assessment, "labs": (), "courses": ()}
    )
    neighbours.figures = empty_figures()
    page = person.get(CHARTS).text
    assert all("/operating-characteristics.svg" in one for one in pictures(page)), "of no record"
    assert page.count('class="nothing"') == page.count('<section class="panel chart') - 1


def test_hostile_text_is_text_in_page_and_picture(person: httpx2.Client, neighbours: Drawn) -> None:
    made = figures()
    subjects = tuple(
        one.model_copy(update={"subject": NASTY + one.subject}) for one in made.subjects
    )
    heat = tuple(one.model_copy(update={"term": NASTY}) for one in made.heat)
    neighbours.figures = made.model_copy(update={"subjects": subjects, "heat": heat})
    page = person.get(CHARTS).text
    assert "<script>alert" not in page
    for address in pictures(page):
        if "/ae-heat.svg" in address or "/edish.svg" in address:
            drawn = person.get(address)
            root = picture_of(drawn.text)
            assert not [one for one in root.iter() if one.tag.endswith("script")]
            assert any("<script>" in text for text in root.itertext())


def test_the_pictures_of_a_subject(person: httpx2.Client, neighbours: Drawn) -> None:
    at = f"/studies/NCT05301764/subject/{neighbours.profile.id}/charts"
    for name in ("timeline", "series-1"):
        answer = person.get(f"{at}/{name}.svg")
        assert answer.status_code == 200, name
        assert picture_of(answer.text).tag.endswith("svg")
        assert person.get(f"{at}/{name}.csv").text.count("\n") > 1
    nobody = at.replace(neighbours.profile.id, "0" * 16)
    assert person.get(f"{nobody}/timeline.svg").status_code == 404
