"""Every study's own cases, as `vigil protocol test` runs them, and what a case may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.clinical import DocumentError
from shared.clinical.rehearsal import read_case, rehearse

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*/protocol.yaml"))
CASES = sorted((ROOT / "studies").glob("*/cases/*.yaml"))
MINIMAL = (ROOT / "tests/clinical/minimal_protocol.yaml").read_text("utf-8")


def told(given: str, then: str = "{at: end}") -> list[str]:
    return rehearse(MINIMAL, read_case(f"title: T\ngiven:\n{given}\nthen:\n  - {then}\n"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_case(path: Path) -> None:
    document = (path.parents[1] / "protocol.yaml").read_text("utf-8")
    assert rehearse(document, read_case(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.parent.name)
def test_every_study_has_cases(path: Path) -> None:
    assert len(list((path.parent / "cases").glob("*.yaml"))) >= 2


def test_outcomes_become_subjects_decisions_and_counts() -> None:
    then = "{at: end, doses: {1: [1, 0, 0, 6, cleared], 2: [0, 0, 2, 1, open]}, action: wait}"
    assert told("  - outcomes: 1NNT 1NNN 2NPP", then) == []


def test_what_is_otherwise_is_told_in_words() -> None:
    then = "{at: end, action: stop, subjects: {1-01: dlt, 9-99: completed}, asked: [weather]}"
    found = told("  - outcomes: 1NNN", then)
    assert found == [
        "end: subjects 1-01: completed, 9-99: none instead of 1-01: dlt, 9-99: completed",
        "end: action escalate instead of stop",
        "end: nothing asked about 'weather'",
    ]


def test_signals_that_were_and_were_not_raised() -> None:
    given = "  - enrol: {subject: 1-01}\n  - lab: {subject: 1-01, test: PLAT, result: 20, taken: 9}"
    then = "{at: end, raised: [dlt.candidate], silent: [dose.exceeded]}"
    assert told(given, then) == []
    assert told(given, "{at: end, raised: [death], silent: [dlt.candidate]}") == [
        "end: no death was raised",
        "end: dlt.candidate was raised",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("  - enrole: {subject: 1-01}", "'enrole' is none of outcomes, enrol, clean"),
        ("  - enrol: {subject: 1-01, levle: 2}", "levle is not known here"),
        ("  - lab: {subject: 1-01, test: PLAT, taken: 9}", "missing a required argument: 'result'"),
        ("  - lab: {subject: 1-01, test: PLAT, result: 9, taken: noon}", "step 1: "),
        ("  - outcomes: 1NNX", "'1NNX' is no cohort"),
        ("  - {enrol: {subject: 1-01}, clean: [1-02]}", "say one thing a step"),
        ("  - event: {subject: 1-01, term: Nausea, grade: 9, onset: 3}", "/data/AETOXGR"),
        ("  - delete: {record: nobody, known: day 3}", "no record is named 'nobody'"),
    ],
)
def test_a_step_that_says_nothing_known_is_named(given: str, words: str) -> None:
    with pytest.raises(ValueError, match="step 1: ") as caught:
        told(given)
    assert words in str(caught.value)


def test_an_unknown_key_of_a_case_is_refused_by_line() -> None:
    with pytest.raises(DocumentError) as caught:
        read_case("title: T\nwhi: not\ngiven: []\nthen: [{at: end}]\n")
    assert [finding.line for finding in caught.value.findings] == [2]
