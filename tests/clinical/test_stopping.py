"""Stopping rules in a live study: who counts, what halts, and that nothing dilutes a crossing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.assessment import Assessment, StoppingView
from shared.document import read_yaml, write_yaml
from tests.clinical.stories import PROTOCOL, Trial, at, day, end_of

RASH = {"id": "rash", "text": "a related rash of grade 3", "source": "section 9",
        "toxicity": {"terms": ["Rash maculo-papular"], "grade": 3}}  # fmt: skip


def trial_with(stop_when: dict[str, Any], **rule: Any) -> Trial:
    document = read_yaml(PROTOCOL.read_text()).value
    return Trial(write_yaml({**document, "stopping": [{**RASH, "stop_when": stop_when, **rule}]}))


def view_of(assessment: Assessment) -> StoppingView:
    (view,) = assessment.stopping
    return view


def two_of(of: int) -> dict[str, Any]:
    return {"kind": "n_of_m", "events": 2, "of": of}


def test_subjects_without_the_event_never_take_a_crossing_back() -> None:
    """P(p > .28) with Beta(.28,.72): 2 of 2 stop, 2 of 3 would not."""
    rule = {"kind": "beta_binomial", "p0": 0.28, "a": 0.28, "b": 0.72, "cutoff": 0.9}
    trial = trial_with(rule, among=["expansion"])
    for number in range(5):
        trial.enrol(f"E-{number}", part="expansion")
    for number in range(2):
        trial.event(f"E-{number}", "Rash maculo-papular", 3, day(5))
    assert view_of(trial.assess(end_of(day(5)))).status == "crossed"
    for number in range(2, 5):
        trial.complete(f"E-{number}")
    later = trial.assess(end_of(day(30)))
    assert (view_of(later).evaluable, view_of(later).events) == (5, 2)
    assert (view_of(later).status, later.status) == ("crossed", "on_hold")
    trial.decide("stay", 1, at(day(31)), lifts_hold=True)
    assert trial.assess(at(day(31), 20)).status == "open"


@pytest.mark.parametrize(("among", "events"), [("expansion", 1), ("escalation", 1), (None, 2)])
def test_each_rule_has_its_own_denominator(among: str | None, events: int) -> None:
    trial = trial_with(two_of(9), **({"among": [among]} if among else {}))
    trial.enrol("1-01")
    trial.enrol("E-01", part="expansion")
    for subject in ("1-01", "E-01"):
        trial.event(subject, "Rash maculo-papular", 3, day(5))
    view = view_of(trial.assess(end_of(day(5))))
    assert view.events == events
    assert view.status == ("near" if events == 1 else "crossed")


@pytest.mark.parametrize(("onset", "number", "events"), [
    ("in_window", 21, 1), ("in_window", 22, 0), ("any_time", 22, 1),
])  # fmt: skip
def test_an_event_counts_in_the_window_or_whenever(onset: str, number: int, events: int) -> None:
    trial = trial_with(two_of(9), onset=onset)
    trial.enrol("1-01")
    trial.event("1-01", "Rash maculo-papular", 3, day(number))
    assert view_of(trial.assess(end_of(day(number)))).events == events


def test_what_a_person_has_to_judge_holds_and_does_not_stop_yet() -> None:
    """Platelets by the laboratory while every report says not related: for a person."""
    toxicity = {"terms": ["Platelet count decreased"], "grade": 4}
    trial = trial_with({"kind": "n_of_m", "events": 1, "of": 9}, toxicity=toxicity)
    trial.enrol("E-01", part="expansion")
    trial.lab("E-01", "PLAT", "20", day(5))
    trial.event("E-01", "Platelet count decreased", 4, day(5), related="NOT RELATED")
    assessment = trial.assess(end_of(day(5)))
    assert (view_of(assessment).candidate, view_of(assessment).status) == (1, "crossed")
    assert (assessment.recommendation.action, assessment.status) == ("hold", "on_hold")


def test_immune_mediated_needs_the_immunosuppression() -> None:
    immune = {"together_with_any": [{"treatment": {"category": "steroid"}}]}
    trial = trial_with({"kind": "n_of_m", "events": 1, "of": 9}, **immune)
    trial.enrol("1-01")
    trial.event("1-01", "Rash maculo-papular", 3, day(5))
    assert view_of(trial.assess(end_of(day(5)))).status != "crossed"
    given = {"CMTRT": "PREDNISOLONE", "category": "steroid", "CMSTDTC": str(day(6))}
    trial.record("concomitant", "1-01", given, known=at(day(6)))
    assert view_of(trial.assess(end_of(day(6)))).status == "crossed"


def test_final_without_the_event_needs_the_window_over_and_records_complete() -> None:
    trial = trial_with(two_of(9))
    trial.enrol("1-01")
    trial.enrol("1-02")
    trial.complete("1-02")
    views = [view_of(trial.assess(end_of(day(number)))) for number in (20, 21)]
    assert [(one.evaluable, one.pending) for one in views] == [(0, 2), (1, 1)]


def test_a_study_without_the_section_says_nothing_of_it() -> None:
    trial = Trial()
    trial.enrol("1-01")
    assert "stopping" not in trial.assess(end_of(day(5))).model_dump()
