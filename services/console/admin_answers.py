"""What the services answer about a study's accounts, keys and routing."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Account(_Answer):
    """An account as its study sees it."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    must_change: bool
    disabled_at: datetime | None
    last_used_at: datetime | None
    locked_until: datetime | None


class Accounts(_Answer):
    """``GET /ingest/v1/studies/{study}/accounts``"""

    accounts: tuple[Account, ...]


class Key(_Answer):
    """A key without its secret."""

    id: str
    name: str
    roles: tuple[str, ...]
    source: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Keys(_Answer):
    """``GET /ingest/v1/studies/{study}/keys``"""

    keys: tuple[Key, ...]


class MadeKey(_Answer):
    """``POST …/keys``"""

    key: str = Field(repr=False)


class OneTime(_Answer):
    """``POST …/accounts`` and ``PUT …/accounts/{id}/password``"""

    login: str
    password: str = Field(repr=False)


class Routing(_Answer):
    """``GET /notifier/v1/studies/{study}/routing``"""

    version: int
    set_by: str
    set_at: datetime
    warnings: tuple[str, ...]


class Way(_Answer):
    """Somebody who would be told, how, and by which rule."""

    subscriber: str
    channel: str
    why: str


class Telling(_Answer):
    """A later step, while nobody acknowledges."""

    at: datetime
    told: tuple[Way, ...]


class WhoWouldBeTold(_Answer):
    """``POST /notifier/v1/studies/{study}/routing/test``; it tells nobody."""

    told: tuple[Way, ...]
    warnings: tuple[str, ...]
    by_digest: bool = False
    tellings: tuple[Telling, ...] = ()
