"""A decision table as data: its rows, between them, beyond them, and what is no table."""

from __future__ import annotations

import pytest

from shared.clinical.designs import DesignError, Question, Table, counts_of, design_of

TABLE = Table(target=0.3, rows=("ESDU", "EESDUUU"), citation="the protocol, section 5")


@pytest.mark.parametrize(
    ("n", "dlt", "verdict"),
    [
        (3, 0, "E"),
        (3, 1, "S"),
        (3, 2, "D"),
        (3, 3, "U"),
        (6, 1, "E"),
        (6, 4, "U"),
        (1, 0, "S"),
        (2, 1, "S"),
        (2, 2, "D"),
        (4, 1, "S"),
        (5, 3, "D"),
        (5, 4, "U"),
        (7, 0, "S"),
        (7, 3, "D"),
        (9, 8, "U"),
    ],
)
def test_rows_between_and_beyond(n: int, dlt: int, verdict: str) -> None:
    assert TABLE.verdict(n, dlt) == verdict


def test_the_walk_cites_the_table() -> None:
    answer = TABLE.decide(Question(counts_of("1NNN 2TTT", 3), 2))
    assert (answer.action, answer.next_dose, answer.eliminated_from) == ("deescalate", 1, 2)
    assert answer.report.source == "the protocol, section 5"
    assert answer.report.text == (
        "the table's row for 3 with 3 DLTs: dose 2 is eliminated, with every dose above"
    )
    final = TABLE.decide(Question(counts_of("1NNN 2TTT", 3), 2, final=True))
    assert final.mtd == 1


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "at least 1"),
        (["E"], "one row per number"),
        (["EESDUUU", "ESDU"], "rising order"),
        (["ESDU", "ESSU"], "one row per number"),
        (["EXDU"], "letters other than"),
        (["SEDU"], "more DLTs lead higher"),
    ],
)
def test_refused(rows: list[str], problem: str) -> None:
    with pytest.raises(DesignError, match=problem):
        design_of({"kind": "table", "target": 0.3, "rows": rows})
