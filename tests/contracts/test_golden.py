"""Golden messages: one of every contract version ever emitted, kept for ever.

A message of a released version must stay readable as it was sent. Never change a file under
``golden/``: a new version adds files, and lines to ``SHA256SUMS``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from shared.contracts.assessment import Assessment, digest_of
from shared.contracts.envelope import Fact, fact_from, read_event, read_fact
from shared.contracts.facts import KINDS
from shared.contracts.graded import GradedResult
from shared.contracts.reader import read_json
from shared.contracts.receipts import DeliveryReceipt, IngestReceipt, LineResult
from shared.contracts.schemas import schema_names, schema_of
from shared.contracts.signals import Signal, read_signal

FOLDER = Path(__file__).with_name("golden")
SUMS = {line[66:]: line[:64] for line in (FOLDER / "SHA256SUMS").read_text("utf-8").splitlines()}
MESSAGES: dict[str, type[BaseModel]] = {
    "vigil.assessment.v1": Assessment,
    "vigil.assessment.v1.safety": Assessment,
    "vigil.fact.v1": Fact,
    "vigil.graded.v1": GradedResult,
    "vigil.graded.v1.derived": GradedResult,
    "vigil.ingest_receipt.v1": IngestReceipt,
    "vigil.line_result.v1": LineResult,
    "vigil.receipt.v1": DeliveryReceipt,
    "vigil.signal.v1": Signal,
}


def golden(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def test_every_contract_has_a_golden_message() -> None:
    kept = {path.stem for path in FOLDER.glob("*.json")}
    assert set(schema_names()) - {"vigil.envelope.v1"} <= kept
    assert kept == {name.removesuffix(".json") for name in SUMS}


@pytest.mark.parametrize("name", SUMS)
def test_a_golden_message_is_never_changed(name: str) -> None:
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == SUMS[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_reads_back_equal(name: str) -> None:
    read = MESSAGES[name].model_validate_json(golden(name))
    assert json.loads(read.model_dump_json(exclude_unset=True)) == json.loads(golden(name))
    contract = ".".join(name.split(".")[:3])
    Draft202012Validator(schema_of(contract)).validate(json.loads(golden(name)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_reads_back_equal(kind: str) -> None:
    document = read_json(golden(f"vigil.{kind}.v1"))
    read, record = read_event(document)
    assert read.model_dump(mode="json", exclude_unset=True) == document
    assert record is not None
    assert record.model_dump(mode="json", exclude_unset=True) == document["data"]


def test_the_fact_of_an_event_keeps_its_id() -> None:
    """The id is how a second delivery, or a replay after an upgrade, is known to be the same."""
    kept = read_fact(golden("vigil.fact.v1"))
    event, _ = read_event(read_json(golden("vigil.lab.v1")))
    assert fact_from(event, kept.known_at) == kept


@pytest.mark.parametrize("name", ["vigil.assessment.v1", "vigil.assessment.v1.safety"])
def test_the_digest_of_an_assessment_stays(name: str) -> None:
    """A committee's decision cites the digest: an upgrade must not make it a stranger."""
    kept = Assessment.model_validate_json(golden(name))
    assert digest_of(kept) == kept.digest


def test_a_signal_is_read_as_it_was_sent() -> None:
    kept = read_signal(golden("vigil.signal.v1"))
    assert (kept.contract, kept.type.value) == ("vigil.signal.v1", "dlt.candidate")
