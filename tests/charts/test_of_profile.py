"""One subject's charts, against the packet's own account of the same subject."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.charts.timeline import timeline
from shared.charts.trends import trend
from shared.contracts.profile import Series
from tests.charts.made import demo_profile
from tests.charts.reading import rows_of
from tests.services.console.packet_support import demo_packet

CODE = "4-05"


def series(test: str = "PLAT") -> Series:
    return next(one for one in demo_profile().series if one.test == test)


def points(of: Series) -> list[dict[str, object]]:
    return [row for row in rows_of(trend(of, "series-1")) if "value" in row]


def test_a_trend_has_the_values_and_grades_of_the_packet() -> None:
    told = {
        (value.day, float(value.number), str(value.grade_high))
        for one in demo_packet().labs
        if (one.test, one.subject) == ("PLAT", CODE)
        for value in one.values
        if value.number is not None
    }
    assert {(row["day"], row["value"], row["grade"]) for row in points(series())} == told
    assert trend(series(), "x").alt == "3 values from day 1 to 15, worst grade 4"


def test_the_bands_are_the_limits_of_ctcae_5_with_its_own_lln() -> None:
    bands = {
        row["grade"]: (row["low"], row["high"])
        for row in rows_of(trend(series(), "x"))
        if "opacity" in row
    }
    lower = float(series().values[0].lln or 0)
    assert bands == {"1": (75, lower), "2": (50, 75), "3": (25, 50), "4": (0, 25)}


def test_a_band_moves_where_the_range_does() -> None:
    known = series()
    first, later = (
        known.stretches[0].model_copy(update=span)
        for span in (
            {"first": 0, "last": 0},
            {"first": 1, "last": 2, "bands": known.stretches[0].bands[:1]},
        )
    )
    rows = [
        row
        for row in rows_of(trend(known.model_copy(update={"stretches": (first, later)}), "x"))
        if "opacity" in row
    ]
    days = [value.on.day for value in known.values]
    assert {(row["from"], row["to"]) for row in rows} == {
        (days[0] - 0.5, days[1] - 1 + 0.5) if days[0] and days[1] else (),
        (days[1] - 0.5, days[2] + 0.5) if days[1] and days[2] else (),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "withdrawn"}, "withdrawn"),
        ({"number": None, "result": "clumped"}, "not a number"),
        ({"number": None, "result": None, "not_done": "lost"}, "not done"),
    ],
)
def test_what_is_not_drawn_is_in_the_table_with_its_reason(
    change: dict[str, object], reason: str
) -> None:
    known = series()
    values = (known.values[0].model_copy(update=change), *known.values[1:])
    chart = trend(known.model_copy(update={"values": values}), "x")
    assert len([row for row in rows_of(chart) if "value" in row]) == len(values) - 1
    assert chart.table.notes[-1].startswith(f"Not drawn: {reason} (")
    assert len(chart.table.rows) == len(values)


def test_a_comparator_is_hollow_with_its_result_beside_it() -> None:
    known = series()
    below = known.values[0].model_copy(update={"comparator": "<", "result": "<210"})
    drawn = points(known.model_copy(update={"values": (below, *known.values[1:])}))
    assert [(row["certain"], row["words"]) for row in drawn] == [
        (False, "<210"),
        (True, ""),
        (True, ""),
    ]


def test_a_series_of_nothing_but_words_is_said() -> None:
    known = series()
    value = known.values[0].model_copy(update={"number": None, "result": "clumped"})
    assert trend(known.model_copy(update={"values": (value,)}), "x").spec is None


def test_the_timeline_has_each_dose_and_each_grade_of_each_event() -> None:
    profile = demo_profile()
    rows = rows_of(timeline(profile))
    told = {(one.term, one.day) for one in demo_packet().events if one.subject == CODE}
    assert {(row["lane"], row["from"]) for row in rows if "grade" in row} == told
    ticks = {(row["lane"], row["day"]) for row in rows if "day" in row}
    assert ticks == {(f"{one.treatment} (dose)", one.on.day) for one in profile.doses if one.given}


def test_an_uncertain_onset_is_a_dashed_line_and_a_withdrawn_event_is_not_drawn() -> None:
    profile = demo_profile()
    event = profile.events[0]
    step = event.steps[0]
    later = step.on.model_copy(update={"last": step.on.first + timedelta(days=3)})
    unsure = event.model_copy(update={"steps": (step.model_copy(update={"on": later}),)})
    gone = profile.events[1].model_copy(update={"state": "withdrawn"})
    chart = timeline(profile.model_copy(update={"events": (unsure, gone)}))
    bars = [row for row in rows_of(chart) if "grade" in row]
    assert [row["sure_from"] for row in bars] == [bars[0]["from"] + 3]
    assert chart.table.notes == (f"Not drawn: withdrawn ({gone.term}).",)
    assert chart.table.rows[1][-1] == "withdrawn"


def test_without_a_dose_there_are_no_days() -> None:
    bare = demo_profile().model_copy(update={"first_dose": None})
    assert timeline(bare).spec is None
