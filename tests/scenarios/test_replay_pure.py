"""The replay by the pure core: its time line, its end, any order of arrival, and wrong rules."""

import random
from datetime import date

import pytest

from services.demo import STUDY
from services.demo.records import event
from services.demo.replay import events, facts_of, protocol_fact, steps
from services.demo.table import read_protocol
from shared.clinical import Study, standing_signals
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from tests.scenarios.pure import last_moment, told
from tests.scenarios.timeline import Row, hold_against, rows

ROWS = rows("lvgn6051.yaml")
BEFORE = steps()[0].at


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.day))
def test_time_line(row: Row) -> None:
    hold_against(row, told())


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "escalate"},
        {"signals": ("death subject 4-05",)},
        {"silent": ("dose.exceeded",)},
        {"subjects": {"4-06": "completed"}},
        {"doses": {4: (2, 0, 2, 4, "exceeded")}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_row_that_is_wrong_is_found(wrong: dict[str, object]) -> None:
    right = next(row for row in ROWS if row.day == date(2022, 12, 26))
    with pytest.raises(AssertionError):
        hold_against(right.model_copy(update=wrong), told())


def test_final_assessment() -> None:
    final = told().final
    assert dlt_subjects(final) == ["3-02", "4-01", "4-05"]
    assert [(dose.dlt.confirmed, dose.evaluable) for dose in final.doses] == [
        (0, 3),
        (0, 3),
        (1, 6),
        (2, 6),
    ]
    assert final.recommendation.mtd_status == "found"
    assert (final.recommendation.mtd, final.rp2d) == (3, 3)
    assert final.queries == ()


def test_decisions_rest_on_what_still_stands() -> None:
    assert [decision.basis for decision in told().final.decisions] == ["stands"] * 6


@pytest.fixture(scope="module")
def facts() -> list[Fact]:
    return [protocol_fact(BEFORE), *facts_of(events())]


@pytest.mark.parametrize("seed", range(20))
def test_order_duplicates_and_chunks_do_not_matter(seed: int, facts: list[Fact]) -> None:
    chance = random.Random(seed)
    arriving = facts + chance.sample(facts, k=len(facts) // 3)
    chance.shuffle(arriving)
    study = Study(STUDY)
    while arriving:
        size = chance.choice((1, 7, 100, 900))
        study.add(arriving[:size])
        arriving = arriving[size:]
        if chance.random() < 0.05 and study.protocol is not None:
            # An assessment on the way must leave nothing behind.
            study.assess(as_of=last_moment())
    assessment = study.assess(as_of=last_moment())
    assert assessment.digest == told().final.digest
    assert standing_signals(assessment) == standing_signals(told().final)


# -- wrong answers that the data set catches -----------------------------------------------------


def dlt_subjects(assessment: Assessment) -> list[str]:
    return [one.subject for one in assessment.subjects if one.status in ("dlt", "dlt_candidate")]


def toxic(assessment: Assessment, level: int) -> int:
    dose = next(one for one in assessment.doses if one.level == level)
    return dose.dlt.confirmed + dose.dlt.candidate


def assessed_by(old: str, new: str) -> Assessment:
    """The final assessment under a protocol with another rule."""
    document = read_protocol()
    assert document.count(old) == 1
    data = {"version": "wrong", "document": document.replace(old, new)}
    wrong = facts_of([event("protocol", "urn:test", "protocol", BEFORE, data)])
    study = Study(STUDY)
    study.add([*wrong, *facts_of(events())])
    return study.assess(as_of=last_moment())


def test_grade_3_platelets_counted_would_exceed_dose_3() -> None:
    right = "toxicity: {terms: [Platelet count decreased], grade: 4}"
    wrong = assessed_by(right, right.replace("grade: 4", "grade: 3"))
    assert "3-01" in dlt_subjects(wrong)
    assert toxic(wrong, 3) >= 2


def test_a_window_of_28_days_changes_no_dlt() -> None:
    assert dlt_subjects(assessed_by("last_day: 21", "last_day: 28")) == dlt_subjects(told().final)


def test_a_window_of_42_days_adds_a_third_dlt_at_dose_4() -> None:
    wrong = assessed_by("last_day: 21", "last_day: 42")
    assert "4-04" in dlt_subjects(wrong)
    assert toxic(wrong, 4) == 3


def test_pooling_phase_2_makes_a_second_dlt_at_dose_3() -> None:
    wrong = assessed_by("counted_parts: [escalation]", "counted_parts: [escalation, expansion]")
    assert "P-08" in dlt_subjects(wrong)
    assert toxic(wrong, 3) >= 2


def test_dose_4_is_exceeded_13_days_before_the_last_window_closes() -> None:
    exceeded = next(one for one in told().signals if one.type == "dose.exceeded")
    closes = next(one.window for one in told().final.subjects if one.subject == "4-06")
    assert closes is not None
    assert (closes.last - exceeded.known_at.date()).days == 13


def test_two_severe_events_of_4_01_are_one_dlt() -> None:
    view = told().view(date(2022, 11, 9))
    subject = next(one for one in view.subjects if one.subject == "4-01")
    assert len(subject.severe) == 2
    assert toxic(view, 4) == 1


def test_a_pending_subject_blocks_the_next_step() -> None:
    view = told().view(date(2022, 8, 21))
    assert view.recommendation.action == "wait"
    assert "3-03" in [one.subject for one in view.subjects if one.status == "in_window"]
