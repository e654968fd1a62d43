"""The role script against a real PostgreSQL: what each service may do, and what it may not."""

import secrets
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from deploy.compose.local import make_roles
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.auth import Authenticator, create_key
from shared.runtime.clock import SystemClock
from shared.runtime.db import create_engine, migrate
from shared.runtime.embedded_postgres import EmbeddedPostgres
from shared.runtime.sessions import Sessions
from tests.oidc_provider import CHEAP
from tests.oidc_provider import PASSWORD as SECRET

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
    migrate(engine("owner"), "shared.runtime.access")
    yield engine
    for one in engines.values():
        one.dispose()
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
    admin.dispose()


def _run(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text(statement))


@pytest.fixture(params=["made first", "made again"])
def after(request: pytest.FixtureRequest, postgres: EmbeddedPostgres, as_role: As) -> As:
    """The roles as the schema's migration leaves them, and as the script does afterwards."""
    if request.param == "made again":
        _run(as_role("owner"), "GRANT ALL ON ALL TABLES IN SCHEMA access TO vigil_notifier")
        url = make_url(postgres.url(DATABASE))
        make_roles(str(url.query["host"]), str(url.password), PASSWORDS, DATABASE)
    return as_role


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_checks_keys_and_sessions(after: As, service: str) -> None:
    ingest = after("ingest")
    sessions = Sessions(ingest, passwords=CHEAP)
    login, now = f"ada.{secrets.token_hex(4)}", SystemClock().now()
    with ingest.begin() as conn:
        key = create_key(conn, "EDC", [("S1", "edc_source")])
        create_account(
            conn, CHEAP, login, login, [("S1", "auditor")],
            by=OPERATOR, now=now, password=SECRET,
        )  # fmt: skip
    _run(ingest, "UPDATE access.api_key SET last_used_at = '2020-01-01'")
    token = sessions.begin(login, SECRET, "192.0.2.1").token
    _run(ingest, "UPDATE access.session SET used_at = used_at - interval '1 hour'")
    checks = Authenticator(after(service))
    assert checks.authenticate(f"Bearer {key}").roles_in("S1") == {"edc_source"}
    assert checks.authenticate(f"Bearer {token}").name == login
    with ingest.connect() as conn:
        newest = "SELECT max(last_used_at) > '2020-01-02' FROM access.api_key"
        assert conn.execute(sa.text(newest)).scalar_one(), "the use is noted"


@pytest.mark.parametrize("service", ["dlt_monitor", "notifier"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM access.account",
        "SELECT * FROM access.account",
        "SELECT login FROM access.account",
        "UPDATE access.account SET must_change = false",
        "SELECT * FROM access.account_link",
        "SELECT * FROM access.provider_request",
        "SELECT * FROM access.confirmation",
        "SELECT * FROM access.attempt",
        "SELECT * FROM access.record",
        "INSERT INTO access.account_grant VALUES ('a', 'S1', 'study_admin')",
        "INSERT INTO access.key_grant VALUES ('a', 'S1', 'study_admin')",
        "UPDATE access.api_key SET revoked_at = NULL",
        "UPDATE access.session SET ended_at = NULL",
        "DELETE FROM access.session",
        "SELECT access.let_services_check()",
    ],
)
def test_a_service_that_only_checks_sees_no_password_and_lets_nobody_in(
    after: As, service: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        _run(after(service), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access.record SET about = ''",
        "DELETE FROM access.record",
        "TRUNCATE access.record",
        "ALTER TABLE access.record DISABLE TRIGGER ALL",
    ],
)
def test_nobody_edits_the_record_of_who_got_in(as_role: As, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"never edited|permission denied|must be owner"):
        _run(as_role("ingest"), statement)


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
