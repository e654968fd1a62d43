"""``/monitor/v1`` over real HTTP, with worker and ticker running behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import Engine

from services.dlt_monitor.app import create_app
from shared.contracts.assessment import Assessment, digest_of
from shared.contracts.signals import Signal, SignalType
from shared.runtime.auth import ROLES, create_key, unguarded
from shared.runtime.clock import ManualClock
from shared.runtime.db import create_engine
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.station import wait_for
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, garbage

DAY_10 = DAY_1 + timedelta(days=9)
OTHER = "OTHER-1"


# -- who may ask ----------------------------------------------------------------------------------

READ = ["assessment", "cohorts", "enrolment?dose_level=1", "signals", "grades", "decisions"]
READ += ["queries", "versions", "acts"]


def test_every_route_is_guarded(app: FastAPI) -> None:
    assert unguarded(app) == []


def test_every_role_of_the_study_may_read(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    for role in ROLES:
        for path in READ:
            answer = service.ask(f"/studies/{STUDY}/{path}", role=role)
            assert answer.status_code == 200, (role, path)


def test_another_study_is_not_there(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol())
    for path in [*READ, "parked", f"assessments/sha256:{'0' * 64}"]:
        response = service.ask(f"/studies/{STUDY}/{path}", study=OTHER, role="study_admin")
        assert response.status_code == 404, path
        assert STUDY not in response.text


def test_a_key_is_needed(service: Service) -> None:
    assert service.client.get(f"/studies/{STUDY}/assessment").status_code == 401
    assert service.client.get("/studies").status_code == 401


def test_parked_messages_are_for_those_who_oversee(service: Service) -> None:
    may = {"study_admin": (200, 404), "auditor": (200, 403)}
    parked = f"/studies/{STUDY}/parked"
    for role in ROLES:
        seen = service.ask(parked, role=role).status_code
        replayed = service.ask(f"{parked}/1/replay", role=role, method="POST").status_code
        assert (seen, replayed) == may.get(role, (403, 403)), role


def test_the_list_holds_the_studies_of_the_key(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), Trial(OTHER).protocol(), *trial.cohort())
    line = service.line()
    assert line["study"] == STUDY
    assert line["synthetic"] is True
    assert (line["status"], line["action"], line["degraded"]) == ("open", "wait", False)
    (nothing,) = service.ask("/studies", study="NEVER-HEARD-OF").json()["studies"]
    assert nothing["status"] == "no_facts"


# -- what is answered -----------------------------------------------------------------------------


def test_the_assessment_says_how_far_it_goes(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    response = service.ask(f"/studies/{STUDY}/assessment")
    assessment = Assessment.model_validate_json(response.content)
    assert assessment.digest == digest_of(assessment)
    assert assessment.applied_through == response.headers["Vigil-Applied-Through"] == "16"
    assert response.headers["Vigil-Lag"] == "0"
    assert "Vigil-Stale" not in response.headers


def test_who_has_the_assessment_is_not_sent_it_again(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    address = f"/studies/{STUDY}/assessment"
    first = service.ask(address)
    service.client.headers["If-None-Match"] = first.headers["ETag"]
    again = service.ask(address)
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Vigil-Applied-Through", "Vigil-Lag"):
        assert again.headers[name] == first.headers[name]
    assert service.about("assessment", known_at=DAY_1.isoformat())["study"] == STUDY
    service.feed(*trial.treated("2-01", level=2))
    later = service.ask(address)
    assert later.headers["ETag"] != first.headers["ETag"]
    assert later.json()["applied_through"] == later.headers["Vigil-Applied-Through"] != "16"
    service.client.headers["If-None-Match"] = '"junk"'
    assert service.ask(address).json() == later.json()


def test_cohorts_show_doses_with_their_subjects(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort(), *trial.treated("2-01", level=2))
    cohorts = service.about("cohorts")
    assert [len(dose["subjects"]) for dose in cohorts["doses"]] == [3, 1, 0, 0]
    assert cohorts["recommendation"]["action"]


def test_signals_come_in_pages(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    service.feed(trial.platelets("1-02", DAY_10, "21"))
    service.feed(trial.platelets("1-02", DAY_10, "81", revision=2))
    whole = service.about("signals")
    assert whole["next"] is None
    paged: list[Any] = []
    after: str | None = "0"
    while after is not None:
        page = service.about("signals", after=after, limit=1)
        paged += page["signals"]
        after = page["next"]
    assert paged == whole["signals"]
    kinds = [Signal.model_validate(signal).type for signal in paged]
    assert SignalType.DLT_CANDIDATE in kinds
    standing = service.about("signals", standing=True)["signals"]
    assert {one["id"] for one in standing} == set(whole["standing"])
    assert SignalType.DLT_CANDIDATE not in {one["type"] for one in standing}
    fallen = service.about("signals", standing=False)["signals"]
    assert len(fallen) + len(standing) == len(paged)


def test_grades_come_in_pages_with_an_opaque_name_of_each_subject(
    service: Service, trial: Trial
) -> None:
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-02", DAY_1, "21", name="b"))
    whole = service.about("grades")
    assert whole["next"] is None
    assert sorted(one["grade_low"] for one in whole["grades"]) == [0, 0, 0, 4]
    assert all(one["why"] and one["ctcae"] == "5.0" for one in whole["grades"])
    paged: list[Any] = []
    after: str | None = "0"
    while after is not None:
        page = service.about("grades", after=after, limit=3)
        paged += page["grades"]
        after = page["next"]
    assert paged == whole["grades"]
    named = dict(zip(whole["subjects"], whole["grades"], strict=True))
    assert len(named) == 3
    for name, grade in named.items():
        assert grade["usubjid"] not in name
        of_one = service.about("grades", subject=name)
        assert {one["usubjid"] for one in of_one["grades"]} == {grade["usubjid"]}
    assert service.ask(f"/studies/{STUDY}/grades", subject="1-02").status_code == 422


def test_grades_that_were_replaced_are_there_for_who_asks(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.treated("1-02"))
    service.feed(trial.platelets("1-02", DAY_10, "21"))
    service.feed(trial.platelets("1-02", DAY_10, "81", revision=2))
    assert [one["grade_low"] for one in service.about("grades")["grades"]] == [0, 1]
    history = service.about("grades", standing=False)["grades"]
    told = [(one["grade_low"], one["withdrawn"]) for one in history]
    assert sorted(told) == [(0, False), (1, False), (4, False), (4, True)]


def test_a_past_view_has_the_digest_of_its_time(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    service.feed(trial.platelets("1-02", DAY_10, "21"))
    then = service.about("assessment")
    service.clock.advance(timedelta(days=1))
    service.feed(
        trial.platelets("1-02", DAY_10, "81", revision=2, known=service.clock.now()),
    )
    now = service.about("assessment")
    assert now["digest"] != then["digest"]
    past = service.about("assessment", known_at=then["as_of"])
    assert past["digest"] == then["digest"]
    assert past["subjects"][1]["status"] == "dlt_candidate"
    seen_now = service.about("assessment", as_of=then["as_of"])
    assert seen_now["subjects"][1]["status"] == "in_window"


def test_a_bare_date_is_its_end_in_the_studys_zone(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    past = service.about("assessment", known_at=DAY_1.isoformat())
    assert past["known_at"] == f"{DAY_1}T15:59:59.999999Z"  # midnight in Shanghai
    today = service.about("assessment", known_at=DAY_10.isoformat())
    assert today["known_at"] == f"{DAY_10}T12:00:00Z"


def test_a_moment_that_cannot_be_assessed_is_refused(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol())
    no_moments = ("2026-13-01", "yesterday", "2026-01-05T12:00:00")
    for moment in (*no_moments, "2030-01-01", "9999-12-31", "2030-01-01T00:00Z"):
        response = service.ask(f"/studies/{STUDY}/assessment", known_at=moment)
        assert response.status_code == 422, moment
        assert moment not in response.text


def test_before_the_protocol_there_is_nothing_to_assess_by(service: Service, trial: Trial) -> None:
    assert service.ask(f"/studies/{STUDY}/assessment").status_code == 409
    service.feed(*trial.cohort())
    assert service.line()["status"] == "no_protocol"
    assert service.ask(f"/studies/{STUDY}/assessment").status_code == 409
    service.feed(trial.protocol(known=at(DAY_1)))
    before = (at(DAY_1) - timedelta(seconds=1)).isoformat()
    assert service.ask(f"/studies/{STUDY}/assessment", known_at=before).status_code == 409
    assert service.ask(f"/studies/{STUDY}/assessment").status_code == 200


def test_windows_close_by_the_clock_alone(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.feed(
        *(
            trial.complete(f"1-0{number}", known=at(DAY_1 + timedelta(days=20)))
            for number in (1, 2, 3)
        )
    )
    assert not service.about("enrolment", dose_level=2)["allowed"]
    service.clock.set(at(DAY_1 + timedelta(days=21)))
    # Whether or not the ticker was faster: the answer is as of now.
    assert {one["status"] for one in service.about("assessment")["subjects"]} == {"completed"}
    wait_for(lambda: (service.find_line() or {}).get("action") == "escalate")


# -- decisions and their basis --------------------------------------------------------------------


def test_a_digest_that_was_never_given_out_is_flagged(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    service.feed(trial.decision("sha256:" + "0" * 64, at(DAY_10)))
    (decision,) = service.about("decisions")["decisions"]
    assert decision["digest_known"] is False


def test_any_view_that_was_given_out_may_be_cited(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.cohort())
    service.clock.set(at(DAY_10))
    view = service.about("assessment", known_at=at(DAY_1 + timedelta(days=3)).isoformat())
    service.feed(trial.decision(view["digest"], at(DAY_10)))
    (decision,) = service.about("decisions")["decisions"]
    assert decision["digest_known"] is True
    assert service.about(f"assessments/{view['digest']}") == view
    stored = service.about("assessment")
    assert service.about(f"assessments/{stored['digest']}") == stored


# -- unknown is never shown as fine ---------------------------------------------------------------


def test_enrolment_is_never_allowed_while_degraded(service: Service, trial: Trial) -> None:
    service.feed(trial.protocol(), *trial.treated("1-01"))
    assert service.about("enrolment", dose_level=1)["allowed"]
    service.feed(garbage(STUDY))
    answer = service.about("enrolment", dose_level=1)
    assert not answer["allowed"]
    assert answer["reasons"]
    assert service.line()["degraded"]
    (parked,) = service.ask(f"/studies/{STUDY}/parked", role="auditor").json()["parked"]
    assert parked["reason"] == "not a fact of this contract"
    again = service.ask(
        f"/studies/{STUDY}/parked/{parked['id']}/replay", role="study_admin", method="POST"
    )
    assert again.status_code == 409
    assert service.about("assessment")["degraded"]


def test_a_parked_message_of_another_study_cannot_be_replayed(
    service: Service, trial: Trial
) -> None:
    service.feed(trial.protocol(), garbage(STUDY))
    (parked,) = service.ask(f"/studies/{STUDY}/parked", role="auditor").json()["parked"]
    foreign = service.ask(
        f"/studies/{OTHER}/parked/{parked['id']}/replay",
        role="study_admin",
        study=OTHER,
        method="POST",
    )
    assert foreign.status_code == 404


def test_without_worker_and_ticker_nobody_knows(
    settings: Settings,
    engine: Engine,
    clock: ManualClock,
    service: Service,
    trial: Trial,
    live_server: Callable[[FastAPI], str],
) -> None:
    service.feed(trial.protocol(), *trial.treated("1-01"))
    idle = create_app(settings, engine, service.bus, clock, run_in_background=False)
    base = live_server(idle)
    with Service(engine, clock, service.bus, base).client as client:
        with engine.begin() as conn:
            key = create_key(conn, "an IRT", [(STUDY, "edc_source")])
        client.headers["Authorization"] = f"Bearer {key}"
        assessment = client.get(f"/studies/{STUDY}/assessment")
        assert assessment.status_code == 200
        assert assessment.headers["Vigil-Stale"] == "true"
        known = {"If-None-Match": assessment.headers["ETag"]}
        again = client.get(f"/studies/{STUDY}/assessment", headers=known)
        assert (again.status_code, again.headers["Vigil-Stale"]) == (304, "true")
        versions = client.get(f"/studies/{STUDY}/versions")
        assert (versions.status_code, versions.headers["Vigil-Stale"]) == (200, "true")
        enrolment = client.get(f"/studies/{STUDY}/enrolment", params={"dose_level": 1})
        assert enrolment.status_code == 503
        assert client.get("/studies").json()["studies"][0]["stale"] is True
        assert httpx2.get(base + "/readyz", timeout=60).status_code == 503


def test_a_database_that_is_down_is_not_no_dlt(
    settings: Settings,
    clock: ManualClock,
    new_database: Callable[[], str],
    live_server: Callable[[FastAPI], str],
) -> None:
    engine = create_engine(new_database(), application_name="tests")
    with engine.begin() as conn:
        key = create_key(conn, "a person", [(STUDY, "committee_member")])
    down = create_engine(
        engine.url.set(database="there_is_none"), application_name="tests", pool_size=1
    )
    with PostgresBus(down) as bus:
        app = create_app(settings, down, bus, clock, run_in_background=False)
        response = httpx2.get(
            live_server(app) + f"/monitor/v1/studies/{STUDY}/assessment",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
    assert response.status_code == 503
    engine.dispose()
    down.dispose()
