"""Keys, migrations and the doctor, on a real database."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from services.cli.app import run

CREATE = ["keys", "create", "--study", "ST-1", "--role", "study_admin"]


def test_keys_are_made_listed_and_ended(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    on = ["--database-url", database_url]
    assert run([*CREATE, "--name", "First admin", *on]) == 0
    key = capsys.readouterr().out.strip()
    assert key.startswith("vigil_")

    assert run(["keys", "list", "--json", *on]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["state"]) for one in listed] == [("First admin", "valid")]
    assert listed[0]["grants"] == [{"study": "ST-1", "role": "study_admin"}]
    assert key.split("_")[2] not in json.dumps(listed)

    assert run(["keys", "revoke", listed[0]["key_id"], *on]) == 0
    assert run(["keys", "revoke", listed[0]["key_id"], *on]) == 1
    capsys.readouterr()
    assert run(["keys", "list", "--json", *on]) == 0
    assert [one["state"] for one in json.loads(capsys.readouterr().out)] == ["ended"]


@pytest.mark.parametrize(
    ("role", "warned"),
    [
        ("committee_member", "a committee's decisions"),
        ("medical_monitor", "judgements of candidate DLTs"),
        ("study_admin", "keys of every role"),
        ("edc_source", None),
    ],
)
def test_a_key_that_acts_as_a_person_is_warned_of(
    database_url: str, capsys: pytest.CaptureFixture[str], role: str, warned: str | None
) -> None:
    assert run([*CREATE[:-1], role, "--json", "--database-url", database_url]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["roles"] == [role]
    assert (warned in said.err and "without a password" in said.err) if warned else not said.err


def test_an_unknown_role_is_refused(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*CREATE[:-1], "king", "--database-url", database_url]
    assert run(asked) == 2
    assert "study_admin" in capsys.readouterr().err


def test_migrate_brings_every_schema_and_may_be_repeated(
    engine: Engine, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as conn:
        for schema in ("bus", "access", "ingest", "dlt_monitor", "notifier"):
            conn.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
    for _ in range(2):
        assert run(["migrate", "--json", "--database-url", database_url]) == 0
    assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["migrated"]) == 5
    with engine.connect() as conn:
        found = conn.execute(sa.text("SELECT schema_name FROM information_schema.schemata"))
        schemas = {row.schema_name for row in found}
    assert {"bus", "access", "ingest", "dlt_monitor", "notifier"} <= schemas


def test_a_database_that_is_down_is_told_without_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = "postgresql://vigil:geheim@127.0.0.1:1/vigil"
    assert run(["keys", "list", "--database-url", url]) == 3
    told = capsys.readouterr().err
    assert "DATABASE_URL" in told
    assert "geheim" not in told
    assert "Traceback" not in told


def test_without_a_database_there_is_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "list", "--data-dir", str(tmp_path / "none")]) == 3
    assert "vigil serve" in capsys.readouterr().err


@pytest.mark.parametrize(("broker", "code"), [(None, 0), ("127.0.0.1:1", 1)])
def test_doctor_tells_what_is_missing(
    broker: str | None,
    code: int,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    new_database: Callable[[], str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    if broker is not None:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker)
    assert run(["doctor", "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is (code == 0)
    checks = {one["name"]: one["ok"] for one in answer["checks"]}
    assert checks["Database"]
    assert checks["Python"]


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIGIL_MAX_LINES", "many")
    assert run(["doctor"]) == 2
    assert "VIGIL_MAX_LINES" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve"], ["run", "console"]])
def test_a_port_in_use_is_told_before_anything_starts(command: list[str], tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from services.cli import main; main()", *command]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*program, "--port", port],
            env=os.environ | {"VIGIL_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
