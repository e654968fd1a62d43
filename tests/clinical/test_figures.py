"""The numbers behind the study-wide charts: both sides of each limit, and what is not known."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.contracts.figures import (
    Figures,
    LiverPeak,
    LiverPoint,
    QtPoint,
    Shift,
    TumourCourse,
)
from shared.contracts.profile import opaque_id
from tests.clinical.samples_support import WHO, day, ecg, lab, protocol, trial
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at, end_of

LAST = day(15)


def figures(found: Trial, on: date = LAST, known_at: datetime | None = None) -> Figures:
    study = Study(STUDY)
    study.add(found.facts)
    return figures_of(study, study.assess(as_of=end_of(on), known_at=known_at))


# -- heat map ------------------------------------------------------------------------------------


def heat(told: Figures) -> dict[str, tuple[int, int]]:
    return {one.term: (one.low, one.high) for one in told.heat}


def test_the_worst_grade_on_treatment_is_told_and_a_range_where_it_is_not_certain() -> None:
    found = trial()
    found.event(WHO, "Nausea", 1, day(2), recordid="a")
    found.event(WHO, "Nausea", 2, day(4), recordid="b")
    found.event(WHO, "Fatigue", 3, day(4), AETOXGR=None, AESEV="SEVERE")
    found.event(WHO, "Headache", 2, day(-4), AEENDTC=str(day(-2)))
    found.event(WHO, "Anemia", 2, day(-4))
    told = figures(found)
    assert heat(told) == {"Nausea": (2, 2), "Fatigue": (3, 4), "Anemia": (0, 2)}
    assert [one.soc for one in told.heat if one.term == "Nausea"] == ["Gastrointestinal disorders"]


def test_a_correction_and_a_withdrawal_change_the_map_and_not_the_past() -> None:
    found = trial()
    first = found.event(WHO, "Nausea", 3, day(2))
    found.event(
        WHO, "Nausea", 1, day(2), known=at(day(4)), revision=2, reason="transcription error"
    )
    found.record("adverse_event", WHO, None, known=at(day(6)), recordid=first.recordid, revision=3)
    assert heat(figures(found, day(3))) == {"Nausea": (3, 3)}
    assert heat(figures(found, day(5))) == {"Nausea": (1, 1)}
    assert heat(figures(found, day(7))) == {}
    assert heat(figures(found, day(7), known_at=end_of(day(3)))) == {"Nausea": (3, 3)}


# -- shift tables --------------------------------------------------------------------------------


def cells(told: Figures, test: str) -> list[tuple[str, str, int]]:
    (only,) = (one for one in told.shifts if one.test == test)
    return [(one.baseline, one.worst, one.subjects) for one in only.cells]


@pytest.mark.parametrize(
    ("before", "after", "cell"),
    [
        (["180"], ["180", "74.9", "90"], ("0", "2")),
        (["180"], ["180", "75"], ("0", "1")),
        (["100", "180"], ["60"], ("0", "2")),
        ([], ["60"], ("none", "2")),
        (["180"], [], ("0", "none")),
        (["180"], ["clumped"], ("0", "not_gradable")),
        (["180"], ["60", "clumped"], ("0", "uncertain")),
        (["180"], ["<60"], ("0", "uncertain")),
        (["180"], ["<20"], ("0", "4")),
        (["clumped"], ["180"], ("not_gradable", "0")),
    ],
)
def test_from_the_last_grade_before_to_the_worst_on_treatment(
    before: list[str], after: list[str], cell: tuple[str, str]
) -> None:
    found = trial()
    for number, value in enumerate(before):
        found.lab(WHO, "PLAT", value, day(-5 + number))
    for number, value in enumerate(after):
        found.lab(WHO, "PLAT", value, day(2 + number))
    assert cells(figures(found), "PLAT") == [(*cell, 1)]


def test_a_flagged_value_is_the_baseline_and_not_done_is_no_value() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "60", day(-5), LBLOBXFL="Y")
    found.lab(WHO, "PLAT", "180", day(-2))
    body = {"LBTESTCD": "PLAT", "LBDTC": str(day(3)), "LBSTAT": "NOT DONE", "LBREASND": "clotted"}
    found.record("lab", WHO, body, known=at(day(3)))
    assert cells(figures(found), "PLAT") == [("2", "none", 1)]


def test_without_an_upper_limit_no_shift_is_made_up() -> None:
    found = trial()
    lab(found, "ALP", "300", "U/L", day(-2))
    lab(found, "ALP", "900", "U/L", day(3))
    assert cells(figures(found), "ALP") == [("not_gradable", "not_gradable", 1)]


# -- eDISH ---------------------------------------------------------------------------------------


def liver(found: Trial) -> LiverPoint:
    (point,) = figures(found).liver
    return point


def peak(found: Trial, test: str) -> LiverPeak:
    return next(one for one in liver(found).peaks if one.test == test)


@pytest.mark.parametrize(
    ("alt", "bili", "raised"),
    [
        ("120", "40", (True, True)),
        ("119.99", "40", (False, True)),
        ("120", "39.99", (True, False)),
        (">120", "40", (True, True)),
        (">119", "<39", (None, False)),
        ("haemolysed", "40", (None, True)),
    ],
)
def test_both_sides_of_three_and_two_times_uln(
    alt: str, bili: str, raised: tuple[bool | None, bool | None]
) -> None:
    found = trial()
    found.lab(WHO, "ALT", alt, day(4))
    found.lab(WHO, "BILI", bili, day(6))
    point = liver(found)
    assert (point.transaminase_raised, point.bilirubin_raised) == raised
    assert point.days_apart == (2 if raised == (True, True) else None)


def test_a_multiple_just_below_a_limit_is_not_rounded_up_to_it() -> None:
    found = trial()
    found.lab(WHO, "ALT", "119.999", day(4))
    assert peak(found, "ALT").peak == Decimal("2.999")


def test_the_peak_is_by_each_value_s_own_upper_limit() -> None:
    found = trial()
    found.lab(WHO, "ALT", "100", day(-2))
    found.lab(WHO, "ALT", "120", day(4), LBORNRHI="60")
    found.lab(WHO, "ALT", "110", day(6))
    alt = peak(found, "ALT")
    assert (alt.peak, alt.day, alt.baseline, alt.baseline_raised) == (
        Decimal("2.750"),
        6,
        Decimal("2.500"),
        True,
    )
    assert (alt.open_above, alt.not_comparable) == (False, 0)


@pytest.mark.parametrize(
    ("result", "limits", "top", "why"),
    [
        (">100", {}, "2.500", None),
        ("<5", {}, None, "no value on treatment is more than a ceiling"),
        ("100", {"LBORNRHI": None}, None,
         "no value on treatment can be compared with an upper limit of normal"),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_peak_is_said(
    result: str, limits: dict[str, Any], top: str | None, why: str | None
) -> None:
    found = trial()
    found.lab(WHO, "ALT", result, day(4), **limits)
    alt = peak(found, "ALT")
    assert (alt.peak, alt.why_none, alt.open_above) == (top and Decimal(top), why, True)


def test_no_value_and_another_specimen_are_no_peak() -> None:
    found = trial()
    found.lab(WHO, "BILI", "900", day(4), LBSPEC="URINE")
    point = liver(found)
    assert [one.why_none for one in point.peaks] == ["no value on treatment"] * 4
    assert (point.transaminase, point.transaminase_raised, point.bilirubin_raised) == (None,) * 3


def test_the_rules_of_the_protocol_that_speak_are_named() -> None:
    rule = "    - {id: hy, text: t, source: s, hys_law: {transaminase_at_least: 3, "
    found = trial(protocol(criteria=rule + "bilirubin_at_least: 2}}\n"))
    found.lab(WHO, "AST", "130", day(4))
    assert liver(found).rules == ()
    found.lab(WHO, "BILI", "41", day(4))
    assert (liver(found).rules, liver(found).transaminase) == (("hy",), "AST")


# -- QTcF ----------------------------------------------------------------------------------------


def qt(found: Trial) -> QtPoint:
    (point,) = figures(found).qt
    return point


@pytest.mark.parametrize(
    ("result", "above"),
    [("450", 0), ("450.1", 450), ("480", 450), ("480.1", 480), ("500", 480), ("500.1", 500),
     (">500", 500), (">=500", 480)],
)  # fmt: skip
def test_both_sides_of_the_limits_of_ich_e14(result: str, above: int) -> None:
    found = trial()
    ecg(found, "QTCF", result, day(4))
    point = qt(found)
    assert (point.above, point.rise_above, point.rise) == (above, None, None)
    assert point.open_above == result.startswith(">")
    assert point.why_none == "no single QTcF before treatment"


@pytest.mark.parametrize(
    ("after", "rise", "above"),
    [("430", "30.0", 0), ("430.1", "30.1", 30), ("460", "60.0", 30), ("460.1", "60.1", 60),
     ("390", "-10.0", 0)],
)  # fmt: skip
def test_both_sides_of_the_rises_of_ich_e14(after: str, rise: str, above: int) -> None:
    found = trial()
    ecg(found, "QTCF", "380", day(-5))
    ecg(found, "QTCF", "400", day(-2))
    ecg(found, "QTCF", after, day(4))
    point = qt(found)
    assert (point.baseline, point.rise, point.rise_above) == (Decimal(400), Decimal(rise), above)
    assert (point.longest, point.day, point.derived) == (Decimal(after), 4, False)


def test_a_derived_qtcf_says_so_and_seconds_are_milliseconds() -> None:
    found = trial()
    ecg(found, "QT", "400", day(3))
    ecg(found, "HR", "60", day(3), unit="beats/min")
    point = qt(found)
    assert (point.longest, point.derived) == (Decimal(400), True)
    ecg(found, "QTCF", "0.481", day(5), unit="s")
    assert (qt(found).longest, qt(found).above) == (Decimal(481), 480)


def test_no_ecg_is_not_a_normal_one() -> None:
    point = qt(trial())
    assert (point.longest, point.above, point.why_none) == (
        None,
        None,
        "no QTcF on treatment, reported or derived",
    )


# -- tumour --------------------------------------------------------------------------------------


def tumour(found: Trial) -> TumourCourse:
    (course,) = figures(found).tumour
    return course


def assess_tumour(found: Trial, on: date, result: str = "SD", **data: Any) -> None:
    body = {"RSTESTCD": "OVRLRESP", "RSDTC": str(on), "RSORRES": result, **data}
    found.record("tumour_response", WHO, body, known=at(max(on, DAY_1)))


def test_change_is_against_the_last_sum_before_treatment() -> None:
    found = trial()
    for on, size in ((day(-9), "90"), (day(1), "60"), (day(8), "41.97"), (day(14), "72")):
        assess_tumour(found, on, sum_diam=size)
    course = tumour(found)
    assert (course.baseline, course.best_change, course.basis) == (
        Decimal(60),
        Decimal("-30.1"),
        "measured",
    )
    assert [(one.day, one.change) for one in course.points] == [
        (8, Decimal("-30.1")),
        (14, Decimal("20.0")),
    ]


@pytest.mark.parametrize(
    ("told", "best", "basis", "why"),
    [
        ([(8, {"sum_diam": "40"})], None, None, "no size before treatment"),
        ([(-1, {"sum_diam": "0"}), (8, {"sum_diam": "40"})], None, None,
         "the size before treatment is 0"),
        ([(8, {"best_change_pct": "-12.5%"})], "-12.5", "stated",
         "no size on treatment, only responses in words"),
        ([(8, {})], None, None, "no size on treatment, only responses in words"),
        ([], None, None, "no tumour assessment on record"),
    ],
)  # fmt: skip
def test_what_is_lacking_of_a_change_is_said(
    told: list[tuple[int, dict[str, str]]], best: str | None, basis: str | None, why: str
) -> None:
    found = trial()
    for number, data in told:
        assess_tumour(found, day(number), **data)
    course = tumour(found)
    assert (course.best_change, course.basis, course.why_none) == (
        best and Decimal(best),
        basis,
        why,
    )


def test_readers_are_not_mixed_and_the_best_response_is_in_the_records_words() -> None:
    found = trial()
    assess_tumour(found, day(-2), "NE", sum_diam="50", RSEVAL="INVESTIGATOR")
    assess_tumour(found, day(8), "PR", sum_diam="30", RSEVAL="INVESTIGATOR")
    assess_tumour(found, day(9), "PD", sum_diam="80", RSEVAL="INDEPENDENT ASSESSOR")
    course = tumour(found)
    assert [one.sum_of_diameters for one in course.points] == [Decimal(30)]
    assert course.best_response == "PR"


# -- stopping rules ------------------------------------------------------------------------------

STOPPING = """stopping:
  - id: vomiting
    text: vomiting of grade 3
    source: synthetic
    toxicity: {terms: [Vomiting], grade: 3}
    stop_when: {kind: n_of_m, events: 2, of: 6}
