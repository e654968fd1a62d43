"""The page as data: what is put where, and that nothing unknown reads like "fine"."""

from datetime import date
from typing import get_args

import pytest

from services.console import words
from services.console.answers import Assessed, Inbox, Raised, StudyEntry
from services.console.board import Board, Card, make_board
from services.console.pages import board_page, write_board, write_told
from services.console.sessions import Session
from shared.contracts.assessment import (
    Action,
    CriterionResult,
    Query,
    Recommendation,
    SubjectAssessment,
    SubjectStatus,
    Window,
)
from shared.contracts.signals import Severity, SignalType
from tests.services.console import golden, golden_signals


def board(**changes: object) -> Board:
    assessment = golden.assessment(**changes)
    entry = StudyEntry.model_validate(golden_signals.entry(assessment))
    return make_board(entry, Assessed(assessment, stale=False, source=b""))


def card(code: str, of: Board | None = None) -> Card:
    of = of or board()
    placed = [c for column in of.columns for c in column.cards]
    apart = [c for _, cards in of.elsewhere for c in cards]
    return next(c for c in [*placed, *of.unplaced, *apart] if c.subject.subject == code)


def test_each_subject_stands_in_its_column_and_in_one_place_only() -> None:
    made = board()
    shown = [c.subject.subject for column in made.columns for c in column.cards]
    shown += [c.subject.subject for _, cards in made.elsewhere for c in cards]
    shown += [c.subject.subject for c in made.unplaced]
    assert sorted(shown) == sorted(s.subject for s in golden.subjects())
    for column in made.columns:
        assert {c.subject.dose_level for c in column.cards} == {column.dose.level}


def test_who_needs_eyes_comes_first() -> None:
    codes = [c.subject.subject for c in board().columns[3].cards]
    assert codes == ["4-01", "4-05", "4-04", "4-06", "4-02", "4-03"]


def test_expansion_stands_apart_even_at_a_dose_of_the_escalation() -> None:
    made = board()
    assert [(part, len(cards)) for part, cards in made.elsewhere] == [("expansion", 2)]
    assert all(c.subject.part == "escalation" for c in made.columns[2].cards)


def test_a_subject_at_no_known_dose_level_is_not_lost() -> None:
    lost = golden.subject("9-01", "open", "2022-12-20", "no dose level", level=9)
    made = board(subjects=(*golden.subjects(), lost))
    assert [c.subject.subject for c in made.unplaced] == ["9-01"]
    assert made.unplaced[0].dose == "dose level 9"


@pytest.mark.parametrize(
    ("today", "text", "past"),
    [
        ("2022-12-04", "21-day window not begun", 0),
        ("2022-12-26", "21-day window closed", 21),
        ("2023-06-01", "21-day window closed", 21),
    ],
)
def test_the_monitor_names_no_day_outside_the_window(today: str, text: str, past: int) -> None:
    subject = golden.subject("1-01", "completed", "2022-12-05", "").model_copy(
        update={"window": Window(first=date(2022, 12, 5), last=date(2022, 12, 25), day=None)}
    )
    made = board(subjects=(subject,), as_of=golden.at(f"{today}T12:00"))
    progress = card("1-01", made).progress
    assert progress is not None
    assert progress.text == text
    assert sum(cell.past for cell in progress.days) == past


@pytest.mark.parametrize(
    ("action", "mtd", "place"),
    [
        ("escalate", None, "to 4 mg/kg"),
        ("deescalate", None, "to 4 mg/kg"),
        ("hold", None, "at 4 mg/kg"),
        ("wait", None, "at 4 mg/kg"),
        ("finish", 4, "MTD 4 mg/kg"),
    ],
)
def test_the_headline_says_which_dose_is_meant(action: Action, mtd: int | None, place: str) -> None:
    recommendation = Recommendation(
        action=action, dose_level=4, mtd=mtd, mtd_status="undetermined", reasons=()
    )
    assert board(recommendation=recommendation).headline.place == place
    nowhere = recommendation.model_copy(update={"dose_level": None})
    assert board(recommendation=nowhere).headline.place is None


