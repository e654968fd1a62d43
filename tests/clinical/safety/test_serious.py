"""Serious events: what makes one, the report of the site, and the reports by region."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.clinical import compare
from tests.clinical.safety.telling import asked, asking, clocks, day, findings, told, turning
from tests.clinical.stories import Trial, at, end_of, subject_of
from tests.clinical.test_deadlines import check

SITE = "site_report: stated, serious_events: {}"
REGIONS = (
    "serious_events: {regions: {EU: {time_zone: Europe/Brussels}, US: {time_zone: America/New_York,"
    " fifteen_days_from: determination}}}"
)
AWARE = "2026-03-10T09:00:00+08:00"
TICK = timedelta(microseconds=1)


def serious(section: str, **data: Any) -> Trial:
    trial = asking(section)
    data = {"AESER": "Y", **data}
    trial.event("1-01", "Rash maculo-papular", data.pop("grade", 2), day(9), **data)
    return trial


# -- what is serious -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words", "severity"),
    [
        ({"AESER": "Y"}, "stated serious", "warning"),
        ({"AESER": "N", "AESHOSP": "Y"}, "hospital stay", "warning"),
        ({"AESER": "N", "AESLIFE": "Y"}, "life-threatening", "urgent"),
        ({"AESER": "N", "AESMIE": "Y", "AESCONG": "Y"}, "birth defect, medically", "warning"),
        ({"AESER": "N", "AEOUT": "FATAL"}, "fatal", "urgent"),
        ({"AESER": "N", "grade": 5}, "fatal", "urgent"),
    ],
)
def test_stated_or_by_a_criterion(data: dict[str, Any], words: str, severity: str) -> None:
    signal = told(serious(SITE, **data), at(day(9), 16))["serious"]
    assert words in signal.text
    assert signal.severity == severity


@pytest.mark.parametrize("data", [{"AESER": "N"}, {"AESER": "N", "AESHOSP": "U", "grade": 4}])
def test_a_grade_alone_or_a_criterion_not_stated_is_none(data: dict[str, Any]) -> None:
    assert findings(serious(SITE, **data), at(day(9), 16)) == ()


def test_a_report_that_contradicts_itself_is_serious_and_asked_about() -> None:
    trial = serious(SITE, AESER="N", AESHOSP="Y")
    assert "serious" in told(trial, at(day(9), 16))
    assert any("called not serious" in text for text in asked(trial, at(day(9), 16)))


def test_nothing_is_told_without_the_section_or_before_it_is_asked_for() -> None:
    for section in ("", "expected_labs: []"):
        assert findings(serious(section), at(day(9), 16)) == ()


def test_an_event_before_the_first_dose_is_told() -> None:
    trial = asking(SITE)
    data = {"AETERM": "Fall", "AESTDTC": str(day(9)), "AESER": "Y", "AETOXGR": "3"}
    person = {"SUBJID": "1-02", "RFICDTC": str(day(8))}
    trial.record("subject", "1-02", person, known=at(day(8)))
    trial.record("adverse_event", "1-02", data, known=at(day(9)))
    assessed = subject_of(trial.assess(at(day(9), 16)), "1-02")
    assert assessed.status == "not_started"
    assert [finding.kind for finding in assessed.safety] == ["sae"]


# -- corrections -----------------------------------------------------------------------------------


def downgraded(reason: str | None) -> Trial:
    trial = serious(SITE)
    again: dict[str, Any] = {"known": at(day(10)), "revision": 2, "reason": reason}
    trial.event("1-01", "Rash maculo-papular", 2, day(9), AESER="N", **again)
    return trial


def test_a_downgrade_with_a_reason_withdraws_all_of_it() -> None:
    trial = downgraded("no criterion was met")
    before = compare((), trial.assess(at(day(9), 16)), lambda _: 0)
    sent = compare(before, trial.assess(at(day(10), 16)), lambda _: 1)
    (ended,) = [one for one in sent if one.ends and one.rule == "serious"]
    assert ended.type == "signal.withdrawn"
    assert "serious (stated serious)" in ended.text


def test_a_downgrade_without_a_reason_withdraws_nothing_and_is_asked_about() -> None:
    trial = downgraded(None)
    assert "serious" in told(trial, at(day(10), 16))
    assert any("made non-serious without" in text for text in asked(trial, at(day(10), 16)))


def test_a_deleted_report_is_withdrawn() -> None:
    trial = serious(SITE)
    trial.delete(trial.facts[-1], at(day(10)))
    assert findings(trial, at(day(10), 16)) == ()


def test_a_worse_report_follows_up_the_one_before() -> None:
    trial = serious(SITE)
    first = compare((), trial.assess(at(day(9), 16)), lambda _: 0)
    again: dict[str, Any] = {"known": at(day(10)), "revision": 2, "AESER": "Y", "AESLIFE": "Y"}
    trial.event("1-01", "Rash maculo-papular", 4, day(9), **again)
    sent = compare(first, trial.assess(at(day(10), 16)), lambda _: 0)
    old = next(one for one in first if one.type == "sae")
    new = next(one for one in sent if one.rule == "serious")
    assert (new.supersedes, new.severity, new.ends) == (old.id, "urgent", False)


# -- the report of the site ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "status", "severity"),
    [
        (datetime.fromisoformat("2026-03-10T20:59:59.999999+08:00"), "running", None),
        (datetime.fromisoformat("2026-03-10T21:00+08:00"), "at_50", "warning"),
        (datetime.fromisoformat("2026-03-11T04:12+08:00"), "at_80", "urgent"),
        (datetime.fromisoformat("2026-03-11T09:00+08:00"), "at_80", "urgent"),
        (datetime.fromisoformat("2026-03-11T09:00:00.000001+08:00"), "overdue", "critical"),
    ],
)
def test_24_hours_from_awareness(moment: datetime, status: str, severity: str | None) -> None:
    trial = serious(SITE, aware_dtc=AWARE, known=at(day(9), 9, 30))
    assert clocks(trial, moment)["site"].status == status
    signal = told(trial, moment).get("serious/site")
    assert (signal.severity if signal else None) == severity


def test_each_turn_is_the_next_deadline_and_follows_up_the_one_before() -> None:
    trial = serious(SITE, aware_dtc=AWARE, known=at(day(9), 9, 30))
    moment, standing, turns = at(day(9), 9, 30), list[Any](), list[str]()
    while turns[-1:] != ["overdue"]:
        for signal in compare(standing, trial.assess(moment), lambda _: 0):
            standing = [one for one in standing if one.id != signal.supersedes]
            standing += [signal]
        assert sum(one.slot.startswith("clock/") for one in standing) <= 1
        status = clocks(trial, moment)["site"].status
        turns += [status] if turns[-1:] != [status] else []
        moment = turning(trial, moment) or moment
    assert turns == ["running", "at_50", "at_80", "overdue"]


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("2026-03-11T09:00:00+08:00", "met"),
        ("2026-03-11T09:00:01+08:00", "late"),
        ("2026-03-11", "perhaps_late"),
        ("2026-03-10", "met"),
        ("2026-03-12", "late"),
    ],
)
def test_a_report_ends_the_clock(reported: str, status: str) -> None:
    trial = serious(SITE, aware_dtc=AWARE, reported_dtc=reported, known=at(day(20)))
    assert clocks(trial, at(day(20)))["site"].status == status


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("2026-03-11T09:00:00+08:00", "met"),
        ("2026-03-11T09:00:00.000001+08:00", "late"),
    ],
)
def test_the_receipt_is_the_report_unless_the_study_says_otherwise(known: str, status: str) -> None:
    moment = datetime.fromisoformat(known)
    trial = serious("serious_events: {}", aware_dtc=AWARE, known=moment)
    assert clocks(trial, moment)["site"].status == status


def test_awareness_that_nobody_stated_is_asked_for_and_never_called_in_time() -> None:
    trial = serious("serious_events: {}")
    site = clocks(trial, at(day(9), 16))["site"]
    assert (site.status, site.started) == ("perhaps_late", at(day(9)))
    assert "not stated" in site.basis
    assert any("when the site became aware" in text for text in asked(trial, at(day(9), 16)))


def test_nobody_reports_before_being_aware() -> None:
    said = {"aware_dtc": "2026-03-10", "reported_dtc": "2026-03-11T15:00:01+08:00"}
    assert clocks(serious(SITE, **said), at(day(11)))["site"].status == "late"


def test_exempt_terms_and_other_lengths() -> None:
    exempt = "serious_events: {exempt: [Rash maculo-papular]}"
    assert clocks(serious(exempt), at(day(9), 16)) == {}
    longer = serious("site_report: stated, serious_events: {site_within_hours: 72}")
    assert clocks(longer, at(day(9), 16))["site"].due == at(day(12))


# -- by region -------------------------------------------------------------------------------------


def regional(moment: datetime, **data: Any) -> dict[str, tuple[date | None, date | None]]:
    found = clocks(serious(REGIONS, aware_dtc=AWARE, **data), moment)
    return {name: (one.day_0, one.last_day) for name, one in found.items() if name != "site"}


def test_fifteen_days_from_the_information_or_the_determination() -> None:
    days = {"day_0_dtc": "2026-03-11", "determined_dtc": "2026-03-13"}
    assert regional(at(day(9), 16), **days) == {
        "EU-15": (date(2026, 3, 11), date(2026, 3, 26)),
        "US-15": (date(2026, 3, 13), date(2026, 3, 28)),
    }


@pytest.mark.parametrize("grave", [{"AESLIFE": "Y"}, {"AESDTH": "Y"}, {"grade": 5}])
def test_seven_and_eight_more_days_if_fatal_or_life_threatening(grave: dict[str, Any]) -> None:
    days = {"day_0_dtc": "2026-03-11", "determined_dtc": "2026-03-13"}
    initial = (date(2026, 3, 11), date(2026, 3, 18))
    later = (date(2026, 3, 11), date(2026, 3, 26))
    assert regional(at(day(9), 16), **days, **grave) == {
        "EU-7": initial, "EU-follow-up": later, "US-7": initial, "US-follow-up": later,
    }  # fmt: skip


def test_a_day_0_that_nobody_stated_is_the_receipt_in_the_region_and_asked_for() -> None:
    # 04:30 of 10 March in Shanghai is still 9 March in Brussels and New York.
    found = regional(at(day(9), 16), known=at(day(9), 4, 30))
    assert found["EU-15"] == (date(2026, 3, 9), date(2026, 3, 24))
    trial = serious(REGIONS, aware_dtc=AWARE)
    assert any("first had the information" in text for text in asked(trial, at(day(9), 16)))


def worsened(reason: str | None, sent: str | None = None, **second: Any) -> Trial:
    """Serious on day 9 with day 0 on 10 March; fatal by the news of 20 March."""
    both: dict[str, Any] = {"AESER": "Y", "determined_dtc": "2026-03-10"}
    both["submissions"] = [{"region": "EU", "dtc": sent}] if sent else []
    trial = asking(REGIONS)
    trial.event("1-01", "Rash", 2, day(9), day_0_dtc="2026-03-10", **both)
    again: dict[str, Any] = {"known": at(day(19)), "revision": 2, "reason": reason, **second}
    trial.event("1-01", "Rash", 5, day(9), AESDTH="Y", **both, **again)
    return trial


@pytest.mark.parametrize("reason", [None, "the autopsy"])
@pytest.mark.parametrize("stated", [{}, {"day_0_dtc": "2026-03-20"}], ids=["receipt", "stated"])
def test_news_that_makes_it_fatal_starts_clocks_beside_the_one_that_runs(
    reason: str | None, stated: dict[str, str]
) -> None:
    found = clocks(worsened(reason, **stated), at(day(19), 16))
    days = {name: one.day_0 for name, one in found.items() if name.startswith("EU")}
    assert days == {"EU-7": day(19), "EU-follow-up": day(19), "EU-15": day(9)}


@pytest.mark.parametrize(
    ("sent", "first", "second"),
    [("2026-03-12", "met", "running"), ("2026-03-20", "met", "met"), (None, "at_50", "running")],
)
def test_a_report_sent_before_the_news_does_not_end_its_clock(
    sent: str | None, first: str, second: str
) -> None:
    found = clocks(worsened("news", sent, day_0_dtc="2026-03-20"), at(day(19), 16))
    assert (found["EU-15"].status, found["EU-7"].status) == (first, second)


def test_what_is_no_longer_fatal_has_fifteen_days() -> None:
    trial = serious(REGIONS, AESDTH="Y", day_0_dtc="2026-03-10")
    again: dict[str, Any] = {"known": at(day(10)), "revision": 2, "reason": "alive"}
    days: dict[str, Any] = {"day_0_dtc": "2026-03-10", "determined_dtc": "2026-03-10"}
    trial.event("1-01", "Rash maculo-papular", 3, day(9), AESER="Y", **days, **again)
    assert set(clocks(trial, at(day(10), 16))) == {"site", "EU-15", "US-15"}


def test_a_report_that_was_deleted_and_restored() -> None:
    trial = serious("serious_events: {}")
    trial.delete(trial.facts[-1], at(day(10)))
    again: dict[str, Any] = {"known": at(day(11)), "revision": 3, "AESER": "Y"}
    trial.event("1-01", "Rash maculo-papular", 2, day(9), **again)
    assert clocks(trial, at(day(11), 16))["site"].started == at(day(9))


def test_another_deadline_is_told_again() -> None:
    trial = serious(REGIONS, day_0_dtc="2026-03-11", determined_dtc="2026-03-11")
    first = told(trial, at(day(9), 16))["serious"]
    again: dict[str, Any] = {"known": at(day(10)), "revision": 2, "reason": "asked", "AESER": "Y"}
    days: dict[str, Any] = {"day_0_dtc": "2026-03-10", "determined_dtc": "2026-03-11"}
    trial.event("1-01", "Rash maculo-papular", 2, day(9), **days, **again)
    second = told(trial, at(day(10), 16))["serious"]
    assert (second.slot, second.key == first.key) == (first.slot, False)
    assert "report to EU due by the end of 2026-03-25 (EU, day 0 2026-03-10)" in second.text


@pytest.mark.parametrize(
    ("data", "actor", "runs"),
    [
        ({"related": "RELATED"}, "", True),
        ({"related": None}, "", True),
        ({"related": "NOT RELATED"}, "", False),
        ({"expected": "N", "rsi_version": "4"}, "", True),
        ({"expected": "Y", "rsi_version": "4"}, "", True),
        ({"expected": "Y", "rsi_version": "4"}, "safety physician", False),
    ],
    ids=["related", "unknown", "unrelated", "unexpected", "expected, by nobody", "expected"],
)
def test_suspected_and_unexpected(data: dict[str, Any], actor: str, runs: bool) -> None:
    trial = serious(REGIONS, aware_dtc=AWARE, **data)
    trial.facts[-1] = trial.facts[-1].model_copy(update={"actor": actor})
    assert ("EU-15" in clocks(trial, at(day(9), 16))) is runs


def test_the_clock_of_a_region_begins_with_the_suspicion() -> None:
    trial = serious(REGIONS, related="NOT RELATED")
    again: dict[str, Any] = {"known": at(day(14)), "revision": 2, "AESER": "Y"}
    trial.event("1-01", "Rash maculo-papular", 2, day(9), **again)
    assert clocks(trial, at(day(14), 16))["EU-15"].day_0 == day(14)


def test_whoever_once_said_related_is_not_overruled() -> None:
    trial = serious(REGIONS)
    again: dict[str, Any] = {
        "known": at(day(10)),
        "revision": 2,
        "reason": "reconsidered",
        "AESER": "Y",
    }
    trial.event("1-01", "Rash maculo-papular", 2, day(9), related="NOT RELATED", **again)
    assert "EU-15" in clocks(trial, at(day(10), 16))


@pytest.mark.parametrize(
    ("sent", "status"), [("2026-03-26", "met"), ("2026-03-27", "late"), ("2026-03", "perhaps_late")]
)
def test_a_submission_ends_the_clock_of_its_region(sent: str, status: str) -> None:
    submitted = [{"region": "EU", "dtc": sent}]
    days = {"day_0_dtc": "2026-03-11", "determined_dtc": "2026-03-11"}
    trial = serious(REGIONS, submissions=submitted, known=at(day(9)), **days)
    found = clocks(trial, at(day(40)))
    assert (found["EU-15"].status, found["US-15"].status) == (status, "overdue")


def test_overdue_begins_with_the_next_day_in_the_region() -> None:
    trial = serious(REGIONS, day_0_dtc="2026-03-11", determined_dtc="2026-03-11")
    midnight = datetime.fromisoformat("2026-03-27T00:00+01:00")
    assert clocks(trial, midnight - TICK)["EU-15"].status == "at_80"
    assert clocks(trial, midnight)["EU-15"].status == "overdue"
    signal = told(trial, midnight)["serious/EU-15"]
    assert signal.severity == "critical"
    assert "by the end of 2026-03-26 (EU, day 0 2026-03-11)" in signal.text
    assert signal.at == midnight


def test_between_two_deadlines_nothing_changes() -> None:
    trial = serious(REGIONS, aware_dtc="2026-03-10", day_0_dtc="2026-03-11")
    check(trial.facts, at(day(9), 16), end_of(day(40)), timedelta(hours=7))
