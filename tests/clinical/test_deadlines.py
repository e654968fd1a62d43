"""Time alone changes an assessment only at the deadlines the study names."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical import Study
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at, end_of
from tests.clinical.test_properties import histories

_DAY = re.compile(r"^day \d+ of \d+$")


def said(assessment: Assessment) -> dict[str, Any]:
    """An assessment without the moment it is about, and without the count of days."""
    left_out = {"digest", "as_of", "known_at", "applied_through"}
    shown = assessment.model_dump(mode="json", exclude=left_out)
    for subject in shown["subjects"]:
        subject["why"] = _DAY.sub("day N", subject["why"])
        if subject["window"]:
            subject["window"]["day"] = subject["window"]["day"] is not None
    return shown


def check(facts: list[Fact], begin: datetime, end: datetime, step: timedelta) -> None:
    study = Study(STUDY)
    study.add(facts)
    moment = begin
    before, due = said(study.assess(as_of=moment)), study.next_deadline(moment)
    while moment < end:
        moment = min(moment + step, due or end)
        now = said(study.assess(as_of=moment))
        if due is None or moment < due:
            assert now == before, moment
        before, due = now, study.next_deadline(moment)


@settings(max_examples=25, deadline=None)
@given(facts=histories(), minutes=st.integers(0, 1440))
def test_between_two_deadlines_nothing_changes(facts: list[Fact], minutes: int) -> None:
    last = max(fact.known_at for fact in facts)
    check(facts, last + timedelta(minutes=minutes), last + timedelta(days=45), timedelta(hours=9))


def test_a_day_that_needs_its_own_confirmation_is_a_deadline() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.lab("1-01", "PLAT", "43", DAY_1 + timedelta(days=9))
    through = DAY_1 + timedelta(days=11)
    data = {"domain": "ALL", "complete_through": str(through)}
    trial.record("review_complete", "1-01", data, known=at(through, 20))
    check(trial.facts, at(through, 21), end_of(DAY_1 + timedelta(days=40)), timedelta(hours=5))


def test_an_assumed_completeness_within_the_window_is_a_deadline() -> None:
    text = PROTOCOL.read_text().replace("{mode: reported}", "{mode: assumed, grace_days: 2}")
    trial = Trial(text)
    trial.enrol("1-01")
    trial.lab("1-01", "PLAT", "43", DAY_1 + timedelta(days=9))
    trial.lab("1-01", "PLAT", "80", DAY_1 + timedelta(days=12))
    start = at(DAY_1 + timedelta(days=12), 21)
    check(trial.facts, start, end_of(DAY_1 + timedelta(days=40)), timedelta(hours=5))
