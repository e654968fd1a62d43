"""What a committee sees beside the counts: the rule's tree, stopping rules, clocks, outcomes."""

from typing import Any, get_args

import httpx2
import pytest

from services.console import words
from services.console.answers import Assessed, StudyEntry
from services.console.board import Board, make_board
from services.console.oversight import findings_of, rules_of, tree_of
from services.console.what_if import WhatIf, shown_of
from shared.contracts.assessment import ClockStatus, RuleReport, SafetyFinding, StoppingView
from shared.contracts.profile import opaque_id
from tests.services.console import golden, golden_oversight, golden_signals
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import BOARD

WHAT_IF = f"{BOARD}/what-if"


@pytest.fixture(autouse=True)
def _everything(neighbours: Neighbours) -> None:
    neighbours.assessment = golden_oversight.assessment()


def board(past: str | None = None, **changes: Any) -> Board:
    made = golden_oversight.assessment(**changes)
    entry = StudyEntry.model_validate(golden_signals.entry(made))
    return make_board(entry, Assessed(made, stale=False, source=b""), past)


def test_the_tree_is_open_where_a_number_decided() -> None:
    tree = tree_of(golden_oversight.report())
    assert tree is not None
    assert tree.open
    assert [(child.report.rule, child.open) for child in tree.children] == [
        ("boin.boundary", True),
        ("boin.pending", False),
    ]
    under = tree_of(RuleReport(rule="r", text="t", children=(golden_oversight.report(),)))
    assert under is not None
    assert under.children[0].open, "what rests on the deciding number is open too"
    assert tree_of(None) is None


def test_what_the_tree_says_is_not_said_twice() -> None:
    reasons = golden.assessment().recommendation.reasons
    as_reason = reasons[0].model_copy(
        update={"rule": "boin.pending", "text": "one subject is still in its window"}
    )
    recommendation = golden_oversight.assessment().recommendation.model_copy(
        update={"reasons": (*reasons, as_reason)}
    )
    assert board(recommendation=recommendation).headline.reasons == reasons


def test_the_rule_that_stops_comes_first_and_every_distance_is_said() -> None:
    rules = rules_of(golden_oversight.assessment())
    assert [(rule.view.id, rule.margin) for rule in rules] == [
        ("hepatic", "reached"),
        ("toxicity", "1 more event would stop"),
        ("cardiac", "2 more events would stop"),
        ("deaths", "out of the rule’s reach"),
    ]


def test_what_is_still_to_be_done_comes_before_what_is_done() -> None:
    found = findings_of(golden_oversight.subjects())
    assert [one.finding.id for one in found] == ["running", "settled"]
    assert [clock.view.id for clock in found[0].clocks] == ["day", "week"]
    assert found[0].pressing
    assert not found[1].pressing


def test_every_word_of_the_contract_has_a_word() -> None:
    assert set(words.CLOCKS) == set(get_args(ClockStatus))
    states = get_args(StoppingView.model_fields["status"].annotation)
    assert set(words.STOPPING) == set(states)
    kinds = get_args(SafetyFinding.model_fields["kind"].annotation)
    assert set(words.SAFETY_KINDS) == set(kinds)


def test_the_page_shows_all_of_it(person: httpx2.Client) -> None:
    page = person.get(BOARD).text
    for text in (
        "0.1414",
        "lambda d",
        "JRSS C 2015;64:507-523",
        "What ends the hold",
        "judges 1 candidate</a>.",
        "1 more event would stop",
        "Pending could cross it",
        "Serious adverse event",
        "Overdue",
        "2022-12-26 06:30 UTC",
        "calendar days in EU",
        "What each outcome of the 3 pending subjects would decide",
    ):
        assert text in page, text


def test_a_subject_is_reached_by_an_address_without_its_code(person: httpx2.Client) -> None:
    address = f"{BOARD}/subject/{opaque_id(golden.STUDY, f'{golden.STUDY}-4-05')}"
    assert f'<a href="{address}">4-05</a>' in person.get(BOARD).text
    assert board("2022-11-08").pages["4-05"] == f"{address}?known_at=2022-11-08"


def test_without_a_hold_nothing_ends_one(person: httpx2.Client, neighbours: Neighbours) -> None:
    recommendation = neighbours.assessment.recommendation.model_copy(update={"action": "wait"})
    neighbours.assessment = golden_oversight.assessment(
        status="open", recommendation=recommendation
    )
    assert "What ends the hold" not in person.get(BOARD).text


def test_a_dose_that_is_filled_meanwhile_says_so(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    assert "Backfill" not in person.get(BOARD).text
    filled = golden.doses()[2].model_copy(update={"backfill": True})
    neighbours.assessment = golden.assessment(
        doses=(*golden.doses()[:2], filled, golden.doses()[3])
    )
    assert person.get(BOARD).text.count(">Backfill<") == 1


def test_silence_is_said_large(person: httpx2.Client, neighbours: Neighbours) -> None:
    assert "Stale since" not in person.get(BOARD).text
    neighbours.assessment = golden.assessment(stale_since=golden.at("2022-12-20T00:00"))
    assert "Stale since" in person.get(BOARD).text


def test_each_outcome_is_a_line_in_the_words_of_the_study() -> None:
    found = WhatIf.model_validate(golden_oversight.what_if())
    shown = shown_of(found, Assessed(golden.assessment(), stale=False, source=b""))
    assert [(b.dlts, b.word.text, b.dose, b.mtd) for b in shown.branches] == [
        ("0 at 4 mg/kg", "Wait", "4 mg/kg", "not determined"),
        ("1 at 4 mg/kg", "Escalation complete", "3 mg/kg", "3 mg/kg"),
    ]
    assert shown.doses == ("1 mg/kg", "2 mg/kg", "3 mg/kg", "4 mg/kg")
    assert [word.text for word in shown.branches[0].doses] == [*["Cleared"] * 3, "Exceeded"]
    assert shown.pending == (("4 mg/kg", ("4-04", "4-05", "4-06")),)


def test_the_outcomes_are_a_page_of_their_own(person: httpx2.Client) -> None:
    page = person.get(WHAT_IF).text
    assert "Certain, whatever the pending bring" in page
    assert "cannot be cited" in page
    assert page.count("<form") == page.count('action="/logout"') + page.count('action="/as-known"')


def test_outcomes_left_out_are_said_and_nothing_is_certain(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.what_if = golden_oversight.what_if() | {"complete": False, "certain": []}
    page = person.get(WHAT_IF).text
    assert "Too many outcomes" in page
    assert "Certain, whatever" not in page


def test_no_outcome_is_shown_for_the_past(person: httpx2.Client, neighbours: Neighbours) -> None:
    neighbours.past["2022-11-08"] = golden_oversight.assessment()
    assert "/what-if" not in person.get(BOARD, params={"known_at": "2022-11-08"}).text


def test_outcomes_that_cannot_be_worked_out_say_so(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.what_if = None
    assert person.get(WHAT_IF).status_code == 503
