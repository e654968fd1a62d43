"""Events of special interest with their clocks, and the treatment an immune-related one needed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.clinical.safety.telling import asking, clocks, day, findings, told
from tests.clinical.stories import Trial, at

COLITIS = "id: colitis, text: Colitis, source: section 9, terms: [Colitis]"
WATCHED = f"special_interest: [{{{COLITIS}, from_grade: 2, immune_related: true}}]"


def colitis(section: str = WATCHED, grade: int = 2, **data: Any) -> Trial:
    trial = asking(section)
    trial.event("1-01", "Colitis", grade, day(9), **data)
    return trial


@pytest.mark.parametrize(("grade", "kinds"), [(1, []), (2, ["aesi"]), (4, ["aesi"])])
def test_from_a_grade_on_serious_or_not(grade: int, kinds: list[str]) -> None:
    found = findings(colitis(grade=grade), at(day(9), 16))
    assert [one.kind for one in found] == kinds


def test_a_severity_without_a_grade_counts_as_the_most_it_may_mean() -> None:
    section = f"special_interest: [{{{COLITIS}, from_grade: 4}}]"
    for severity, told_of in (("SEVERE", True), ("MODERATE", False)):
        trial = asking(section)
        data = {"AETERM": "Colitis", "AESTDTC": str(day(9)), "AESER": "N", "AESEV": severity}
        trial.record("adverse_event", "1-01", data, known=at(day(9)))
        assert bool(findings(trial, at(day(9), 16))) is told_of


def test_of_a_group_in_the_report_s_own_words() -> None:
    trial = asking("special_interest: [{id: b, text: A bleed, source: s, group: bleeding}]")
    trial.event("1-01", "NOSE BLEED", 1, day(9), AEDECOD="Epistaxis")
    trial.event("1-01", "Vomiting", 3, day(9))
    assert [one.text for one in findings(trial, at(day(9), 16))] == [
        f"A bleed: Epistaxis grade 1 on {day(9)}"
    ]


def test_each_has_a_clock_of_its_own_beside_that_of_a_serious_event() -> None:
    section = (
        f"site_report: stated, serious_events: {{}}, "
        f"special_interest: [{{{COLITIS}, site_within_hours: 48}}]"
    )
    trial = colitis(section, AESER="Y", aware_dtc="2026-03-10T09:00:00+08:00")
    found = {one.kind: one.clocks[0].due for one in findings(trial, at(day(9), 16))}
    assert found == {"sae": at(day(10), 9), "aesi": at(day(11), 9)}
    assert told(trial, at(day(11), 10))["colitis/site"].type == "aesi"


def test_its_clock_begins_with_the_grade_that_makes_it_one() -> None:
    section = f"site_report: stated, special_interest: [{{{COLITIS}, from_grade: 3, site_within_hours: 24}}]"  # noqa: E501
    trial = colitis(section)
    trial.event("1-01", "Colitis", 3, day(9), known=at(day(12)), revision=2)
    assert clocks(trial, at(day(12), 16))["site"].started == at(day(12))


def test_a_withdrawn_event_takes_its_signals_along() -> None:
    trial = colitis()
    trial.event(
        "1-01", "Vomiting", 2, day(9), recordid="1-01/AE/Colitis", revision=2,
        known=at(day(10)), reason="wrong term",
    )  # fmt: skip
    assert told(trial, at(day(10), 16)) == {}


# -- immunosuppression -----------------------------------------------------------------------------


def treated(category: str | None, begun: date | str, **event: Any) -> list[str]:
    trial = colitis(**event)
    data = {"CMTRT": "PREDNISONE", "CMSTDTC": str(begun), "CMINDC": "COLITIS"}
    data |= {"category": category} if category else {}
    trial.record("concomitant", "1-01", data, known=at(day(15)))
    return [
        f"{one.severity}: {one.text}"
        for one in told(trial, at(day(15), 16)).values()
        if "treated with" in one.text
    ]


@pytest.mark.parametrize(
    ("begun", "counts"),
    [(day(8), False), (day(9), True), (day(12), True), (day(13), False), ("2026-03", True)],
)
def test_what_was_begun_on_a_day_of_the_event(begun: date | str, counts: bool) -> None:
    found = treated("steroid", begun, AEENDTC=str(day(12)))
    assert len(found) == counts


def test_until_today_while_it_goes_on() -> None:
    (text,) = treated("steroid", day(15))
    assert text == (
        f"warning: 1-01: Colitis: Colitis grade 2 on {day(9)}, treated with PREDNISONE (steroid) "
        f"from {day(15)}, indication: COLITIS"
    )


@pytest.mark.parametrize(
    ("category", "severities"),
    [("steroid", ["warning"]), ("immunosuppressant", ["urgent"]), ("supportive_care", [])],
)
def test_by_category(category: str, severities: list[str]) -> None:
    assert [text.partition(":")[0] for text in treated(category, day(10))] == severities


def test_a_second_immunosuppressant_is_another_signal() -> None:
    trial = colitis()
    for name, category in (("PREDNISONE", "steroid"), ("INFLIXIMAB", "immunosuppressant")):
        data = {"CMTRT": name, "CMSTDTC": str(day(10)), "category": category}
        trial.record("concomitant", "1-01", data, known=at(day(10)))
    kinds = [one.kind for one in findings(trial, at(day(10), 16))]
    assert kinds == ["aesi", "immune_related", "immune_related"]
