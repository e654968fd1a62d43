"""A study's accounts: its administrators make them, give roles in their own study and shut them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Connection

from services.ingest.api.parts import PREFIX, Body, Parts
from shared.runtime import accounts
from shared.runtime.accesslog import By
from shared.runtime.accounts import AccountInfo, Linked, Taken
from shared.runtime.auth import Principal, Role, require
from shared.runtime.web import Problem, api_router

Roles = Annotated[tuple[Role, ...], Field(max_length=5)]


class NewAccount(Body):
    """Who gets which roles in the study. The name signs what the person records."""

    login: Annotated[str, Field(pattern=f"^{accounts.LOGIN.pattern}$")]
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
    roles: Annotated[Roles, Field(min_length=1)]


class OneTimePassword(Body):
    """The only time it is seen; it has to be changed at the first sign-in."""

    id: str
    login: str
    password: str = Field(repr=False)


class RolesHere(Body):
    """All roles the account shall have in this study; none takes it out of the study."""

    roles: Roles


class ListedAccount(Body):
    """An account as its study sees it: its roles elsewhere are nobody's business here."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None
    last_used_at: datetime | None
    locked_until: datetime | None


class Accounts(Body):
    """By login, disabled ones included."""

    accounts: tuple[ListedAccount, ...]


def router(parts: Parts) -> APIRouter:
    """Everything under ``/studies/{study}/accounts``."""
    router = api_router(PREFIX, tags=["accounts"])
    passwords, clock = parts.sessions.passwords, parts.sessions.clock

    @router.get("/studies/{study}/accounts")
    def get_accounts(
        study: str,
        principal: Principal = require("study_admin"),  # noqa: ARG001 - guards
    ) -> Accounts:
        """The accounts with a role in this study."""
        with parts.engine.begin() as conn:
            found = accounts.list_accounts(conn, clock.now(), study=study)
        return Accounts(accounts=tuple(_listed(one, study) for one in found))

    @router.post("/studies/{study}/accounts", status_code=201)
    def make_account(
        study: str, wanted: NewAccount, principal: Principal = require("study_admin")
    ) -> OneTimePassword:
        """A new account with roles in this study and no other."""
        grants = [(study, role) for role in wanted.roles]
        try:
            with parts.engine.begin() as conn:
                account, password = accounts.create_account(
                    conn,
                    passwords,
                    wanted.login,
                    wanted.name,
                    grants,
                    by=by(principal),
                    now=clock.now(),
                )
        except Taken:
            raise Problem(
                409,
                "account-taken",
                "The login or the name is another account's",
                "the operator gives an account of another study a role in this one",
            ) from None
        except ValueError:
            raise Problem(422, "not-a-name", "This cannot be an account's name") from None
        return OneTimePassword(id=account, login=wanted.login, password=password)

    @router.put("/studies/{study}/accounts/{id}/roles", status_code=204)
    def set_roles(
        study: str, id: str, wanted: RolesHere, principal: Principal = require("study_admin")
    ) -> Response:
        """Gives and takes roles in this study; works everywhere within seconds."""
        with parts.engine.begin() as conn:
            account = _of_study(conn, study, id, clock.now())
            accounts.set_roles(conn, account, study, wanted.roles, by(principal), clock.now())
        return Response(status_code=204)

    @router.post("/studies/{study}/accounts/{id}/{action}", status_code=204)
    def shut_or_open(
        study: str,
        id: str,
        action: Literal["disable", "enable"],
        principal: Principal = require("study_admin"),
    ) -> Response:
        """Shuts the account and its sessions within seconds, or opens it again."""
        with parts.engine.begin() as conn:
            account = _own(conn, study, id, principal, clock.now())
            shut = action == "disable"
            accounts.set_disabled(conn, account, shut, by(principal), clock.now())
        return Response(status_code=204)

    @router.put("/studies/{study}/accounts/{id}/password")
    def reset_password(
        study: str, id: str, principal: Principal = require("study_admin")
    ) -> OneTimePassword:
        """A new one-time password; the old one and all open sessions end."""
        with parts.engine.begin() as conn:
            account = _own(conn, study, id, principal, clock.now())
            try:
                password = accounts.reset_password(
                    conn, passwords, account, by(principal), clock.now()
                )
            except Linked as linked:
                raise Problem(409, "account-linked", "No password", str(linked)) from None
        return OneTimePassword(id=id, login=account.login, password=password)

    return router


def by(principal: Principal) -> By:
    """The principal as the record names it."""
    return By(principal.key_id, principal.name)


def _of_study(conn: Connection, study: str, id: str, now: datetime) -> AccountInfo:
    found = accounts.list_accounts(conn, now, study=study)
    account = next((one for one in found if one.account_id == id), None)
    if account is None:
        raise Problem(404, "not-found", "Not Found")
    return account


def _own(conn: Connection, study: str, id: str, principal: Principal, now: datetime) -> AccountInfo:
    """The account, if it has no role in a study that the principal does not administer."""
    account = _of_study(conn, study, id, now)
    if not account.studies <= principal.studies("study_admin"):
        raise Problem(
            409,
            "account-of-other-studies",
            "The account also serves other studies",
            "it takes an administrator of all of them, or the operator",
        )
    return account


def _listed(account: AccountInfo, study: str) -> ListedAccount:
    return ListedAccount(
        id=account.account_id,
        login=account.login,
        name=account.name,
        roles=tuple(grant.role for grant in account.grants if grant.study == study),
        must_change=account.must_change,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        last_used_at=account.last_used_at,
        locked_until=account.locked_until,
    )
