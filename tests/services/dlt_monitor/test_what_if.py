"""What if over HTTP: branches for the pending, suppositions that are not kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2

from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)
PATH = f"/studies/{STUDY}/what-if"


def suppose(service: Service, *events: Any, role: str = "committee_member") -> httpx2.Response:
    return service.ask(PATH, role=role, method="POST", json={"events": list(events)})


def confirmed(study: str = STUDY, **data: Any) -> dict[str, Any]:
    """A review that confirms the platelets of 1-01, as it would be posted."""
    return {
        "specversion": "1.0", "id": "not-sent", "source": "urn:people", "subject": f"{study}-1-01",
        "type": "vigil.dlt_review.v1", "time": at(DAY_10).isoformat(), "studyid": study,
        "recordid": "review", "revision": 1,
        "data": {
            "STUDYID": study, "USUBJID": f"{study}-1-01", "decision": "DLT",
            "decided_dtc": DAY_10.isoformat(), "criterion_id": "platelets-g4",
            "assessment_digest": "sha256:" + "0" * 64, **data,
        },
    }  # fmt: skip


def with_a_candidate(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-01", DAY_10, "21"))


def test_every_outcome_of_the_pending_has_its_decision(service: Service, trial: Trial) -> None:
    with_a_candidate(service, trial)
    found = service.about("what-if")
    assert found["pending"] == {"1": ["1-01", "1-02", "1-03"]}
    said = [(one["dlts"], one["action"]) for one in found["branches"]]
    assert said == [
        ({"1": 0}, "escalate"), ({"1": 1}, "expand"), ({"1": 2}, "stop"), ({"1": 3}, "stop"),
    ]  # fmt: skip
    assert (found["complete"], found["certain"]) == (True, [])
    assert found["assessment_digest"] == service.about("assessment")["digest"]


def test_a_supposed_record_shows_what_it_would_change_and_is_not_kept(
    service: Service, trial: Trial
) -> None:
    with_a_candidate(service, trial)
    before = service.about("assessment")
    service.clock.set(at(DAY_10, 15))
    answer = suppose(service, confirmed())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["before"]["subjects"]["1-01"] == "dlt_candidate"
    assert found["after"]["subjects"]["1-01"] == "dlt"
    assert "dlt.confirmed" in {signal["type"] for signal in found["signals"]}
    assert "digest" not in found["after"]
    assert service.about("assessment") == before


def test_what_is_no_record_of_the_study_is_refused_with_its_place(
    service: Service, trial: Trial
) -> None:
    with_a_candidate(service, trial)
    for body, pointer in (
        (confirmed("S2"), "/events/0/studyid"),
        (confirmed(decision="PERHAPS"), "/events/0/data/decision"),
    ):
        answer = suppose(service, body)
        assert answer.status_code == 422
        assert pointer in answer.text
        assert "PERHAPS" not in answer.text
    assert suppose(service).status_code == 422


def test_who_has_no_part_in_the_study_may_not_ask(service: Service, trial: Trial) -> None:
    with_a_candidate(service, trial)
    for method in ("GET", "POST"):
        answer = service.ask(PATH, study="OTHER", method=method, json={"events": [confirmed()]})
        assert answer.status_code in (403, 404)
