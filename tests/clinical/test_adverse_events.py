"""Summary tables of adverse events: the published figures, and who counts in which line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from services.demo.records import event, usubjid
from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical.adverse_events import reported_events, summarise
from shared.clinical.study import Study
from shared.contracts.adverse_events import (
    AdverseEventSummary,
    Line,
    Measure,
    ReportedEvent,
    percent,
)

START = datetime(2022, 5, 1, tzinfo=UTC)
END = datetime(2024, 1, 22, 16, tzinfo=UTC)
Data = dict[str, Any]


@cache
def _stated() -> tuple[Data, ...]:
    return tuple(events())


def _of_one() -> list[Data]:
    return [one for one in _stated() if one["data"].get("USUBJID") == usubjid("1-01")]


def _study(stated: Iterable[Data]) -> Study:
    study = Study("NCT05301764")
    study.add([protocol_fact(START), *facts_of(stated)])
    return study


def _tables(
    study: Study, at: datetime = END
) -> tuple[AdverseEventSummary, tuple[ReportedEvent, ...]]:
    protocol = study.protocol_at(at)
    assert protocol is not None
    people = study.persons(protocol, at, at)
    listed = reported_events(people)
    treated = [one.dose_level for one in people if one.start]
    return summarise(protocol, treated, listed), listed


@pytest.fixture(scope="module")
def summary() -> AdverseEventSummary:
    return _tables(_study(_stated()))[0]


def _line(summary: AdverseEventSummary, term: str | None) -> Line:
    return next(line for line in summary.lines if line.term == term)


@pytest.mark.parametrize(
    ("term", "measure", "published"),
    [
        # ASCO 2024 abstract 11554, all related to treatment, 39 subjects.
        (None, "related", "97.44"),
        (None, "related_grade_3_or_higher", "61.54"),
        ("Platelet count decreased", "related_grade_3_or_higher", "43.59"),
        ("Aspartate aminotransferase increased", "related_grade_3_or_higher", "12.82"),
        ("White blood cell decreased", "related_grade_3_or_higher", "10.26"),
        ("Neutrophil count decreased", "related_grade_3_or_higher", "10.26"),
    ],
)
def test_the_published_percentages(
    summary: AdverseEventSummary, term: str | None, measure: Measure, published: str
) -> None:
    total = summary.groups[-1]
    assert (total.label, total.treated) == ("Total", 39)
    assert percent(_line(summary, term).subjects[measure][-1], 39) == Decimal(published)


def test_the_columns_are_dose_levels_and_add_up(summary: AdverseEventSummary) -> None:
    assert [(one.label, one.treated) for one in summary.groups] == [
        ("1 mg/kg", 3),
        ("2 mg/kg", 3),
        ("3 mg/kg", 27),
        ("4 mg/kg", 6),
        ("Total", 39),
    ]
    for line in summary.lines:
        for counts in line.subjects.values():
            assert sum(counts[:-1]) == counts[-1]


def test_a_class_counts_subjects_not_events(summary: AdverseEventSummary) -> None:
    by_soc = {line.soc: line for line in summary.lines if line.soc and not line.term}
    blood = by_soc["Investigations"].subjects["related_grade_3_or_higher"][-1]
    terms = [line for line in summary.lines if line.soc == "Investigations" and line.term]
    added = sum(line.subjects["related_grade_3_or_higher"][-1] for line in terms)
    assert 17 < blood < added


def _ae(**changes: object) -> Data:
    data: Data = {
        "USUBJID": usubjid("1-01"),
        "AETERM": "Nausea",
        "AEDECOD": "Nausea",
        "AETOXGR": "2",
        "AESTDTC": "2022-05-12",
        "AESER": "N",
        "AEREL": "NOT RELATED",
    }
    known = datetime(2022, 5, 20, 9, tzinfo=UTC)
    return event("adverse_event", "urn:edc", "1-01/AE/X", known, {**data, **changes})


def _counted(**changes: object) -> dict[Measure, int]:
    quiet = [one for one in _of_one() if "/AE/" not in str(one["recordid"])]
    summary = _tables(_study([*quiet, _ae(**changes)]))[0]
    line = next((line for line in summary.lines if line.term), None)
    return {} if line is None else {name: one[-1] for name, one in line.subjects.items()}


def test_an_event_of_another_cause_is_not_related() -> None:
    assert _counted() == {
        "any_grade": 1,
        "grade_3_or_higher": 0,
        "related": 0,
        "related_grade_3_or_higher": 0,
        "serious": 0,
        "led_to_discontinuation": 0,
    }


@pytest.mark.parametrize(
    ("changes", "measure", "counts"),
    [
        ({"AETOXGR": "3"}, "grade_3_or_higher", 1),
        ({"AEREL": "RELATED"}, "related", 1),
        ({"AEREL": None}, "related", 1),
        ({"AESER": "Y"}, "serious", 1),
        ({"AEACN": "DRUG WITHDRAWN"}, "led_to_discontinuation", 1),
        ({"AEACN2": "DRUG WITHDRAWN"}, "led_to_discontinuation", 1),
        ({"AEACN": "DOSE REDUCED"}, "led_to_discontinuation", 0),
        ({"AETOXGR": None, "AESEV": "SEVERE"}, "grade_3_or_higher", 1),
        ({"AESTDTC": "2022-05-09"}, "any_grade", 1),
    ],
)
def test_what_makes_an_event_count(
    changes: dict[str, object], measure: Measure, counts: int
) -> None:
    assert _counted(**changes)[measure] == counts


def test_what_was_over_before_the_first_dose_is_left_out() -> None:
    assert _counted(AESTDTC="2022-05-07", AEENDTC="2022-05-08") == {}


def test_nothing_known_later_is_in_an_earlier_table() -> None:
    study = _study([*_stated(), _ae()])
    before, after = (_tables(study, datetime(2022, 5, 20, hour, tzinfo=UTC))[1] for hour in (8, 10))
    assert [one.term for one in after if one not in before] == ["Nausea"]


def test_a_term_ctcae_does_not_have_is_not_coded() -> None:
    summary, _ = _tables(_study([*_of_one(), _ae(AETERM="Odd feeling", AEDECOD=None)]))
    assert [(line.soc, line.term) for line in summary.lines][-1] == ("Not coded", "Odd feeling")


def test_a_silent_action_is_said_to_be_silent(summary: AdverseEventSummary) -> None:
    assert any("AEACN" in note and "not known" in note for note in summary.notes)


def test_percentages_round_halves_up() -> None:
    assert [percent(1, 8), percent(1, 800), percent(0, 0)] == [
        Decimal("12.50"),
        Decimal("0.13"),
        None,
    ]
