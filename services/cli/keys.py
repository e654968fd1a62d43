"""`vigil keys`: how the first administrator gets in, and how any key is ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from services.cli.database import DatabaseUrl, DataDir, command_engine
from services.cli.output import BAD, USAGE, AsJson, err, fail, out, say_json, say_lines
from shared.runtime import auth
from shared.runtime.auth import KeyInfo, Role
from shared.runtime.db import migrate

_ACTS: dict[str, str] = {
    "committee_member": "puts a committee's decisions on record",
    "medical_monitor": "puts judgements of candidate DLTs on record",
    "study_admin": "puts the study's protocol in force and makes accounts and keys of every role",
}

commands = typer.Typer(help="Make, list and end API keys.", no_args_is_help=True)


@commands.command("create")
def create(
    study: Annotated[list[str], typer.Option("--study", help="Study; may be repeated.")],
    role: Annotated[
        list[str], typer.Option("--role", help=f"One of {', '.join(get_args(Role))}; repeatable.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Who it is for; signs what the key does.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The only event source an EDC key may send as.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Ends by itself after so long.")] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is printed once and stored nowhere."""
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    named = name or f"{' and '.join(role)} of {', '.join(study)}"
    with command_engine(database_url, data_dir) as engine:
        migrate(engine, "shared.runtime.access")
        with engine.begin() as conn:
            try:
                key = auth.create_key(
                    conn,
                    named,
                    [(one, held) for one in study for held in role],
                    source,
                    expires_at=until,
                )
            except ValueError as error:
                fail(str(error), USAGE)
    for one in set(role) & _ACTS.keys():
        err.print(
            f"Warning: whoever holds this key {_ACTS[one]}, without a password."
            " For a person make an account instead: vigil accounts create."
        )
    if as_json:
        say_json({"key": key, "name": named, "studies": study, "roles": role, "source": source})
    else:
        say_lines([key])


@commands.command("list")
def show(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List all keys without their secrets."""
    with command_engine(database_url, data_dir) as engine, engine.connect() as conn:
        keys = auth.list_keys(conn)
    if as_json:
        say_json([_as_dict(key) for key in keys])
        return
    table = Table("Key", "Name", "Study", "Roles", "Source", "State")
    for key in keys:
        studies = sorted({grant.study for grant in key.grants})
        roles = sorted({grant.role for grant in key.grants})
        table.add_row(
            key.key_id, key.name, ", ".join(studies), ", ".join(roles), key.source, _state(key)
        )
    out.print(table)


@commands.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `vigil keys list` shows it.")],
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """End a key; it stops working everywhere within seconds."""
    with command_engine(database_url, data_dir) as engine, engine.begin() as conn:
        ended = auth.revoke_key(conn, key_id)
    if not ended:
        fail("no such key, or it was ended before; see vigil keys list", BAD)
    if as_json:
        say_json({"revoked": key_id})
    else:
        say_lines([f"{key_id} is ended; running services know within {auth.CACHE_SECONDS:.0f} s"])


def _state(key: KeyInfo) -> str:
    if key.revoked_at is not None:
        return "ended"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "expired"
    return "valid"


def _as_dict(key: KeyInfo) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "grants": [{"study": grant.study, "role": grant.role} for grant in key.grants],
        "source": key.source,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "state": _state(key),
    }