@pytest.mark.parametrize(
    ("day", "text", "past"),
    [
        (1, "day 1 of 21", 1),
        (21, "day 21 of 21", 21),
        (22, "21-day window closed", 21),
        (90, "21-day window closed", 21),
    ],
)
def test_window_progress(day: int, text: str, past: int) -> None:
    subject = golden.subject("1-01", "in_window", "2022-12-05", "")
    window = Window(first=date(2022, 12, 5), last=date(2022, 12, 25), day=day)
    progress = card(
        "1-01", board(subjects=(subject.model_copy(update={"window": window}),))
    ).progress
    assert progress is not None
    assert progress.text == text
    assert sum(cell.past for cell in progress.days) == past
    assert len(progress.days) == progress.length == 21


def test_onset_is_marked_on_its_day_and_only_where_a_criterion_stands() -> None:
    marked = card("4-05").progress
    assert marked is not None
    assert [d.number for d in marked.days if d.onset] == [15]
    quiet = card("4-06").progress
    assert quiet is not None
    assert not any(d.onset for d in quiet.days)


def test_open_criteria_are_told_and_keep_the_card_open() -> None:
    open_card = card("4-04")
    assert [line.criterion.result for line in open_card.telling] == ["open"]
    assert not open_card.settled
    assert open_card.flags == ("date uncertain",)


def test_a_completed_subject_with_an_open_criterion_is_not_settled() -> None:
    doubtful = golden.subject(
        "1-01", "completed", "2022-05-09", "", criteria=golden.criteria("1-01", "open", None, "?")
    )
    assert not card("1-01", board(subjects=(doubtful,))).settled
    assert card("1-02").settled


def test_mtd_and_rp2d_are_named_by_their_dose() -> None:
    found = Recommendation(action="finish", dose_level=3, mtd=3, mtd_status="found", reasons=())
    made = board(recommendation=found, rp2d=3)
    assert (made.headline.mtd, made.headline.rp2d) == ("3 mg/kg", "3 mg/kg")
    none = found.model_copy(update={"mtd": None, "mtd_status": "none"})
    assert board(recommendation=none).headline.mtd == "none: no dose level qualifies"
    assert board().headline.mtd == "not determined"
    assert board().headline.rp2d is None


def test_the_newest_decision_comes_first() -> None:
    assert [d.decision.recordid for d in board().decisions] == ["DEC-3", "DEC-2", "DEC-1"]


def test_every_word_of_the_contract_has_a_word_on_the_page() -> None:
    assert set(words.ACTIONS) == set(get_args(Action))
    assert set(words.SUBJECT_STATES) == set(get_args(SubjectStatus))
    assert set(words.CRITERION_RESULTS) == set(get_args(CriterionResult))
    assert set(words.SEVERITIES) == set(get_args(Severity))
    assert set(words.SIGNALS) == set(SignalType)
    kinds = get_args(Query.model_fields["kind"].annotation)
    assert set(words.QUERY_KINDS) == set(kinds)


@pytest.mark.parametrize("status", get_args(SubjectStatus))
@pytest.mark.parametrize("action", get_args(Action))
def test_every_state_can_be_written(status: SubjectStatus, action: Action) -> None:
    subject: SubjectAssessment = golden.subject("1-01", status, "2022-12-20", "why")
    recommendation = Recommendation(
        action=action, dose_level=None, mtd=None, mtd_status="undetermined", reasons=()
    )
    made = board(subjects=(subject,), recommendation=recommendation)
    entry = StudyEntry.model_validate(golden_signals.entry(golden.assessment()))
    told = write_told(made, Raised((), b""), Inbox((), (), b""), None)
    session = Session(key="k")
    written = board_page(session, entry, write_board(made, None), told, (), None, None)
    text = bytes(written.body).decode()
    assert words.ACTIONS[action].text in text
    assert words.SUBJECT_STATES[status].text in text
