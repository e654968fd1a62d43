"""On a phone a chart is drawn narrow, with all its numbers and none of its words cut."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from shared.charts.drawing import draw
from shared.charts.events import ae_heat
from shared.charts.framing import narrow
from shared.charts.labs import lab_trends
from shared.charts.parts import SCREEN
from shared.charts.shifts import shifts
from shared.contracts.figures import Figures, HeatCell, Shift, ShiftCell
from tests.charts.made import figures, treated, usubjid
from tests.charts.reading import picture_of
from tests.charts.test_drawing import charts
from tests.services.console.packet_support import demo_packet

Grade = Literal["3", "4", "5"]
_MOVED = re.compile(r"translate\([-0-9.]+,([-0-9.]+)\)")
_STEPPED = {"waterfall"}


def width_of(svg: str) -> float:
    return float(picture_of(svg).get("width") or 0)


def lines_of(picture: ET.Element, words: str) -> list[float]:
    """How far down each text with these words stands."""
    return sorted(_texts(picture, words, 0))


def _texts(at: ET.Element, words: str, top: float) -> Iterator[float]:
    moved = _MOVED.match(at.get("transform", ""))
    top += float(moved[1]) if moved else 0
    if at.tag.endswith("}text") and at.text == words:
        yield top
    for one in at:
        yield from _texts(one, words, top)


def words_of(svg: str) -> str:
    """All that is written, as one text: an axis may have its title in several lines."""
    return " ".join(re.sub(r"[\d−.,]+", "", " ".join(picture_of(svg).itertext())).split())


def test_most_fit_a_phone_and_say_the_same() -> None:
    for chart in charts():
        assert chart.spec is not None
        slim = draw(narrow(chart.spec), SCREEN)
        if chart.name not in _STEPPED:
            assert width_of(slim) < 430, chart.name
            assert width_of(slim) < width_of(draw(chart.spec, SCREEN)), chart.name
        told = set(words_of(draw(chart.spec, SCREEN)).split())
        assert told <= set(words_of(slim).split()), chart.name


def subjects(number: int) -> Figures:
    """A made-up study with an event of each of so many subjects."""
    codes = [f"1-{at:02}" for at in range(number)]
    heat = tuple(
        HeatCell(usubjid=usubjid(code), term="Fatigue", soc=None, low=2, high=2) for code in codes
    )
    return figures(subjects=tuple(map(treated, codes)), heat=heat)


def test_a_map_has_each_name_above_its_row() -> None:
    chart = ae_heat(figures())
    assert chart.spec is not None
    drawn = picture_of(draw(narrow(chart.spec), SCREEN))
    (name,), (cell,) = lines_of(drawn, "Hypertension"), lines_of(drawn, "1–3")
    assert 10 < cell - name < 20
    assert lines_of(drawn, "Fatigue")[0] > cell + 10
    assert lines_of(drawn, "4 mg/kg · 4-01")[0] < lines_of(drawn, "Anemia")[0] - 5


@pytest.mark.parametrize(("number", "whole"), [(5, True), (18, True), (60, False)])
def test_a_map_of_many_subjects_is_scrolled_and_not_shrunk(number: int, whole: bool) -> None:
    chart = ae_heat(subjects(number))
    assert chart.spec is not None
    assert chart.stepped
    step = narrow(chart.spec)["width"]["step"]
    assert 14 < step <= chart.spec["width"]["step"]
    assert (width_of(draw(narrow(chart.spec), SCREEN)) < 330) is whole


@pytest.mark.parametrize(("worst", "abreast"), [("3", 2), ("4", 2), ("5", 1)])
def test_squares_stand_beside_each_other_where_two_have_room(worst: Grade, abreast: int) -> None:
    cells = (ShiftCell(baseline="0", worst=worst, subjects=1),)
    test: dict[str, Any] = {"term": "Term", "direction": "high", "cells": cells}
    chart = shifts(figures(shifts=tuple(Shift(test=one, **test) for one in "ABC")))
    assert chart.spec is not None
    assert not chart.stepped
    assert narrow(chart.spec)["columns"] == abreast
    assert width_of(draw(narrow(chart.spec), SCREEN)) < 400


def test_dose_levels_stand_below_each_other_each_with_its_axis() -> None:
    packet = demo_packet()
    (first, *_) = lab_trends(packet.assessment, packet.labs)
    assert first.spec is not None
    slim = narrow(first.spec)
    assert "hconcat" not in slim
    axes = [view["encoding"]["y"]["axis"] for view in slim["vconcat"]]
    assert len(axes) == 4
    assert all(axis == {"title": "AST (U/L)"} for axis in axes), axes
    assert "labels" in first.spec["hconcat"][1]["encoding"]["y"]["axis"], "left as it was"
