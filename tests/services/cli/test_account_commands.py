"""`vigil accounts` on a real database: passwords come from a prompt or stdin and are shown once."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from services.cli.app import run
from services.demo import STUDY
from services.demo.people import make_accounts
from shared.runtime.auth import ROLES, Authenticator
from shared.runtime.problems import Problem
from shared.runtime.sessions import Sessions

SECRET = "correct horse battery staple"
NEW = ["accounts", "create", "ada", "--name", "Dr. Ada", "--study", "S1", "--role", "auditor"]


@pytest.fixture
def on(database_url: str) -> list[str]:
    return ["--database-url", database_url]


def listed(on: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["accounts", "list", "--json", *on]) == 0
    [one] = json.loads(capsys.readouterr().out)
    return dict(one)


def test_an_account_is_made_granted_shut_and_opened(
    on: list[str], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*NEW, *on]) == 0
    first = capsys.readouterr().out.strip()
    sessions = Sessions(engine)
    assert sessions.begin("ada", first, None).must_change
    assert listed(on, capsys)["state"] == "one-time password"
    assert run(["accounts", "grant", "ada", "--study", "S2", "--role", "study_admin", *on]) == 0
    assert run(["accounts", "grant", "ada", "--study", "S1", *on]) == 0
    assert listed(on, capsys)["grants"] == [{"study": "S2", "role": "study_admin"}]
    assert run(["accounts", "disable", "ada", *on]) == 0
    assert listed(on, capsys)["state"] == "shut"
    with pytest.raises(Problem):
        sessions.begin("ada", first, None)
    assert run(["accounts", "enable", "ada", *on]) == 0
    assert run(["accounts", "reset", "ada", "--json", *on]) == 0
    second = json.loads(capsys.readouterr().out.splitlines()[-1])["one_time_password"]
    assert second != first
    assert sessions.begin("ada", second, None).name == "Dr. Ada"


def test_a_password_from_stdin_is_taken_and_not_shown(
    on: list[str],
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("too short\n"))
    assert run([*NEW, "--password", *on]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    assert run([*NEW, "--password", *on]) == 0
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err
    assert not Sessions(engine).begin("ada", SECRET, None).must_change


def test_what_cannot_be_done_says_why(on: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accounts", "disable", "nobody", *on]) == 1
    assert "vigil accounts list" in capsys.readouterr().err
    assert run([*NEW[:-1], "king", *on]) == 2
    assert run([*NEW, *on]) == 0
    assert run([*NEW, *on]) == 2
    assert "another account's" in capsys.readouterr().err


def test_the_demo_has_somebody_for_every_role_that_reads(engine: Engine) -> None:
    sessions = Sessions(engine)
    roles: set[str] = set()
    made = make_accounts(engine)
    for one in made:
        assert one.name.endswith("(demo)")
        token = sessions.begin(one.login, one.password, None).token
        roles |= Authenticator(engine).authenticate(f"Bearer {token}").roles_in(STUDY)
    assert roles == set(ROLES) - {"edc_source"}
    assert len({one.password for one in made}) == len(made)


def test_an_account_is_linked_to_a_person_at_the_provider_and_freed_again(
    on: list[str], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = ["--issuer", "https://login.example.org"]
    assert run([*NEW, *on]) == 0
    first = capsys.readouterr().out.strip()
    assert run(["accounts", "link", "ada", "--email", "Ada@Example.org", *on]) == 2
    assert run(["accounts", "link", "ada", *issuer, *on]) == 2
    assert run(["accounts", "link", "ada", "--email", "Ada@Example.org", *issuer, *on]) == 0
    link = {"issuer": issuer[1], "subject": None, "email": "ada@example.org"}
    assert listed(on, capsys)["link"] == link
    with pytest.raises(Problem):
        Sessions(engine).begin("ada", first, None)
    assert run(["accounts", "reset", "ada", *on]) == 2
    assert run(["accounts", "unlink", "ada", *on]) == 0
    assert run(["accounts", "unlink", "ada", *on]) == 1
    assert run(["accounts", "reset", "ada", *on]) == 0
    assert listed(on, capsys)["link"] is None
