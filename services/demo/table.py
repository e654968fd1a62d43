"""The replay's tables: one row a subject, and the laboratory values that are stated exactly.

They lie beside the protocol as CSV files, so that whoever reviews the demo sees what was made up.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from services.demo import STUDY

FOLDER = Path(__file__).resolve().parents[2] / "studies" / STUDY
CYCLE_DAYS = 21
CUT_OFF = date(2024, 1, 22)


@dataclass(frozen=True, slots=True)
class Severe:
    """An adverse event of grade 3 or 4; ``day`` counts from the first dose, which is day 1."""

    term: str
    grade: int
    day: int


@dataclass(frozen=True, slots=True)
class Row:
    """One synthetic subject; doses in mg, weight in kg, body surface in m2."""

    subject: str
    part: str
    dose_level: int
    first_dose: date
    cycles: int
    age: int
    ecog: int
    prior_lines: int
    prior_ici: str
    weight_kg: str
    bsa_m2: str
    lvgn_mg: str
    anlotinib_mg: int
    severe: tuple[Severe, ...]
    response: str

    @property
    def cohort(self) -> str:
        """The cohort's name: its dose level in the escalation."""
        return str(self.dose_level) if self.part == "escalation" else "phase 2"

    def on(self, day: int) -> date:
        """The calendar date of a study day."""
        return self.first_dose + timedelta(days=day - 1)

    @property
    def off_treatment(self) -> int:
        """The study day after the last cycle."""
        return self.cycles * CYCLE_DAYS + 1


def read_protocol() -> str:
    """The protocol document the replay runs under."""
    return (FOLDER / "protocol.yaml").read_text("utf-8")


def read_rows() -> tuple[Row, ...]:
    """All 39 subjects, in the table's order."""
    return tuple(_row(line) for line in _lines("subjects.csv"))


def read_stated_labs() -> dict[tuple[str, str], dict[int, Decimal]]:
    """By subject and test the values that are stated exactly, by study day."""
    stated: dict[tuple[str, str], dict[int, Decimal]] = {}
    for line in _lines("labs.csv"):
        values = stated.setdefault((line["subject"], line["test"]), {})
        values[int(line["day"])] = Decimal(line["value"])
    return stated


def share(*names: object) -> Decimal:
    """A number from 0 up to 1 that depends on the names alone: variety without randomness."""
    digest = hashlib.sha256("|".join(map(str, names)).encode()).digest()
    return Decimal(int.from_bytes(digest[:4], "big")) / 2**32


def _lines(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _row(line: dict[str, str]) -> Row:
    return Row(
        subject=line["subject"],
        part="escalation" if line["phase"] == "1b" else "expansion",
        dose_level=int(line["lvgn_mg_kg"]),
        first_dose=date.fromisoformat(line["c1d1"]),
        cycles=int(line["cycles"]),
        age=int(line["age"]),
        ecog=int(line["ecog"]),
        prior_lines=int(line["prior_lines"]),
        prior_ici=line["prior_ici"],
        weight_kg=line["weight_kg"],
        bsa_m2=line["bsa_m2"],
        lvgn_mg=line["lvgn_mg_c1"],
        anlotinib_mg=int(line["anlotinib_mg"]),
        severe=tuple(_severe(line["ge3_trae"])),
        response=line["best_response"].split()[0],
    )


def _severe(text: str) -> Iterator[Severe]:
    """Reads ``PLT:3@C2D15;AST:3@C1D15``; a dash is none."""
    for part in text.split(";") if text != "-" else ():
        term, grade, when = part.replace("@", ":").split(":")
        cycle, day = when.removeprefix("C").split("D")
        yield Severe(term, int(grade), (int(cycle) - 1) * CYCLE_DAYS + int(day))
