"""The charts that page and packet share, against the facts of the demo on the day of the hold."""

from __future__ import annotations

from dataclasses import replace

from shared.charts.labs import lab_trends
from shared.charts.treatment import dose_intensity, swimmer
from shared.charts.windows import STATES, dlt_board
from shared.charts.words import SUBJECT_STATUS
from shared.contracts.packet import Packet
from tests.charts.reading import rows_of
from tests.services.console.packet_support import demo_packet


def _empty() -> Packet:
    packet = demo_packet()
    assessment = packet.assessment.model_copy(update={"subjects": ()})
    return packet.model_copy(update={"assessment": assessment})


def test_the_board_has_windows_statuses_and_onsets() -> None:
    said = demo_packet().assessment
    rows = {row["subject"]: row for row in rows_of(dlt_board(said)) if "length" in row}
    assert len(rows) == sum(one.window is not None for one in said.subjects)
    assert rows["4 mg/kg · 4-05"]["onset"] == 15
    assert rows["4 mg/kg · 4-06"]["day"] == 8
    assert {row["length"] for row in rows.values()} == {21}


def test_every_state_has_a_colour_and_its_word_beside_the_bar() -> None:
    words = {word for state, word in SUBJECT_STATUS.items() if state != "not_assessed"}
    assert set(STATES) == words
    drawn = dlt_board(demo_packet().assessment).spec
    assert drawn is not None
    assert drawn["layer"][2]["encoding"]["text"] == {"field": "status"}


def test_a_candidate_is_hollow_and_a_confirmed_dlt_is_not() -> None:
    drawn = dlt_board(demo_packet().assessment).spec
    assert drawn is not None
    sure, judged = (layer["data"]["values"] for layer in drawn["layer"][3:])
    statuses = [one.status for one in demo_packet().assessment.subjects]
    assert [row["status"] for row in sure] == ["DLT"] * statuses.count("dlt")
    assert [row["status"] for row in judged] == ["DLT candidate"] * statuses.count("dlt_candidate")


def test_who_has_no_window_is_named_beneath() -> None:
    said = demo_packet().assessment
    waiting = said.subjects[0].model_copy(update={"window": None, "status": "not_started"})
    chart = dlt_board(said.model_copy(update={"subjects": (waiting, *said.subjects[1:])}))
    assert f"Not drawn: no dose given, so no window ({waiting.subject})" in chart.table.notes[0]
    assert len(chart.table.rows) == len(dlt_board(said).table.rows) - 1


def test_a_study_without_subjects_has_words_instead_of_a_board() -> None:
    chart = dlt_board(_empty().assessment)
    assert chart.spec is None
    assert chart.alt == "No subject has begun a DLT window."


def test_the_swimmer_has_a_mark_for_each_dose_event_and_response() -> None:
    packet = demo_packet()
    chart = swimmer(packet.assessment, packet.courses, packet.events)
    marks = rows_of(chart)
    by_kind = {
        kind: [m for m in marks if m.get("what") == kind]
        for kind in ("grade 3 or higher", "still on treatment")
    }
    assert len(by_kind["grade 3 or higher"]) == len(
        {(one.usubjid, one.day) for one in packet.events if one.grade >= 3}
    )
    assert chart.spec is not None
    ticks = chart.spec["layer"][1]["data"]["values"]
    assert len(ticks) == sum(len(one.doses) for one in packet.courses)
    assert len(by_kind["still on treatment"]) == sum(one.left is None for one in packet.courses)


def test_a_study_without_a_dose_has_no_swimmer() -> None:
    assert swimmer(demo_packet().assessment, (), ()).spec is None


def test_lab_values_have_their_grades() -> None:
    packet = demo_packet()
    chart = next(
        one for one in lab_trends(packet.assessment, packet.labs) if one.title.startswith("PLAT")
    )
    points = [row for row in rows_of(chart) if "value" in row]
    assert min(row["value"] for row in points if row["subject"] == "4-05") == 22
    assert {row["grade"] for row in points if row["value"] == 22} == {"4"}
    numbers = sum(
        one.number is not None for s in packet.labs if s.test == "PLAT" for one in s.values
    )
    assert len(points) == numbers
    assert len(chart.table.rows) == sum(len(s.values) for s in packet.labs if s.test == "PLAT")


