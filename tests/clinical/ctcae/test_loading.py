"""A criteria file with a fault is refused with its line; the dictionary is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.clinical.ctcae import term_of, terms, versions
from shared.clinical.ctcae.criteria import check_unique, documents, folders, load
from shared.document import DocumentError
from tests.clinical.ctcae.grading_support import NCI

GOOD = """\
ctcae: "5.0"
group: blood
criteria:
  - term: Platelet count decreased
    soc: Investigations
    meddra: "10035528"
    source: CTCAE v5.0, Platelet count decreased
    direction: low
    analytes: [PLAT]
    specimen: blood
    unit: 10*9/L
    grades:
      1:
        - {below: {lln: 1}}
      4:
        - {below: {10*9/L: 25}}
    cases:
      - {value: 24.9, unit: GI/L, grade: 4}
"""

GRADES = GOOD[GOOD.index("    grades:") : GOOD.index("    cases:")]

FAULTS = {
    "unknown key": ("direction: low", "direction: low\n    organ: blood", "Extra inputs"),
    "duplicate key": ("    soc: Investigations", "    soc: A\n    soc: B", "occurs twice"),
    "unknown domain": ("group: blood", "group: blood\ndomain: skin", "'lab', 'vital' or 'ecg'"),
    "unknown specimen": ("specimen: blood", "specimen: hair", "'blood' or 'urine'"),
    "specimen of a vital sign": (
        "blood\ncriteria:", "blood\ndomain: vital\ncriteria:", "only laboratory criteria",
    ),
    "unknown grade": ("      4:", "      5:", "grades"),
    "grade without digits": ("      4:", "      four:", "grades"),
    "wrong direction": ("{below: {lln: 1}}", "{above: {lln: 1}}", "against the criterion's"),
    "no comparison": ("{below: {lln: 1}}", "{when: baseline_normal}", "exactly one of"),
    "two comparisons": (
        "{below: {lln: 1}}", "{below: {lln: 1}, at_least: {lln: 1}}", "exactly one of",
    ),
    "unknown unit of a limit": ("{10*9/L: 25}", "{10^9/L: 25}", "not a UCUM code"),
    "unknown unit of an offset": ("{lln: 1}", "{lln: 1, plus: {stones: 1}}", "not a UCUM code"),
    "reference beside a unit": ("{10*9/L: 25}", "{10*9/L: 25, lln: 1}", "one reference"),
    "unit of another kind": ("{10*9/L: 25}", "{g/L: 25}", "does not convert"),
    "unit that only one limit is printed in": (
        "{10*9/L: 25}", "{10*9/L: 25, Cel: 25}}\n        - {below: {10*9/L: 20}",
        "does not convert",
    ),
    "two references": ("{lln: 1}", "{lln: 1, uln: 1}", "one reference"),
    "no limit": ("{below: {lln: 1}}", "{below: {}}", "limits by unit"),
    "nothing but an offset": ("{lln: 1}", "{plus: {10*9/L: 1}}", "limits by unit"),
    "offset to a limit in units": ("{10*9/L: 25}", "{10*9/L: 25, plus: {10*9/L: 1}}", "offset by"),
    "offset without a unit": ("{lln: 1}", "{lln: 1, plus: 2}", "offset by unit"),
    "limit that is a mapping": ("{lln: 1}", "{lln: {10*9/L: 1}}", "one number"),
    "multiple of nothing": ("{lln: 1}", "{lln: 0}", "above 0"),
    "decrease of everything": ("{lln: 1}", "{baseline_change_percent: -100}", "above 0"),
    "unknown unit of the criterion": ("unit: 10*9/L", "unit: stones", "unit is not a UCUM"),
    "no unit of the criterion": ("    unit: 10*9/L\n", "", "unit is not a UCUM"),
    "unknown unit of a case": ("unit: GI/L", "unit: stones", "not in units.yaml"),
    "misspelt branch": ("{lln: 1}}", "{lln: 1}, when: baseline_nomal}", "baseline_normal"),
    "fact in capitals": ("{lln: 1}}", "{lln: 1}, needs: [Symptomatic]}", "match pattern"),
    "fact that is a word alone": ("{lln: 1}}", "{lln: 1}, needs: symptomatic}", "tuple"),
    "absent fact nobody needs": (
        "{lln: 1}}", "{lln: 1}, without: [symptomatic]}", "no worse clause needs it",
    ),
    "absent fact needed at another limit": (
        "{10*9/L: 25}}",
        "{10*9/L: 25}, needs: [ill]}\n      2:\n        - {below: {10*9/L: 30}, without: [ill]}",
        "no worse clause needs it",
    ),
    "another measurement by reference": (
        "{lln: 1}}", "{lln: 1}, beside: {test: TEMP, above: {uln: 1}}}", "by unit only",
    ),
    "fact that raises to grade 5": (
        "    cases:", "    raised_by: {5: [death]}\n    cases:", "raised_by",
    ),
    "no cases": ("      - {value: 24.9, unit: GI/L, grade: 4}\n", "      []\n", "has cases"),
    "grades as a list": (GRADES, "    grades: [1]\n", "grades"),
    "neither limits nor facts": (GRADES, "", "clauses or facts"),
    "no analytes and no reason": ("[PLAT]", "[]", "says why in its notes"),
}  # fmt: skip


def test_good_file() -> None:
    assert load(GOOD, "5.0").criteria[0].term == "Platelet count decreased"


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_refused(fault: str) -> None:
    old, new, said = FAULTS[fault]
    assert old in GOOD
    with pytest.raises(DocumentError, match=said) as refused:
        load(GOOD.replace(old, new, 1), "5.0")
    assert all(finding.line > 1 for finding in refused.value.findings)


def test_absent_fact_that_a_worse_clause_needs() -> None:
    clauses = "{lln: 1}, without: [ill]}\n      2:\n        - {below: {lln: 1}, needs: [ill]}"
    (criterion,) = load(GOOD.replace("{lln: 1}}", clauses), "5.0").criteria
    assert [grade for grade, _ in criterion.clauses] == [4, 2, 1]


def test_two_criteria_for_one_analyte() -> None:
    found = load(GOOD, "5.0")
    with pytest.raises(ValueError, match="two criteria of Platelet count decreased for PLAT"):
        check_unique([found, found])


def test_file_in_the_wrong_folder() -> None:
    with pytest.raises(ValueError, match="in the folder of"):
        load(GOOD, "6.0")


def test_a_folder_that_says_so_is_a_version(tmp_path: Path) -> None:
    about = "version: DAIDS 2.1\ntitle: Division of AIDS table\nsource: DAIDS, July 2017\n"
    for name, text in {"daids": about, "cache": None}.items():
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "version.yaml").write_text(text)
    assert folders(tmp_path) == {"DAIDS 2.1": tmp_path / "daids"}


def test_unknown_version() -> None:
    with pytest.raises(ValueError, match="no CTCAE version 2"):
        documents("2")
    with pytest.raises(ValueError, match="no CTCAE version 2"):
        term_of("2", "Anemia")


@pytest.mark.parametrize(("ctcae", "count"), [("4.03", 790), ("5.0", 837), ("6.0", 850)])
def test_dictionary_is_complete(ctcae: str, count: int) -> None:
    found = terms(ctcae)
    assert len(found) == count
    assert all(term.grades and term.grades <= {1, 2, 3, 4, 5} for term in found)
    assert all(term.meddra_code.isdigit() and len(term.meddra_code) == 8 for term in found)


def test_versions() -> None:
    assert set(NCI) <= set(versions())


@pytest.mark.parametrize(
    "name", ["Febrile neutropenia", "FEBRILE NEUTROPENIA", " febrile  Neutropenia"]
)
def test_term_by_any_case(name: str) -> None:
    term = term_of("5.0", name)
    assert term is not None
    assert (term.name, term.meddra_code) == ("Febrile neutropenia", "10016288")
    assert term.soc == "Blood and lymphatic system disorders"
    assert term.grades == {3, 4, 5}


def test_terms_move_between_versions() -> None:
    assert term_of("5.0", "Thrombocytopenia") is None
    assert term_of("6.0", "Platelet count decreased") is None
    assert term_of("6.0", "Thrombocytopenia") is not None
    assert term_of("5.0", "Tired") is None
