"""Sessions: what lets in, for how long, and what the password given once more confirms."""

from datetime import timedelta
from typing import Literal

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from argon2 import PasswordHasher
from sqlalchemy import Engine

from shared.runtime import accounts, db
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accesslog import page as log_page
from shared.runtime.accounts import AccountInfo, Taken, create_account, list_accounts
from shared.runtime.auth import IDLE, Authenticator, Principal
from shared.runtime.clock import ManualClock
from shared.runtime.passwords import Passwords
from shared.runtime.problems import Problem
from shared.runtime.sessions import CONFIRMATION, LONGEST_SESSION, Sessions, body_digest
from shared.runtime.throttle import ADDRESS_ALLOWANCE, FREE_FAILURES

SECRET = "correct horse battery staple"
BODY = body_digest(b"a decision")


class CountingHasher(PasswordHasher):
    """Cheap, and counts how often a password was looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.verified += 1
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def sessions(engine: Engine, manual_clock: ManualClock, hasher: CountingHasher) -> Sessions:
    return Sessions(engine, passwords=Passwords(hasher), clock=manual_clock)


@pytest.fixture
def authenticator(engine: Engine, manual_clock: ManualClock) -> Authenticator:
    return Authenticator(engine, clock=manual_clock, cache_seconds=0)


@pytest.fixture
def ada(engine: Engine, sessions: Sessions) -> AccountInfo:
    return make(engine, sessions, "ada", "Dr. Ada")


@pytest.fixture
def bob(engine: Engine, sessions: Sessions) -> AccountInfo:
    return make(engine, sessions, "bob", "Dr. Bob")


def make(
    engine: Engine,
    sessions: Sessions,
    login: str,
    name: str,
    *,
    role: str = "committee_member",
    password: str | None = SECRET,
) -> AccountInfo:
    with engine.begin() as conn:
        account, _ = create_account(
            conn,
            sessions.passwords,
            login,
            name,
            [("S1", role)],
            by=OPERATOR,
            now=sessions.clock.now(),
            password=password,
        )
    return find(engine, sessions, account)


def find(engine: Engine, sessions: Sessions, account: str) -> AccountInfo:
    with engine.connect() as conn:
        found = list_accounts(conn, sessions.clock.now())
    return next(one for one in found if one.account_id == account)


def refusal(sessions: Sessions, login: str, password: str, address: str | None = None) -> Problem:
    with pytest.raises(Problem) as refused:
        sessions.begin(login, password, address)
    return refused.value


def signed_in(sessions: Sessions, authenticator: Authenticator, login: str) -> Principal:
    return authenticator.authenticate(f"Bearer {sessions.begin(login, SECRET, None).token}")


def test_a_session_is_the_person_with_their_roles(
    sessions: Sessions, authenticator: Authenticator, ada: AccountInfo
) -> None:
    principal = signed_in(sessions, authenticator, " ADA ")
    assert (principal.name, principal.account) == ("Dr. Ada", ada.account_id)
    assert principal.roles_in("S1") == {"committee_member"}
    assert principal.roles_in("S2") == frozenset()


def test_every_refusal_is_the_same_and_costs_the_same(
    engine: Engine, sessions: Sessions, hasher: CountingHasher, ada: AccountInfo, bob: AccountInfo
) -> None:
    sessions.passwords.match(None, "the dummy is made once")
    with engine.begin() as conn:
        accounts.set_disabled(conn, bob, True, OPERATOR, sessions.clock.now())
    answers = []
    for login, password in (
        ("nobody", SECRET),
        ("ada", "wrong"),
        ("bob", SECRET),
        ("ada", "x" * 999),
    ):
        before = hasher.verified
        problem = refusal(sessions, login, password)
        answers.append((problem.status_code, problem.type, problem.title, problem.explanation))
        assert hasher.verified == before + 1
    assert len(set(answers)) == 1
    assert answers[0][0] == 401


def test_a_login_waits_longer_after_each_failure_and_then_gets_in(
    engine: Engine, sessions: Sessions, manual_clock: ManualClock, ada: AccountInfo
) -> None:
    for _ in range(FREE_FAILURES):
        assert refusal(sessions, "ada", "wrong").status_code == 401
    locked = refusal(sessions, "ada", SECRET)
    assert (locked.status_code, (locked.headers or {})["Retry-After"]) == (429, "30")
    assert find(engine, sessions, ada.account_id).locked_until is not None
    manual_clock.advance(timedelta(seconds=29))
    assert refusal(sessions, "ada", SECRET).status_code == 429
    manual_clock.advance(timedelta(seconds=1))
    assert refusal(sessions, "ada", "wrong").status_code == 401
    manual_clock.advance(timedelta(seconds=59))
    assert refusal(sessions, "ada", SECRET).status_code == 429
    manual_clock.advance(timedelta(seconds=1))
    assert sessions.begin("ada", SECRET, None).name == "Dr. Ada"
    assert refusal(sessions, "ada", "wrong").status_code == 401, "a good one clears the count"
    assert find(engine, sessions, ada.account_id).locked_until is None


def test_a_login_that_does_not_exist_waits_just_so(sessions: Sessions) -> None:
    for _ in range(FREE_FAILURES):
        assert refusal(sessions, "nobody", "wrong").status_code == 401
    assert refusal(sessions, "nobody", "wrong").status_code == 429


def test_an_address_is_slowed_down_and_never_shut(
    sessions: Sessions, manual_clock: ManualClock, ada: AccountInfo, bob: AccountInfo
) -> None:
    """A hospital is behind one: whoever is used to sign in from there still does."""
    for _ in range(3):
        sessions.begin("ada", SECRET, "192.0.2.1")
    for number in range(int(ADDRESS_ALLOWANCE)):
        assert refusal(sessions, f"guess{number}", "wrong", "192.0.2.1").status_code == 401
    assert refusal(sessions, "bob", SECRET, "192.0.2.1").status_code == 429
    assert sessions.begin("bob", SECRET, "192.0.2.2").name == "Dr. Bob"
    assert sessions.begin("ada", SECRET, "192.0.2.1").name == "Dr. Ada"
    manual_clock.advance(timedelta(seconds=6))
    assert sessions.begin("bob", SECRET, "192.0.2.1").name == "Dr. Bob"
    assert refusal(sessions, "guess", "wrong", "192.0.2.1").status_code == 401
    assert refusal(sessions, "guess", "wrong", "192.0.2.1").status_code == 429


def test_a_session_ends_unused_and_at_its_end(
    sessions: Sessions,
    authenticator: Authenticator,
    manual_clock: ManualClock,
    ada: AccountInfo,
) -> None:
    idle = f"Bearer {sessions.begin('ada', SECRET, None).token}"
    used = f"Bearer {sessions.begin('ada', SECRET, None).token}"
    began = manual_clock.now()
    manual_clock.advance(IDLE - timedelta(minutes=2))
    authenticator.authenticate(used)
    authenticator.authenticate(idle)
    manual_clock.advance(IDLE - timedelta(seconds=1))
    authenticator.authenticate(used)
    manual_clock.advance(timedelta(seconds=1))
    with pytest.raises(Problem):
        authenticator.authenticate(idle)
    while manual_clock.now() < began + LONGEST_SESSION - timedelta(hours=1):
        authenticator.authenticate(used)
        manual_clock.advance(timedelta(hours=1))
    manual_clock.set(began + LONGEST_SESSION - timedelta(seconds=1))
    authenticator.authenticate(used)
    manual_clock.set(began + LONGEST_SESSION)
    with pytest.raises(Problem):
        authenticator.authenticate(used)


def test_signing_out_and_disabling_end_sessions(
    engine: Engine, sessions: Sessions, authenticator: Authenticator, ada: AccountInfo
) -> None:
    first, second = (f"Bearer {sessions.begin('ada', SECRET, None).token}" for _ in range(2))
    sessions.end(authenticator.authenticate(first))
    with pytest.raises(Problem):
        authenticator.authenticate(first)
    authenticator.authenticate(second)
    with engine.begin() as conn:
        accounts.set_disabled(conn, ada, True, OPERATOR, sessions.clock.now())
    with pytest.raises(Problem):
        authenticator.authenticate(second)
    with engine.begin() as conn:
        accounts.set_disabled(conn, ada, False, OPERATOR, sessions.clock.now())
    with pytest.raises(Problem):
        authenticator.authenticate(second)
    assert sessions.begin("ada", SECRET, None).name == "Dr. Ada"


def test_a_given_password_is_good_for_nothing_but_a_new_one(
    engine: Engine, sessions: Sessions, authenticator: Authenticator
) -> None:
    with engine.begin() as conn:
        _, given = create_account(
            conn,
            sessions.passwords,
            "eve",
            "Eve",
            [("S1", "auditor")],
            by=OPERATOR,
            now=sessions.clock.now(),
        )
    opened, other = sessions.begin("eve", given, None), sessions.begin("eve", given, None)
    principal = authenticator.authenticate(f"Bearer {opened.token}")
    assert opened.must_change
    assert principal.grants == frozenset()
    with pytest.raises(Problem):
        sessions.confirm(principal, given, BODY)
    for bad in ("short", given):
        with pytest.raises(Problem) as refused:
            sessions.change_password(principal, given, bad)
        assert refused.value.status_code == 422
    sessions.change_password(principal, given, SECRET)
    again = authenticator.authenticate(f"Bearer {opened.token}")
    assert again.roles_in("S1") == {"auditor"}
    with pytest.raises(Problem):
        authenticator.authenticate(f"Bearer {other.token}")


def test_a_confirmation_is_for_one_body_in_one_session_once(
    sessions: Sessions,
    authenticator: Authenticator,
    manual_clock: ManualClock,
    ada: AccountInfo,
) -> None:
    principal = signed_in(sessions, authenticator, "ada")
    elsewhere = signed_in(sessions, authenticator, "ada")
    token = sessions.confirm(principal, SECRET, BODY).token
    for who, body in ((elsewhere, BODY), (principal, body_digest(b"another"))):
        with pytest.raises(Problem):
            sessions.take(who, [token], body)
    for tokens in ([], [token, token], [token, "guess"]):
        with pytest.raises(Problem):
            sessions.take(principal, tokens, BODY)
    assert [one.name for one in sessions.take(principal, [token], BODY)] == ["Dr. Ada"]
    with pytest.raises(Problem):
        sessions.take(principal, [token], BODY)
    late = sessions.confirm(principal, SECRET, BODY).token
    manual_clock.advance(CONFIRMATION)
    with pytest.raises(Problem):
        sessions.take(principal, [late], BODY)


def test_a_second_person_is_another_one_and_no_replacement(
    sessions: Sessions, authenticator: Authenticator, ada: AccountInfo, bob: AccountInfo
) -> None:
    principal = signed_in(sessions, authenticator, "ada")
    with pytest.raises(Problem) as refused:
        sessions.confirm(principal, SECRET, BODY, "Ada")
    assert refused.value.status_code == 409
    with pytest.raises(Problem) as refused:
        sessions.confirm(principal, "wrong", BODY, "bob")
    assert refused.value.status_code == 403
    second = sessions.confirm(principal, SECRET, BODY, "bob")
    assert second.name == "Dr. Bob"
    with pytest.raises(Problem):
        sessions.take(principal, [second.token], BODY)
    own = sessions.confirm(principal, SECRET, BODY)
    people = sessions.take(principal, [own.token, second.token], BODY)
    assert {one.name for one in people} == {"Dr. Ada", "Dr. Bob"}


def test_wrong_passwords_given_to_confirm_count_as_tries(
    sessions: Sessions, authenticator: Authenticator, ada: AccountInfo
) -> None:
    principal = signed_in(sessions, authenticator, "ada")
    for _ in range(FREE_FAILURES):
        with pytest.raises(Problem) as refused:
            sessions.confirm(principal, "wrong", BODY)
        assert refused.value.status_code == 403
    with pytest.raises(Problem) as refused:
        sessions.confirm(principal, SECRET, BODY)
    assert refused.value.status_code == 429


def test_the_record_says_who_and_never_what_was_typed(
    engine: Engine, sessions: Sessions, authenticator: Authenticator, ada: AccountInfo
) -> None:
    refusal(sessions, "my password typed as a login", "wrong")
    refusal(sessions, "ada", "wrong")
    sessions.end(signed_in(sessions, authenticator, "ada"))
    with engine.connect() as conn:
        kinds = [line.kind for line in log_page(conn, "S1", None, 10)]
        text = str(conn.execute(sa.text("SELECT json_agg(r) FROM access.record r")).scalar_one())
    assert kinds == [
        "signed_out",
        "signed_in",
        "sign_in_failed",
        "role_granted",
        "account_created",
    ]
    assert "typed as a login" not in text
    assert "an unknown login" in text
    for statement in ("UPDATE access.record SET about = ''", "DELETE FROM access.record"):
        with engine.begin() as conn, pytest.raises(sa.exc.DBAPIError, match="never edited"):
            conn.execute(sa.text(statement))


def test_nothing_stored_lets_in(engine: Engine, sessions: Sessions, ada: AccountInfo) -> None:
    token = sessions.begin("ada", SECRET, None).token
    with engine.connect() as conn:
        stored = conn.execute(
            sa.text(
                "SELECT (SELECT json_agg(s) FROM access.session s)::text"
                " || (SELECT json_agg(a) FROM access.account a)::text"
            )
        ).scalar_one()
    assert token.removeprefix("vigil_session_") not in stored
    assert SECRET not in stored
    assert "$argon2id$" in stored


def test_logins_and_names_belong_to_one_account(
    engine: Engine, sessions: Sessions, ada: AccountInfo
) -> None:
    for login, name in (("ada", "Somebody"), ("other", "Dr. Ada")):
        with pytest.raises(Taken):
            make(engine, sessions, login, name)
    for login in ("Ada", "a", "-a", "a b", "a" * 101):
        with pytest.raises(ValueError):
            make(engine, sessions, login, "Somebody")


def test_a_hash_of_other_parameters_is_renewed_at_the_next_sign_in(
    engine: Engine, sessions: Sessions, ada: AccountInfo, manual_clock: ManualClock
) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    Sessions(engine, passwords=Passwords(stronger), clock=manual_clock).begin("ada", SECRET, None)
    with engine.connect() as conn:
        stored = conn.execute(sa.text("SELECT password_hash FROM access.account")).scalar_one()
    assert "m=16,t=2,p=1" in stored
    assert sessions.begin("ada", SECRET, None).name == "Dr. Ada"


def test_the_history_goes_down_and_up_again(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "shared/runtime/alembic_env")
    config.set_main_option("version_locations", "shared/runtime/access/migrations/versions")
    config.set_main_option("path_separator", "os")
    with engine.begin() as conn:
        config.attributes.update(connection=conn, schema="access")
        command.downgrade(config, "access_0001")
        assert set(sa.inspect(conn).get_table_names("access")) >= {"api_key", "key_grant"}
        assert not sa.inspect(conn).has_table("account", "access")
    db.migrate(engine, "shared.runtime.access")
    assert sa.inspect(engine).has_table("confirmation", "access")
