"""Data queries live: opened, answered by a record, closed, opened again, listed for a site."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from shared.contracts.envelope import Fact
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)


def without_unit(trial: Trial, revision: int = 1, unit: str | None = None) -> Fact:
    """A platelet count of 21 whose unit nobody stated, or only later."""
    return trial.fact(
        "lab", "1-01/lab/x", at(DAY_10), subject="1-01", revision=revision, LBTESTCD="PLAT",
        LBDTC=DAY_10.isoformat(), LBORRES="21", LBORNRLO="125", LBORNRHI="350", LBORRESU=unit,
    )  # fmt: skip


def of_site(trial: Trial, subject: str, site: str, first: date = DAY_1) -> list[Fact]:
    """A treated subject of a site."""
    facts = trial.treated(subject, first)
    dm = trial.fact(
        "subject", f"{subject}/dm", at(first), subject=subject, SUBJID=subject,
        RFICDTC=first.isoformat(), SITEID=site,
    )  # fmt: skip
    return [dm, *(fact for fact in facts if fact.kind != "subject")]


def listed(service: Service, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.about("queries", **params)["queries"]
    return found


def events(query: dict[str, Any]) -> list[str]:
    return [turn["event"] for turn in query["history"]]


def about_platelets(service: Service) -> dict[str, Any]:
    return next(one for one in listed(service) if "platelets-g4" in one["text"])


def test_a_query_is_opened_answered_and_closed(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *of_site(trial, "1-01", "07"), without_unit(trial))
    asked = about_platelets(service)
    assert asked["state"] == "opened"
    assert asked["subject"] == "1-01"
    assert asked["site"] == "07"
    assert [one["recordid"] for one in asked["evidence"]] == ["1-01/lab/x"]

    service.feed(without_unit(trial, revision=2, unit="10^9/L"))
    settled = about_platelets(service)
    assert settled["id"] == asked["id"]
    assert settled["state"] == "closed"
    assert events(settled) == ["opened", "answered", "closed"]
    by = settled["history"][1]["by"]
    assert by == [{"source": "urn:edc:test", "recordid": "1-01/lab/x", "revision": 2}]


def test_an_answer_that_settles_nothing_leaves_the_query_standing(
    service: Service, trial: Trial
) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *of_site(trial, "1-01", "07"), without_unit(trial))
    service.feed(without_unit(trial, revision=2, unit="bogus"))
    asked = about_platelets(service)
    assert asked["state"] == "answered"
    assert events(asked) == ["opened", "answered"]
    assert asked["id"] in {one["id"] for one in service.about("assessment")["queries"]}


def test_what_is_asked_again_is_the_same_query(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *of_site(trial, "1-01", "07"), without_unit(trial))
    service.feed(without_unit(trial, revision=2, unit="10^9/L"))
    service.feed(without_unit(trial, revision=3))
    assert events(about_platelets(service)) == ["opened", "answered", "closed", "opened"]


def test_time_alone_opens_and_a_confirmation_closes(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *of_site(trial, "1-01", "07"))
    assert listed(service) == []
    after = DAY_1 + timedelta(days=22)
    service.clock.set(at(after))
    service.feed(trial.complete("1-01", known=at(after)))
    (query,) = [one for one in listed(service) if "complete" in one["text"]]
    assert events(query) == ["opened", "answered", "closed"]
    assert [one["recordid"] for one in query["history"][1]["by"]] == ["1-01/complete"]


def test_each_site_sees_its_own(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(
        trial.protocol(),
        *of_site(trial, "1-01", "07"),
        *of_site(trial, "1-02", "08"),
        without_unit(trial),
    )
    everything = listed(service)
    of_07 = listed(service, site="07")
    assert {one["subject"] for one in of_07} == {"1-01"}
    assert listed(service, site="09") == []
    assert listed(service, site="07", state="closed") == []
    assert listed(service, state="opened") == everything
    paged, after = [], "0"
    while after:
        page = service.about("queries", after=after, limit=1)
        paged += page["queries"]
        after = page["next"]
    assert paged == everything
    refused = service.ask(f"/studies/{STUDY}/queries", state="lost")
    assert refused.status_code == 422


def test_a_query_goes_where_its_subject_goes(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *of_site(trial, "1-01", "07"), without_unit(trial))
    there = {one["id"] for one in listed(service, site="07")}
    dm = trial.fact(
        "subject", "1-01/dm", at(DAY_10), subject="1-01", revision=2, SUBJID="1-01",
        RFICDTC=DAY_1.isoformat(), SITEID="08",
    )  # fmt: skip
    service.feed(dm)
    assert listed(service, site="07") == []
    assert {one["id"] for one in listed(service, site="08")} == there
    moved = about_platelets(service)
    assert (moved["state"], events(moved)) == ("opened", ["opened", "moved"])
    assert [turn["site"] for turn in moved["history"]] == ["07", "08"]
    service.feed(without_unit(trial, revision=2, unit="10^9/L"))
    assert events(about_platelets(service)) == ["opened", "moved", "answered", "closed"]


def test_the_standing_queries_are_those_of_the_assessment(station: Station, trial: Trial) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort(), without_unit(trial)])
    with station.engine.connect() as conn:
        rows = conn.exec_driver_sql(
            "SELECT query FROM dlt_monitor.data_query WHERE state <> 'closed'"
        )
        assert set(rows.scalars()) == {one.id for one in station.assessment().queries}


def test_no_turn_can_be_taken_back(station: Station, trial: Trial) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.treated("1-01"), without_unit(trial)])
    for change in (
        "UPDATE dlt_monitor.query_turn SET site = ''",
        "TRUNCATE dlt_monitor.query_turn",
    ):
        with pytest.raises(IntegrityError), station.engine.begin() as conn:
            conn.exec_driver_sql(change)
