"""What a committee may decide by itself, and what needs a reason and a second person."""

from typing import Any

import pytest

from services.console.committee_options import Choice, against, current_level, options_of
from services.console.committee_view import moved_on
from shared.contracts.assessment import Assessment, DltCount, Recommendation, StoppingView
from tests.services.console import golden

NONE = DltCount(confirmed=0, candidate=0, open=0)


def said(action: Any, level: int | None, mtd: int | None = None) -> Recommendation:
    found: Any = "undetermined" if mtd is None else "found"
    return Recommendation(action=action, dose_level=level, mtd=mtd, mtd_status=found, reasons=())


def study(recommendation: Recommendation, **changes: Any) -> Assessment:
    """The golden study with its last dose calm, unless a test says otherwise."""
    calm = golden.doses()[3].model_copy(update={"state": "open", "dlt": NONE})
    doses = (*golden.doses()[:3], calm)
    fields = {"status": "open", "recommendation": recommendation, "doses": doses, **changes}
    return golden.assessment(**fields)


def dose(state: str, **dlt: int) -> Any:
    counts = NONE.model_copy(update=dlt)
    last = golden.doses()[3].model_copy(update={"state": state, "dlt": counts})
    return {"doses": (*golden.doses()[:3], last)}


def values(assessment: Assessment) -> list[str]:
    return [option.value for option in options_of(assessment)]


def test_what_the_rule_says_is_first_and_marked() -> None:
    first, *others = options_of(study(said("expand", 4)))
    assert (first.value, first.recommended) == ("expand.4", True)
    assert not any(option.recommended for option in others)


def test_beside_it_is_only_what_is_more_cautious() -> None:
    assert values(study(said("expand", 4)))[1:] == [
        "stay.4", "deescalate.3", "deescalate.2", "deescalate.1", "hold.4", "stop.4",
    ]  # fmt: skip


def test_waiting_is_no_decision_and_opens_nothing() -> None:
    found = values(study(said("wait", 4)))
    assert "wait.4" not in found
    assert not any(value.split(".")[0] in ("escalate", "expand", "enrol") for value in found)


@pytest.mark.parametrize(
    ("state", "offered"), [("open", True), ("cleared", True), ("held", True), ("exceeded", False)]
)
def test_nobody_stays_at_an_exceeded_dose(state: str, offered: bool) -> None:
    assert ("stay.4" in values(study(said("hold", 4), **dose(state)))) is offered


@pytest.mark.parametrize(("state", "offered"), [("cleared", True), ("held", False)])
def test_a_lower_dose_that_is_held_is_not_offered(state: str, offered: bool) -> None:
    lower = golden.doses()[2].model_copy(update={"state": state})
    found = values(study(said("hold", 4), doses=(*golden.doses()[:2], lower, golden.doses()[3])))
    assert ("deescalate.3" in found) is offered


def test_the_current_level_is_that_of_the_last_record_not_of_the_last_listed() -> None:
    first, *rest = golden.decisions()
    assert current_level(study(said("stay", 4), decisions=(*rest, first))) == 4
    assert current_level(study(said("stay", 4), decisions=())) == 4, "where subjects are"


@pytest.mark.parametrize(
    ("choice", "allowed"),
    [
        (Choice("escalate", 4), True),
        (Choice("hold", 4), True),
        (Choice("deescalate", 3), True),
        (Choice("escalate", 3), False),
        (Choice("expand", 4), False),
        (Choice("enrol", 4), False),
        (Choice("finish", 4), False),
        (Choice("hold", 1), False),
    ],
)
def test_anything_else_is_against_the_design(choice: Choice, allowed: bool) -> None:
    assert (against(study(said("escalate", 4)), choice) == ()) is allowed


