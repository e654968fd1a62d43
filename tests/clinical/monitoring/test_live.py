"""A look at a stopping rule: confirmed, candidate and pending events on both sides of the line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.monitoring import (
    AnyRelatedGrade5,
    BetaBinomial,
    EventCounts,
    NOfM,
    RepeatedTesting,
    Rule,
    SafetyRule,
    TwoStage,
    look,
    look_by_class,
)
from shared.clinical.monitoring.boundaries import limits_of

POSTERIOR = BetaBinomial(p0=0.28, a=0.28, b=0.72, cutoff=0.90)
SPARSE = RepeatedTesting(p0=0.20, p1=0.40, looks=(5, 10, 20))
RULES: list[SafetyRule] = [
    AnyRelatedGrade5(),
    NOfM(events=3, of=10),
    POSTERIOR,
    BetaBinomial(p0=0.10, cutoff=0.95, first_look=6),
    SPARSE,
    RepeatedTesting(p0=0.20, looks=tuple(range(1, 21)), delta=0.5),
]

counts = st.tuples(*(st.integers(0, 9) for _ in range(4))).map(
    lambda drawn: EventCounts(
        n=drawn[0] + drawn[1],
        events=drawn[1],
        pending=(drawn[2] + drawn[3]) % 6,
        candidate=min(drawn[3], (drawn[2] + drawn[3]) % 6),
    )
)


def of(text: str) -> EventCounts:
    """``"3/8"``: three events among eight; ``"3/8 p2 c1"``: two more pending, one a candidate."""
    head, *rest = text.split()
    events, n = head.split("/")
    extra = {part[0]: int(part[1:]) for part in rest}
    return EventCounts(int(n), int(events), extra.get("p", 0), extra.get("c", 0))


@pytest.mark.parametrize(
    ("rule", "written", "status", "margin"),
    [
        (AnyRelatedGrade5(), "0/9", "clear", 1),
        (AnyRelatedGrade5(), "0/9 p1", "open", 1),
        (AnyRelatedGrade5(), "0/9 p1 c1", "crossed", 0),
        (AnyRelatedGrade5(), "1/9", "crossed", 0),
        (NOfM(events=3, of=10), "1/8", "clear", 2),
        (NOfM(events=3, of=10), "1/8 p1", "clear", 2),
        (NOfM(events=3, of=10), "1/8 p2", "open", 2),
        (NOfM(events=3, of=10), "2/8", "near", 1),
        (NOfM(events=3, of=10), "1/8 p1 c1", "near", 1),
        (NOfM(events=3, of=10), "2/8 p1 c1", "crossed", 0),
        (NOfM(events=3, of=10), "0/7 p3 c3", "crossed", 0),
        (POSTERIOR, "3/10", "clear", 3),
        (POSTERIOR, "4/10", "clear", 2),
        (POSTERIOR, "4/9", "near", 1),
        (POSTERIOR, "5/10", "crossed", 0),
        (POSTERIOR, "4/9 p2 c1", "crossed", 0),
        (SPARSE, "2/5", "clear", 3),
        (SPARSE, "2/3", "near", 1),
        (SPARSE, "3/5", "crossed", 0),
        (SPARSE, "4/10", "clear", 4),
        (SPARSE, "4/9", "near", 1),
        (SPARSE, "7/20", "near", 1),
        (SPARSE, "8/20", "crossed", 0),
    ],
)
def test_status(rule: SafetyRule, written: str, status: str, margin: int) -> None:
    found = look(rule, of(written))
    assert (found.status, found.margin, found.report.margin) == (status, margin, margin)


def test_a_candidate_after_a_crossed_look_takes_nothing_back() -> None:
    """3 of 5 cross at the look at 5; the 6 of 10 of the next look are far away."""
    assert look(SPARSE, of("3/5 p1 c1")).status == "crossed"
    assert look(SPARSE, of("4/6")).status == "crossed"
    assert look(SPARSE, of("3/6")).status == "clear"


def crosses(rule: SafetyRule, found: EventCounts) -> bool:
    """The boundary reached with these events final: now, or for certain at an earlier look."""
    limits = limits_of(rule, 100)
    return any(found.events - back >= limits[found.n - back] for back in range(found.events + 1))


def with_outcomes(found: EventCounts, outcomes: tuple[int, ...]) -> Iterator[EventCounts]:
    """The counts after each outcome of a pending subject, in this order."""
    for done in range(1, len(outcomes) + 1):
        yield EventCounts(found.n + done, found.events + sum(outcomes[:done]))


@given(st.sampled_from(RULES), counts)
@settings(deadline=None)
def test_near_means_that_one_more_event_crosses(rule: SafetyRule, found: EventCounts) -> None:
    confirmed = EventCounts(found.n + found.candidate, found.events + found.candidate)
    one_more = EventCounts(confirmed.n + 1, confirmed.events + 1)
    crossed = any(
        crosses(rule, EventCounts(found.n + some, found.events + some))
        for some in range(found.candidate + 1)
    )
    status = look(rule, found).status
    assert (status == "crossed") == crossed
    near = not crossed and crosses(rule, one_more) and confirmed.events > 0
    assert (status == "near") == near


@given(st.sampled_from(RULES), counts)
@settings(deadline=None)
def test_clear_means_that_no_outcome_in_any_order_crosses(
    rule: SafetyRule, found: EventCounts
) -> None:
    """The candidates' own outcomes are counted as events, as for stopping."""
    seen = EventCounts(found.n + found.candidate, found.events + found.candidate)
    waiting = found.pending - found.candidate
    possible = any(
        crosses(rule, then)
        for outcomes in itertools.product((0, 1), repeat=waiting)
        for then in with_outcomes(seen, outcomes)
    )
    said = look(rule, found)
    if said.status == "open":
        assert possible
    elif said.status == "clear":
        assert not possible


