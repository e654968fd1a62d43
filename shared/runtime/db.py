"""The database as the services use it: engines, study locks, bulk rows, migrations, errors.

PostgreSQL only. Everything here is synchronous psycopg 3 under SQLAlchemy Core.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from shared.runtime.columns import Column, ColumnDumper

# Here, because an engine knows only what was registered before it was made.
psycopg.adapters.register_dumper(Column, ColumnDumper)

_LOCK = sa.text(
    # Sorted by the lock's own number, not by the name: two names that share a number would
    # otherwise be taken in different orders by two transactions. OFFSET 0 keeps the sort inside.
    "SELECT pg_advisory_xact_lock(number) FROM ("
    " SELECT DISTINCT hashtextextended(:space || '/' || study, 0) AS number"
    " FROM unnest(CAST(:studies AS text[])) AS study ORDER BY 1 OFFSET 0) AS numbers"
)

# SQLSTATE classes and codes under which the same statement may succeed later, unchanged.
_OUTAGE_CLASSES = ("08", "53", "57", "58")
_OUTAGE_CODES = (
    "25006",  # read-only transaction: a standby during failover
    "42501",  # privilege missing: the deployment is wrong, not the message
    "42P01",  # table missing: not migrated yet
    "3F000",  # schema missing: not migrated yet
)
_STATEMENT_TIMEOUT = "57014"
_CONTENTION_CODES = ("40001", "40P01", "55P03", _STATEMENT_TIMEOUT)


def create_engine(
    url: str | URL,
    *,
    application_name: str,
    pool_size: int = 5,
    max_overflow: int = 5,
    statement_timeout_ms: int = 30_000,
    idle_in_transaction_session_timeout_ms: int = 60_000,
) -> Engine:
    """An engine whose sessions name their service and cannot hang for ever.

    A forgotten transaction would hold back every reader of the event log (they stay behind the
    oldest running transaction), hence the idle timeout.
    """
    settings = {
        "statement_timeout": statement_timeout_ms,
        "idle_in_transaction_session_timeout": idle_in_transaction_session_timeout_ms,
        "timezone": "UTC",
    }
    return sa.create_engine(
        make_url(_plain(url)).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        # Error texts would quote the statement's values otherwise.
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "client_encoding": "utf8",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": 10,
        },
    )


def lock_studies(conn: Connection, studies: Iterable[str], *, space: str) -> None:
    """Locks the studies until the transaction ends. Must be its first statement.

    Only then does a later holder also get a later transaction id, which is what keeps a study's
    messages in order in the outbox. `space` keeps one service's locks apart from another's:
    every transaction of a service that reads and then writes a study's state names the same one.
    """
    conn.execute(_LOCK, {"space": space, "studies": list(studies)})


def copy_rows(
    conn: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Inserts rows by COPY, in the caller's transaction; `table` is "schema.name".

    A few times faster than INSERT for hundreds of rows. No ON CONFLICT: a duplicate raises.
    Returns the number of rows.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with driver_connection(conn).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def driver_connection(conn: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under a SQLAlchemy one, sharing its transaction."""
    if not conn.in_transaction():
        conn.begin()
    return cast("psycopg.Connection[Any]", conn.connection.driver_connection)


def migrate(engine: Engine, package: str) -> None:
    """Brings the schema owned by `package` to its newest revision.

    `package` (for example "services.ingest") holds `migrations/versions/*.py` and names its
    schema in `migrations/__init__.py` as `SCHEMA`. The schema and its version table are made
    when missing. Safe when several processes start at once: the second waits, then finds nothing
    to do.
    """
    migrations = import_module(f"{package}.migrations")
    schema: str = migrations.SCHEMA
    folder = Path(cast(str, migrations.__file__)).parent
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic_env"))
    config.set_main_option("version_locations", str(folder / "versions"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as conn, conn.begin(), _alone(conn, schema):
        conn.execute(sa.text("SET LOCAL statement_timeout = 0"))
        conn.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        config.attributes["connection"] = conn
        config.attributes["schema"] = schema
        command.upgrade(config, "head")


@contextmanager
def _alone(conn: Connection, schema: str) -> Iterator[None]:
    digest = hashlib.sha256(f"migrate/{schema}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    conn.execute(sa.text("SET LOCAL lock_timeout = '60s'"))
    conn.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    yield


def is_outage(error: BaseException) -> bool:
    """True if the database (or the deployment) is at fault: no message would have fared better."""
    if isinstance(error, ConnectionError | TimeoutError | MemoryError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = _sqlstate(error)
    if state is None:
        return isinstance(_driver_error(error), psycopg.OperationalError | psycopg.InterfaceError)
    if state == _STATEMENT_TIMEOUT:
        return False
    return state[:2] in _OUTAGE_CLASSES or state in _OUTAGE_CODES


def is_transient(error: BaseException) -> bool:
    """True if the same work may succeed on another try: an outage, a deadlock, a timeout."""
    return is_outage(error) or _sqlstate(error) in _CONTENTION_CODES


def _driver_error(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlstate(error: BaseException) -> str | None:
    driver_error = _driver_error(error)
    return driver_error.sqlstate if isinstance(driver_error, psycopg.Error) else None


def _plain(url: str | URL) -> str | URL:
    # libpq accepts postgres://, SQLAlchemy does not.
    if isinstance(url, str) and url.startswith("postgres://"):
        return "postgresql://" + url.removeprefix("postgres://")
    return url
