"""A large assessment is stored packed: served, published and proved like any other."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from services.dlt_monitor.audit import verify
from services.dlt_monitor.store import outputs
from shared.contracts.assessment import Assessment
from shared.contracts.topics import ASSESSMENTS
from shared.runtime import packing
from shared.runtime.db import migrate
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial

DAY_10 = DAY_1 + timedelta(days=9)

HOW = sa.text("SELECT document IS NULL, packed IS NULL FROM dlt_monitor.assessment ORDER BY number")


@pytest.fixture
def told(station: Station, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Station:
    """Two assessments: a small one, and one that counts as large."""
    station.feed([trial.protocol(), *trial.cohort()])
    monkeypatch.setattr(packing, "PACKED_FROM", 1)
    station.feed([trial.platelets("1-02", DAY_10, "44")])
    return station


def stored(engine: Engine) -> list[tuple[bool, bool]]:
    with engine.connect() as conn:
        return [(row[0], row[1]) for row in conn.execute(HOW)]


def test_it_is_read_by_number_and_digest_and_published_as_it_was_made(told: Station) -> None:
    assert stored(told.engine) == [(False, True), (True, False)]
    small, large = told.assessments()
    assert large == told.assessment() != small
    with told.engine.connect() as conn:
        found = outputs.assessment_by_digest(conn, STUDY, large.digest)
        assert [one.verdict for one in verify(conn, STUDY)] == ["proved", "proved"]
    assert found is not None
    published = [one.value for one in told.published(ASSESSMENTS.name)]
    assert [Assessment.model_validate_json(value) for value in published] == [small, large]
    assert published[1].decode() == found.document == large.model_dump_json()


@pytest.mark.parametrize(
    "harm",
    [
        "packed = substr(packed, 1, length(packed) - 9)",
        "packed = set_byte(packed, 80, get_byte(packed, 80) # 1)",
        "packed = NULL, document = 'no JSON'",
    ],
)
def test_a_damaged_one_is_told_as_altered(told: Station, harm: str) -> None:
    with told.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE dlt_monitor.assessment DISABLE TRIGGER append_only")
        conn.exec_driver_sql(f"UPDATE dlt_monitor.assessment SET {harm} WHERE number = 2")
    with told.engine.connect() as conn:
        assert [one.verdict for one in verify(conn, STUDY)] == ["proved", "altered"]


def test_one_is_stored_one_way(told: Station) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="assessment_once"), told.engine.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO dlt_monitor.assessment SELECT study, 3, as_of, facts, degraded, digest,"
            " protocol_version, engine, cause, made_at, '{}', '' FROM dlt_monitor.assessment"
            " WHERE number = 2"
        )


def test_the_history_goes_down_and_up_again_without_loss(told: Station) -> None:
    before = told.assessments()
    config = Config()
    config.set_main_option("script_location", "shared/runtime/alembic_env")
    config.set_main_option("version_locations", "services/dlt_monitor/migrations/versions")
    config.set_main_option("path_separator", "os")
    with told.engine.begin() as conn:
        config.attributes.update(connection=conn, schema="dlt_monitor")
        command.downgrade(config, "monitor_0006")
        documents = conn.execute(
            sa.text("SELECT document FROM dlt_monitor.assessment ORDER BY number")
        ).scalars()
        assert [Assessment.model_validate_json(one) for one in documents] == before
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), conn.begin_nested():
            conn.exec_driver_sql("UPDATE dlt_monitor.assessment SET facts = 0")
    migrate(told.engine, "services.dlt_monitor")
    assert told.assessments() == before
    assert stored(told.engine) == [(False, True), (False, True)]