@given(st.sampled_from(RULES), counts)
@settings(deadline=None)
def test_an_event_never_makes_it_look_better(rule: SafetyRule, found: EventCounts) -> None:
    if found.events == found.n:
        return
    more = EventCounts(found.n, found.events + 1, found.pending, found.candidate)
    before, after = look(rule, found).margin, look(rule, more).margin
    assert before is not None
    assert after is not None
    assert after <= before


@pytest.mark.parametrize(
    ("rule", "written", "text"),
    [
        (
            NOfM(events=3, of=10, event="a DLT"),
            "2/8 p2 c1",
            "stop: 3 of 9 subjects with a DLT, 1 of them not confirmed yet; 3 or more of 9 stop",
        ),
        (
            NOfM(events=3, of=10),
            "1/8 p4 c1",
            (
                "one more event stops: 2 of 9 subjects with the event, 1 of them not confirmed "
                "yet; 3 of 10 would stop: 1 of the 3 pending can bring that"
            ),
        ),
        (
            NOfM(events=3, of=10),
            "1/8 p4",
            (
                "may cross: 1 of 8 subjects with the event; "
                "3 of 10 would stop: 2 of the 4 pending can bring that"
            ),
        ),
        (
            NOfM(events=3, of=10),
            "0/8 p2",
            (
                "clear: 0 of 8 subjects with the event; "
                "3 of 11 would stop, more than the 2 pending can bring"
            ),
        ),
        (
            NOfM(events=3, of=10),
            "1/11",
            (
                "clear: 1 of 11 subjects with the event; 3 of 13 would stop; "
                "beyond the 10 subjects of the rule its boundary is kept"
            ),
        ),
        (
            SPARSE,
            "4/6",
            (
                "stop: 4 of 6 subjects with the event; 3 or more of 5 stop, and that many had it "
                "then; next look at 10"
            ),
        ),
        (
            SPARSE,
            "2/21",
            (
                "clear: 2 of 21 subjects with the event; 8 of 27 would stop; "
                "beyond the last look at 20 its boundary is kept"
            ),
        ),
        (
            BetaBinomial(p0=0.9, a=1.0, b=1000.0, cutoff=0.99),
            "1/2",
            "clear: 1 of 2 subjects with the event; no 100 further events would stop",
        ),
    ],
)
def test_text(rule: SafetyRule, written: str, text: str) -> None:
    assert look(rule, of(written)).report.text == text


