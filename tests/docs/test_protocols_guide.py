"""The guide to protocols runs: every criterion loads in its document, every case comes out so."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from shared.clinical import load_protocol
from shared.clinical.rehearsal import read_case, rehearse
from shared.document import read_yaml, write_yaml

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "protocols.md").read_text("utf-8")
SECTIONS = {
    int(number): text
    for number, text in re.findall(r"^### (\d+)\. (.*?)(?=^##|\Z)", GUIDE, re.M | re.S)
}


def fences(text: str, kind: str) -> list[str]:
    return re.findall(rf"```yaml {kind}\n(.*?)```", text, re.S)


(DOCUMENT,) = fences(GUIDE, "document")


def document_of(section: str) -> str:
    """The guide's document with the section's criterion and its additions."""
    (criterion,) = fences(section, "criterion")
    lines = f"id: it\ntext: the example\nsource: the guide\n{criterion}"
    text = DOCUMENT.replace("    - {}\n", f"    -\n{indent(lines, ' ' * 6)}")
    value = read_yaml(text).value
    for addition in fences(section, "addition"):
        value |= read_yaml(addition).value
    return write_yaml(value)


CASES = [
    pytest.param(document_of(section), case, id=f"{number}-{place}")
    for number, section in SECTIONS.items()
    for place, case in enumerate(fences(section, "case"), start=1)
]


@pytest.mark.parametrize(("document", "case"), CASES)
def test_the_case_comes_out_as_the_guide_says(document: str, case: str) -> None:
    assert rehearse(document, read_case(f"title: the guide\n{case}")) == []


def test_every_building_block_has_a_criterion_and_a_case() -> None:
    assert sorted(SECTIONS) == list(range(1, 29))
    assert [number for number, text in SECTIONS.items() if not fences(text, "case")] == []


def test_the_examples_say_nothing_the_check_doubts() -> None:
    for section in SECTIONS.values():
        assert load_protocol(document_of(section)).study == "EXAMPLE"
