"""Profile and figures as contracts: exact numbers as text, nothing unknown, opaque names."""

from __future__ import annotations

import doctest
import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from shared.contracts import profile
from shared.contracts.figures import Figures, TumourPoint
from shared.contracts.profile import Band, Profile, opaque_id


@pytest.mark.parametrize("model", [Profile, Figures])
def test_the_schema_is_valid_and_closed_throughout(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    Draft202012Validator.check_schema(schema)
    objects = [schema, *(one for one in schema["$defs"].values() if one["type"] == "object")]
    assert all(one["additionalProperties"] is False for one in objects)


@pytest.mark.parametrize("model", [Profile, Figures])
def test_no_measured_value_travels_as_a_binary_float(model: type[BaseModel]) -> None:
    serialised = json.dumps(model.model_json_schema(mode="serialization"))
    assert '"type": "number"' not in serialised


def test_a_decimal_keeps_its_digits() -> None:
    point = TumourPoint(
        on=date(2026, 3, 9), day=1, sum_of_diameters=Decimal("40.10"), change=Decimal("-30.0")
    )
    assert json.loads(point.model_dump_json())["sum_of_diameters"] == "40.10"
    assert TumourPoint.model_validate_json(point.model_dump_json()) == point


def test_an_unknown_field_is_refused() -> None:
    document = {"low": 1, "high": 1, "lower": None, "lower_included": False, "upper": "3",
                "upper_included": True}  # fmt: skip
    assert Band.model_validate(document).upper == 3
    with pytest.raises(ValidationError):
        Band.model_validate(document | {"grade": 1})


@given(st.text(), st.text())
def test_the_opaque_id_is_the_head_of_the_digest(study: str, usubjid: str) -> None:
    whole = hashlib.sha256(f"{study}|{usubjid}".encode()).hexdigest()
    assert whole.startswith(opaque_id(study, usubjid))
    assert len(opaque_id(study, usubjid)) == 16


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(profile).failed == 0
