"""The protocol document: what is accepted, and one deliberately bad document per error message."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.clinical import DocumentError, load_protocol
from shared.clinical.document import Finding

HERE = Path(__file__).parent
STUDIES = sorted((HERE.parents[1] / "studies").glob("*/protocol.yaml"))
BAD = sorted((HERE / "bad_protocols").glob("*.yaml"))


@pytest.mark.parametrize(
    "path", [*STUDIES, HERE / "minimal_protocol.yaml"], ids=lambda path: path.parent.name
)
def test_accepted(path: Path) -> None:
    protocol = load_protocol(path.read_text())
    assert protocol.dlt.criteria
    assert protocol.doses[0].level == 1


def findings(path: Path) -> tuple[Finding, ...]:
    with pytest.raises(DocumentError) as caught:
        load_protocol(path.read_text())
    return caught.value.findings


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_refused_with_the_fault_its_line_and_a_remedy(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# expect: ")
    found = findings(path)
    assert any(expected in finding.problem for finding in found), found
    assert all(finding.line >= 1 and finding.remedy for finding in found)


def test_the_line_is_the_line_of_the_fault() -> None:
    path = HERE / "bad_protocols" / "grade_out_of_range.yaml"
    lines = path.read_text().splitlines()
    finding = next(one for one in findings(path) if "less than" in one.problem)
    assert "grade: 6" in lines[finding.line - 1]


def test_every_finding_at_once() -> None:
    text = (HERE / "minimal_protocol.yaml").read_text()
    text = text.replace("[Epistaxis]", "[Nose bleed]").replace("level: 2", "level: 7")
    with pytest.raises(DocumentError) as caught:
        load_protocol(text)
    assert len(caught.value.findings) == 2


def test_words_that_yaml_would_turn_into_booleans_stay_words() -> None:
    text = (HERE / "minimal_protocol.yaml").read_text()
    protocol = load_protocol(text.replace("[NOT RELATED]", "[no, NO, off]"))
    assert protocol.attribution.not_related == ("no", "NO", "off")
