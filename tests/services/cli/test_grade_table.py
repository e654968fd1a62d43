"""What is kept between the lines of a table never shows: each line says what `grade()` says."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.csv_records import Records
from services.cli.grade_table import Columns, Grader, csv_line
from shared.clinical.ctcae import Measurement, grade, versions
from shared.clinical.plausibility import implausible, implausible_normal

COLUMNS = {
    "LBTESTCD": ["ALT", "CREAT", "GLUC", "PLAT", "K", "NOSUCH", " ALT "],
    "LBORRES": ["0.3", "40", "150", "1000", "30000", "<40", ">100", "-1", "NEGATIVE", "", "1e2"],
    "LBORRESU": ["U/L", "mg/dL", "10^9/L", "mmol/L", "", "%"],
    "LBORNRLO": ["5", "0", ""],
    "LBORNRHI": ["40", "1.2", "", "35-40"],
    "LBSPEC": ["", "SERUM", "URINE"],
    "LBFAST": ["", "Y", "N"],
    "BASE": ["20", "120", "", "<40"],
    "BASEU": ["", "ukat/L"],
    "BNRIND": ["", "NORMAL", "HIGH"],
    "ABLFL": ["", "Y"],
    "TERM": ["", "", "", "Hyperkalemia"],
}
"""Few values a column, so that lines of a table have contexts and results in common."""

Line = dict[str, str]
LINES = st.fixed_dictionaries({name: st.sampled_from(said) for name, said in COLUMNS.items()})


def by_grade(line: Line, row: int, ctcae: str) -> list[list[str]]:
    """The added columns of a line, by `grade()` alone."""
    said = {name: cell.strip() or None for name, cell in line.items()}
    testcd, unit, term = line["LBTESTCD"].strip(), said["LBORRESU"], said["TERM"]
    before = None
    if said["BASE"] or said["BNRIND"]:
        base_unit = said["BASEU"] or unit
        before = Measurement(
            testcd, said["BASE"] or "", base_unit, None, None, indicator=said["BNRIND"]
        )
    value = Measurement(
        testcd,
        line["LBORRES"],
        unit,
        said["LBORNRLO"],
        said["LBORNRHI"],
        said["LBSPEC"],
        {"Y": True, "N": False}.get(line["LBFAST"]),
    )
    answers = grade(value, ctcae=ctcae, baseline=before, is_baseline=line["ABLFL"] == "Y")
    found = []
    doubt = (
        implausible(testcd, line["LBORRES"], unit, said["LBSPEC"])
        or implausible_normal(testcd, said["LBORNRHI"], unit, said["LBSPEC"])
        or ""
    )
    for one in answers:
        if term in (None, one.term):
            unread = one.reason in ("unit_unknown", "character_result", "not_done")
            low, high = ("", "") if unread else (str(one.low), str(one.high))
            found.append(
                [str(row), one.term, one.direction, low if low == high else "", low, high,
                 one.reason or "", one.limit or "", one.unit_system or "", ctcae, doubt]
            )  # fmt: skip
    return found or [[str(row), *[""] * 5, "no_criterion", "", "", ctcae, doubt]]


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12), st.sampled_from(versions()))
def test_every_line_says_what_grade_says(lines: list[Line], ctcae: str) -> None:
    cells = [[line[name] for name in COLUMNS] for line in lines]
    text = "".join(map(csv_line, [COLUMNS, *cells]))
    records = Records(io.StringIO(text, newline=""))
    grader = Grader(Columns(records.header, "lb"), ctcae)
    found = list(csv.reader(grader.csv_lines(records)))
    expected = [
        [*kept, *added]
        for row, (kept, line) in enumerate(zip(cells, lines, strict=True), 1)
        for added in by_grade(line, row, ctcae)
    ]
    assert found == expected
    assert grader.said.total() == len(lines)
