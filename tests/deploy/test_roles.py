"""The role script against a real PostgreSQL: what each service may do, and what it may not."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from deploy.compose.local import make_roles
from shared.runtime.db import create_engine, migrate
from shared.runtime.embedded_postgres import EmbeddedPostgres

DATABASE = "roles"
PASSWORDS = {
    f"VIGIL_{role}_PASSWORD": f"a'b\\c-{role}"
    for role in ("OWNER", "INGEST", "DLT_MONITOR", "NOTIFIER")
}
SERVICES = ("ingest", "dlt_monitor", "notifier")
As = Callable[[str], Engine]


@pytest.fixture(scope="module")
def as_role(postgres: EmbeddedPostgres) -> Iterator[As]:
    """Engines that sign in as one role, on a database made the way compose makes it."""
    admin = create_engine(postgres.url("postgres"), application_name="tests")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f"CREATE DATABASE {DATABASE}"))
    url = make_url(postgres.url(DATABASE))
    host, password = str(url.query["host"]), str(url.password)
    engines: dict[str, Engine] = {}

    def engine(role: str) -> Engine:
        if role not in engines:
            secret = PASSWORDS[f"VIGIL_{role.upper()}_PASSWORD"]
            mine = url.set(username=f"vigil_{role}", password=secret)
            engines[role] = create_engine(mine, application_name="tests")
        return engines[role]

    make_roles(host, password, PASSWORDS, DATABASE)
    migrate(engine("owner"), "shared.runtime")
    for schema in SERVICES:
        _run(engine("owner"), f"CREATE TABLE {schema}.made_later (id bigserial PRIMARY KEY, n int)")
    # A second time, as after an upgrade that brings a role or a schema.
    make_roles(host, password, PASSWORDS, DATABASE)
    yield engine
    for one in engines.values():
        one.dispose()
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
    admin.dispose()


def _run(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text(statement))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_works_in_its_schema_and_on_the_bus(as_role: As, service: str) -> None:
    engine = as_role(service)
    _run(engine, f"INSERT INTO {service}.made_later (n) VALUES (1)")
    _run(engine, f"UPDATE {service}.made_later SET n = 2")
    _run(engine, f"DELETE FROM {service}.made_later")
    _run(engine, "SELECT * FROM bus.outbox")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {own}.made_later",
        "ALTER TABLE {own}.made_later DISABLE TRIGGER ALL",
        "DROP TABLE {own}.made_later",
        "CREATE TABLE {own}.another (id int)",
        "CREATE TABLE public.another (id int)",
        "CREATE SCHEMA another",
        "SET ROLE vigil_owner",
        "TRUNCATE bus.outbox",
    ],
)
def test_a_service_cannot_undo_what_protects_its_records(
    as_role: As, service: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        _run(as_role(service), statement.format(own=service))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_no_other_services_schema(as_role: As, service: str) -> None:
    for other in set(SERVICES) - {service}:
        with pytest.raises(ProgrammingError, match=f"permission denied for schema {other}"):
            _run(as_role(service), f"SELECT * FROM {other}.made_later")
