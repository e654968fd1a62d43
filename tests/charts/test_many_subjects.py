"""Laboratory charts of more subjects than can have a line each: nothing that matters is lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from statistics import median
from typing import Any

import pytest

from shared.charts.blocks import Chart
from shared.charts.labs import MOST_LINES, lab_trend
from shared.contracts.packet import LabSeries, LabValue
from tests.services.console.packet_support import demo_packet

Value = tuple[str, int, float]


def _series(number: int) -> list[LabSeries]:
    """Platelets of so many subjects: those of the demo again and again, at several levels."""
    found = [one for one in demo_packet().labs if one.test == "PLAT"]
    return [
        found[at % len(found)].model_copy(update={"subject": f"S{at}", "usubjid": f"U{at}"})
        for at in range(number)
    ]


def _layers(chart: Chart, mark: str) -> list[dict[str, Any]]:
    assert chart.spec is not None
    layers = [layer for panel in chart.spec["hconcat"] for layer in panel["layer"]]
    return [row for one in layers if one["mark"]["type"] == mark for row in one["data"]["values"]]


def _drawn(chart: Chart, mark: str) -> set[Value]:
    return {(row["subject"], row["day"], row["value"]) for row in _layers(chart, mark)}


def _values(series: list[LabSeries], least: int = 0) -> set[Value]:
    return {
        (one.subject, value.day, float(value.result))
        for one in series
        for value in one.values
        if value.grade_high is None or value.grade_high >= least
    }


def _severe(one: LabSeries) -> bool:
    return max(value.grade_high or 0 for value in one.values) >= 3


def test_as_many_as_can_have_a_line_have_one() -> None:
    series = _series(MOST_LINES)
    chart = lab_trend(demo_packet().assessment, series)
    assert _drawn(chart, "line") == _drawn(chart, "point") == _values(series)
    assert "grey" not in chart.alt


def test_of_more_every_value_of_grade_2_has_its_mark_and_who_reached_3_a_line() -> None:
    series = _series(MOST_LINES + 1)
    chart = lab_trend(demo_packet().assessment, series)
    severe = [one for one in series if _severe(one)]
    assert 0 < len(severe) < len(series)
    assert _drawn(chart, "line") == _values(severe)
    assert _drawn(chart, "point") == _values(series, least=2)
    assert f"{len(severe)} reached grade 3 or may have and have a line each" in chart.alt
    assert "grey" in chart.alt


def test_the_others_lie_within_their_week() -> None:
    series = _series(3 * MOST_LINES)
    chart = lab_trend(demo_packet().assessment, series)
    assert chart.spec is not None
    for level, panel in zip((1, 2, 3, 4), chart.spec["hconcat"], strict=True):
        boxes = next(
            one["data"]["values"] for one in panel["layer"] if one["mark"]["type"] == "rule"
        )
        quiet = [one for one in series if one.dose_level == level and not _severe(one)]
        for _, day, value in _values(quiet):
            week = [one for one in boxes if one["from"] <= day < one["to"]]
            assert [one["low"] <= value <= one["high"] for one in week] == [True]


def test_the_range_and_median_are_those_of_the_week() -> None:
    one = next(one for one in _series(1))
    values = [(1, "200"), (7, "260"), (7, "230"), (8, "210"), (0, "190"), (-6, "180"), (-7, "150")]
    quiet = one.model_copy(update={"values": tuple(_value(one, *told) for told in values)})
    many = [quiet.model_copy(update={"usubjid": str(at)}) for at in range(MOST_LINES + 1)]
    boxes = _layers(lab_trend(demo_packet().assessment, many), "rule")
    assert [(row["from"], row["low"], row["median"], row["high"]) for row in boxes] == [
        (-13, 150, 150, 150),
        (-6, 180, median([180, 190]), 190),
        (1, 200, 230, 260),
        (8, 210, 210, 210),
    ]


def _value(of: LabSeries, day: int, result: str) -> LabValue:
    told = Decimal(result)
    return replace(of.values[0], day=day, result=result, number=told, grade_low=0, grade_high=0)


@pytest.mark.parametrize(("low", "high"), [(None, None), (2, 2), (0, 2), (1, 4)])
def test_what_is_or_may_be_of_grade_2_is_marked_whoevers_it_is(
    low: int | None, high: int | None
) -> None:
    series = _series(MOST_LINES + 1)
    at = next(at for at, one in enumerate(series) if not _severe(one))
    doubtful = replace(series[at].values[0], grade_low=low, grade_high=high)
    kept = series[at].values[1:]
    series[at] = series[at].model_copy(update={"values": (doubtful, *kept)})
    chart = lab_trend(demo_packet().assessment, series)
    rows = [row for row in _layers(chart, "point") if row["subject"] == series[at].subject]
    grade = "not gradable" if high is None else str(high)
    assert (grade, low == high) in {(row["grade"], row["certain"]) for row in rows}