def test_the_report_holds_what_the_answer_rests_on() -> None:
    report = look(POSTERIOR, of("4/9 p2 c1")).report
    assert report.rule == "beta_binomial.crossed"
    inputs = dict(report.inputs)
    assert round(float(inputs.pop("posterior") or 0), 7) == 0.9137348
    assert inputs == {"n": 9, "events": 4, "pending": 2, "candidate": 1}
    assert report.thresholds == {
        "stop_at": 5,
        "p0": 0.28,
        "cutoff": 0.90,
        "prior": "Beta(0.28, 0.72)",
    }
    assert "Biometrics 1994" in report.source


def test_repeated_testing_reports_its_exact_error_and_power() -> None:
    rule = RepeatedTesting(p0=0.20, p1=0.40, looks=tuple(range(1, 21)))
    thresholds = look(rule, of("1/1")).report.thresholds
    assert thresholds["next_stop"] == "3 of 3"
    assert thresholds["stop_at"] is None
    shown = {key: round(float(thresholds[key] or 0), 3) for key in thresholds if "crossing" in key}
    assert shown == {"crossing_at_p0": 0.087, "crossing_at_p1": 0.678}
    alone = look(RepeatedTesting(p0=0.20, looks=(5,)), of("1/1")).report.thresholds
    assert "crossing_at_p1" not in alone


# The published rates of NCT04028063: 15 of 33 and 3 of 33, with a boundary made up for the test.
CLASSES: dict[str, Rule] = {
    "related": BetaBinomial(p0=0.40, cutoff=0.90, event="grade 3 or 4 treatment-related AE"),
    "immune": NOfM(events=4, of=33, event="immune-mediated AE needing immunosuppression"),
    "death": AnyRelatedGrade5(),
}


def test_every_class_by_its_own_denominator_and_the_gravest_speaks() -> None:
    found = look_by_class(
        CLASSES, {"related": of("15/33"), "immune": of("3/33"), "death": of("0/37")}
    )
    assert found.status == "near"
    assert found.report.text.startswith("immune: one more event stops: 3 of 33 subjects with imm")
    assert found.report.inputs == {"related": "clear", "immune": "near", "death": "clear"}
    assert [child.rule for child in found.report.children] == [
        "beta_binomial.clear",
        "n_of_m.near",
        "any_related_grade_5.clear",
    ]


def test_a_class_nobody_counted_is_never_clear() -> None:
    found = look_by_class(CLASSES, {"related": of("1/33"), "death": of("0/37")})
    assert (found.status, found.margin) == ("open", None)
    assert "immune is not counted" in found.report.text


def test_a_two_stage_design_is_one_of_the_rules() -> None:
    rules: dict[str, Rule] = {
        "response": TwoStage(r1=4, n1=16, r=11, n=38),
        "death": AnyRelatedGrade5(),
    }
    found = look_by_class(rules, {"response": of("4/16"), "death": of("0/16")})
    assert found.report.rule == "by_class.crossed"
    assert found.report.text.startswith("response: stop for futility")


@pytest.mark.parametrize(
    ("rules", "fault"), [({"death": AnyRelatedGrade5()}, r"no rule for \['sae'\]"), ({}, "no rule")]
)
def test_counts_without_a_rule_are_refused(rules: dict[str, Rule], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        look_by_class(rules, {"sae": of("0/3")})


def test_no_rule_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule at all"):
        look_by_class({}, {})


@pytest.mark.parametrize("written", ["3/2", "-1/2", "1/2 p1 c2", "1/2 p0 c-1"])
def test_counts_that_cannot_be_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="among"):
        of(written)
