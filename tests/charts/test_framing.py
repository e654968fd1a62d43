"""On a phone a chart is drawn narrow, with all its numbers and none of its words cut."""

from __future__ import annotations

import re

from shared.charts.drawing import draw
from shared.charts.framing import narrow
from shared.charts.labs import lab_trends
from shared.charts.parts import SCREEN
from tests.charts.reading import picture_of
from tests.charts.test_drawing import charts
from tests.services.console.packet_support import demo_packet

_STEPPED = {"ae-heat", "shifts", "waterfall"}


def width_of(svg: str) -> float:
    return float(picture_of(svg).get("width") or 0)


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
