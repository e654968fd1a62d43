"""`vigil accounts`: the operator's way to make people's accounts and to shut them.

A password is never an argument: it would stand in the process list and the shell's history.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from getpass import getpass
from typing import Annotated, Any, get_args

import typer
from rich.table import Table
from sqlalchemy import Connection

from services.cli.database import DatabaseUrl, DataDir, command_engine
from services.cli.output import BAD, USAGE, AsJson, fail, out, say_json, say_lines
from shared.runtime import accounts, links
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import AccountInfo
from shared.runtime.auth import CACHE_SECONDS, Role
from shared.runtime.clock import SystemClock
from shared.runtime.db import migrate
from shared.runtime.links import Link
from shared.runtime.passwords import Passwords, complaint

commands = typer.Typer(help="Make, list and shut people's accounts.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The login.")]
Studies = Annotated[list[str], typer.Option("--study", help="Study; may be repeated.")]
Roles = Annotated[
    list[str], typer.Option("--role", help=f"One of {', '.join(get_args(Role))}; repeatable.")
]
AskPassword = Annotated[
    bool,
    typer.Option(
        "--password", help="Ask for the password (or read it from stdin) instead of making one."
    ),
]


@commands.command("create")
def create(
    login: Login,
    name: Annotated[str, typer.Option(help="The person's name; it signs what they record.")],
    study: Studies,
    role: Roles,
    ask: AskPassword = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make an account. Its one-time password is printed once and stored nowhere."""
    password = _asked(login) if ask else None
    grants = [(one, held) for one in study for held in role]
    with command_engine(database_url, data_dir) as engine:
        migrate(engine, "shared.runtime.access")
        with engine.begin() as conn:
            try:
                account, first = accounts.create_account(
                    conn,
                    Passwords(),
                    login,
                    name,
                    grants,
                    by=OPERATOR,
                    now=_now(),
                    password=password,
                )
            except ValueError as error:
                fail(str(error), USAGE)
    _say_password(as_json, account, login, None if ask else first)


@commands.command("list")
def show(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List all accounts."""
    with command_engine(database_url, data_dir) as engine:
        migrate(engine, "shared.runtime.access")
        with engine.connect() as conn:
            found = accounts.list_accounts(conn, _now())
            linked = links.links(conn)
    if as_json:
        say_json([_as_dict(one, linked.get(one.account_id)) for one in found])
        return
    table = Table("Login", "Name", "Roles", "Signs in by", "State")
    for one in found:
        roles = ", ".join(f"{grant.study}: {grant.role}" for grant in one.grants)
        way = "provider" if one.account_id in linked else "password"
        table.add_row(one.login, one.name, roles, way, _state(one))
    out.print(table)


@commands.command("grant")
def grant(
    login: Login,
    study: Studies,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="All roles there from now on; none takes them all away."),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Set the roles of an account in one or more studies."""
    with command_engine(database_url, data_dir) as engine, engine.begin() as conn:
        try:
            for one in study:
                accounts.set_roles(conn, _account(conn, login), one, role or (), OPERATOR, _now())
        except ValueError as error:
            fail(str(error), USAGE)
    say_lines([f"{login}: {', '.join(role or ()) or 'no role'} in {', '.join(study)}; {_SOON}"])


@commands.command("disable")
def disable(login: Login, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Shut an account and end its sessions."""
    _set_disabled(login, True, database_url, data_dir)
    say_lines([f"{login} is shut; {_SOON}"])


@commands.command("enable")
def enable(login: Login, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Open a shut account again."""
    _set_disabled(login, False, database_url, data_dir)
    say_lines([f"{login} is open"])


@commands.command("reset")
def reset(
    login: Login,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a new one-time password; the old one and all sessions end."""
    with command_engine(database_url, data_dir) as engine, engine.begin() as conn:
        account = _account(conn, login)
        try:
            password = accounts.reset_password(conn, Passwords(), account, OPERATOR, _now())
        except ValueError as error:
            fail(str(error), USAGE)
    _say_password(as_json, account.account_id, login, password)


@commands.command("link")
def link(
    login: Login,
    subject: Annotated[
        str | None, typer.Option(help="What the provider calls the person (the claim sub).")
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(help="Or: whoever first signs in there with this verified address."),
    ] = None,
    issuer: Annotated[
        str,
        typer.Option(envvar="VIGIL_OIDC_ISSUER", show_envvar=True, help="The provider."),
    ] = "",
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Let the account's person sign in at the OpenID Connect provider, and by no password."""
    if not issuer:
        fail("name the provider: --issuer, or VIGIL_OIDC_ISSUER", USAGE)
    with command_engine(database_url, data_dir) as engine:
        migrate(engine, "shared.runtime.access")
        with engine.begin() as conn:
            whose = Link(issuer, subject, email)
            try:
                links.link(conn, Passwords(), _account(conn, login), whose, OPERATOR, _now())
            except ValueError as error:
                fail(str(error), USAGE)
    say_lines([f"{login} signs in at {issuer}; its password and sessions have ended"])


@commands.command("unlink")
def unlink(login: Login, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """End the link; `vigil accounts reset` then gives a password."""
    with command_engine(database_url, data_dir) as engine, engine.begin() as conn:
        if not links.unlink(conn, _account(conn, login), OPERATOR, _now()):
            fail("the account is not linked", BAD)
    say_lines([f"{login} no longer signs in at the provider; {_SOON}"])


_SOON = f"running services know within {CACHE_SECONDS:.0f} s"


def _set_disabled(login: str, disabled: bool, database_url: DatabaseUrl, data_dir: DataDir) -> None:
    with command_engine(database_url, data_dir) as engine, engine.begin() as conn:
        accounts.set_disabled(conn, _account(conn, login), disabled, OPERATOR, _now())


def _account(conn: Connection, login: str) -> AccountInfo:
    found = accounts.list_accounts(conn, _now())
    for one in found:
        if one.login == login:
            return one
    return fail("no such account; see vigil accounts list", BAD)


def _asked(login: str) -> str:
    """A password from the terminal, twice, or from the first line of stdin."""
    if sys.stdin.isatty():
        password = getpass("Password: ")
        if password != getpass("Once more: "):
            fail("the two passwords differ", USAGE)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    problem = complaint(password, login)
    return fail(problem, USAGE) if problem else password


def _say_password(as_json: bool, account: str, login: str, password: str | None) -> None:
    if as_json:
        say_json({"id": account, "login": login, "one_time_password": password})
    elif password is None:
        say_lines([f"{login} can sign in"])
    else:
        say_lines([password])


def _state(one: AccountInfo) -> str:
    if one.disabled_at is not None:
        return "shut"
    if one.locked_until is not None:
        return "waits after failed tries"
    return "one-time password" if one.must_change else "open"


def _as_dict(one: AccountInfo, link: Link | None) -> dict[str, Any]:
    return {
        "id": one.account_id,
        "login": one.login,
        "name": one.name,
        "grants": [{"study": grant.study, "role": grant.role} for grant in one.grants],
        "created_at": one.created_at,
        "disabled_at": one.disabled_at,
        "last_used_at": one.last_used_at,
        "state": _state(one),
        "link": asdict(link) if link else None,
    }


def _now() -> datetime:
    return SystemClock().now()
