"""The JSON Schema of the protocol document: what an editor completes and checks."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.clinical.protocol.schema import document_schema
from shared.document import read_yaml

HERE = Path(__file__).parent
STUDIES = HERE.parents[1] / "studies"
GOOD = [
    *sorted(STUDIES.glob("*/protocol.yaml")),
    HERE / "minimal_protocol.yaml",
    HERE / "every_word.yaml",
]
VALIDATOR = Draft202012Validator(json.loads(json.dumps(document_schema())))
BAD_SHAPE = [
    "unknown_key",
    "grade_out_of_range",
    "grade_not_a_number",
    "missing_design",
    "unknown_term",
]


def plain(value: Any) -> Any:
    """As an editor reads it: numbers are numbers."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


def is_valid(path: Path) -> bool:
    return bool(VALIDATOR.is_valid(plain(read_yaml(path.read_text("utf-8")).value)))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(document_schema())


def test_the_published_one_is_this_one() -> None:
    published = json.loads((STUDIES / "protocol.schema.json").read_text("utf-8"))
    made = json.loads(json.dumps(document_schema()))
    assert published == made, "vigil protocol schema > studies/protocol.schema.json"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_good_documents_keep_to_it(path: Path) -> None:
    assert is_valid(path)


@pytest.mark.parametrize("name", BAD_SHAPE)
def test_a_document_of_another_shape_does_not(name: str) -> None:
    assert not is_valid(HERE / "bad_protocols" / f"{name}.yaml")