def test_what_is_no_number_is_listed_and_not_drawn() -> None:
    packet = demo_packet()
    series = next(one for one in packet.labs if one.test == "PLAT")
    below = replace(series.values[0], result="<10", number=None)
    odd = series.model_copy(update={"values": (below, *series.values[1:])})
    chart = lab_trends(packet.assessment, (odd,))[0]
    assert chart.table.notes[0].endswith(f"{odd.subject} day {below.day}: <10.")
    assert len([row for row in rows_of(chart) if "value" in row]) == len(odd.values) - 1
    assert any("<10" in row for row in chart.table.rows)
    alone = lab_trends(packet.assessment, (series.model_copy(update={"values": (below,)}),))[0]
    assert alone.spec is None


def test_a_grade_that_is_a_range_is_a_hollow_mark() -> None:
    packet = demo_packet()
    series = next(one for one in packet.labs if one.test == "PLAT")
    doubtful = replace(series.values[0], grade_low=0, grade_high=3)
    chart = lab_trends(packet.assessment, (series.model_copy(update={"values": (doubtful,)}),))[0]
    assert {row["certain"] for row in rows_of(chart) if "value" in row} == {False}
    assert chart.table.rows[0][-1] == "0 to 3"


def test_dose_intensity_leaves_the_unknown_out_and_says_so() -> None:
    packet = demo_packet()
    unknown = packet.exposures[0].model_copy(update={"percent_of_planned": None})
    chart = dose_intensity(packet.assessment, (unknown, *packet.exposures[1:]))
    drawn = [row for row in rows_of(chart) if "percent" in row]
    assert len(drawn) == len(packet.exposures) - 1
    assert f"given dose ({unknown.subject} {unknown.treatment})" in chart.table.notes[0]
    assert chart.table.rows[0][2] == "not known"


def test_dose_levels_are_drawn_to_one_scale() -> None:
    packet = demo_packet()
    for chart in lab_trends(packet.assessment, packet.labs):
        assert chart.spec is not None
        scales = [panel["encoding"]["y"]["scale"]["domain"] for panel in chart.spec["hconcat"]]
        numbers = [row["value"] for row in rows_of(chart) if "value" in row]
        assert scales == [[0, max(numbers)]] * 4


def _in(unit: str, drawn_in: str | None = None) -> Packet:
    """The demo, with the platelets of its first subject reported in another unit."""
    packet = demo_packet()
    platelets = [one for one in packet.labs if one.test == "PLAT"]
    other = platelets[0].model_copy(update={"unit": unit, "drawn_in": drawn_in})
    return packet.model_copy(update={"labs": (other, *platelets[1:])})


def test_values_of_units_that_do_not_convert_are_on_charts_of_their_own() -> None:
    packet = _in("%")
    charts = {one.title: one for one in lab_trends(packet.assessment, packet.labs)}
    own = charts["PLAT (%): Platelet count decreased"]
    others = charts["PLAT (10^9/L): Platelet count decreased"]
    subject = packet.labs[0].subject
    assert {row["subject"] for row in rows_of(own) if "value" in row} == {subject}
    assert {row[0] for row in own.table.rows} == {subject}
    assert subject not in {row["subject"] for row in rows_of(others) if "value" in row}
    assert own.alt.endswith("results in 10^9/L do not convert and have a chart of their own")
    assert others.alt.endswith("results in % do not convert and have a chart of their own")


def test_values_that_convert_share_a_chart_that_says_whose_are_converted() -> None:
    packet = _in("10^6/L", drawn_in="10^9/L")
    (chart,) = lab_trends(packet.assessment, packet.labs)
    assert chart.title == "PLAT (10^9/L): Platelet count decreased"
    assert chart.alt.endswith(f"; converted from 10^6/L ({packet.labs[0].subject})")
    units = {row[0]: row[5] for row in chart.table.rows}
    assert units.pop(packet.labs[0].subject) == "10^6/L"
    assert set(units.values()) == {"10^9/L"}


def test_who_has_series_of_two_units_is_one_subject() -> None:
    packet = demo_packet()
    series = next(one for one in packet.labs if one.test == "PLAT")
    again = series.model_copy(update={"unit": "10^6/L", "drawn_in": "10^9/L"})
    (chart,) = lab_trends(packet.assessment, (series, again))
    assert f"{2 * len(series.values)} values of 1 subject;" in chart.alt
