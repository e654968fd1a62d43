"""Brings the reference file and the project's criteria to one form, to lay them side by side.

A clause becomes a line: its conditions, each with every limit in the base unit of its kind, its
branch, and the facts it hangs on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.clinical.ctcae.criteria import documents
from shared.clinical.ctcae.form import ClauseDocument, ConditionDocument, CriterionDocument
from shared.clinical.ctcae.limits import SIGNS
from shared.clinical.quantity import Unit, units_by_code
from tests.clinical.ctcae.grading_support import NCI

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference"
FILES = ("ctcae_lab_criteria.json", "ctcae_nonlab_numeric_criteria.json")

UNITS = {
    "10^9/L": "10*9/L", "10^3/uL": "10*3/uL", "1/mm3": "/mm3", "1/uL": "/uL", "ratio": "g/g",
    "mL/min/1.73m2": "mL/min/{1.73_m2}", "g/24h": "g/(24.h)", "C": "Cel", "F": "[degF]",
}  # fmt: skip
FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
BRANCHES = {
    "baseline_normal_or_low": "baseline_normal",
    "baseline_not_above_uln": "baseline_normal",
    "baseline_above_uln": "baseline_abnormal",
    "baseline_above_uln_up_to_5x_uln": "baseline_up_to_5x_uln",
}
"""The reference's names of a branch that are ours in other words."""
OPPOSITES = {
    "during_exercise": "at_rest",
    "duration_up_to_24h": "duration_over_24h",
    "asymptomatic": "pulmonary_symptoms",
}
"""Two facts of which one holds: needing the milder is being without the worse."""
KINDS = {"acidity": "ratio"}
"""The reference gives pH the unit 1."""
SECOND_SCALES = {"fahrenheit": "celsius", "clearance": "clearance_per_area"}
"""What the reference leaves out or puts into words: see the test of each."""
UNNAMED = "pancreatic_enzymes"
"""The one thing measured for which the reference names no test."""


class Subject(NamedTuple):
    """What a figure outside the laboratory is about: the test, its unit, and what it is counted
    from: nothing, a fall or rise from a reference, or the same in per cent."""

    test: str
    unit: str
    origin: str = ""
    falls: bool = False


SUBJECTS = {
    "qtc": Subject("QTCFAG", "ms"),
    "qtc_increase_from_baseline": Subject("QTCFAG", "ms", "baseline"),
    "systolic": Subject("SYSBP", "mm[Hg]"),
    "systolic_increase_from_baseline": Subject("SYSBP", "mm[Hg]", "baseline"),
    "diastolic": Subject("DIABP", "mm[Hg]"),
    "diastolic_increase": Subject("DIABP", "mm[Hg]", "baseline"),
    "mean_arterial_pressure_increase_from_baseline": Subject("MAP", "mm[Hg]", "baseline"),
    "temperature": Subject("TEMP", "Cel"),
    "temperature_single": Subject("TEMP", "Cel"),
    "temperature_sustained_over_1h": Subject("TEMP", "Cel"),
    "spo2": Subject("OXYSAT", "%"),
    "pao2": Subject("PO2", "mm[Hg]"),
    "weight_gain_pct": Subject("WEIGHT", "%", "percent"),
    "weight_loss_pct": Subject("WEIGHT", "%", "percent", falls=True),
    "vc_pct_predicted": Subject("VC", "%"),
    "fev1_pct_predicted": Subject("FEV1PP", "%"),
    "fev1_gli_z_score": Subject("fev1_gli_z_score", "1"),
    "dlco_below_lln": Subject("DLCO", "mL/min/mm[Hg]", "lln", falls=True),
    "dlco_decrease_from_baseline": Subject("DLCO", "mL/min/mm[Hg]", "baseline", falls=True),
    "urine_8h": Subject("urine_output_8h", "mL"),
    "urine_24h": Subject("urine_output_24h", "mL"),
    "stool_increase": Subject("stools_per_day_over_baseline", "1"),
    "lvef": Subject("LVEF", "%"),
    "lvef_drop_from_baseline": Subject("LVEF", "%", "baseline", falls=True),
    "lvef_reduction": Subject("LVEF", "%", "baseline", falls=True),
    "gls_relative_decline_pct": Subject("gls_relative_decline", "%"),
    "urine_protein_creatinine": Subject("PROTCRT", "g/g"),
}

Figures = frozenset[tuple[str, Fraction]]


class Comparison(NamedTuple):
    """``test sign factor x origin + figures``, the figures by kind of unit."""

    test: str
    sign: str
    origin: str
    factor: Fraction
    figures: Figures

    def __str__(self) -> str:
        limit = " = ".join(f"{float(figure):g} {kind}" for kind, figure in sorted(self.figures))
        multiple = f"{float(self.factor):g} x {self.origin}" if self.origin else ""
        return f"{self.test} {self.sign} {' + '.join(filter(None, (multiple, limit)))}"


class Line(NamedTuple):
    """One way to a grade."""

    grade: int
    text: str


def line(grade: int, comparisons: list[Comparison], *besides: str | None) -> Line:
    words = [*sorted(map(str, comparisons)), *besides]
    return Line(grade, ", ".join(filter(None, words)))


def figures_of(limits: Mapping[str, Decimal]) -> Figures:
    found = {
        (KINDS.get(unit.kind, unit.kind), Fraction(limit) * Fraction(unit.factor))
        for unit, limit in in_units(limits)
    }
    kinds = {kind for kind, _ in found}
    return frozenset(one for one in found if SECOND_SCALES.get(one[0]) not in kinds)


