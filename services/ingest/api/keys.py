"""A study's keys: its administrators give and end them, each within their own study only."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from services.ingest.api.accounts import by
from services.ingest.api.parts import PREFIX, Body, Parts
from shared.runtime.auth import (
    KeyInfo,
    Principal,
    Role,
    create_key,
    list_keys,
    require,
    revoke_key,
)
from shared.runtime.web import Problem, api_router

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewKey(Body):
    """Who gets which roles in the study; ``source`` binds an EDC's key to one event source."""

    name: Name
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=5)]
    source: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")] | None = None
    expires_at: AwareDatetime | None = None


class MadeKey(Body):
    """The only time a key's secret is seen."""

    id: str
    key: str


class ListedKey(Body):
    """A key as its study sees it: its roles elsewhere are nobody's business here."""

    id: str
    name: str
    roles: tuple[str, ...]
    source: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Keys(Body):
    """A study's keys, oldest first, ended ones included."""

    keys: tuple[ListedKey, ...]


def router(parts: Parts) -> APIRouter:
    """``POST``, ``GET`` and ``DELETE`` under ``/studies/{study}/keys``."""
    router = api_router(PREFIX, tags=["keys"])

    @router.post("/studies/{study}/keys", status_code=201)
    def make_key(
        study: str,
        wanted: NewKey,
        principal: Principal = require("study_admin"),
    ) -> MadeKey:
        """A new key with roles in this study and no other."""
        grants = [(study, role) for role in wanted.roles]
        with parts.engine.begin() as conn:
            key = create_key(
                conn,
                wanted.name,
                grants,
                wanted.source,
                expires_at=wanted.expires_at,
                by=by(principal),
            )
        return MadeKey(id=key.split("_")[1], key=key)

    @router.get("/studies/{study}/keys")
    def get_keys(
        study: str,
        principal: Principal = require("study_admin"),  # noqa: ARG001 - guards
    ) -> Keys:
        """The keys with a role in this study."""
        with parts.engine.connect() as conn:
            keys = _of_study(list_keys(conn), study)
        return Keys(keys=tuple(_listed(key, study) for key in keys))

    @router.delete("/studies/{study}/keys/{id}", status_code=204)
    def end_key(study: str, id: str, principal: Principal = require("study_admin")) -> Response:
        """Ends a key within seconds. Refused for a key that also serves others' studies."""
        with parts.engine.begin() as conn:
            key = next((k for k in _of_study(list_keys(conn), study) if k.key_id == id), None)
            if key is None:
                raise Problem(404, "not-found", "Not Found")
            if not {grant.study for grant in key.grants} <= principal.studies("study_admin"):
                raise Problem(
                    409,
                    "key-of-other-studies",
                    "The key also serves other studies",
                    "it takes an administrator of all of them, or the operator, to end it",
                )
            revoke_key(conn, id, by=by(principal))
        return Response(status_code=204)

    return router


def _of_study(keys: list[KeyInfo], study: str) -> list[KeyInfo]:
    return [key for key in keys if any(grant.study == study for grant in key.grants)]


def _listed(key: KeyInfo, study: str) -> ListedKey:
    return ListedKey(
        id=key.key_id,
        name=key.name,
        roles=tuple(grant.role for grant in key.grants if grant.study == study),
        source=key.source,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