"""


def test_the_running_count_against_the_boundary() -> None:
    found = Trial(PROTOCOL.read_text("utf-8") + STOPPING)
    for subject, grade in (("1-01", 1), ("1-02", 3), ("1-03", 3)):
        found.enrol(subject)
        found.event(subject, "Vomiting", grade, day(int(subject[-1]) + 3))
    found.complete("1-01")
    early, late = (figures(found, on).stopping[0] for on in (day(5), day(24)))
    assert [one.stop_at for one in late.boundary] == [None, 2, 2, 2, 2, 2]
    assert [(one.n, one.events, one.usubjid[-1]) for one in early.path] == [(1, 1, "2")]
    assert [(one.n, one.events, one.usubjid[-1]) for one in late.path] == [
        (1, 1, "2"),
        (2, 2, "3"),
        (3, 2, "1"),
    ]
    assert (early.pending, late.pending, late.status, late.counted) == (2, 0, "crossed", "events")


# -- who is in them ------------------------------------------------------------------------------


def test_only_treated_subjects_are_in_the_figures() -> None:
    found = trial()
    found.record("subject", "1-02", {"SUBJID": "1-02", "RFICDTC": str(day(1))}, known=at(day(1)))
    told = figures(found)
    (only,) = told.subjects
    assert (only.id, only.subject) == (opaque_id(STUDY, f"{STUDY}-{WHO}"), WHO)
    assert [len(part) for part in (told.courses, told.liver, told.qt, told.tumour)] == [1] * 4
    assert [(one.given, one.percent_of_planned) for one in told.exposures] == [(1, "100.0")]


def test_another_record_is_seen_though_figures_are_kept() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "180", day(-2))
    study = Study(STUDY)
    study.add(found.facts)
    moment = end_of(LAST)

    def shifts() -> tuple[Shift, ...]:
        return figures_of(study, study.assess(as_of=moment)).shifts

    assert [one.cells[0].worst for one in shifts()] == ["none"]
    known = len(found.facts)
    found.lab(WHO, "PLAT", "20", day(9), known=at(day(9)))
    study.add(found.facts[known:])
    assert [one.cells[0].worst for one in shifts()] == ["4"]
