"""The guide to grading shows what grading says, and its pictures and tables are printed from it."""

from __future__ import annotations

import doctest
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from services.cli.app import run
from shared.clinical.ctcae import Measurement, grade
from shared.clinical.ctcae.bands import compiled_in
from shared.clinical.ctcae.covers import Context
from shared.clinical.ctcae.criteria import criterion_of, folders, load
from shared.clinical.ctcae.model import OpenReason
from shared.clinical.ctcae.sample import ANYTHING, Baseline, Range
from shared.clinical.quantity import unit_of
from shared.contracts.graded import NotGradableReason
from tests.clinical.ctcae.grading_support import NCI
from tests.docs import criteria_pages, drawn_bands

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "grading.md"
TEXT = GUIDE.read_text("utf-8")
FILES = dict(re.findall(r"```\w+ (\S+\.\w+)\n(.*?)```", TEXT, re.DOTALL))
SHOWN = re.findall(r"```console\n\$ vigil (.*?)\n(.*?)```", TEXT, re.DOTALL)
TESTS = {
    "Neutrophils": "NEUT", "Platelets": "PLAT", "Lymphocytes": "LYM", "Bilirubin": "BILI",
    "Potassium": "K", "Phosphate": "PHOS", "Glucose": "GLUC",
}  # fmt: skip
UNITS = {"ALT": "U/L", "CK": "U/L", "BILI": "umol/L"}
ROW = re.compile(
    r"\| (?P<name>\w+) (?P<result>[\d.]+)(?: (?:x )?(?P<unit>10\^9/L|mmol/L))?"
    r"(?:, LLN (?P<lln>[\d.]+))?(?:, ULN (?P<uln>[\d.]+))?(?:, baseline (?P<baseline>[\d.]+))?"
    r" (?P<said>(?:\| [^|\n]+){3})\|"
)
ROWS = [pytest.param(row, id=row["name"] + row["result"]) for row in ROW.finditer(TEXT)]


def test_the_python_examples_run() -> None:
    assert doctest.testfile(str(GUIDE), module_relative=False).failed == 0


@pytest.mark.parametrize(("command", "printed"), SHOWN)
def test_the_command_prints_what_the_guide_shows(
    command: str,
    printed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results.csv").write_text(FILES["results.csv"])
    assert run(shlex.split(command)) == 0
    said = capsys.readouterr()
    assert said.out + said.err == printed


def test_every_reason_is_in_the_table() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    reasons = {*get_args(NotGradableReason), *get_args(OpenReason)}
    assert listed == {*reasons, "no_criterion", "malformed_line"}


def test_the_picture_is_drawn_from_the_bands() -> None:
    assert drawn_bands.PICTURE.read_text("utf-8") == drawn_bands.picture()


@pytest.mark.parametrize("page", criteria_pages.PAGES, ids=lambda page: page.stem)
def test_the_page_is_printed_from_the_criteria(page: Path) -> None:
    assert page.read_text("utf-8") == criteria_pages.PAGES[page]()


def test_every_row_of_the_versions_is_read() -> None:
    section = TEXT.partition("## The versions side by side")[2].partition("\n## ")[0]
    assert len(ROWS) == section.count("\n| ") - 1 > 0


@pytest.mark.parametrize("row", ROWS)
def test_versions_grade_as_their_table_says(row: re.Match[str]) -> None:
    test = TESTS.get(row["name"], row["name"])
    value = Measurement(test, row["result"], row["unit"] or UNITS[test], row["lln"], row["uln"])
    baseline = replace(value, result=row["baseline"]) if row["baseline"] else None
    for ctcae, said in zip(NCI, row["said"].strip(" |").split("|"), strict=True):
        found = [
            str(one.low)
            for one in grade(value, ctcae=ctcae, baseline=baseline)
            if one.low and one.low == one.high
        ]
        assert said.strip(" *").partition("**")[0] == "".join(found or ["no criterion"])


def test_a_folder_is_a_scale(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "version.yaml").write_text(FILES["version.yaml"])
    assert folders(tmp_path) == {"ACME 1": tmp_path / "acme"}
    (document,) = load(FILES["blood.yaml"], "ACME 1").criteria
    criterion, unit = criterion_of(document, "ACME 1", "PLAT"), unit_of("10*9/L")
    assert unit is not None
    no_range = Range(None, None)
    scale = compiled_in(
        criterion, Context(unit.ucum, no_range, Baseline(ANYTHING, unit.ucum, no_range))
    )
    for case in document.cases:
        assert scale.at(str(case.value)).low == case.grade
