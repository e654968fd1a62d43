"""What is remembered of the signals about an unchanged subject hangs on all that goes into them."""

from __future__ import annotations

from datetime import timedelta

from shared.clinical import standing_signals
from shared.contracts.assessment import Assessment
from tests.clinical.stories import DAY_1, Trial, at


def test_an_unchanged_subject_is_told_of_when_its_window_is_over() -> None:
    trial = Trial()
    trial.enrol("1-01")
    over = trial.assess(at(DAY_1 + timedelta(days=30)))
    (subject,) = over.subjects
    assert subject.window is not None
    inside = over.model_copy(
        update={"as_of": at(subject.window.last - timedelta(days=1)), "subjects": over.subjects}
    )
    assert [_closed(one) for one in (over, inside, over)] == [True, False, True]


def test_another_version_of_the_protocol_makes_other_signals() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.event("1-01", "Death NOS", 5, DAY_1 + timedelta(days=3))
    first = trial.assess(at(DAY_1 + timedelta(days=4)))
    second = first.model_copy(update={"protocol_version": "2"})
    before, after = ({one.key for one in standing_signals(each)} for each in (first, second))
    assert len(before) == len(after)
    assert not before & after


def _closed(assessment: Assessment) -> bool:
    return any(one.type == "window.closed" for one in standing_signals(assessment))
