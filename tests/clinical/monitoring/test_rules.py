"""Stopping rules as data: what is accepted, and each way to be refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from shared.clinical.monitoring import KINDS, BetaBinomial, RepeatedTesting, rule_of, tuned

ACCEPTED: dict[str, dict[str, Any]] = {
    "any_related_grade_5": {},
    "n_of_m": {"events": 3, "of": 10},
    "beta_binomial": {"p0": 0.28, "cutoff": 0.9},
    "repeated_testing": {"p0": 0.2, "p1": 0.4, "looks": [5, 10]},
    "two_stage": {"r1": 4, "n1": 16, "r": 11, "n": 38},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_and_says_where_it_comes_from(kind: str) -> None:
    rule = rule_of({"kind": kind, **ACCEPTED[kind]})
    assert type(rule) is KINDS[kind]
    assert rule.kind == kind
    assert rule.source


def test_a_protocol_writes_decimals_and_a_request_floats() -> None:
    written = rule_of({"kind": "beta_binomial", "p0": Decimal("0.28"), "cutoff": Decimal("0.90")})
    assert written == BetaBinomial(p0=0.28, cutoff=0.9)


def test_equal_rules_share_their_boundary() -> None:
    one, other = (RepeatedTesting(p0=0.2, looks=(5, 10)) for _ in range(2))
    assert tuned(one) is tuned(other)


@pytest.mark.parametrize(
    ("kind", "changed", "fault"),
    [
        ("n_of_m", {"of": 2}, "never be reached"),
        ("n_of_m", {"events": 0}, "greater than or equal to 1"),
        ("n_of_m", {"events": 1.0}, "valid integer"),
        ("n_of_m", {"events": True}, "valid integer"),
        ("n_of_m", {"limit": 1}, "not permitted"),
        ("beta_binomial", {"p0": "0.28"}, "valid number"),
        ("beta_binomial", {"p0": True}, "valid number"),
        ("beta_binomial", {"p0": 1.0}, "less than 1"),
        ("beta_binomial", {"cutoff": 0.0}, "greater than 0"),
        ("beta_binomial", {"a": 0.0}, "greater than 0"),
        ("beta_binomial", {"b": 1001}, "less than or equal to 1000"),
        ("beta_binomial", {"first_look": 0}, "greater than or equal to 1"),
        ("repeated_testing", {"looks": []}, "at least 1 item"),
        ("repeated_testing", {"looks": [5, 5]}, "looks must grow"),
        ("repeated_testing", {"looks": [10, 5]}, "looks must grow"),
        ("repeated_testing", {"p1": 0.2}, "above p0"),
        ("repeated_testing", {"delta": 0.51}, "less than or equal to 0.5"),
        ("two_stage", {"r1": 16}, "r1 < n1 < n"),
        ("two_stage", {"n": 16}, "r1 < n1 < n"),
        ("two_stage", {"r": 3}, "r1 <= r"),
        ("two_stage", {"r": 38}, "r < n"),
    ],
)
def test_refused(kind: str, changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        rule_of({"kind": kind, **ACCEPTED[kind], **changed})


@pytest.mark.parametrize("parameters", [{}, {"kind": "pocock"}])
def test_a_rule_names_its_kind(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="kind"):
        rule_of(parameters)
