"""Doubtful records that would end as "fine" in silence: each is asked about, and none is the proof
that there was no toxicity.
"""

from __future__ import annotations

import pytest

from tests.clinical.safe_side_support import Step, one, said

LOW: Step = said("lab", test="PLAT", result="20", taken="day 10") | {"as": "value"}


def revise(known: str, **data: str | None) -> Step:
    return {"revise": {"record": "value", "known": known, **data}}


# -- a correction that nobody explained -----------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "status"),
    [
        ({"LBFAST": "Y"}, "dlt_candidate"),
        ({"LBORNRLO": "130"}, "dlt_candidate"),
        ({"LBORRES": "210"}, "completed"),
        ({}, "completed"),
    ],
)
def test_only_who_speaks_of_the_doubtful_value_puts_the_doubt_to_rest(
    later: dict[str, str], status: str
) -> None:
    steps = [LOW, revise("day 11", LBORRES="200"), revise("day 12", reason="checked", **later)]
    action = "escalate" if status == "completed" else "wait"
    assert one(status, *steps, action=action) == []
    assert one("dlt_candidate", *steps[:2]) == []


@pytest.mark.parametrize(
    ("later", "status"),
    [({"AESEV": "MODERATE"}, "completed"), ({"AEOUT": "RECOVERED"}, "dlt_candidate")],
)
def test_a_lower_grade_needs_somebody_who_speaks_of_the_grade(
    later: dict[str, str], status: str
) -> None:
    event = said("event", term="Stroke", grade=3, onset=10) | {"as": "value"}
    steps = [event, revise("day 11", AETOXGR="2"), revise("day 12", reason="checked", **later)]
    action = "escalate" if status == "completed" else "wait"
    assert one(status, *steps, action=action) == []
