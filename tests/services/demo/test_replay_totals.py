"""The replay's events add up to the published totals, counted from the events alone."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from statistics import mean, median
from typing import Any

import pytest

from services.demo import STUDY, replay
from services.demo.table import read_rows
from shared.contracts.envelope import read_event

Data = dict[str, Any]


@pytest.fixture(scope="module")
def stated() -> list[Data]:
    return replay.events()


def data_of(stated: list[Data], kind: str) -> Iterator[Data]:
    return (one["data"] for one in stated if one["type"] == f"vigil.{kind}.v1")


def severe(stated: list[Data]) -> list[tuple[str, str, int, date]]:
    """Subject, term, grade and onset of each event of grade 3 or higher, by record."""
    found = {
        (one["source"], one["recordid"]): one["data"]
        for one in stated
        if one["type"] == "vigil.adverse_event.v1" and int(one["data"]["AETOXGR"]) >= 3
    }
    return [
        (
            data["USUBJID"],
            data["AETERM"],
            int(data["AETOXGR"]),
            date.fromisoformat(data["AESTDTC"]),
        )
        for data in found.values()
    ]


def first_doses(stated: list[Data]) -> dict[str, date]:
    return {
        data["USUBJID"]: date.fromisoformat(data["ECSTDTC"][:10])
        for data in data_of(stated, "dose")
        if data["ECTRT"] == "LVGN6051" and data["cycle"] == 1
    }


def phase_1b(stated: list[Data]) -> set[str]:
    return {
        data["USUBJID"]
        for data in data_of(stated, "cohort_assignment")
        if data["part"] == "escalation"
    }


def test_subjects_and_cohorts(stated: list[Data]) -> None:
    assignments = list(data_of(stated, "cohort_assignment"))
    assert len({data["USUBJID"] for data in assignments}) == 39
    parts = Counter(data["part"] for data in assignments)
    assert parts == {"escalation": 18, "expansion": 21}
    levels = Counter(data["dose_level"] for data in assignments if data["part"] == "escalation")
    assert levels == {1: 3, 2: 3, 3: 6, 4: 6}
    assert {data["dose_level"] for data in assignments if data["part"] == "expansion"} == {3}


def test_cycles_and_characteristics(stated: list[Data]) -> None:
    cycles = Counter(
        data["USUBJID"] for data in data_of(stated, "dose") if data["ECTRT"] == "LVGN6051"
    )
    assert (sum(cycles.values()), median(cycles.values())) == (234, 3)
    assert round(mean(cycles.values()), 1) == 6.0
    assert (min(cycles.values()), max(cycles.values())) == (1, 20)

    subjects = list(data_of(stated, "subject"))
    ages = [data["AGE"] for data in subjects]
    assert (median(ages), min(ages), max(ages)) == (40, 21, 66)
    assert sum(data["ECOG"] == "1" for data in subjects) == 31
    assert sum(data["PRIORICI"] == "Y" for data in subjects) == 20
    assert median(int(data["PRIORLIN"]) for data in subjects) == 2


def test_severe_events(stated: list[Data]) -> None:
    found = severe(stated)
    assert len({subject for subject, *_ in found}) == 24
    by_term = Counter(term for _, term, _, _ in found)
    assert by_term == {
        "Platelet count decreased": 17,
        "Aspartate aminotransferase increased": 5,
        "White blood cell decreased": 4,
        "Neutrophil count decreased": 4,
        "Hypertension": 2,
        "Hypertriglyceridemia": 1,
    }
    escalation = phase_1b(stated)
    platelets = [subject for subject, term, *_ in found if term == "Platelet count decreased"]
    assert sum(subject in escalation for subject in platelets) == 9

    began = first_doses(stated)
    early = [one for one in found if (one[3] - began[one[0]]).days < 42]
    assert (len(early), len(found)) == (31, 33)


def test_any_event(stated: list[Data]) -> None:
    related = {
        data["USUBJID"]
        for data in data_of(stated, "adverse_event")
        if data["AEREL"] == "RELATED" and int(data["AETOXGR"]) >= 1
    }
    everyone = {data["USUBJID"] for data in data_of(stated, "subject")}
    assert everyone - related == {f"{STUDY}-1-02"}


def test_responses(stated: list[Data]) -> None:
    rank = ["PR", "SD", "PD"]
    best: dict[str, str] = {}
    for data in data_of(stated, "tumour_response"):
        before = best.get(data["USUBJID"], "PD")
        best[data["USUBJID"]] = min(before, data["RSORRES"], key=rank.index)
    assert Counter(best.values()) == {"PR": 2, "SD": 23, "PD": 4}
    assert 39 - len(best) == 10
    assert round(25 / len(best) * 100, 2) == 86.21


def test_reported_events_agree_with_the_laboratory(stated: list[Data]) -> None:
    """Each severe haematological or AST event has a value of that day within its grade."""
    limits: dict[str, tuple[str, dict[int, tuple[float, float]]]] = {
        "Platelet count decreased": ("PLAT", {3: (25, 50), 4: (0, 25)}),
        "White blood cell decreased": ("WBC", {3: (1, 2)}),
        "Neutrophil count decreased": ("NEUT", {3: (0.5, 1)}),
        "Aspartate aminotransferase increased": ("AST", {3: (200.5, 800.5)}),
    }
    values = {
        (data["USUBJID"], data["LBTESTCD"], data["LBDTC"][:10]): float(data["LBORRES"])
        for data in data_of(stated, "lab")
    }
    checked = 0
    for subject, term, grade, onset in severe(stated):
        if term in limits:
            code, ranges = limits[term]
            low, high = ranges[grade]
            assert low <= values[subject, code, onset.isoformat()] < high
            checked += 1
    assert checked == 30


def test_every_ast_comes_with_what_hys_law_asks(stated: list[Data]) -> None:
    panels: dict[tuple[str, str], set[str]] = {}
    for data in data_of(stated, "lab"):
        panels.setdefault((data["USUBJID"], data["LBDTC"]), set()).add(data["LBTESTCD"])
    with_ast = [tests for tests in panels.values() if "AST" in tests]
    assert with_ast
    assert all({"ALT", "BILI", "ALP"} <= tests for tests in with_ast)


def test_events_fit_the_contract_and_are_ordered(stated: list[Data]) -> None:
    for one in stated:
        read_event(one)
    moments = [datetime.fromisoformat(one["knowntime"]) for one in stated]
    assert moments == sorted(moments)
    assert len({(one["source"], one["id"]) for one in stated}) == len(stated)
    assert 1000 <= len(stated) <= 2500


def test_steps_hold_every_event_once(stated: list[Data]) -> None:
    steps = replay.steps()
    assert [step.at for step in steps] == sorted({step.at for step in steps})
    assert sum(len(step.events) for step in steps) == len(stated)
    assert sum(not step.events for step in steps) == len(
        {replay.window_end(row) for row in read_rows() if row.part == "escalation"}
    )


def test_every_subject_is_labelled_synthetic(stated: list[Data]) -> None:
    assert all(data["SYNTH"] == "Y" for data in data_of(stated, "subject"))
