"""Tables to print: what they hold is what the design answers."""

from __future__ import annotations

import pytest

from shared.clinical.designs import (
    Boin,
    BoinComb,
    Crm,
    Design,
    DesignError,
    DoseCounts,
    Mtpi2,
    Question,
    RollingSix,
    Table,
    ThreePlusThree,
    TiteBoin,
    decision_table,
    pathways,
)

SKELETON = (0.04, 0.11, 0.22, 0.37, 0.52)


@pytest.mark.parametrize(
    "design", [Boin(target=0.28), Mtpi2(target=0.3), Table(target=0.3, rows=("ESDU", "EESDUUU"))]
)
def test_letters_and_boundaries_say_the_same(design: Design) -> None:
    for row in decision_table(design, 12).as_json():
        letters = row["decisions"]
        assert len(letters) == row["n"] + 1
        up = row["escalate_if_at_most"]
        assert letters.count("E") == (0 if up is None else up + 1)
        for name, first in (("deescalate", "DU"), ("eliminate", "U")):
            found = next((dlt for dlt, one in enumerate(letters) if one in first), None)
            assert row[f"{name}_if_at_least"] == found


def test_worked_boundaries_of_boin() -> None:
    rows = {row[0]: row[1:4] for row in decision_table(Boin(target=0.28), 12).rows}
    assert [rows[n] for n in (3, 6, 9, 12)] == [(0, 2, 3), (1, 3, 4), (1, 4, 5), (2, 5, 6)]


def test_extra_safe_has_its_own_column() -> None:
    table = decision_table(Boin(target=0.28, extrasafe=True), 9)
    stops = {row["n"]: row["stop_at_dose_1_if_at_least"] for row in table.as_json()}
    assert (stops[3], stops[6], stops[9]) == (2, 4, 5)


def test_3_plus_3() -> None:
    rows = decision_table(ThreePlusThree()).rows
    assert rows[1:4] == (
        (3, "1", "expand"),
        (3, ">=2", "stop; the MTD is the dose below"),
        (6, "0", "escalate"),
    )


def test_rolling_six_by_pending() -> None:
    rows = {row[:2]: row[2] for row in decision_table(RollingSix()).rows}
    assert rows[4, "0"] == "ESSSS"
    assert rows[6, "0"] == "EEWWWWW"
    assert rows[6, "1"] == "EWWWWW"
    assert rows[3, ">=2"] == "DD"


@pytest.mark.parametrize(("pending", "dlt"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_follow_up_marks_are_where_the_answer_turns(pending: int, dlt: int) -> None:
    """Never before: the marks are rounded up."""
    design = TiteBoin(target=0.28)
    table = decision_table(design, 9).as_json()
    said = next(
        row["decision"]
        for row in table
        if (row["n"], row["dlt"], row["pending"]) == (9, dlt, pending)
    )

    def action(stft: float) -> str:
        here = DoseCounts(9 - pending, dlt, pending, stft=stft)
        found = design.decide(Question((DoseCounts(3), here, DoseCounts()), 2)).action
        return {"deescalate": "de-escalate"}.get(found, found)

    first, *turns = said.split("; ")
    assert action(0.0) == first
    for turn in turns:
        word, mark = turn.split(" from STFT ")
        assert action(float(mark)) == word
        assert action(float(mark) - 0.011) != word


def test_suspended_and_eliminated_are_said() -> None:
    rows = {row[:3]: row[3] for row in decision_table(TiteBoin(target=0.28), 6).rows}
    assert rows[3, 0, 2] == "suspend"
    assert rows[3, 3, 0] == "eliminate"


def test_pathways_are_all_outcomes_of_all_cohorts() -> None:
    crm = Crm(target=0.22, skeleton=SKELETON)
    table = pathways(crm, 5, cohorts=2, cohort_size=2)
    firsts = [row for row in table.rows if " " not in str(row[0])]
    assert [row[0] for row in firsts] == ["1NN", "1NT", "1TT"]
    assert len(table.rows) == 3 + 9
    for outcomes, _, dose, _ in firsts:
        below = [row for row in table.rows if str(row[0]).startswith(f"{outcomes} {dose}")]
        assert len(below) == 3


def test_a_stopped_path_goes_no_further() -> None:
    stops = [row for row in pathways(Boin(target=0.3), 2, cohorts=3).rows if row[1] == "stop"]
    assert ("1TTT", "stop", None, None) in stops
    assert len(pathways(Boin(target=0.3), 2, cohorts=3).rows) < sum(4**k for k in (1, 2, 3))


def test_what_has_no_table_says_what_to_ask_for() -> None:
    with pytest.raises(DesignError, match="ask for its pathways"):
        decision_table(Crm(target=0.22, skeleton=SKELETON))
    with pytest.raises(DesignError, match="fewer cohorts"):
        pathways(Boin(target=0.3), 5, cohorts=7)
    with pytest.raises(DesignError, match="list of rows"):
        pathways(BoinComb(target=0.3), 4, cohorts=1)
