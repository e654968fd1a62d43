"""Every specification is one that the engine draws, with its numbers in the picture."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from shared.charts.blocks import Chart
from shared.charts.drawer import CannotDraw, Drawer
from shared.charts.drawing import draw
from shared.charts.parts import SCREEN
from shared.charts.study import study_charts, subject_charts
from shared.charts.trends import trend
from tests.charts.made import demo_profile, figures
from tests.services.console.packet_support import demo_packet


def charts() -> tuple[Chart, ...]:
    packet = demo_packet()
    made = study_charts(packet.assessment, figures(packet), packet.labs[:4])
    return (*made, *subject_charts(demo_profile())[:3])


def test_every_chart_is_drawn_and_the_same_way_again() -> None:
    drawn = charts()
    assert len(drawn) > 12
    assert len({chart.name for chart in drawn}) == len(drawn)
    for chart in drawn:
        assert chart.spec is not None, chart.name
        json.dumps(chart.spec, allow_nan=False)
        svg = draw(chart.spec, SCREEN)
        assert svg.startswith("<svg"), chart.name
        assert "NaN" not in svg, chart.name
        assert "style=" not in svg, chart.name
        assert "href" not in svg, chart.name
        assert 'aria-roledescription="point"' not in svg, "read by nobody in an image"
    assert drawn[0].spec is not None
    assert draw(drawn[0].spec) == draw(drawn[0].spec)


def test_a_picture_names_its_axes_and_limits() -> None:
    liver = next(chart for chart in charts() if chart.name == "edish")
    assert liver.spec is not None
    svg = draw(liver.spec, SCREEN)
    for words in ("3 x ULN", "2 x ULN", "highest ALT or AST (x ULN, log)", "3 mg/kg · 3-02"):
        assert words in svg


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x00", '\\" + 1 + "', "\\", '"', "`${1}`"])
def test_no_text_ends_the_expression_it_is_put_into(end: str) -> None:
    series = demo_profile().series[0]
    drawn = trend(series.model_copy(update={"test": f"A{end}B"}), "x")
    assert drawn.spec is not None
    assert draw(drawn.spec, SCREEN).startswith("<svg")
    others = trend(series.model_copy(update={"test": f"A{end}{end}B"}), "x").spec
    assert drawn.spec != others


def test_what_cannot_be_drawn_breaks_nothing_and_a_dead_process_is_replaced() -> None:
    asyncio.run(_broken_and_dead())


async def _broken_and_dead() -> None:
    drawer = Drawer()
    small = {"data": {"values": [{"n": 1}]}, "mark": "point", "encoding": {}}
    try:
        with pytest.raises(CannotDraw):
            await drawer.svg({"data": {"values": []}, "mark": "no such mark"})
        first = await drawer.svg(small)
        assert gzip.decompress(first).startswith(b"<svg")
        died = drawer._hands[0]._running()
        assert died is not None
        died.kill()
        assert await drawer.svg(small) == first, "kept"
        other = await drawer.svg({**small, "width": 77})
        assert gzip.decompress(other).startswith(b"<svg"), "by a new process"
    finally:
        drawer.close()


def test_two_processes_give_the_pictures_in_their_order() -> None:
    drawer = Drawer(processes=2)
    place = {"x": {"field": "x", "type": "quantitative"}}
    values = [{"x": at} for at in range(300)]
    # The first takes longest, so that another process is done with the others before.
    drawn = [
        {"data": {"values": values[:many]}, "mark": "point", "encoding": place}
        for many in (300, 1, 2, 3)
    ]
    try:
        drawer.warm_up()
        for order in (drawn, drawn[::-1]):
            begun = [drawer.begin(spec, SCREEN) for spec in order]
            assert [picture() for picture in begun] == [draw(spec, SCREEN) for spec in order]
    finally:
        drawer.close()
