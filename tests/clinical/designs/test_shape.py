"""The shape all designs share: counts, notation, requests, and the answer as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.clinical.designs import (
    KINDS,
    Answer,
    DesignError,
    DoseCounts,
    Patient,
    Question,
    Report,
    as_json,
    counts_of,
    counts_of_patients,
    design_of,
    patients_of,
    read_request,
)
from shared.clinical.designs.live import action_of, dose_level_of, mtd_status_of, reasons_of
from shared.contracts.assessment import Reason

BOIN = {"kind": "boin", "target": 0.3}
COMB = {**BOIN, "kind": "boin_comb"}


def test_notation() -> None:
    doses = counts_of("1NNN 2ntp 2C", num_doses=3)
    assert doses == (DoseCounts(n=3), DoseCounts(2, 1, 2, 1), DoseCounts())
    assert [one.pending for one in patients_of("1NT 2PC")] == [False, False, True, True]
    assert counts_of("") == (DoseCounts(),)


@pytest.mark.parametrize("text", ["NNN", "0NNN", "1NXN", "1", "1 NNN", "3N"])
def test_notation_refused(text: str) -> None:
    with pytest.raises(ValueError):
        counts_of(text, num_doses=2)


@pytest.mark.parametrize(
    "members",
    [
        {"n": 1, "dlt": 2},
        {"n": -1},
        {"pending": 1, "candidate": 2},
        {"pending": 1, "stft": 1.1},
        {"n": 2, "responses": 3},
    ],
)
def test_counts_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        DoseCounts(**members)


@pytest.mark.parametrize(
    "members", [{"dlt": 1, "weight": 0.5}, {"dlt": 1, "pending": True}, {"weight": 1.1}, {"dlt": 2}]
)
def test_patients_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Patient(1, **members)


@pytest.mark.parametrize(
    "members",
    [{"current": 3}, {"current": 0}, {"eliminated_from": 3}, {"columns": 3}, {"start": 9}],
)
def test_questions_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Question((DoseCounts(), DoseCounts()), **{"current": 1, **members})


def test_pending_patients_without_a_dlt_add_up_their_follow_up() -> None:
    patients = (Patient(1), Patient(1, weight=0.5, pending=True), Patient(2, dlt=1))
    doses = counts_of_patients(patients, 2)
    assert doses == (DoseCounts(n=1, pending=1, stft=0.5), DoseCounts(n=1, dlt=1))


def test_two_drugs_are_a_matrix_row_by_row() -> None:
    question = Question(tuple(DoseCounts() for _ in range(6)), 1, columns=3)
    pairs = [question.pair(dose) for dose in range(1, 7)]
    assert pairs == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert [question.dose_of(*pair) for pair in pairs] == [1, 2, 3, 4, 5, 6]
    assert as_json(Answer("stay", 6, Report("", "")), columns=3)["next_dose"] == [2, 3]


def test_the_start_is_the_lowest_dose_anyone_had() -> None:
    doses = counts_of("2NNN 3N", 3)
    assert Question(doses, 3).started() == 2
    assert Question(doses, 3, start=1).started() == 1
    assert Question(doses, 3).passed(3) == [2]
    assert Question(counts_of("", 3), 2).started() == 2


def test_a_request_as_documented() -> None:
    members = {
        "design": BOIN,
        "doses": [{"n": 3, "dlt": 0, "pending": 0}, {"n": 3, "dlt": 1}, {}],
        "current": 2,
    }
    design, question = read_request(members)
    answer = as_json(design.decide(question))
    assert list(answer) == ["action", "next_dose", "eliminated_from", "mtd", "report"]
    assert (answer["action"], answer["next_dose"], answer["mtd"]) == ("stay", 2, None)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_a_request_with_outcomes_or_patients_says_the_same() -> None:
    patients = [{"dose": 1}, {"dose": 1}, {"dose": 1, "dlt": 1}]
    doses = [{"n": 3, "dlt": 1}, {}, {}]
    asked = [
        read_request({"design": BOIN, "num_doses": 3, **said})
        for said in (
            {"outcomes": "1NNT"},
            {"doses": "1NNT"},
            {"patients": "1NNT"},
            {"patients": patients},
            {"doses": doses, "current": 1},
        )
    ]
    assert len({question.doses for _, question in asked}) == 1
    assert len({as_json(design.decide(asked_))["action"] for design, asked_ in asked}) == 1


def test_who_was_not_followed_to_the_end_is_pending() -> None:
    _, question = read_request({"design": BOIN, "patients": [{"dose": 1, "weight": 0.4}]})
    assert question.doses == (DoseCounts(pending=1, stft=0.4), DoseCounts())


@pytest.mark.parametrize(("design", "said"), [(BOIN, "escalate"), ({"kind": "3+3"}, "escalate")])
def test_outcomes_alone_do_not_say_that_a_dose_is_the_top(
    design: dict[str, Any], said: str
) -> None:
    """Or 0/3 would make the highest dose named the MTD of a 3+3."""
    open_ended = {"design": design, "outcomes": "1NNN 2NNN"}
    asked, question = read_request(open_ended)
    answer = asked.decide(question)
    assert (answer.action, answer.next_dose) == (said, 3)
    asked, question = read_request({**open_ended, "num_doses": 2})
    assert asked.decide(question).action != said


def test_a_final_question_needs_no_current_dose() -> None:
    doses = [{"n": 3}, {"n": 6, "dlt": 2}, {}]
    design, question = read_request({"design": BOIN, "doses": doses, "final": True})
    assert (question.current, design.decide(question).mtd) == (2, 2)


def test_a_request_for_two_drugs() -> None:
    rows = [[{"n": 3}, {"n": 3}], [{}, {}]]
    members = {"design": COMB, "doses": rows, "current": [1, 2], "eliminated": [[2, 2]]}
    _, question = read_request(members)
    assert (question.columns, question.current, question.eliminated) == (2, 2, frozenset({4}))


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({}, "design: Field required"),
        ({"design": {}, "outcomes": "1N"}, "unknown kind"),
        ({"design": {"kind": "4+4"}, "outcomes": "1N"}, "unknown kind of design: write one of"),
        ({"design": BOIN}, "say one of doses, outcomes, patients"),
        ({"design": BOIN, "doses": [{"n": 3}]}, "current: say which dose"),
        ({"design": BOIN, "doses": [{"n": 3}], "current": 2}, "dose 2 is not among the 1"),
        ({"design": BOIN, "doses": [{"n": 3}], "current": [1, 1]}, "no pair of levels"),
        ({"design": BOIN, "doses": [{"n": 1, "dlt": 2}], "current": 1}, "2 DLTs among 1"),
        ({"design": BOIN, "doses": [{"n": True}], "current": 1}, "valid integer"),
        ({"design": BOIN, "doses": [{"n": "3"}], "current": 1}, "valid integer"),
        ({"design": BOIN, "doses": [{"m": 3}], "current": 1}, "not permitted"),
        ({"design": BOIN, "doses": [[{}], [{}, {}]], "current": [1, 1]}, "every row"),
        ({"design": BOIN, "doses": [[{}], [{}]], "current": [1, 1]}, "are for boin_comb"),
        ({"design": BOIN, "doses": [{}, {}], "num_doses": 1, "current": 1}, "but there are 1"),
        ({"design": BOIN, "outcomes": "1N", "doses": [{}]}, "outcomes say it all"),
        ({"design": BOIN, "outcomes": "3N", "num_doses": 2}, "dose 3 is named"),
        ({"design": {"kind": "3+3", "num_doses": 1}, "outcomes": "2N"}, "there are 1 doses"),
        ({"design": {**BOIN, "target": float("nan")}, "outcomes": "1N"}, "finite"),
    ],
)
def test_requests_refused(members: dict[str, Any], problem: str) -> None:
    with pytest.raises(DesignError, match=problem):
        read_request(members)


@pytest.mark.parametrize("kind", ["3+3", "rolling_six"])
def test_kinds_without_parameters(kind: str) -> None:
    assert design_of({"kind": kind}) == KINDS[kind].model_validate({})


@pytest.mark.parametrize(
    ("outcomes", "design", "action", "level", "status"),
    [
        ("1NNN", {"kind": "3+3"}, "escalate", 2, "undetermined"),
        ("1NN", {"kind": "3+3"}, "enrol", 1, "undetermined"),
        ("1NNT", {"kind": "3+3"}, "expand", 1, "undetermined"),
        ("1NNN 2NNN", {"kind": "3+3", "variant": "confirm6"}, "expand", 2, "undetermined"),
        ("1NNN 2TTN", {"kind": "3+3"}, "finish", 1, "found"),
        ("1TTN", {"kind": "3+3"}, "stop", 1, "none"),
        ("1CCN", {"kind": "3+3"}, "hold", 1, "undetermined"),
        ("1NNP", {"kind": "3+3"}, "wait", 1, "undetermined"),
        ("1NNT", BOIN, "stay", 1, "undetermined"),
        ("1NNN 2NNTTC", BOIN, "deescalate", 1, "undetermined"),
        ("1NNN 2NNTC", BOIN, "hold", 2, "undetermined"),
    ],
)
def test_in_the_words_of_an_assessment(
    outcomes: str, design: dict[str, Any], action: str, level: int, status: str
) -> None:
    rule, question = read_request({"design": design, "outcomes": outcomes, "num_doses": 2})
    answer = rule.decide(question)
    said = (action_of(answer), dose_level_of(answer), mtd_status_of(answer))
    assert said == (action, level, status)


def test_reasons_hold_no_floating_point_numbers() -> None:
    design, question = read_request({"design": BOIN, "outcomes": "1TTT", "num_doses": 2})
    report = Report("x", "y", {"rate": 1 / 3, "n": 3}, children=(design.decide(question).report,))
    reasons = reasons_of(report)
    assert reasons[0] == Reason(rule="x", text="y", inputs={"rate": "0.333333", "n": 3})
    assert reasons[1].rule == "boin.eliminate"
