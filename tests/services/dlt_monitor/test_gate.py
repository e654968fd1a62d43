"""The enrolment gate over HTTP: yes, wait or no with reasons, and every answer kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from services.dlt_monitor.monitor import TICK_FAILED
from services.dlt_monitor.store import studies
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import (
    DAY_1,
    MIDNIGHT,
    STUDY,
    Trial,
    at,
    garbage,
    protocol_text,
)

DAY_10 = DAY_1 + timedelta(days=9)


def ask(service: Service, dose_level: int = 1) -> dict[str, Any]:
    answer: dict[str, Any] = service.about("enrolment", dose_level=dose_level)
    assert answer["allowed"] is (answer["answer"] == "yes")
    assert answer["reasons"]
    return answer


def kept(service: Service, **params: Any) -> dict[str, Any]:
    response = service.ask(f"/studies/{STUDY}/enrolment/answers", role="auditor", **params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_places_of_a_cohort_are_counted_down(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol())
    assert (ask(service)["answer"], ask(service)["slots_left"]) == ("yes", 3)
    service.feed(*trial.treated("1-01"), *trial.treated("1-02"))
    assert (ask(service)["answer"], ask(service)["slots_left"]) == ("yes", 1)
    service.feed(*trial.treated("1-03"))
    full = ask(service)
    assert (full["answer"], full["slots_left"]) == ("wait", 0)
    assert "pending at dose level 1" in full["reasons"][0]


def test_while_an_assessment_is_missing_the_answer_is_not_known(
    service: Service, trial: Trial
) -> None:
    """A deadline passed and could not be assessed: the last assessment says nothing of it."""
    service.feed(trial.protocol())
    with service.engine.begin() as conn:
        studies.degrade(conn, STUDY, TICK_FAILED, "no assessment", since=at(DAY_1))
    answer = service.ask(f"/studies/{STUDY}/enrolment", dose_level=1)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("stale")
    with service.engine.begin() as conn:
        studies.recover(conn, STUDY, [TICK_FAILED], at(DAY_1))
    assert ask(service)["answer"] == "yes"


def test_who_is_assigned_and_not_dosed_yet_has_taken_a_place(
    service: Service, trial: Trial
) -> None:
    service.feed(trial.protocol(), *trial.treated("1-01"), *trial.treated("1-02"))
    assigned = [fact for fact in trial.treated("1-03") if fact.kind != "dose"]
    service.feed(*assigned)
    answer = ask(service)
    assert (answer["answer"], answer["slots_left"]) == ("wait", 0)
    assert answer["reasons"] == ["1 assigned and not dosed yet have taken every place"]


def test_a_hold_and_an_unopened_level_are_no(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    unopened = ask(service, 2)
    assert unopened["answer"] == "no"
    assert "no committee record has opened the dose level" in unopened["reasons"]
    service.feed(trial.platelets("1-01", DAY_10, "21"), trial.platelets("1-02", DAY_10, "21"))
    held = ask(service)
    assert (held["answer"], held["slots_left"]) == ("no", None)
    assert ask(service, 9)["reasons"] == ["the protocol has no such dose level"]


def test_who_left_is_replaced(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    left = trial.fact(
        "disposition", "1-03/ds", at(DAY_10), subject="1-03", DSDECOD="WITHDRAWAL BY SUBJECT",
        DSSTDTC=DAY_10.isoformat(),
    )  # fmt: skip
    service.feed(trial.protocol(), *trial.cohort(), left)
    answer = ask(service)
    assert (answer["answer"], answer["slots_left"], answer["replacing"]) == ("yes", 1, 1)
    assert "1 not evaluable to be replaced" in answer["reasons"][0]


def test_the_sentinel_is_waited_for(service: Service, trial: Trial) -> None:
    protocol = trial.fact(
        "protocol", "protocol", MIDNIGHT, version="1",
        document=f"{protocol_text()}\nsentinel: {{gap_days: 7}}\n",
    )  # fmt: skip
    service.feed(protocol)
    assert (ask(service)["answer"], ask(service)["not_before"]) == ("yes", None)
    first = trial.treated("1-01")
    service.feed(*(fact for fact in first if fact.kind in ("subject", "cohort_assignment")))
    due = ask(service)
    assert (due["answer"], due["slots_left"]) == ("wait", 2)
    assert due["reasons"] == ["the first subject at this level has not been dosed yet"]
    service.feed(*(fact for fact in first if fact.kind == "dose"))
    gap = ask(service)
    assert (gap["answer"], gap["not_before"]) == ("wait", "2026-01-12")
    assert gap["reasons"] == ["the sentinel gap lasts until 2026-01-12"]
    service.clock.set(at(DAY_1 + timedelta(days=7)))
    later = ask(service)
    assert (later["answer"], later["slots_left"]) == ("yes", 2)


def test_every_answer_is_kept_for_auditors(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.treated("1-01"))
    given = [ask(service), ask(service, 2)]
    service.feed(garbage(STUDY))
    given.append(ask(service))
    assert given[-1]["answer"] == "wait"
    answers = kept(service)["answers"]
    beside = {"asked_at", "asked_by", "applied_through"}
    assert [{k: one[k] for k in one.keys() - beside} for one in answers] == given
    assert {one["asked_by"] for one in answers} == {"a person"}
    assert {one["applied_through"] for one in answers} == {"6"}
    page = kept(service, limit=2)
    assert page["answers"] == answers[:2]
    assert kept(service, after=page["next"])["answers"] == answers[2:]
    refused = service.ask(f"/studies/{STUDY}/enrolment/answers", role="edc_source")
    assert refused.status_code == 403


def test_no_answer_can_be_taken_back(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol())
    ask(service)
    for change in ("DELETE FROM dlt_monitor.gate_answer", "TRUNCATE dlt_monitor.gate_answer"):
        with pytest.raises(IntegrityError), service.engine.begin() as conn:
            conn.exec_driver_sql(change)
