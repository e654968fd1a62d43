"""What is packed here arrives as PostgreSQL's own reading of the same values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.runtime.columns import Column, Kind

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "bytea": st.binary(),
    "jsonb": st.dictionaries(TEXTS, TEXTS).map(json.dumps),
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "timestamptz": st.datetimes(
        datetime(1970, 1, 1),  # noqa: DTZ001  the strategy adds the zone
        datetime(9000, 1, 1),  # noqa: DTZ001
        timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
    ),
    "interval": st.timedeltas(timedelta(days=-40_000), timedelta(days=40_000)),
}


@pytest.mark.parametrize("kind", BY_KIND)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_values_arrive_as_they_are(engine: Engine, kind: Kind, data: st.DataObject) -> None:
    """One value several times, none at all, and NULLs among them."""
    few = data.draw(st.lists(st.none() | BY_KIND[kind], max_size=5))
    values = few + few[:2]
    with engine.connect() as conn:
        found = conn.exec_driver_sql(f"SELECT unnest(%b::{kind}[])", (Column(kind, values),))
        arrived = found.scalars().all()
    expected = [json.loads(value) if value and kind == "jsonb" else value for value in values]
    assert arrived == expected


def test_text_that_postgresql_cannot_hold_is_refused(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(sa.exc.DataError):
        conn.exec_driver_sql("SELECT unnest(%b::text[])", (Column("text", ["a\0b"]),))


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        Column("timestamptz", [datetime(2026, 1, 15, tzinfo=UTC).replace(tzinfo=None)])


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_a_number_beyond_its_type_is_refused(value: int) -> None:
    with pytest.raises(Exception, match="format requires"):
        Column("integer", [value])
