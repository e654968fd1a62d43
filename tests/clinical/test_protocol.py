"""The protocol document: what is accepted, and one deliberately bad document per error message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.clinical import DocumentError, load_protocol
from shared.document import Finding

HERE = Path(__file__).parent
STUDIES = sorted((HERE.parents[1] / "studies").glob("*/protocol.yaml"))
STUDIES_BY_NAME = {path.parent.name: path for path in STUDIES}
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


@pytest.mark.parametrize(
    ("name", "at", "remedy"),
    [
        ("term_of_an_older_version", "[Platelet", "in 6.0 the term is 'Thrombocytopenia'"),
        ("term_in_other_case", "[platelet", "write 'Platelet count decreased', the dictionary's"),
        ("unknown_term", "[Thrombocytopaenia]", "in 5.0 the term is 'Platelet count decreased'"),
        ("term_divided_in_the_version", "[Hematochezia]", "5.0 has instead: 'Anal hemorrhage' or"),
        ("term_misspelled", "[Platelets", "is it 'Platelet count decreased'"),
        ("term_of_a_group_unknown", "bleeding: [", "use the dictionary's exact term"),
        ("term_of_an_exemption_unknown", "Tiredness", "use the dictionary's exact term"),
        ("term_of_a_companion_unknown", "Bleeding", "use the dictionary's exact term"),
        ("grade_the_version_lacks", "[Lymphopenia]", "name grade 1 or lower"),
        ("grade_the_term_lacks", "[Alopecia]", "name grade 2 or lower"),
        ("grade_no_term_of_the_group_has", "group: bleeding", "correct the grade"),
    ],
)
def test_a_term_or_grade_the_version_lacks_is_shown_with_what_it_has(
    name: str, at: str, remedy: str
) -> None:
    path = HERE / "bad_protocols" / f"{name}.yaml"
    (finding,) = findings(path)
    assert at in path.read_text().splitlines()[finding.line - 1]
    assert remedy in finding.remedy


def test_a_grade_in_between_is_met_at_the_next() -> None:
    text = (HERE / "minimal_protocol.yaml").read_text()
    text = text.replace(
        "terms: [Platelet count decreased], grade: 4", "terms: [Acidosis], grade: 2"
    )
    assert load_protocol(text).dlt.criteria[0].toxicity is not None


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


@pytest.mark.parametrize(
    "zone", ["America", "x" * 10_000, "../../../etc/passwd", "/etc/passwd", '""']
)
def test_what_names_no_time_zone_is_a_finding_whatever_the_file_system_says(zone: str) -> None:
    text = (HERE / "minimal_protocol.yaml").read_text()
    assert "time_zone: " in text
    changed = re.sub(r"time_zone: .*", f"time_zone: {zone}", text)
    with pytest.raises(DocumentError, match="not a time zone"):
        load_protocol(changed)


@pytest.mark.parametrize(("days", "accepted"), [(800, True), (801, False), (99999999999, False)])
def test_a_length_that_would_leave_the_calendar_is_refused(days: int, accepted: bool) -> None:
    text = STUDIES_BY_NAME["NCT05301764"].read_text()
    changed = text.replace("more_than_days: 14", f"more_than_days: {days}")
    if accepted:
        assert load_protocol(changed).dlt.criteria
    else:
        with pytest.raises(DocumentError, match="less than or equal to 800"):
            load_protocol(changed)
