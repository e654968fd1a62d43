"""Locks that come first and in one order, errors told apart, histories that start together."""

import threading
from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from shared.runtime.db import (
    copy_rows,
    create_engine,
    is_outage,
    is_transient,
    lock_studies,
    migrate,
)
from shared.runtime.embedded_postgres import EmbeddedPostgres
from tests.runtime.bus_contract import wait_for


def test_transactions_naming_the_same_studies_in_any_order_never_deadlock(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE TABLE counter AS SELECT 0 AS n"))
    studies = [f"ST-{number}" for number in range(20)]
    failures: list[Exception] = []

    def work(order: list[str]) -> None:
        try:
            for _ in range(25):
                with engine.begin() as conn:
                    lock_studies(conn, order, space="test")
                    n = conn.execute(sa.text("SELECT n FROM counter")).scalar_one()
                    conn.execute(sa.text("UPDATE counter SET n = :n"), {"n": n + 1})
        except Exception as error:  # noqa: BLE001  handed to the test's own thread
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(order,))
        for order in (studies, studies[::-1], studies[10:] + studies[:10], studies[5:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with engine.connect() as conn:
        assert conn.execute(sa.text("SELECT n FROM counter")).scalar_one() == 100


def test_locks_of_different_spaces_do_not_wait_for_each_other(engine: Engine) -> None:
    with engine.begin() as first, engine.begin() as second:
        lock_studies(first, ["ST-1"], space="ingest")
        second.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        lock_studies(second, ["ST-1"], space="dlt_monitor")
        with pytest.raises(sa.exc.OperationalError) as refused:
            lock_studies(second, ["ST-1"], space="ingest")
        assert is_transient(refused.value)
        assert not is_outage(refused.value)


def test_copied_rows_belong_to_the_caller_s_transaction(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text('CREATE TABLE public."copied" (a int, b text)'))
    with engine.connect() as conn:
        assert copy_rows(conn, "public.copied", ["a", "b"], [(1, "x"), (2, None)]) == 2
        conn.rollback()
        assert conn.execute(sa.text("SELECT count(*) FROM copied")).scalar_one() == 0
    with engine.begin() as conn:
        copy_rows(conn, "public.copied", ["a", "b"], [(1, "tab\tand \\ and\nline"), (2, None)])
    with engine.connect() as conn:
        rows = conn.execute(sa.text("SELECT b FROM copied ORDER BY a")).scalars().all()
    assert rows == ["tab\tand \\ and\nline", None]


def test_two_processes_may_migrate_at_once(postgres: EmbeddedPostgres) -> None:
    admin = create_engine(postgres.url("postgres"), application_name="tests")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("CREATE DATABASE migrated_twice"))
    engines = [
        create_engine(postgres.url("migrated_twice"), application_name="tests") for _ in range(4)
    ]
    failures: list[Exception] = []

    def work(engine: Engine) -> None:
        try:
            migrate(engine, "shared.runtime")
        except Exception as error:  # noqa: BLE001  handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with engines[0].connect() as conn:
        versions = conn.execute(sa.text("SELECT version_num FROM bus.alembic_version")).all()
        assert len(versions) == 1
    for engine in [*engines, admin]:
        engine.dispose()


def fails(engine: Engine, statement: str) -> Exception:
    with engine.connect() as conn, pytest.raises(sa.exc.DBAPIError) as failed:
        conn.execute(sa.text(statement))
    return failed.value


def test_what_a_message_may_be_blamed_for(engine: Engine) -> None:
    for statement in ("SELECT 1 / 0", "SELECT 'x'::int", "SELECT E'\\\\x00'::int"):
        assert not is_transient(fails(engine, statement))
    assert not is_transient(ValueError("no"))
    assert not is_transient(FileNotFoundError("no"))


def test_a_slow_statement_is_tried_again_but_is_no_outage(engine: Engine) -> None:
    error = fails(engine, "SET statement_timeout = 1; SELECT pg_sleep(5)")
    assert is_transient(error)
    assert not is_outage(error)


def test_what_no_message_can_be_blamed_for(engine: Engine, new_database: Callable[[], str]) -> None:
    assert is_outage(fails(engine, "SELECT * FROM not_there"))
    assert is_outage(fails(engine, "SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_outage(ConnectionResetError())
    assert is_outage(psycopg.OperationalError("connection refused"))
    nowhere = create_engine(
        sa.make_url(new_database()).set(database="gone"), application_name="tests"
    )
    with pytest.raises(sa.exc.OperationalError) as refused:
        nowhere.connect()
    assert is_outage(refused.value)


def test_a_forgotten_transaction_is_ended_by_the_server(database_url: str) -> None:
    """It would hold back every reader of the event log."""
    engine = create_engine(
        database_url, application_name="forgetful", idle_in_transaction_session_timeout_ms=50
    )
    watcher = create_engine(database_url, application_name="watcher")
    forgotten = engine.connect()
    forgotten.execute(sa.text("SELECT pg_current_xact_id()"))

    def gone() -> bool:
        with watcher.connect() as conn:
            count: int = conn.execute(
                sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name='forgetful'")
            ).scalar_one()
            return count == 0

    wait_for(gone)
    forgotten.invalidate()
    forgotten.close()
    engine.dispose()
    watcher.dispose()
