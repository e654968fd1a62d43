"""Study-wide charts: what is drawn, what is hollow, and what is only said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.charts.events import MOST_TERMS, ae_heat
from shared.charts.heart import qtcf
from shared.charts.liver import edish
from shared.charts.shifts import MOST_PANELS, shifts
from shared.charts.stopping import stopping
from shared.charts.tumour import spider, waterfall
from shared.contracts.figures import HeatCell, Shift, ShiftCell, ShiftGrade
from tests.charts.made import (
    empty_figures,
    figures,
    liver,
    peak,
    qt,
    stopping_rule,
    treated,
    tumour,
    usubjid,
)
from tests.charts.reading import rows_of


@pytest.mark.parametrize(
    ("alt", "bili", "quadrant"),
    [
        ("2.999", "1.999", "neither"),
        ("3", "1.999", "transaminase only"),
        ("2.999", "2", "bilirubin only"),
        ("3", "2", "both limits reached"),
    ],
)
def test_a_point_is_named_by_the_limits_it_reaches(alt: str, bili: str, quadrant: str) -> None:
    chart = edish(figures(liver=(liver("1-01", alt, bili),)))
    point = next(row for row in rows_of(chart) if "quadrant" in row)
    assert point["quadrant"] == quadrant
    assert (point["transaminase"], point["bilirubin"]) == (float(alt), float(bili))
    assert point["certain"]
    assert chart.table.rows[0][5] == quadrant
    assert (chart.table.strong == {0}) is (quadrant == "both limits reached")


def test_both_limits_are_drawn_with_their_source() -> None:
    chart = edish(figures())
    limits = {row["words"]: row["limit"] for row in rows_of(chart) if "limit" in row}
    assert limits == {"3 x ULN": 3, "2 x ULN": 2}
    assert "FDA" in chart.table.notes[0]
    assert chart.alt == "4 subjects; both limits reached: 3 mg/kg · 3-02"


def test_each_quarter_has_its_name_and_how_many_are_known_to_be_in_it() -> None:
    unknown = liver("1-01", "5", "5", transaminase_raised=None)
    chart = edish(figures(liver=(*figures().liver[:4], unknown)))
    words = {row["words"] for row in rows_of(chart) if "words" in row and "limit" not in row}
    assert words == {
        "Hy’s law range: 1",
        "Temple’s corollary: 1",
        "hyperbilirubinemia range: 1",
        "normal or near it: 1",
    }
    assert any("no cholestasis" in note for note in chart.table.notes)


def test_subjects_stand_by_dose_whatever_their_codes() -> None:
    codes = {"2-01": 1, "10-01": 1, "9-01": 2, "1-01": 3}
    subjects = tuple(
        treated("1-01").model_copy(
            update={"subject": code, "usubjid": usubjid(code), "dose_level": at, "dose": f"d{at}"}
        )
        for code, at in sorted(codes.items())
    )
    seen = tuple(qt(code, "430") for code in sorted(codes))
    heat = tuple(
        HeatCell(usubjid=usubjid(code), term="Fatigue", soc=None, low=1, high=1) for code in codes
    )
    made = figures(subjects=subjects, heat=heat, qt=seen)
    ordered = ["d1 · 2-01", "d1 · 10-01", "d2 · 9-01", "d3 · 1-01"]
    across = (ae_heat(made).spec or {})["encoding"]["x"]["scale"]["domain"]
    assert across == ordered
    assert [row["subject"] for row in rows_of(qtcf(made)) if "longest" in row] == ordered


def test_a_peak_that_may_be_higher_is_hollow_and_one_without_uln_is_named() -> None:
    above = liver("1-01", "2.5", "1").model_copy(
        update={"peaks": (peak("ALT", "2.5", open_above=True), peak("BILI", "1"))}
    )
    unknown = liver("2-01", "2.5", "1", transaminase_raised=None)
    chart = edish(figures(liver=(above, unknown, liver("3-01", None, "1"))))
    points = [row for row in rows_of(chart) if "certain" in row]
    assert [row["certain"] for row in points] == [False, True]
    assert points[1]["quadrant"] == "not known"
    assert chart.table.rows[0][1] == "2.5+ (day 22)"
    assert chart.table.notes[-1] == (
        "Not drawn: no transaminase: no ULN was sent (3 mg/kg · 3-01)."
    )


def test_a_log_axis_cannot_draw_zero_and_says_so() -> None:
    chart = edish(figures(liver=(liver("1-01", "0.9", "0"), liver("2-01", "1", "1"))))
    assert len([row for row in rows_of(chart) if "certain" in row]) == 1
    assert "bilirubin 0, which a log axis does not have" in chart.table.notes[-1]


def test_the_longest_qtcf_has_its_category_and_its_rise() -> None:
    chart = qtcf(figures())
    rows = {row["subject"]: row for row in rows_of(chart) if "category" in row}
    assert rows["2 mg/kg · 2-01"]["category"] == "450 ms or less"
    assert rows["2 mg/kg · 2-01"]["change"] == "+30 ms"
    assert rows["3 mg/kg · 3-01"]["category"] == "above 450 ms"
    assert rows["3 mg/kg · 3-01"]["change"] == "+30.5 ms, above 30"
    assert rows["3 mg/kg · 3-02"]["category"] == "above 500 ms"
    assert "no ECG on treatment (4 mg/kg · 4-01)" in chart.table.notes[-1]
    assert chart.alt.startswith("4 subjects, the longest 512.3 ms; above 500 ms: 1")


def test_a_qtcf_without_baseline_keeps_its_mark() -> None:
    chart = qtcf(figures(qt=(qt("1-01", "485", open_above=True),)))
    (row,) = [row for row in rows_of(chart) if "category" in row]
    assert (row["baseline"], row["change"], row["certain"]) == (None, "rise not known", False)
    assert chart.table.rows[0][1] == "485+"
    assert chart.table.rows[0][6] == "not known"


def test_the_heat_map_has_a_cell_for_each_term_and_subject_and_a_column_for_everybody() -> None:
    made = figures()
    chart = ae_heat(made)
    cells = {(row["subject"], row["term"]): row["text"] for row in rows_of(chart)}
    assert len(cells) == len(made.heat) == len(chart.table.rows)
    assert cells[("3 mg/kg · 3-01", "Hypertension")] == "1–3"
    assert chart.spec is not None
    assert len(chart.spec["encoding"]["x"]["scale"]["domain"]) == len(made.subjects)
    assert chart.spec["encoding"]["y"]["scale"]["domain"] == ["Anemia", "Hypertension", "Fatigue"]
    assert chart.alt == "3 terms in 5 subjects; 1 with grade 3 or higher"


def test_too_many_terms_leave_the_mildest_to_the_table() -> None:
    many = tuple(
        HeatCell(usubjid=usubjid("1-01"), term=f"Term {at:02}", soc=None, low=1, high=1 + at // 30)
        for at in range(MOST_TERMS + 2)
    )
    chart = ae_heat(figures(heat=many))
    assert len(rows_of(chart)) == MOST_TERMS
    assert len(chart.table.rows) == MOST_TERMS + 2
    assert chart.table.notes == ("Not drawn: of the lowest grades (2 terms).",)
    assert {row["grade"] for row in rows_of(chart)} == {"1", "2"}


def test_a_shift_counts_subjects_and_keeps_the_unknown_apart() -> None:
    chart = shifts(figures())
    cells = {(row["baseline"], row["worst"]): row for row in rows_of(chart)}
    shown = {"baseline": "0", "worst": "3", "subjects": 1, "worse": True, "severe": True}
    assert cells[("0", "3")] == shown
    assert not cells[("no value", "1")]["worse"]
    assert not cells[("0", "not gradable")]["worse"]
    assert sum(row["subjects"] for row in cells.values()) == 5
    assert chart.table.notes == (
        "Not drawn: nobody is known to have become worse (1 of the tests and terms).",
    )
    assert len(chart.table.rows) == 5


@pytest.mark.parametrize(
    ("baseline", "worst", "worse", "severe"),
    [
        ("0", "2", True, False),
        ("0", "3", True, True),
        ("3", "4", True, True),
        ("3", "3", False, False),
        ("4", "3", False, False),
        ("none", "4", False, False),
    ],
)
def test_only_who_became_worse_to_grade_3_or_higher_is_dark(
    baseline: ShiftGrade, worst: ShiftGrade, worse: bool, severe: bool
) -> None:
    cells = (
        ShiftCell(baseline=baseline, worst=worst, subjects=1),
        ShiftCell(baseline="0", worst="1", subjects=1),
    )
    shift = Shift(test="ALT", term="Term", direction="high", cells=cells)
    row = rows_of(shifts(figures(shifts=(shift,))))[0]
    assert (row["worse"], row["severe"]) == (worse, severe)


def test_the_name_of_a_shift_stays_above_its_own_square() -> None:
    cell = ShiftCell(baseline="0", worst="3", subjects=1)
    long = Shift(test="T", term="Word " * 40, direction="high", cells=(cell,))
    chart = shifts(figures(shifts=(long,)))
    assert chart.spec is not None
    lines = chart.spec["concat"][0]["title"]["text"]
    assert max(map(len, lines)) <= 24
    assert len(lines) <= 8


def test_only_the_gravest_shifts_are_drawn() -> None:
    def shift(at: int) -> Shift:
        cell = ShiftCell(baseline="0", worst="4" if at == 13 else "1", subjects=1)
        return Shift(test=f"T{at:02}", term="Term", direction="high", cells=(cell,))

    chart = shifts(figures(shifts=tuple(shift(at) for at in range(14))))
    assert chart.spec is not None
    assert len(chart.spec["concat"]) == MOST_PANELS
    assert chart.spec["concat"][0]["title"]["text"][0] == "T13"
    assert chart.table.notes == ("Not drawn: of lower grades (2 of the tests and terms).",)


def test_the_waterfall_falls_and_names_what_lacks_a_size() -> None:
    stated = tumour("3-02", (), best_change=Decimal("-8"), basis="stated", best_response="SD")
    made = figures()
    chart = waterfall(made.model_copy(update={"tumour": (*made.tumour, stated)}))
    bars = [row for row in rows_of(chart) if "basis" in row]
    order = list(dict.fromkeys(row["subject"] for row in bars))
    assert order == [f"{code[0]} mg/kg · {code}" for code in ("2-01", "3-02", "1-01", "3-01")]
    assert {row["basis"] for row in bars if row["subject"].endswith("3-02")} == {"stated"}
    assert chart.table.notes[-1] == "Not drawn: no sum of diameters (4 mg/kg · 4-01)."
    assert "at -30 % or less: 2; the best -61 %" in chart.alt


def test_the_spider_has_every_measured_change() -> None:
    made = figures()
    chart = spider(made)
    drawn = {(row["subject"], row["day"], row["change"]) for row in rows_of(chart) if "day" in row}
    begun = {(subject, 1, 0.0) for subject, *_ in drawn}
    assert begun <= drawn, "each line begins with no change"
    told = {point.change for one in made.tumour for point in one.points}
    assert len(drawn - begun) == sum(len(one.points) for one in made.tumour)
    assert {Decimal(str(change)) for *_, change in drawn - begun} == told


def test_the_running_count_and_the_boundary() -> None:
    (chart,) = stopping(figures())
    path = [(row["n"], row["count"], row["what"]) for row in rows_of(chart) if "what" in row]
    assert path == [
        (1, 0, "no event"),
        (2, 0, "no event"),
        (3, 1, "event"),
        (4, 2, "to be judged"),
    ]
    assert chart.alt == "near: 2 of 4, 3 or more stop; 2 pending"
    assert "from 2: 2, from 4: 3, from 8: 4, from 12: 5" in chart.table.notes[2]
    assert [row[4] for row in chart.table.rows] == ["none stops", "2", "2", "3"]
    assert chart.table.notes[-1] == "Not drawn: not final yet (2 subjects)."


def test_whoever_is_counted_has_a_name_of_its_own() -> None:
    (chart,) = stopping(figures(subjects=(treated("1-01"),)))
    named = [row[chart.table.named] for row in chart.table.rows]
    assert named == ["1 mg/kg · 1-01", *(usubjid(code) for code in ("2-01", "3-01", "3-02"))]
    assert chart.table.subjects == tuple(map(usubjid, ("1-01", "2-01", "3-01", "3-02")))


def test_a_rule_of_which_nobody_is_final_shows_its_boundary() -> None:
    (chart,) = stopping(figures(stopping=(stopping_rule("", status="open"),)))
    assert chart.spec is not None
    assert chart.alt == "open: nobody is final yet; 2 pending"
    (bare,) = stopping(figures(stopping=(stopping_rule("", boundary=()),)))
    assert bare.spec is None


@pytest.mark.parametrize("draw", [ae_heat, edish, qtcf, shifts, spider, waterfall])
def test_an_empty_study_has_words_instead(draw: object) -> None:
    assert callable(draw)
    chart = draw(empty_figures())
    assert chart.spec is None
    assert chart.alt.endswith(".")
    assert stopping(empty_figures()) == []


def test_one_subject_is_enough() -> None:
    one = figures(
        subjects=(treated("1-01"),),
        heat=(HeatCell(usubjid=usubjid("1-01"), term="Rash", soc=None, low=5, high=5),),
        liver=(liver("1-01", "1", "1"),),
        qt=(qt("1-01", "440", "0"),),
        tumour=(tumour("1-01", ("0",)),),
    )
    for chart in (ae_heat(one), edish(one), qtcf(one), waterfall(one), spider(one)):
        assert chart.spec is not None
        assert "1 subject" in chart.alt
