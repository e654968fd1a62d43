"""What persons put on record is shown beside what they can have seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.contracts.envelope import Fact
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)
NEVER = "sha256:" + "0" * 64


def review(trial: Trial, digest: str, revision: int = 1, op: str = "upsert") -> Fact:
    data = {
        "decision": "NOT_DLT",
        "decided_dtc": DAY_10.isoformat(),
        "criterion_id": "platelets-g4",
        "assessment_digest": digest,
    }
    stated: dict[str, Any] = data if op == "upsert" else {}
    return trial.fact(
        "dlt_review", "review-1", at(DAY_10), subject="1-02", revision=revision, op=op, **stated
    )


def acts(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.about("acts")["acts"]
    return found


def status(service: Service) -> str:
    found: str = service.about("assessment")["subjects"][1]["status"]
    return found


def test_a_review_cites_the_current_assessment_or_is_flagged(
    service: Service, trial: Trial
) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-02", DAY_10, "21"))
    seen = service.about("assessment")["digest"]
    service.feed(review(trial, NEVER))
    service.feed(review(trial, seen, revision=2))
    current = service.about("assessment")["digest"]
    service.feed(review(trial, current, revision=3))
    assert [(one["cites"], one["facts_since"]) for one in acts(service)] == [
        ("unknown", None),
        ("superseded", 1),
        ("current", 0),
    ]
    first = acts(service)[0]
    assert (first["kind"], first["decision"], first["actor"]) == (
        "dlt_review",
        "NOT_DLT",
        "a.person",
    )
    assert first["dose_level"] is None


def test_a_rejection_that_is_withdrawn_leaves_the_candidate(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-02", DAY_10, "21"))
    seen = service.about("assessment")["digest"]
    service.feed(review(trial, seen))
    assert status(service) == "in_window"
    service.feed(review(trial, seen, revision=2, op="delete"))
    assert status(service) == "dlt_candidate"
    withdrawn = acts(service)[-1]
    assert (withdrawn["withdrawn"], withdrawn["cites"]) == (True, "nothing")
    assert withdrawn["reason"] == "entered in error"


def test_a_decision_is_held_against_what_was_known(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    view = service.about("assessment", known_at=at(DAY_1 + timedelta(days=3)).isoformat())
    service.feed(trial.platelets("1-02", DAY_10, "44"))
    service.feed(trial.decision(view["digest"], at(DAY_10)))
    (decision,) = acts(service)
    assert (decision["cites"], decision["facts_since"]) == ("superseded", 1)
    assert (decision["decision"], decision["dose_level"]) == ("escalate", 2)
