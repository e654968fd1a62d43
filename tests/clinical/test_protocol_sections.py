"""Sections of the document that change who is held to what: arms, roles, wordings, default groups.

Everything here is synthetic.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.clinical import load_protocol
from shared.clinical.criteria import ADJUDICATORS
from shared.clinical.ctcae.terms import term_of
from shared.clinical.plain import written_out
from shared.clinical.protocol.groups import default_groups
from shared.clinical.protocol.wording import doubts
from shared.clinical.rehearsal import read_case, rehearse
from shared.clinical.reviews import deciders
from shared.document import read_yaml

MINIMAL = Path(__file__).with_name("minimal_protocol.yaml").read_text("utf-8")
CRITERION = "      toxicity: {terms: [Platelet count decreased], grade: 4}\n"


def told(document: str, given: list[str], then: str) -> list[str]:
    steps = "\n".join(f"  - {step}" for step in given)
    return rehearse(document, read_case(f"title: T\ngiven:\n{steps}\nthen:\n  - {then}\n"))


# -- arms ------------------------------------------------------------------------------------------

ARMS = MINIMAL.replace(
    "doses:",
    "arms:\n  A: {title: alone, cohorts: [A1]}\n  B: {title: together, cohorts: [B1]}\ndoses:",
).replace("      source: section 5\n", "      source: section 5\n      arms: [B]\n")


@pytest.mark.parametrize(
    ("cohort", "status", "criteria"),
    [
        ("A1", "in_window", "{}"),
        ("B1", "dlt_candidate", "{platelets-g4: met}"),
        ("C1", "dlt_candidate", "{platelets-g4: met}"),
    ],
)
def test_a_criterion_of_an_arm_applies_to_its_cohorts_and_to_cohorts_of_none(
    cohort: str, status: str, criteria: str
) -> None:
    given = [
        f"enrol: {{subject: 1-01, cohort: {cohort}}}",
        "lab: {subject: 1-01, test: PLAT, result: 20, taken: day 8}",
    ]
    then = f"{{at: end of day 8, subjects: {{1-01: {status}}}, criteria: {{1-01: {criteria}}}}}"
    assert told(ARMS, given, then) == []


def test_a_cohort_of_no_arm_is_asked_about() -> None:
    given = ["enrol: {subject: 1-01, cohort: C1}"]
    assert told(ARMS, given, "{at: end, asked: [cohort C1 belongs to no arm]}") == []
    given = ["enrol: {subject: 1-01, cohort: A1}"]
    (miss,) = told(ARMS, given, "{at: end, asked: [belongs to no arm]}")
    assert miss.startswith("end: nothing asked")


# -- who decides -----------------------------------------------------------------------------------

BOARD = MINIMAL.replace("term_groups:", "adjudicators: [sponsor, investigator]\nterm_groups:")


def judged(roles: str) -> str:
    text = MINIMAL.replace("term_groups:", f"adjudicators: [{roles}]\nterm_groups:")
    clause = "      only_if: [{judgement: dose-limiting, role: investigator}]\n"
    return text.replace(CRITERION, CRITERION + clause)


@pytest.mark.parametrize(
    ("document", "roles"),
    [
        (MINIMAL, {ADJUDICATORS}),
        (BOARD, {"sponsor", "investigator"}),
        (judged("sponsor, investigator"), {"investigator"}),
        (judged("adjudicators, investigator"), {"investigator", ADJUDICATORS}),
    ],
)
def test_who_may_decide_a_criterion(document: str, roles: set[str]) -> None:
    assert deciders(load_protocol(document), "platelets-g4") == roles


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (", role: investigator", "in_window"),
        (", role: sponsor", "dlt_candidate"),
        ("", "dlt_candidate"),
    ],
)
def test_a_rejection_counts_only_from_a_role_that_may_decide(role: str, status: str) -> None:
    given = [
        "enrol: {subject: 1-01}",
        "lab: {subject: 1-01, test: PLAT, result: 20, taken: day 8}",
        f"review: {{subject: 1-01, decision: NOT_DLT, known: day 9{role}}}",
    ]
    then = f"{{at: end of day 9, subjects: {{1-01: {status}}}}}"
    assert told(judged("sponsor, investigator"), given, then) == []
    asked = "{at: end of day 9, asked: ['decides nothing; the protocol asks for investigator']}"
    assert bool(told(judged("sponsor, investigator"), given, asked)) == (status == "in_window")


def test_a_confirmation_counts_whoever_gives_it() -> None:
    given = [
        "enrol: {subject: 1-01}",
        "review: {subject: 1-01, decision: DLT, known: day 9, role: sponsor}",
    ]
    then = "{at: end of day 9, subjects: {1-01: dlt}}"
    assert told(judged("sponsor, investigator"), given, then) == []


# -- wordings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wording", "result"), [("RELATED", "met"), ("REMOTE", "not_met"), ("PERHAPS", "met")]
)
def test_a_group_of_wordings_counts_as_its_words_do(wording: str, result: str) -> None:
    document = MINIMAL.replace(
        "  related: [RELATED]\n", "  related: [RELATED, REMOTE]\n  groups: {sure: [RELATED]}\n"
    ).replace(CRITERION, CRITERION + "      attribution: {group: sure}\n")
    document = document.replace("[Platelet count decreased]", "[Nausea]").replace(
        "grade: 4}", "grade: 3}"
    )
    given = [
        "enrol: {subject: 1-01}",
        f"event: {{subject: 1-01, term: Nausea, grade: 3, onset: 5, related: {wording}}}",
    ]
    then = f"{{at: end of day 5, criteria: {{1-01: {{platelets-g4: {result}}}}}}}"
    assert told(document, given, then) == []


# -- default groups --------------------------------------------------------------------------------


def group(said: str, ctcae: str = "5.0") -> tuple[str, ...]:
    text = MINIMAL.replace("[Epistaxis]", said).replace('"5.0"', f'"{ctcae}"')
    text = text.replace("[Platelet count decreased]", "[Nausea]").replace("grade: 4}", "grade: 3}")
    return load_protocol(text).term_groups["bleeding"]


@pytest.mark.parametrize("ctcae", ["4.03", "5.0", "6.0"])
@pytest.mark.parametrize("name", default_groups())
def test_every_default_group_has_terms_of_every_version(name: str, ctcae: str) -> None:
    terms = default_groups()[name][ctcae]
    assert len(terms) == len(set(terms)) >= 8
    assert [term for term in terms if term_of(ctcae, term) is None] == []
    assert group(f"{{default: {name}}}", ctcae) == terms


def test_a_version_calls_the_same_group_by_its_own_terms() -> None:
    assert "Platelet count decreased" in default_groups()["haematological"]["5.0"]
    assert "Thrombocytopenia" in default_groups()["haematological"]["6.0"]


def test_a_default_group_with_terms_added_and_taken_away_is_written_out() -> None:
    said = "{default: bleeding, also: [Nausea], without: [Epistaxis]}"
    terms = group(said)
    assert set(terms) == {*default_groups()["bleeding"]["5.0"], "Nausea"} - {"Epistaxis"}
    protocol = load_protocol(MINIMAL.replace("[Epistaxis]", said))
    assert load_protocol(written_out(protocol)) == protocol
    assert "default:" not in written_out(protocol)


# -- sentences and numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("Platelets grade 4", False),
        ("Platelets grade 3 or 4", False),
        ("Platelets grade 3-4", False),
        ("Thrombocytopenia of any duration", False),
        ("Platelets above grade 3", False),
        ("Platelets grade 3", True),
        ("Platelets grade ≥3", True),
    ],
)
def test_a_sentence_of_other_grades_is_doubtful(text: str, doubtful: bool) -> None:
    document = MINIMAL.replace("text: Platelets grade 4", f"text: {text}")
    found = doubts(read_yaml(document), load_protocol(document))
    assert bool(found) == doubtful
    assert all(document.splitlines()[one.line - 1].strip().startswith("text") for one in found)


def test_a_test_no_table_holds_is_doubtful() -> None:
    limit = "      measurement: {testcd: PLT, below: {10*9/L: 10}}\n"
    document = MINIMAL.replace(CRITERION, limit)
    (found,) = doubts(read_yaml(document), load_protocol(document))
    assert "PLT is no test code" in found.problem
    assert document.splitlines()[found.line - 1] == limit.rstrip()
    known = document.replace("PLT", "PLAT")
    assert doubts(read_yaml(known), load_protocol(known)) == []