@pytest.mark.parametrize(
    ("mtd", "rp2d", "allowed"),
    [
        (3, 3, True),
        (3, 2, True),
        (3, None, True),
        (4, None, False),
        (2, None, False),
        (3, 4, False),
    ],
)
def test_mtd_and_rp2d_are_those_the_rule_found_or_below(
    mtd: int | None, rp2d: int | None, allowed: bool
) -> None:
    choice = Choice("finish", 3, mtd=mtd, rp2d=rp2d)
    assert (against(study(said("finish", 3, mtd=3)), choice) == ()) is allowed


def test_without_an_mtd_there_is_no_rp2d() -> None:
    assert against(study(said("finish", 3)), Choice("finish", 3, rp2d=1))


@pytest.mark.parametrize(
    ("changes", "choice", "allowed"),
    [
        (dose("held"), Choice("stay", 4, lifts_hold=True), True),
        (dose("held"), Choice("stay", 4), False),
        (dose("held", candidate=1), Choice("stay", 4, lifts_hold=True), False),
        (dose("exceeded", confirmed=2), Choice("stay", 4, lifts_hold=True), False),
        (dose("exceeded", confirmed=2), Choice("deescalate", 3, lifts_hold=True), True),
        (dose("exceeded", confirmed=1, candidate=1), Choice("deescalate", 3), True),
        (
            dose("exceeded", confirmed=1, candidate=1),
            Choice("deescalate", 3, lifts_hold=True),
            False,
        ),
    ],
)
def test_a_hold_is_lifted_when_nothing_is_left_to_judge(
    changes: Any, choice: Choice, allowed: bool
) -> None:
    found = study(said("hold", 4), status="on_hold", **changes)
    assert (against(found, choice) == ()) is allowed


@pytest.mark.parametrize(("status", "allowed"), [("near", True), ("crossed", False)])
def test_a_crossed_stopping_rule_is_not_lifted_by_the_way(status: Any, allowed: bool) -> None:
    rule = StoppingView(
        id="deaths", status=status, text="", source="", evaluable=3, events=1,
        pending=0, candidate=0, margin=1,
    )  # fmt: skip
    found = study(said("hold", 4), status="on_hold", stopping=(rule,), **dose("held"))
    assert (against(found, Choice("stay", 4, lifts_hold=True)) == ()) is allowed


@pytest.mark.parametrize(("degraded", "allowed"), [(False, True), (True, False)])
def test_unreadable_records_stop_a_go_but_never_a_stop(degraded: bool, allowed: bool) -> None:
    found = study(said("escalate", 4), degraded=degraded)
    assert (against(found, Choice("escalate", 4)) == ()) is allowed
    assert against(found, Choice("stop", 4)) == ()


def test_time_alone_moves_nothing() -> None:
    later = golden.NOW + golden.DAY
    aged = tuple(
        one.model_copy(update={"window": one.window and one.window.model_copy(update={"day": 9})})
        for one in golden.subjects()
    )
    present = golden.assessment(as_of=later, known_at=later, applied_through="9", subjects=aged)
    assert present.digest != golden.assessment().digest
    assert moved_on(golden.assessment(), present) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recommendation": said("finish", 3, mtd=3)}, "Recommendation: Hold enrolment"),
        ({"status": "open"}, "Study: on hold before, open now"),
        ({"degraded": True}, "on hold, degraded now"),
        (dose("exceeded", confirmed=2), "4 mg/kg: exceeded, 1 confirmed and 1 candidate"),
        ({"subjects": golden.subjects()[:-1]}, "A subject is no longer there"),
        ({"protocol_version": "2"}, "Protocol: version 1 before, 2 now"),
        ({"decisions": golden.decisions()[:1]}, "Decisions: another one"),
    ],
)
def test_what_has_moved_is_told(changes: dict[str, Any], told: str) -> None:
    found = moved_on(golden.assessment(), golden.assessment(**changes))
    assert told in " ".join(found)


def test_an_assessment_nobody_gave_out_is_no_basis() -> None:
    assert moved_on(None, golden.assessment())
