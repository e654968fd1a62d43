"""Every figure of the reference file stands in the project's criteria, and no other.

What differs is listed, with the reason why it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from shared.clinical.ctcae import versions
from tests.clinical.ctcae.reference_support import (
    Key,
    Line,
    compared,
    criteria,
    key_of,
    lines_of,
    our_lines,
    records,
)


class Explained(NamedTuple):
    """Differences of some terms, as ``grade: line``, in the versions that have them, and why they
    are right."""

    versions: tuple[str, ...]
    terms: tuple[str, ...]
    reason: str
    lacking: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


ALL = ("4.03", "5.0", "6.0")
ONLY_4, UP_TO_5, ONLY_5, FROM_5, ONLY_6 = ALL[:1], ALL[:2], ALL[1:2], ALL[1:], ALL[2:]
ABOVE_5X = "grade_3_holds_for_baselines_above_5x_uln"

EXPLAINED = (
    Explained(
        ONLY_6,
        ("Alanine aminotransferase increased", "Aspartate aminotransferase increased"),
        "v6.0 says nothing about baselines above 5 x ULN: a range of grades, not silently grade 2",
        added=(f"3: {{test}} > 2 x baseline, baseline_above_5x_uln, with {ABOVE_5X}",),
    ),
    Explained(
        UP_TO_5,
        ("Cardiac troponin I increased", "Cardiac troponin T increased"),
        "the level an assay's maker states for infarction lies above ULN: the number leaves 1 or 3",
        lacking=(
            "1: {test} > 1 x uln, with below_manufacturer_mi_level",
            "3: raised by at_manufacturer_mi_level",
        ),
        added=(
            "1: {test} > 1 x uln, without at_manufacturer_mi_level",
            "3: {test} > 1 x uln, with at_manufacturer_mi_level",
        ),
    ),
    Explained(
        ALL,
        ("Carbon monoxide diffusing capacity decreased",),
        "a fall of more than 8 is grade 3 without symptoms, and with them as one of more than 5",
        lacking=("3: DLCO < 1 x baseline + -8 transfer_factor, without pulmonary_symptoms",),
        added=("3: DLCO < 1 x baseline + -8 transfer_factor",),
    ),
    Explained(
        UP_TO_5,
        ("Diarrhea",),
        "fewer than 4 stools over baseline has no lower end: any increase",
        lacking=("1: stools_per_day_over_baseline < 4 ratio",),
        added=("1: stools_per_day_over_baseline > 0 ratio",),
    ),
    Explained(
        ONLY_6,
        ("Diarrhea",),
        "an increase is a change in frequency",
        added=("1: stools_per_day_over_baseline > 0 ratio",),
    ),
    Explained(
        ONLY_5,
        ("Hyperglycemia",),
        "v5.0 prints no number: abnormal is read as above ULN, and what more it needs is grade 2",
        added=("1: GLUC > 1 x baseline, GLUC > 1 x uln",),
    ),
    Explained(
        FROM_5,
        ("Hyperphosphatemia",),
        "a laboratory finding only: read as above ULN; an intervention is grade 2",
        added=("1: PHOS > 1 x uln",),
    ),
    Explained(
        FROM_5,
        ("Hypophosphatemia",),
        "a laboratory finding only: read as below LLN; an intervention is grade 2",
        added=("1: PHOS < 1 x lln",),
    ),
    Explained(
        ONLY_6,
        ("Hypoxia",),
        "symptoms do not make it milder: the number alone is grade 1",
        lacking=("1: OXYSAT < 1 x lln, with asymptomatic",),
        added=("1: OXYSAT < 1 x lln",),
    ),
    Explained(
        ONLY_6,
        ("Lymphopenia",),
        "present without a number: read as below LLN",
        lacking=("1: raised by present",),
        added=("1: LYM < 1 x lln",),
    ),
    Explained(
        ONLY_6,
        ("Neutrophil count increased", "Thrombocytosis"),
        "present without a number: read as above ULN",
        lacking=("1: raised by present",),
        added=("1: {test} > 1 x uln",),
    ),
    Explained(
        UP_TO_5,
        ("Pancreatic enzymes decreased",),
        "what is not without symptoms is a higher grade: the number alone is grade 1",
        lacking=("1: pancreatic_enzymes < 1 x lln, with asymptomatic",),
        added=("1: pancreatic_enzymes < 1 x lln",),
    ),
    Explained(
        ONLY_6,
        ("Pancreatic insufficiency",),
        "what is not without symptoms is a higher grade: the number alone is grade 1",
        lacking=("1: pancreatic_enzymes < 1 x lln, with asymptomatic",),
        added=("1: pancreatic_enzymes < 1 x lln",),
    ),
    Explained(
        ALL,
        ("Weight loss",),
        "where an intervention is indicated it is a higher grade: the number alone is grade 1",
        lacking=("1: WEIGHT <= 0.95 x baseline, with intervention_not_indicated",),
        added=("1: WEIGHT <= 0.95 x baseline",),
    ),
    Explained(
        ONLY_4,
        ("Proteinuria",),
        "v4.03 grade 1 is protein present: a measured value from ULN on, as in v5.0, or the fact",
        lacking=("1: PROT < 1 mass_rate, with urinary_protein_present",),
        added=("1: PROT >= 1 x uln", "1: raised by urinary_protein_present"),
    ),
    Explained(
        ONLY_6,
        ("Urinary protein increased",),
        "a child's limits are lower, so an adult's hold for both; within the range is no grade",
        lacking=(
            "1: PROTCRT < 1 mass_ratio, with adult",
            "2: PROTCRT >= 1 mass_ratio, with adult",
            "3: PROTCRT > 3.5 mass_ratio, with adult",
        ),
        added=(
            "1: PROTCRT >= 1 x uln",
            "2: PROTCRT >= 1 mass_ratio",
            "3: PROTCRT > 3.5 mass_ratio",
        ),
    ),
    Explained(
        ONLY_6,
        ("Tumor lysis syndrome",),
        "one tag for events of three severities: each grade has a fact of its own",
        lacking=tuple(f"{grade}: raised by arrhythmia_or_seizure" for grade in (2, 3, 4)),
        added=tuple(
            f"{grade}: raised by arrhythmia_or_seizure_of_grade_{grade}" for grade in (2, 3, 4)
        ),
    ),
    Explained(
        ONLY_6,
        ("Left ventricular dysfunction",),
        "the ranges 50 and more, 40 to 49, below 40 stand as their upper ends, so that no value"
        " falls between; biomarkers alone are grade 1 at any ejection fraction; a fall of 10 points"
        " is the reduction grade 3 asks for",
        lacking=(
            "1: LVEF >= 50 fraction, gls_relative_decline > 15 fraction",
            "1: LVEF >= 50 fraction, with new_rise_in_cardiac_biomarkers",
            "2: LVEF <= 1 x baseline + -10 fraction, LVEF >= 40 fraction",
            "2: LVEF >= 40 fraction, gls_relative_decline > 15 fraction",
            "2: LVEF >= 40 fraction, with new_rise_in_cardiac_biomarkers",
        ),
        added=(
            "1: gls_relative_decline > 15 fraction",
            "1: raised by new_rise_in_cardiac_biomarkers",
            "2: LVEF <= 1 x baseline + -10 fraction, LVEF <= 49 fraction",
            "2: LVEF <= 49 fraction, gls_relative_decline > 15 fraction",
            "2: LVEF <= 49 fraction, with new_rise_in_cardiac_biomarkers",
            "3: LVEF < 40 fraction, LVEF <= 1 x baseline + -10 fraction",
        ),
    ),
)

TESTS = {
    "Alanine aminotransferase increased": "ALT",
    "Aspartate aminotransferase increased": "AST",
    "Cardiac troponin I increased": "TROPONI",
    "Cardiac troponin T increased": "TROPONT",
    "Neutrophil count increased": "NEUT",
    "Thrombocytosis": "PLAT",
}
"""The test that stands for ``{test}`` in an explanation of several terms."""


Difference = tuple[str, str, str]
"""The version, the term and the line."""


def their_lines() -> dict[Key, set[Line]]:
    found: dict[Key, set[Line]] = {}
    for record in records():
        found.setdefault(key_of(record), set()).update(lines_of(record))
    return found


def beyond(some: dict[Key, set[Line]], others: dict[Key, set[Line]]) -> set[Difference]:
    return {
        (*key, f"{one.grade}: {one.text}")
        for key, lines in some.items()
        for one in lines - others.get(key, set())
    }


def explained(direction: str) -> set[Difference]:
    return {
        (version, term, text.format(test=TESTS.get(term)))
        for one in EXPLAINED
        for version in one.versions
        for term in one.terms
        for text in getattr(one, direction)
    }


def test_every_figure_of_the_reference_is_ours() -> None:
    assert beyond(their_lines(), our_lines()) == explained("lacking")


def test_every_figure_of_ours_is_the_references() -> None:
    assert beyond(our_lines(), their_lines()) == explained("added")


def test_the_reference_is_read_to_the_last_record() -> None:
    assert len(records()) == 162 + 39


def test_every_test_the_reference_names_is_graded() -> None:
    for record in records():
        version, term = key_of(record)
        found = [one for one in criteria(version) if one.term == term]
        assert {one.meddra for one in found} == {record["meddra_code"]}
        graded = {test for one in found for test in one.analytes}
        beside = {clause.beside.test for one in found for _, clause in one.clauses if clause.beside}
        named = {*record.get("lbtestcd", ()), *record.get("measure_codes", ())}
        assert named <= graded | beside, record["id"]


# ---- the far ends of ranges, which grading the worst grade first makes superfluous

BEYOND = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
"""Where the next range begins, seen from the end of one."""

OPEN_ENDS = {
    "Creatinine clearance decreased": "below 10 NCI grades another term: it stays grade 3 here",
    "Carbon monoxide diffusing capacity decreased": "the last range counted from LLN",
    "Forced expiratory volume decreased": "v6.0 has no grade 4: below 50 % stays grade 3",
    "Left ventricular dysfunction": "the end of a range towards the milder grade",
}
"""Terms of which some range ends where no other of the same or a worse grade begins."""


def beginnings(record: dict[str, Any], grade: int) -> Iterator[dict[str, Any]]:
    for number, given in record["grades"].items():
        for clause in given["any_of"] if int(number) >= grade else ():
            yield from clause["all"]


def ends(record: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, given in record["grades"].items():
        for clause in given["any_of"]:
            if "until" in clause:
                end = clause["until"]
                # The reference says "value" of ratios as well.
                named = (
                    end
                    if end["subject"] != "value"
                    else {**end, "subject": clause["all"][0]["subject"]}
                )
                yield int(number), named


def closed(end: dict[str, Any], begun: dict[str, Any], record: dict[str, Any]) -> bool:
    """The next range begins where this one ends, or at the next whole number, or the next tenth."""
    here, there = compared(end, record), compared(begun, record)
    if here._replace(sign=BEYOND[here.sign]) == there:
        return True
    alike = [
        (one.test, one.origin, one.sign[0])
        for one in (here._replace(sign=BEYOND[here.sign]), there)
    ]
    return alike[0] == alike[1] and abs(number_of(end) - number_of(begun)) <= 1


def number_of(found: dict[str, Any]) -> Decimal:
    limits = found.get("limits") or {"": found.get("limit", found.get("factor"))}
    return Decimal(next(iter(limits.values())))


def test_a_range_ends_where_the_next_begins() -> None:
    found = {
        key_of(record)[1]
        for record in records()
        for grade, end in ends(record)
        if not any(closed(end, one, record) for one in beginnings(record, grade))
    }
    assert found == set(OPEN_ENDS)


# ---- what the reference leaves out


def second_scale(first: str, second: str) -> Iterator[tuple[Decimal, Decimal]]:
    for criterion in (one for version in versions() for one in criteria(version)):
        for _, clause in criterion.clauses:
            for condition in (*clause.conditions, *filter(None, [clause.beside])):
                if first in condition.limits:
                    yield condition.limits[first], condition.limits[second]


def test_degrees_fahrenheit_are_those_in_celsius_as_printed() -> None:
    pairs = set(second_scale("Cel", "[degF]"))
    assert len(pairs) == 7
    for celsius, fahrenheit in pairs:
        assert abs(celsius * 9 / 5 + 32 - fahrenheit) < Decimal("0.1")


def test_a_clearance_is_compared_with_the_figure_per_body_surface() -> None:
    pairs = set(second_scale("mL/min/{1.73_m2}", "mL/min"))
    assert pairs
    assert all(area == plain for area, plain in pairs)
