"""Which adverse events the replay's subjects have: the severe ones of the table, and mild ones.

The mild ones are filler (every subject but one had a related event): they are dealt out in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.demo.table import Row, Severe, share

WITHOUT_ANY_EVENT = "1-02"
GRADE_1 = 75
"""Platelets (10^9/L) at which thrombocytopenia is back to grade 1 (CTCAE v5.0)."""

TERMS = {
    "PLT": "Platelet count decreased",
    "AST": "Aspartate aminotransferase increased",
    "WBC": "White blood cell decreased",
    "ANC": "Neutrophil count decreased",
    "HTN": "Hypertension",
    "TRIG": "Hypertriglyceridemia",
}

_MILD = (
    ("PLT", TERMS["PLT"], 1),
    ("PROT", "Proteinuria", 1),
    ("FAT", "Fatigue", 2),
    ("AST", TERMS["AST"], 1),
    ("THYR", "Hypothyroidism", 2),
    ("PPE", "Palmar-plantar erythrodysesthesia syndrome", 1),
)


@dataclass(frozen=True, slots=True)
class Toxicity:
    """An adverse event as it really went; ``days`` is how long until grade 1 or lower."""

    code: str
    term: str
    grade: int
    day: int
    days: int


def toxicities(
    rows: tuple[Row, ...], stated: Mapping[tuple[str, str], Mapping[int, Decimal]]
) -> dict[str, tuple[Toxicity, ...]]:
    """Every subject's events, severe ones first; ``stated`` laboratory values by study day."""
    found = {}
    turn = 0
    for row in rows:
        events = [_of(row, severe, stated) for severe in row.severe]
        if row.subject != WITHOUT_ANY_EVENT:
            code, term, grade = _next_mild(row, turn)
            turn += 1
            events.append(Toxicity(code, term, grade, _mild_day(row, code), 7))
        found[row.subject] = tuple(events)
    return found


def _of(
    row: Row, severe: Severe, stated: Mapping[tuple[str, str], Mapping[int, Decimal]]
) -> Toxicity:
    platelets = stated.get((row.subject, "PLAT"), {}) if severe.term == "PLT" else {}
    recovered = [day for day, value in platelets.items() if day > severe.day and value >= GRADE_1]
    if recovered:
        days = min(recovered) - severe.day
    elif (row.subject, "AST") in stated:
        days = max(stated[row.subject, "AST"]) - severe.day
    else:
        days = 7 + int(share(row.subject, severe.term, "days") * 4)
    return Toxicity(severe.term, TERMS[severe.term], severe.grade, severe.day, days)


def _next_mild(row: Row, turn: int) -> tuple[str, str, int]:
    severe = {event.term for event in row.severe}
    return next(mild for mild in _from(turn) if mild[0] not in severe)


def _from(turn: int) -> Iterator[tuple[str, str, int]]:
    start = turn % len(_MILD)
    yield from _MILD[start:] + _MILD[:start]


def _mild_day(row: Row, code: str) -> int:
    """A visit day of cycle 1 or 2; the laboratory ones on day 15, where a sample is taken."""
    if code in ("PLT", "AST"):
        return 15
    days = (8, 15) if row.cycles == 1 else (8, 15, 22, 36)
    return days[int(share(row.subject, "mild") * len(days))]
