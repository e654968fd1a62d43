"""A subject's profile: every record told once, with its grade, its doubts and its versions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical import Study
from shared.clinical.packet import packet_of
from shared.clinical.profile import profile_of
from shared.contracts.envelope import Fact
from shared.contracts.facts import KINDS, STUDY_KINDS
from shared.contracts.packet import Packet
from shared.contracts.profile import Band, Profile, Series, Value, opaque_id
from tests.clinical.samples_support import WHO, day, ecg, lab, protocol, trial
from tests.clinical.stories import DAY_1, STUDY, Trial, at, end_of
from tests.contracts.examples import event

ME = opaque_id(STUDY, f"{STUDY}-{WHO}")
LAST = day(15)


def profile(found: Trial, on: date = LAST, known_at: datetime | None = None) -> Profile:
    study = Study(STUDY)
    study.add(found.facts)
    assessment = study.assess(as_of=end_of(on), known_at=known_at)
    told = profile_of(study, assessment, ME)
    assert told is not None
    return told


def series(told: Profile, test: str) -> Series:
    (only,) = (one for one in told.series if one.test == test)
    return only


def grades(value: Value, term: str) -> tuple[int | None, int | None]:
    (only,) = (one for one in value.grades if one.term == term)
    return only.low, only.high


# -- the demo study, told another way -----------------------------------------------------------


@cache
def _demo() -> tuple[list[Fact], Packet, dict[str, Profile]]:
    facts = list(facts_of(events()))
    start = min(fact.known_at for fact in facts) - timedelta(days=1)
    study = Study(facts[0].study)
    study.add([protocol_fact(start), *facts])
    assessment = study.assess(as_of=max(fact.known_at for fact in facts))
    told = {
        one.usubjid: profile_of(study, assessment, opaque_id(study.study, one.usubjid))
        for one in assessment.subjects
    }
    found = {usubjid: one for usubjid, one in told.items() if one is not None}
    assert found.keys() == told.keys()
    return facts, packet_of(study, assessment), found


def _latest(facts: list[Fact], kind: str, usubjid: str) -> dict[str, Fact]:
    held: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda one: one.revision or 0):
        if (fact.kind, fact.subject) == (kind, usubjid):
            held[fact.recordid] = fact
    return {name: fact for name, fact in held.items() if fact.op == "upsert"}


def test_every_record_of_the_demo_is_told_once_and_with_all_versions() -> None:
    facts, _, profiles = _demo()
    for usubjid, told in profiles.items():
        mine = [fact for fact in facts if fact.subject == usubjid]
        assert sum(len(one.versions) for one in told.records) == len(mine)
        for kind, parts in (("dose", told.doses), ("adverse_event", told.events)):
            standing = [one.evidence.recordid for one in parts if one.state == "stands"]
            assert sorted(standing) == sorted(_latest(facts, kind, usubjid))
        labs = _latest(facts, "lab", usubjid)
        values = [value for one in told.series if one.domain == "lab" for value in one.values]
        assert {one.evidence.recordid: one.result for one in values} == {
            name: fact.data["LBORRES"] for name, fact in labs.items()
        }
        given = [fact.data["ECDOSE"] for fact in _latest(facts, "dose", usubjid).values()]
        assert sorted(str(one.dose) for one in told.doses) == sorted(given)


def test_the_packet_gives_the_same_grades_of_the_same_values() -> None:
    _, packet, profiles = _demo()
    assert packet.labs
    for shown in packet.labs:
        mine = series(profiles[shown.usubjid], shown.test)
        said = [
            (one.on.first, one.on.day, one.result, *grades(one, shown.term)) for one in mine.values
        ]
        assert said == [
            (one.on, one.day, one.result, one.grade_low, one.grade_high) for one in shown.values
        ]


def test_every_certain_grade_of_the_demo_lies_in_its_band() -> None:
    *_, profiles = _demo()
    seen = 0
    for told in profiles.values():
        for one in told.series:
            for stretch in one.stretches:
                for value in one.values[stretch.first : stretch.last + 1]:
                    low, high = grades(value, stretch.term)
                    if value.number is None or low is None or low != high:
                        continue
                    (band,) = (band for band in stretch.bands if _holds(band, value.number))
                    assert band.low <= low <= band.high
                    seen += 1
    assert seen > 1000


def _holds(band: Band, number: Decimal) -> bool:
    above = (
        band.lower is None or number > band.lower or (band.lower_included and number == band.lower)
    )
    below = (
        band.upper is None or number < band.upper or (band.upper_included and number == band.upper)
    )
    return above and below


# -- labs ---------------------------------------------------------------------------------------


def test_bands_move_with_the_upper_limit_and_the_baseline() -> None:
    found = trial()
    found.lab(WHO, "ALT", "30", day(-2))
    found.lab(WHO, "ALT", "121", day(3))
    found.lab(WHO, "ALT", "121", day(5), LBORNRHI="50")
    alt = series(profile(found), "ALT")
    assert [one.before_treatment for one in alt.values] == [True, False, False]
    limits = [
        [band.upper for band in one.bands if (band.low, band.high) == (1, 1)]
        for one in alt.stretches
    ]
    assert [(one.first, one.last) for one in alt.stretches] == [(0, 0), (1, 1), (2, 2)]
    assert limits[1:] == [[Decimal(120)], [Decimal(150)]]
    term = "Alanine aminotransferase increased"
    assert [grades(one, term) for one in alt.values] == [(0, 0), (2, 2), (1, 1)]
    assert alt.values[1].grades[0].with_records[0].recordid == f"{WHO}/LB/ALT/{day(-2)}"


def test_without_an_upper_limit_there_is_no_grade_and_the_reason_is_told() -> None:
    found = trial()
    lab(found, "ALT", "300", "U/L", day(3))
    (value,) = series(profile(found), "ALT").values
    assert (value.number, value.uln) == (Decimal(300), None)
    (grade,) = value.grades
    assert (grade.low, grade.high, grade.not_gradable) == (None, None, "no_range")


def test_a_comparator_and_words_are_no_number_to_draw() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "<20", day(3))
    found.lab(WHO, "PLAT", "clumped", day(4))
    less, words = series(profile(found), "PLAT").values
    assert (less.comparator, less.number, less.result) == ("<", Decimal(20), "<20")
    assert (words.comparator, words.number, words.result) == ("", None, "clumped")


def test_a_result_that_was_not_done_says_why() -> None:
    found = trial()
    body = {"LBTESTCD": "PLAT", "LBDTC": str(day(3)), "LBSTAT": "NOT DONE", "LBREASND": "clotted"}
    found.record("lab", WHO, body, known=at(day(3)))
    (value,) = series(profile(found), "PLAT").values
    assert (value.result, value.not_done, value.number) == (None, "clotted", None)


def test_a_test_that_no_criterion_names_is_shown_without_a_grade() -> None:
    found = trial()
    lab(found, "XYZ", "5", "mg/L", day(3))
    only = series(profile(found), "XYZ")
    assert (only.values[0].grades, only.stretches) == ((), ())


def test_units_are_not_drawn_on_one_axis() -> None:
    found = trial()
    lab(found, "HGB", "9.1", "g/dL", day(3))
    lab(found, "HGB", "91", "g/L", day(4))
    assert [one.unit for one in profile(found).series] == ["g/L", "g/dL"]


def test_a_derived_qtcf_names_its_formula_beside_what_was_reported() -> None:
    found = trial()
    ecg(found, "QT", "480", day(3))
    ecg(found, "HR", "75", day(3), unit="beats/min")
    told = profile(found)
    qtcf = series(told, "QTCF")
    assert (qtcf.domain, series(told, "QT").formula) == ("ecg", None)
    assert qtcf.formula is not None
    assert "Fridericia" in f"{qtcf.formula} {qtcf.source}"
    # 480 / (60/75)^(1/3) = 517.06...
    assert qtcf.values[0].result is not None
    assert qtcf.values[0].result.startswith("517")


# -- events, corrections, withdrawals ------------------------------------------------------------


def test_grade_changes_are_steps_and_the_words_of_the_report_are_kept() -> None:
    found = trial()
    found.event(
        WHO, "Nausea", 1, day(2), AETERM="feeling sick", AEENDTC="2026-03",
        grade_changes=[{"dtc": str(day(2)), "grade": "1"}, {"dtc": str(day(4)), "grade": "3"}],
    )  # fmt: skip
    (event,) = profile(found).events
    assert [(one.on.day, one.low, one.high) for one in event.steps] == [(2, 1, 1), (4, 3, 3)]
    assert (event.low, event.high) == (3, 3)
    assert (event.term, event.reported, event.causality) == ("Nausea", "feeling sick", ("RELATED",))
    assert event.end is not None
    assert (event.end.stated, event.end.last.day) == ("2026-03", 31)


def test_a_month_for_an_onset_is_a_doubt() -> None:
    found = trial()
    found.event(WHO, "Nausea", 1, "2026-03")
    (event,) = profile(found, day(28)).events
    assert (event.on.first.day, event.on.last.day, event.on.stated) == (1, 31, "2026-03")
    assert "the day of the start is not known" in event.doubts


def test_dates_that_cannot_be_are_doubts() -> None:
    found = trial()
    found.event(WHO, "Nausea", 1, day(12), known=at(day(3)), AEENDTC=str(day(2)))
    (event,) = profile(found).events
    assert event.doubts[0] == "the start is stated as later than it was known"
    assert "the end is stated as before the start" in event.doubts


def test_a_record_known_only_by_its_deletion_is_listed_and_nothing_else() -> None:
    found = trial()
    found.record("lab", WHO, None, known=at(day(3)), recordid="never-seen")
    told = profile(found)
    (record,) = (one for one in told.records if one.recordid == "never-seen")
    assert [(one.deleted, one.says) for one in record.versions] == [(True, "")]
    assert told.series == ()


def test_a_correction_shows_what_stood_before_and_a_withdrawn_event_is_told_as_one() -> None:
    found = trial()
    first = found.event(WHO, "Nausea", 3, day(2))
    found.event(
        WHO, "Nausea", 1, day(2), known=at(day(4)), revision=2, reason="transcription error"
    )
    before, after = profile(found, day(3)), profile(found, day(5))
    assert [(one.high, one.state) for one in before.events] == [(3, "stands")]
    assert [(one.high, one.state) for one in after.events] == [(1, "stands")]
    found.record("adverse_event", WHO, None, known=at(day(6)), recordid=first.recordid, revision=3)
    gone = profile(found, day(7))
    assert [(one.high, one.state) for one in gone.events] == [(1, "withdrawn")]
    (record,) = (one for one in gone.records if one.recordid == first.recordid)
    assert [(one.revision, one.stands, one.deleted) for one in record.versions] == [
        (1, False, False),
        (2, False, False),
        (3, False, True),
    ]
    assert record.versions[1].reason == "transcription error"
    assert "2026-03-03 3 N" in record.versions[0].says
    # What was known on day 3 stays what it was.
    assert profile(found, day(7), known_at=end_of(day(3))).events == before.events


def test_a_record_that_contradicts_itself_is_told_with_both_contents() -> None:
    found = trial()
    found.event(WHO, "Nausea", 3, day(2), recordid="N")
    found.event(WHO, "Nausea", 1, day(2), recordid="N")
    told = profile(found)
    assert sorted((one.high, one.state) for one in told.events) == [
        (1, "in_conflict"),
        (3, "in_conflict"),
    ]
    assert all("two contents of one revision" in one.doubts for one in told.events)
    assert any(one.kind == "conflict" for one in told.queries)
    (record,) = (one for one in told.records if one.recordid == "N")
    assert [one.stands for one in record.versions] == [True, True]


# -- doses and the rest --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "planned_on", "reduced", "delay"),
    [
        ("100", "2026-03-23", False, 0),
        ("99.9", "2026-03-22", True, 1),
        ("100", "2026-03-24", False, -1),
        ("100", "2026-03", False, None),
        ("100", None, False, None),
        ("0", "2026-03-20", None, None),
    ],
)
def test_a_dose_against_its_plan(
    given: str, planned_on: str | None, reduced: bool | None, delay: int | None
) -> None:
    found = trial()
    plan = {"planned_dtc": planned_on} if planned_on else {}
    found.dose(WHO, day(22), cycle=2, given=given, ECREASOC="neutropenia", **plan)
    dose = profile(found, day(29)).doses[-1]
    assert (dose.given, dose.reduced, dose.delay_days) == (given != "0", reduced, delay)
    assert (dose.on.day, dose.why_not) == (22, "neutropenia")


def test_what_else_is_on_the_time_line() -> None:
    found = trial()
    stated = {
        "concomitant": {
            "CMTRT": "G-CSF",
            "CMSTDTC": str(day(4)),
            "CMDOSE": "5",
            "category": "growth_factor",
        },
        "tumour_response": {
            "RSTESTCD": "OVRLRESP",
            "RSDTC": str(day(8)),
            "RSORRES": "PR",
            "sum_diam": "40.5",
        },
        "disposition": {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))},
    }
    known = at(day(10))
    for kind, data in stated.items():
        found.record(kind, WHO, data, known=known)
    found.review(WHO, "NOT_DLT", known, "any-g3")
    told = profile(found)
    assert [(one.name, one.on.day, one.dose, one.end) for one in told.treatments] == [
        ("G-CSF", 4, Decimal(5), None)
    ]
    assert [(one.result, one.sum_of_diameters) for one in told.tumour] == [("PR", Decimal("40.5"))]
    assert [(one.decision, one.on.day) for one in told.leaving] == [("PROGRESSIVE DISEASE", 9)]
    assert [(one.decision, one.actor) for one in told.reviews] == [("NOT_DLT", "medical monitor")]
    assert (told.first_dose and told.first_dose.first, told.zone) == (DAY_1, "Asia/Shanghai")
    assert told.assessment.subject == WHO


def test_what_happens_later_is_not_told_of_an_earlier_moment() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "180", day(3))
    found.lab(WHO, "PLAT", "30", day(9))
    early = profile(found, day(5))
    assert [one.result for one in series(early, "PLAT").values] == ["180"]
    assert all(
        one.known_at <= early.known_at for record in early.records for one in record.versions
    )


def test_before_the_first_dose_there_are_no_days() -> None:
    found = Trial(protocol())
    found.record("subject", WHO, {"SUBJID": WHO, "RFICDTC": str(day(1)), "AGE": 61, "SEX": "F"},
                 known=at(day(1)))  # fmt: skip
    found.lab(WHO, "PLAT", "180", day(1))
    told = profile(found)
    assert (told.first_dose, told.age, told.sex, told.consented) == (None, 61, "F", str(day(1)))
    assert [one.on.day for one in series(told, "PLAT").values] == [None]


def test_a_first_dose_known_only_by_its_month_says_so() -> None:
    found = Trial(protocol())
    dose = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": "2026-03"}
    found.record("dose", WHO, dose, known=at(day(40)))
    first = profile(found, day(41)).first_dose
    assert first is not None
    assert (first.stated, first.first.day, first.last.day, first.day) == ("2026-03", 1, 31, 1)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - STUDY_KINDS))
def test_every_kind_of_record_about_a_subject_says_something(kind: str) -> None:
    found = trial()
    stated = {k: v for k, v in event(kind)["data"].items() if k not in ("STUDYID", "USUBJID")}
    found.record(kind, WHO, stated, known=at(day(3)), recordid="one", actor="a person")
    told = profile(found)
    (record,) = (one for one in told.records if one.recordid == "one")
    assert (record.kind, record.versions[0].stands) == (kind, True)
    assert record.versions[0].says


def test_nobody_else_is_found() -> None:
    study = Study(STUDY)
    study.add(trial().facts)
    assessment = study.assess(as_of=end_of(LAST))
    assert profile_of(study, assessment, opaque_id(STUDY, f"{STUDY}-1-02")) is None
    assert profile_of(study, assessment, opaque_id("other", f"{STUDY}-{WHO}")) is None


def test_every_record_about_a_subject_says_something() -> None:
    *_, profiles = _demo()
    versions = [
        version
        for told in profiles.values()
        for record in told.records
        for version in record.versions
    ]
    assert all(version.says for version in versions if not version.deleted)