def in_units(limits: Mapping[str, Decimal]) -> Iterator[tuple[Unit, Decimal]]:
    for name, limit in limits.items():
        yield units_by_code()[UNITS.get(name, name)], limit


# ---- the reference


@cache
def records() -> tuple[dict[str, Any], ...]:
    """Every record of both files; the test is skipped where they are absent."""
    if not all((REFERENCE / name).exists() for name in FILES):
        pytest.skip("the reference files are not beside the repository")
    texts = [(REFERENCE / name).read_text(encoding="utf-8") for name in FILES]
    read = [json.loads(text, parse_float=Decimal, parse_int=Decimal) for text in texts]
    return tuple(record for file in read for record in file["criteria"])


Key = tuple[str, str]


def key_of(record: dict[str, Any]) -> Key:
    return record["version"], record.get("nci_term", record["term"])


def compared(found: dict[str, Any], record: dict[str, Any]) -> Comparison:
    if found["subject"] != "value":
        return measured(found)
    test, sign, origin = (record["lbtestcd"] or [UNNAMED])[0], found["op"], found["ref"]
    if origin == "baseline_pct_decrease":
        percent = Fraction(found["limits"]["%"])
        return Comparison(test, FLIPPED[sign], "baseline", 1 - percent / 100, frozenset())
    offsets = {unit: offset for unit, offset in found.get("offset", {}).items() if offset}
    if origin == "absolute":
        return Comparison(test, sign, "", Fraction(1), figures_of(found["limits"]))
    return Comparison(test, sign, origin.lower(), Fraction(found["factor"]), figures_of(offsets))


def measured(found: dict[str, Any]) -> Comparison:
    test, unit, origin, falls = SUBJECTS[found["subject"]]
    sign = FLIPPED[found["op"]] if falls else found["op"]
    if found.get("ref") == "LLN":
        return Comparison(test, sign, "lln", Fraction(1), frozenset())
    limits = found.get("limits") or {unit: found["limit"]}
    turned = {name: -limit if falls else limit for name, limit in limits.items()}
    if origin == "percent":
        return Comparison(test, sign, "baseline", 1 + Fraction(turned[unit]) / 100, frozenset())
    return Comparison(test, sign, origin, Fraction(1), figures_of(turned))


def lines_of(record: dict[str, Any]) -> Iterator[Line]:
    for grade, given in record["grades"].items():
        for tag in tags(given, "or"):
            yield Line(int(grade), f"raised by {tag}")
        for clause in given["any_of"]:
            yield reference_line(int(grade), clause, record, tags(given, "and"))


def tags(given: dict[str, Any], role: str) -> list[str]:
    return [part["tag"] for part in given["non_numeric"] if part["role"] == role]


def reference_line(
    grade: int, clause: dict[str, Any], record: dict[str, Any], also: list[str]
) -> Line:
    comparisons = [compared(one, record) for one in clause["all"]]
    branch = clause.get("branch") or ""
    if branch == "abnormal_fibrinogen":
        comparisons.append(Comparison("FIBRINO", "<", "lln", Fraction(1), frozenset()))
        branch = ""
    needs = [*clause.get("requires", []), *also]
    if any(one["subject"] == "temperature_sustained_over_1h" for one in clause["all"]):
        needs.append("temperature_sustained_over_1h")
    turned = [fact for fact in needs if opposed(fact, record)]
    without = [*clause.get("without", []), *(OPPOSITES[fact] for fact in turned)]
    needs = [fact for fact in needs if fact not in turned]
    fasting = "fasting" if record.get("requires_fasting") and grade < 3 else None
    return line(grade, comparisons, BRANCHES.get(branch, branch), fasting, *facts(needs, without))


def opposed(fact: str, record: dict[str, Any]) -> bool:
    return fact in OPPOSITES and (fact != "asymptomatic" or "Carbon monoxide" in record["term"])


def facts(needs: Sequence[str], without: Sequence[str]) -> list[str]:
    return [
        *(f"with {one}" for one in sorted(needs)),
        *(f"without {one}" for one in sorted(without)),
    ]


# ---- the project


def criteria(version: str) -> list[CriterionDocument]:
    return [one for document in documents(version) for one in document.criteria]


def our_lines() -> dict[Key, set[Line]]:
    found: dict[Key, set[Line]] = {}
    for version in NCI:
        for criterion in criteria(version):
            lines = found.setdefault((version, criterion.term), set())
            for grade, clause in criterion.clauses:
                lines.add(our_line(grade, clause, criterion.analytes[0]))
            for grade, tags in criterion.raised_by.items():
                lines |= {Line(grade, f"raised by {tag}") for tag in tags}
    return found


def our_line(grade: int, clause: ClauseDocument, test: str) -> Line:
    comparisons = [our_comparison(one, test) for one in clause.conditions]
    if clause.beside is not None:
        comparisons.append(our_comparison(clause.beside, clause.beside.test))
    fasting = "fasting" if clause.fasting else None
    return line(grade, comparisons, clause.when, fasting, *facts(clause.needs, clause.without))


def our_comparison(found: ConditionDocument, test: str) -> Comparison:
    origin = "" if found.reference == "absolute" else found.reference
    return Comparison(
        test, SIGNS[found.comparison], origin, Fraction(found.factor), figures_of(found.figures)
    )
