"""Passwords: signing in with one, and giving it again for what goes on record.

A record that a person with an account sends is confirmed for exactly its bytes, so it is written
out once here, confirmed, and sent as it was confirmed. With a key there is nothing to confirm.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.console.sessions import Session
from services.console.upstream import (
    Conflict,
    Forbidden,
    KeyRefused,
    Refused,
    Upstream,
    UpstreamError,
)
from shared.contracts.receipts import IngestResult

EVENT = "application/cloudevents+json"

ROLE_NAMES: Mapping[str, str] = {
    "medical_monitor": "Medical monitor",
    "committee_member": "Committee member",
    "study_admin": "Study administrator",
    "auditor": "Auditor",
    "edc_source": "Sends records",
}


class NotConfirmed(UpstreamError):
    """The password, or the second person's login or password, is not right."""


class SamePerson(UpstreamError):
    """The second person is the one who is signed in."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Opened(_Answer):
    """``POST /ingest/v1/sessions``"""

    token: str = Field(repr=False)
    login: str
    name: str
    must_change: bool
    ends_at: datetime


class Confirmed(_Answer):
    """``POST /ingest/v1/confirmations``: a token for the header, and who gave the password."""

    token: str = Field(repr=False)
    login: str
    name: str


class Taken(_Answer):
    """What became of the record that was sent."""

    result: IngestResult
    receipt: str


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """Another committee member, who gives login and password on the same form."""

    login: str
    password: str = field(repr=False)


async def sign_in(upstream: Upstream, login: str, password: str, address: str | None) -> Opened:
    """A session of the account. Raises KeyRefused for a wrong way in, TooManyTries, Unavailable.

    `address` is the browser's: tries are counted by it.
    """
    response = await upstream.ask(
        "ingest",
        "POST",
        "/ingest/v1/sessions",
        None,
        body={"login": login, "password": password},
        headers={"X-Forwarded-For": address} if address else {},
    )
    return upstream.read("ingest", response, Opened)


async def sign_out(upstream: Upstream, session: Session) -> None:
    """Ends the account's session in all services; a key has none."""
    if session.login is not None:
        try:
            await upstream.ask("ingest", "DELETE", "/ingest/v1/sessions/current", session.key)
        except KeyRefused:
            return


async def change_password(upstream: Upstream, session: Session, old: str, new: str) -> None:
    """Raises NotConfirmed for a wrong old password, Refused for one that may not be the new."""
    path = "/ingest/v1/sessions/current/password"
    try:
        await upstream.ask("ingest", "PUT", path, session.key, body={"old": old, "new": new})
    except Forbidden:
        raise NotConfirmed from None


async def confirm(
    upstream: Upstream, session: Session, password: str, body: bytes, login: str | None = None
) -> Confirmed:
    """The password once more for a body that is about to be sent; with `login` a second person's.

    Raises NotConfirmed, SamePerson, TooManyTries, Unavailable. For a session of an account only.
    """
    asked = {"password": password, "body_sha256": hashlib.sha256(body).hexdigest()}
    if login is not None:
        asked["login"] = login
    try:
        response = await upstream.ask(
            "ingest", "POST", "/ingest/v1/confirmations", session.key, body=asked
        )
    except (Forbidden, Refused):
        raise NotConfirmed from None
    except Conflict:
        raise SamePerson from None
    return upstream.read("ingest", response, Confirmed)


async def post_act(
    upstream: Upstream,
    session: Session,
    event: Mapping[str, object],
    password: str,
    second: SecondPerson | None = None,
) -> Taken:
    """Confirms and sends a person's act, a CloudEvent. The second person's name is put on it.

    Raises what `confirm` raises; Forbidden where a role or the second person is missing, Refused
    and Conflict as the intake says. With a key, the passwords are not looked at.
    """
    body = body_of(event)
    tokens: Sequence[str] = ()
    if session.login is not None:
        people = [await confirm(upstream, session, password, body)]
        if second is not None:
            people.append(await confirm(upstream, session, second.password, body, second.login))
        tokens = [one.token for one in people]
    return await post_body(upstream, session, body, tokens)


def body_of(event: Mapping[str, object]) -> bytes:
    """The act as it is confirmed and sent, to the byte."""
    return json.dumps(event, ensure_ascii=False).encode()


async def post_body(
    upstream: Upstream, session: Session, body: bytes, tokens: Sequence[str]
) -> Taken:
    """Sends an act with its confirmations. Raises Forbidden, Refused and Conflict as above."""
    response = await upstream.ask(
        "ingest",
        "POST",
        "/ingest/v1/events",
        session.key,
        content=body,
        headers={"Content-Type": EVENT, "Vigil-Confirmation": ", ".join(tokens)},
    )
    return upstream.read("ingest", response, Taken)
