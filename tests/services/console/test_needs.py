"""What waits for a person, study by study."""

from typing import Any

import httpx2
import pytest

from services.console.acts import Me
from services.console.needs import Need, of_assessment
from tests.services.console import golden, golden_oversight, golden_signals
from tests.services.console.golden import STUDY
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import BOARD


def person(*roles: str) -> Me:
    return Me(name="Somebody", roles={STUDY: frozenset(roles)})


def needs(who: Me | None = None, **changes: Any) -> list[Need]:
    return list(of_assessment(STUDY, golden_oversight.assessment(**changes), who))


def test_everything_that_waits_is_counted_and_leads_to_where_it_is_done() -> None:
    assert [(need.text, need.page) for need in needs()] == [
        ("1 DLT candidate to judge", "/adjudication"),
        ("1 clock overdue or nearly", "#safety"),
        ("1 stopping rule crossed", "#stopping"),
        ("1 decision whose basis changed", "/committee"),
        ("1 open query", "#queries"),
    ]


def test_nothing_waits_where_nothing_is_to_be_done() -> None:
    calm = [one for one in golden.subjects() if one.status == "completed"]
    standing = [one for one in golden.decisions() if one.basis == "stands"]
    quiet: dict[str, Any] = {"subjects": calm, "decisions": standing, "queries": (), "stopping": ()}
    assert needs(**quiet) == []
    silent = needs(**quiet, stale_since=golden.NOW)
    assert [need.text for need in silent] == ["No record of any subject for too long"]


@pytest.mark.parametrize(
    ("role", "theirs"),
    [
        ("medical_monitor", ["/adjudication", "#safety", "#stopping", "#queries"]),
        ("committee_member", ["#stopping", "/committee", "#queries"]),
        ("auditor", ["#stopping", "#queries"]),
    ],
)
def test_each_role_sees_what_is_its_own(role: str, theirs: list[str]) -> None:
    assert [need.page for need in needs(person(role)) if need.yours] == theirs
    elsewhere = Me(name="Somebody", roles={"OTHER": frozenset({role})})
    assert [need.page for need in needs(elsewhere) if need.yours] == ["#stopping", "#queries"]


def test_the_list_shows_what_waits(person: httpx2.Client) -> None:
    page = person.get("/").text
    assert f'href="{BOARD}/alerts"' in page
    assert "2 critical or urgent alerts not acknowledged" in page
    assert "1 DLT candidate to judge" in page
    assert "Nothing is waiting" not in page


def test_an_alert_that_was_ended_or_answered_does_not_wait(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.alerts = [alert | {"state": "withdrawn"} for alert in golden_signals.alerts()]
    assert "not acknowledged" not in person.get("/").text


@pytest.mark.parametrize(
    ("status", "said"),
    [(503, "Unacknowledged alerts are not known"), (403, "Alerts: not open to this role")],
)
def test_alerts_that_cannot_be_read_are_not_no_alerts(
    person: httpx2.Client, neighbours: Neighbours, status: int, said: str
) -> None:
    neighbours.failing["notifier"] = status
    assert said in person.get("/").text


def test_a_study_without_a_protocol_is_not_said_to_have_nothing_waiting(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.entry_changes = {"status": "no_protocol", "protocol_version": None}
    page = person.get("/").text
    assert "No protocol yet" in page
    assert "Nothing is waiting" not in page
