"""Whatever stands in a text of a study stays text: on the page, in a picture, a CSV and the PDF."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar

import httpx2
import pytest
from pydantic import BaseModel

from services.console.charts.characteristics import characteristics
from services.console.charts.simulating import worked_out
from services.console.packet import packet_csv, packet_html, packet_pdf
from services.console.packet.render import Picture
from shared.charts.blocks import Chart, Spec, csv_text
from shared.charts.drawing import draw
from shared.charts.parts import SCREEN, short
from shared.charts.study import study_charts, subject_charts
from shared.contracts.packet import Packet
from tests.charts.made import demo_profile, figures
from tests.charts.reading import picture_of
from tests.services.console.charts.conftest import Drawn
from tests.services.console.packet_support import demo_packet, text_of
from tests.services.console.test_packet_parts import full_packet

NASTY = "=cmd|' /C calc'!A1 <script>alert(1)</script>\u202e#strong[x]$ ${x} {{7*7}} "
LONG = "@" + "hand-foot " * 500
KEPT = {"study", "id", "digest", "assessment_digest", "parameters", "percent_of_planned", "engine"}
"""What is no free text: names in addresses, digests, and numbers written as text."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
Model = TypeVar("Model")


def poisoned(value: Model, nasty: str = NASTY) -> Model:
    """Every free text within begins with something nasty; equal texts stay equal."""
    if isinstance(value, BaseModel):
        changed = {
            name: _texts(getattr(value, name), str(field.annotation), nasty)
            for name, field in type(value).model_fields.items()
            if name not in KEPT
        }
        return value.model_copy(update=changed)
    if is_dataclass(value):
        texts = {one.name: _texts(getattr(value, one.name), "", nasty) for one in fields(value)}
        return replace(value, **texts)  # type: ignore[type-var]
    if isinstance(value, tuple):
        return tuple(poisoned(one, nasty) for one in value)  # type: ignore[return-value]
    return value


def _texts(value: Any, annotation: str, nasty: str) -> Any:
    if "Literal" in annotation:
        return value
    if isinstance(value, str):
        return nasty + value
    if isinstance(value, dict):
        return {nasty + key: _texts(one, "", nasty) for key, one in value.items()}
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return tuple(_texts(one, "", nasty) for one in value)
    if isinstance(value, tuple) and all(isinstance(one, tuple) for one in value):
        return tuple(_texts(one, "", nasty) for one in value)
    return poisoned(value, nasty)


@cache
def small() -> Packet:
    """A few subjects with everything: each text is drawn and set several times."""
    packet = full_packet()
    said = packet.assessment
    codes = {"1-01", "3-02", "4-05"}

    def some(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(one for one in parts if getattr(one, "subject", "1-01") in codes)

    return packet.model_copy(
        update={
            "assessment": said.model_copy(update={"subjects": some(said.subjects)}),
            "courses": some(packet.courses),
            "exposures": some(packet.exposures),
            "events": some(packet.events),
            "labs": some(packet.labs)[:4],
        }
    )


@cache
def charts(nasty: str) -> tuple[Chart, ...]:
    packet = poisoned(small(), nasty)
    made = poisoned(figures(small()), nasty)
    study = study_charts(packet.assessment, made, packet.labs)
    design = characteristics(made.design, worked_out(made.design))
    return (*study, design, *subject_charts(poisoned(demo_profile(), nasty))[:4])


def test_what_is_cut_in_a_picture_still_differs() -> None:
    one, other = short([LONG + "a", LONG + "b"])
    assert one != other
    assert max(map(len, (one, other))) < 140
    assert short({"x": ("short",)}) == {"x": ["short"]}


def test_the_poison_is_everywhere() -> None:
    for chart in charts(NASTY):
        assert chart.spec is not None, chart.name
        assert any(NASTY in cell for row in chart.table.rows for cell in row), chart.name
        if not chart.name.startswith("stopping"):  # whose marks have no names
            assert json.dumps(NASTY)[1:40] in json.dumps(chart.spec), chart.name


@pytest.mark.parametrize("nasty", [NASTY, LONG], ids=["nasty", "long"])
def test_no_picture_holds_anything_but_marks_and_text(nasty: str) -> None:
    for chart in charts(nasty):
        assert chart.spec is not None
        tags = {one.tag.rsplit("}")[-1] for one in picture_of(draw(chart.spec, SCREEN)).iter()}
        allowed = {"svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clipPath"}
        assert tags <= allowed, chart.name


@pytest.mark.parametrize("nasty", [NASTY, LONG], ids=["nasty", "long"])
def test_no_cell_of_any_csv_begins_a_formula(nasty: str) -> None:
    texts = [csv_text((chart.table.columns, *chart.table.rows)) for chart in charts(nasty)]
    texts.append(packet_csv(poisoned(small(), nasty)).decode())
    for text in texts:
        rows = list(csv.reader(io.StringIO(text)))
        assert len({len(row) for row in rows}) == 1
        cells = [cell for row in rows for cell in row if not re.fullmatch(r"-?[0-9.]+", cell)]
        assert not [cell for cell in cells if cell.lstrip().startswith(FORMULA)]


def test_the_page_of_all_charts_shows_it_as_text(person: httpx2.Client, neighbours: Drawn) -> None:
    neighbours.packet = poisoned(small())
    neighbours.assessment = neighbours.packet.assessment
    neighbours.figures = poisoned(figures(small()))
    page = person.get("/studies/NCT05301764/charts").text
    assert html.escape(NASTY.strip()[:40]) in page.replace("&#39;", "&#x27;")
    assert "<script>alert" not in page
    assert "<script" not in page.split("<main")[1].split("</main")[0]


def _blank(_spec: Spec, _font: str) -> Picture:
    """No pictures: those are looked at above, and take long."""
    return lambda: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"></svg>'


def test_the_packet_shows_it_as_text() -> None:
    packet = poisoned(small())
    page = packet_html(packet, _blank).decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    paper = " ".join(text_of(packet_pdf(packet, _blank)))
    assert "#strong[x]$ ${x} {{7*7}}" in paper
    assert "[U+202E]" in paper


def test_a_term_of_5000_characters_breaks_no_packet() -> None:
    packet = demo_packet()
    event = packet.events[0].model_copy(update={"term": LONG, "grade": 3})
    odd = small().model_copy(update={"events": (event,)})
    assert len(LONG) > 5000
    assert packet_pdf(odd, _blank).startswith(b"%PDF")
