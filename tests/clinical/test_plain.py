"""The document in plain English: nothing it says is missing, and nothing changes unseen."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.clinical import Protocol, load_protocol
from shared.clinical.designs import KINDS
from shared.clinical.plain import differences, explain, written_out
from shared.clinical.plain.design import rule_in_words
from shared.clinical.plain.words import ordinal
from shared.document import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((ROOT / "studies").glob("*/protocol.yaml"))
DOCUMENTS += [Path(__file__).with_name("every_word.yaml")]


def name_of(path: Path) -> str:
    return path.stem if path.stem != "protocol" else path.parent.name


def loaded(path: Path) -> Protocol:
    return load_protocol(path.read_text("utf-8"))


def changed_leaves(value: Any) -> Iterator[Any]:
    """The value with one leaf changed, for every leaf."""
    if isinstance(value, dict):
        for key in value:
            for other in changed_leaves(value[key]):
                yield {**value, key: other}
    elif isinstance(value, list):
        for index in range(len(value)):
            for other in changed_leaves(value[index]):
                yield [*value[:index], other, *value[index + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | Decimal):
        yield value + 1
    elif isinstance(value, str):
        yield f"{value}x"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_written_out_it_loads_to_the_same_rules(path: Path) -> None:
    again = load_protocol(written_out(loaded(path)))
    assert again == loaded(path)
    assert written_out(again) == written_out(loaded(path))


@pytest.mark.parametrize(
    "said",
    [
        "completeness: {provisional_while: []}\n",
        "completeness: {mode: assumed, provisional_while: []}\n",
        "counted_parts: [expansion, escalation]\n",
    ],
)
def test_what_was_emptied_stays_empty(said: str) -> None:
    text = Path(__file__).with_name("minimal_protocol.yaml").read_text("utf-8")
    protocol = load_protocol(text + said)
    assert load_protocol(written_out(protocol)) == protocol


def test_every_default_is_written_out() -> None:
    text = written_out(loaded(Path(__file__).with_name("minimal_protocol.yaml")))
    for said in (
        "counted_parts:\n- escalation",
        "  first_dose_is_day: 1\n",
        "  mode: reported\n",
        "worst_case: query",
        "sentinel: null",
        "    start_level: 1\n",
    ):
        assert said in text


def test_nothing_a_document_says_is_missing_from_its_explanation() -> None:
    path = Path(__file__).with_name("every_word.yaml")
    protocol, tried = loaded(path), 0
    for value in changed_leaves(read_yaml(path.read_text("utf-8")).value):
        try:
            other = Protocol.model_validate(value)
        except ValidationError:
            continue
        tried += other != protocol
        assert bool(differences(protocol, other)) == (other != protocol), value
    assert tried >= 200


def test_the_page_names_every_criterion_and_exactly_these_rules() -> None:
    protocol = loaded(ROOT / "studies/NCT05301764/protocol.yaml")
    told = explain(protocol)
    assert told == explain(loaded(ROOT / "studies/NCT05301764/protocol.yaml"))
    assert [line for line in told.splitlines() if line.startswith("### ")] == [
        f"### {rule.id}" for rule in protocol.dlt.criteria
    ]
    other = protocol.model_copy(update={"title": "Another"})
    assert explain(other).splitlines()[-1] != told.splitlines()[-1]
    assert max(map(len, told.splitlines())) <= 98


def test_a_futility_rule_is_told_stage_by_stage() -> None:
    told = explain(loaded(Path(__file__).with_name("every_word.yaml"))).replace("\n  ", " ")
    assert "\n## Futility\n\n### no-responses\n" in told
    assert "The study stops with 1 or fewer responses in 10 subjects, or 5 or fewer in 29;" in told
    assert "among the subjects in: expansion." in told


def test_an_amendment_is_told_by_what_changes() -> None:
    old = loaded(ROOT / "studies/NCT05301764/protocol.yaml")
    text = (ROOT / "studies/NCT05301764/protocol.yaml").read_text("utf-8")
    text = text.replace('version: "1"', 'version: "2"').replace("last_day: 21", "last_day: 28")
    text = text.replace("grade: 4, for_more_than_days: 7", "grade: 4, for_more_than_days: 5")
    text = text.replace("- id: grade-5", "- id: death")
    told = differences(old, load_protocol(text)).replace("\n  ", " ")
    assert told.startswith("NCT05301764: from version 1 to version 2\n")
    assert "No longer: Day 1 is the day of the first dose of LVGN6051. A DLT must begin by" in told
    assert "From now on: Counts: Neutrophil count decreased of grade 4 or higher, for more" in told
    assert "## DLT criteria: grade-5 (removed)" in told
    assert "## DLT criteria: death (added)" in told
    assert "platelets" not in told


def test_the_same_document_has_no_differences() -> None:
    protocol = loaded(DOCUMENTS[0])
    assert differences(protocol, copy.deepcopy(protocol)) == ""


def test_another_order_is_a_difference() -> None:
    text = Path(__file__).with_name("minimal_protocol.yaml").read_text("utf-8")
    two = text.replace("[Epistaxis]", "[Epistaxis, Hematuria]")
    assert "Hematuria" in differences(load_protocol(text), load_protocol(two))


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd")],
)
def test_ordinals(number: int, said: str) -> None:
    assert ordinal(number) == said


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"boin_comb"}))
def test_a_committee_reads_the_rule_in_words(kind: str) -> None:
    """boin_comb is for the command line: no study can name it."""
    needed: dict[str, Any] = {
        "table": {"target": 0.3, "rows": ["ESDU"]},
        "crm": {"target": 0.3, "skeleton": [0.1, 0.3]},
        "tite_crm": {"target": 0.3, "skeleton": [0.1, 0.3]},
    }
    given = needed.get(kind, {} if kind in ("3+3", "rolling_six") else {"target": 0.3})
    said = " ".join(rule_in_words(KINDS[kind].model_validate({"kind": kind, **given})))
    assert "MTD" in said or "proposed" in said
    assert not set("λφεβ̂`_=<>") & set(said)


def test_the_limits_of_boin_are_those_it_decides_by() -> None:
    """0.236 and 0.359 for a target of 0.3: Liu and Yuan, J R Stat Soc C 2015;64:507-523."""
    first, *_ = rule_in_words(KINDS["boin"].model_validate({"kind": "boin", "target": 0.3}))
    assert "up to 0.2365 the dose is escalated, above 0.3585 it is de-escalated" in first
