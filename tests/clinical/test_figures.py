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
    Shift,
    TumourCourse,
)
from shared.contracts.profile import opaque_id
from tests.clinical.samples_support import WHO, day, lab, trial
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
    before = [{"dtc": str(day(-4)), "grade": "2"}]
    found.event(WHO, "Pain", 2, day(-4), grade_changes=before)
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


@pytest.mark.parametrize(
    ("one", "other", "cell"),
    [
        ((3, "60"), (3, "180"), ("none", "uncertain")),
        ((3, "60"), (3, "clumped"), ("none", "uncertain")),
        ((-2, "60"), (-2, "180"), ("uncertain", "none")),
        ((-2, "180"), (3, "180"), ("none", "0")),
    ],
)
def test_a_record_that_contradicts_itself_is_one_reading_on_treatment_if_it_may_be(
    one: tuple[int, str], other: tuple[int, str], cell: tuple[str, str]
) -> None:
    for contents in ((one, other), (other, one)):
        found = trial()
        for number, value in contents:
            found.lab(WHO, "PLAT", value, day(number), recordid="P", known=at(day(4)))
        assert cells(figures(found), "PLAT") == [(*cell, 1)]


def test_without_an_upper_limit_no_shift_is_made_up() -> None:
    found = trial()
    lab(found, "ALP", "300", "U/L", day(-2))
    lab(found, "ALP", "900", "U/L", day(3))
    assert cells(figures(found), "ALP") == [("not_gradable", "not_gradable", 1)]


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


def stopping(stop_when: str) -> str:
    return f"""stopping:
  - id: vomiting
    text: vomiting of grade 3
    source: synthetic
    toxicity: {{terms: [Vomiting], grade: 3}}
    stop_when: {{{stop_when}}}
"""


FUTILITY = """response:
  testcds: [OVRLRESP]
  responders: [CR, PR]
  progression: [PD]
futility:
  - {id: two-stage, text: t, source: s, among: [escalation],
     two_stage: {r1: 0, n1: 2, r: 1, n: 4}}
"""


def test_the_running_count_against_the_boundary() -> None:
    found = Trial(PROTOCOL.read_text("utf-8") + stopping("kind: n_of_m, events: 2, of: 6"))
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


@pytest.mark.parametrize(
    ("stop_when", "boundary"),
    [
        ("kind: any_related_grade_5", [1] * 20),
        ("kind: repeated_testing, p0: 0.2, looks: [3, 6]", [None, None, 3, 3, 3, 3]),
    ],
)
def test_a_boundary_goes_as_far_as_its_rule(stop_when: str, boundary: list[int | None]) -> None:
    found = Trial(PROTOCOL.read_text("utf-8") + stopping(stop_when))
    found.enrol(WHO)
    (rule,) = figures(found).stopping
    assert [one.stop_at for one in rule.boundary] == boundary


def test_a_rule_that_the_assessment_does_not_speak_of_is_not_drawn() -> None:
    found = Trial(PROTOCOL.read_text("utf-8") + stopping("kind: any_related_grade_5"))
    study = Study(STUDY)
    study.add(found.facts)
    assessment = study.assess(as_of=end_of(LAST))
    assert figures_of(study, assessment).stopping
    assert figures_of(study, assessment.model_copy(update={"stopping": ()})).stopping == ()


def test_of_a_two_stage_design_the_missing_responses_are_counted() -> None:
    found = Trial(PROTOCOL.read_text("utf-8") + FUTILITY)
    for subject, result in (("1-01", "PD"), ("1-02", "PR"), ("1-03", "SD")):
        found.enrol(subject)
        body = {"RSTESTCD": "OVRLRESP", "RSDTC": str(day(8)), "RSORRES": result}
        found.record("tumour_response", subject, body, known=at(day(8 + int(subject[-1]))))
    (rule,) = figures(found).stopping
    assert [(one.n, one.events, one.is_event) for one in rule.path] == [(1, 1, True), (2, 1, False)]
    assert (rule.counted, rule.pending, len(rule.boundary)) == ("non_responses", 1, 4)
    assert [one.stop_at for one in rule.boundary] == [None, 2, 3, 3]


# -- who is in them ------------------------------------------------------------------------------


def test_only_treated_subjects_are_in_the_figures() -> None:
    found = trial()
    found.record("subject", "1-02", {"SUBJID": "1-02", "RFICDTC": str(day(1))}, known=at(day(1)))
    told = figures(found)
    (only,) = told.subjects
    assert (only.id, only.subject) == (opaque_id(STUDY, f"{STUDY}-{WHO}"), WHO)
    assert [len(part) for part in (told.courses, told.liver, told.qt, told.tumour)] == [1] * 4
    assert [(one.given, one.percent_of_planned) for one in told.exposures] == [(1, "100.0")]


def test_a_moment_seen_by_what_was_known_later_is_worked_out_afresh() -> None:
    found = trial()
    found.event(WHO, "Nausea", 1, day(2), known=at(day(2)))
    found.event(WHO, "Nausea", 3, day(2), known=at(day(9)), revision=2, reason="corrected")
    study = Study(STUDY)
    study.add(found.facts)
    moments = [(day(5), day(9)), (day(5), day(5)), (day(5), day(9)), (day(9), day(9))]
    said = [study.assess(as_of=end_of(of), known_at=end_of(known)) for of, known in moments]
    assert [heat(figures_of(study, one))["Nausea"] for one in said] == [
        (3, 3), (1, 1), (3, 3), (3, 3),
    ]  # fmt: skip


def test_a_protocol_not_known_then_gives_no_figures() -> None:
    study = Study(STUDY)
    study.add(trial().facts)
    assessment = study.assess(as_of=end_of(LAST))
    with pytest.raises(ValueError, match="protocol version 9"):
        figures_of(study, assessment.model_copy(update={"protocol_version": "9"}))


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
