"""Counts what grading says of the public data sets, as a page for the documentation.

``python -m tests.clinical.ctcae.public_data_summary > docs/data/graded-public-data.md``, where the
data sets are beside the repository.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from services.cli.grade_table import Columns, Grader, SdtmDomain, csv_line
from tests.clinical.ctcae.grading_support import NCI
from tests.clinical.public_data_support import SHARED, Row, rows

DATA = SHARED / "data"
FILES: dict[tuple[str, SdtmDomain], Path] = {
    ("CDISC MSG", "lb"): DATA / "cdisc-msg-datasetjson" / "lb.ndjson",
    ("PHUSE statin", "lb"): DATA / "phuse-statin" / "lb.csv.gz",
    ("CDISC MSG", "vs"): DATA / "cdisc-msg-datasetjson" / "vs.ndjson",
    ("pharmaverse raw", "vs"): DATA / "pharmaverseraw" / "vs_raw.csv.gz",
}
PAGE = Path(__file__).parents[3] / "docs" / "data" / "graded-public-data.md"

_FORM = {
    "IT.TEMP": ("TEMP", "C"),
    "SYS_BP": ("SYSBP", "mmHg"),
    "DIA_BP": ("DIABP", "mmHg"),
    "PULSE": ("PULSE", "beats/min"),
}
"""The columns of the raw form by test code, with the units its form is filled in with."""

_NAMES = ("TESTCD", "ORRES", "LOBXFL", "BLFL")

_ABOUT = """# What grading says of public data

Every laboratory and vital-sign record of three public data sets, graded as `vigil grade` does, in
every version: how many lines come out, how many of each grade, and how many without one, by reason.
No set has ECG records. The sets hold no column `BASE`; *joined* is with the result of the record of
the same subject and test that is flagged as baseline, *none* without (the raw forms flag none and
have no units; degree Celsius, mmHg and beats a minute are taken). A line is one criterion of
one record, so a record graded in both directions has two.

This page is printed by `python -m tests.clinical.ctcae.public_data_summary`, and a test compares.
"""


def records(name: str, domain: SdtmDomain) -> list[Row]:
    """A set's records with SDTM column names."""
    path = FILES[name, domain]
    return list(_of_form(rows(path)) if name == "pharmaverse raw" else rows(path))


def _of_form(forms: Iterable[Row]) -> Iterator[Row]:
    for form in forms:
        for column, (testcd, unit) in _FORM.items():
            if form[column]:
                yield {"VSTESTCD": testcd, "VSORRES": form[column], "VSORRESU": unit}


def with_baseline(found: list[Row], domain: SdtmDomain) -> list[Row]:
    """Records with the result of their subject's flagged record of the same test as BASE."""
    testcd, result, *flags = (domain.upper() + name for name in _NAMES)
    base = {
        (one["USUBJID"], one[testcd]): one[result] for one in found if "Y" in map(one.get, flags)
    }
    return [{**one, "BASE": base.get((one["USUBJID"], one[testcd]), "")} for one in found]


def counted(found: list[Row], domain: SdtmDomain, ctcae: str) -> Counter[str]:
    """How many lines have each grade or, without one, each reason."""
    grader = Grader(Columns(found[0], domain), ctcae)
    table = ((csv_line(one.values()), list(one.values())) for one in found)
    lines = grader.objects(table)
    return Counter(str(line["reason"] or line["grade"]) for line in lines)


def summary() -> dict[tuple[str, SdtmDomain, str, str], tuple[int, Counter[str]]]:
    """The counts by set, domain, version and whether baselines are joined; before them, how many
    records there are."""
    found = {}
    for name, domain in FILES:
        plain = records(name, domain)
        tables = {"none": plain}
        if "USUBJID" in plain[0]:
            tables["joined"] = with_baseline(plain, domain)
        for baseline, table in tables.items():
            for ctcae in NCI:
                found[name, domain, ctcae, baseline] = len(table), counted(table, domain, ctcae)
    return found


def page() -> str:
    """The page with its table."""
    found = summary()
    said = set[str]().union(*(counts for _, counts in found.values()))
    columns = sorted(said)
    head = ["Set", "Domain", "CTCAE", "Baseline", "Records", "Lines", *columns]
    table = [head, ["---"] * 4 + ["--:"] * (len(head) - 4)]
    for key, (number, counts) in found.items():
        figures = (number, counts.total(), *(counts[one] for one in columns))
        table.append([*key[:1], key[1].upper(), *key[2:], *(f"{one:,}" for one in figures)])
    return _ABOUT + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in table)


if __name__ == "__main__":
    sys.stdout.write(page())
