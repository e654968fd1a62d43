"""Putting a person's act on record: bound to what the person saw, confirmed by password, once.

The status may move between the page and the press of the button, so it is read again just before,
and compared with the assessment that the page showed. What still slips in between can be told
afterwards: the record names the digest of the assessment it rests on.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from services.console.accounts import (
    NotConfirmed,
    SamePerson,
    SecondPerson,
    body_of,
    post_act,
    post_body,
)
from services.console.sessions import Session
from services.console.upstream import (
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    TooManyTries,
    Unavailable,
    Upstream,
    UpstreamError,
)
from shared.clinical import DocumentError, Protocol, load_protocol
from shared.contracts.assessment import Assessment
from shared.runtime.clock import Clock
from shared.runtime.web import Problem

SOURCE = "urn:vigil:console"
LONGEST_TEXT = 4000
_TOKEN = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOKS = 40
_LOOK_SECONDS = 0.1


class NotRecorded(Exception):
    """Why the act is not on record, or that nobody knows whether it is; a sentence for the page."""


def must_be_current(stale: bool) -> None:
    """Raises NotRecorded where the monitor is behind: nobody can say whether the status has moved
    on."""
    if stale:
        raise NotRecorded("The monitor is behind: what this would rest on is not known.")


class Act(BaseModel):
    """One version of a review or decision, as the monitor lists them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: str
    recordid: str
    withdrawn: bool
    usubjid: str | None
    criterion_id: str | None
    decision: str | None
    dose_level: int | None = None
    actor: str | None
    known_at: datetime
    cites: str
    facts_since: int | None


class Acts(BaseModel):
    """``GET /monitor/v1/studies/{study}/acts``, oldest first."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The protocol as its page needs it; None where it could not be had."""

    protocol: Protocol | None

    def zone(self) -> ZoneInfo:
        return self.protocol.zone() if self.protocol else ZoneInfo("UTC")


def new_token() -> str:
    """What makes a form's record one record, however often the button is pressed."""
    return secrets.token_hex(16)


def token_of(fields: Mapping[str, str]) -> str:
    """The form's own token. Problem for what no page of ours has written."""
    return _matching(_TOKEN, fields, "token")


def digest_of_form(fields: Mapping[str, str]) -> str:
    """The digest of the assessment that the page showed. Problem as above."""
    return _matching(_DIGEST, fields, "digest")


def text_of(fields: Mapping[str, str], name: str) -> str:
    """What somebody has written. Raises NotRecorded where it is too long or cannot be kept."""
    text = fields.get(name, "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST_TEXT:
        raise NotRecorded(f"The text is longer than {LONGEST_TEXT} characters.")
    if "\x00" in text:
        raise NotRecorded("The text holds a character that cannot be kept.")
    return text


def now_of(request: Request) -> datetime:
    """The moment by the clock of the trial, which a replay may have set."""
    clock: Clock = request.app.state.trial_clock
    return clock.now()


async def assessment_seen(
    upstream: Upstream, session: Session, study: str, digest: str
) -> Assessment | None:
    """The assessment that a page showed, by its digest; None where the monitor never gave it."""
    path = f"/monitor/v1/studies/{quote(study, safe='')}/assessments/{digest}"
    try:
        response = await upstream.ask("monitor", "GET", path, session.key)
    except NotFound:
        return None
    return upstream.read("monitor", response, Assessment)


async def acts_of(upstream: Upstream, session: Session, study: str) -> tuple[Act, ...]:
    """Every review and decision on record, oldest first."""
    path = f"/monitor/v1/studies/{quote(study, safe='')}/acts"
    response = await upstream.ask("monitor", "GET", path, session.key)
    return upstream.read("monitor", response, Acts).acts


async def rules_of(upstream: Upstream, session: Session, study: str, version: str) -> Rules:
    """The protocol document by which a page was assessed, if it is the latest one."""
    path = f"/ingest/v1/studies/{quote(study, safe='')}/protocol"
    try:
        response = await upstream.ask("ingest", "GET", path, session.key)
        protocol = load_protocol(response.text)
    except (Forbidden, NotFound, Unavailable, DocumentError):
        return Rules(None)
    return Rules(protocol if protocol.version == version else None)


def event_of(
    kind: str, study: str, subject: str, token: str, now: datetime, data: Mapping[str, object]
) -> dict[str, object]:
    """The act as the CloudEvent that is sent; a second press of the button is the same event."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-{token}",
        "source": SOURCE,
        "type": f"vigil.{kind}.v1",
        "time": now.isoformat(),
        "subject": subject,
        "studyid": study,
        "recordid": f"{kind}-{token}",
        "revision": 1,
        "data": {"STUDYID": study, **{k: v for k, v in data.items() if v is not None}},
    }


async def put_on_record(
    upstream: Upstream,
    session: Session,
    event: Mapping[str, object],
    password: str,
    second: SecondPerson | None = None,
) -> bool:
    """Confirms and posts the act, and waits a moment for the monitor: True once it is applied.

    Raises NotRecorded with the reason, and KeyRefused where the session has ended.
    """
    if session.login is None:
        raise NotRecorded("You are signed in with a key. This needs an account with a password.")
    try:
        await post_act(upstream, session, event, password, second)
    except UpstreamError as error:
        raise NotRecorded(reason_of(error)) from error
    return await _applied(upstream, session, str(event["studyid"]), str(event["recordid"]))


async def put_confirmed_on_record(
    upstream: Upstream, session: Session, event: Mapping[str, object], tokens: Sequence[str]
) -> bool:
    """The same for an act whose confirmations are there already."""
    try:
        await post_body(upstream, session, body_of(event), tokens)
    except UpstreamError as error:
        raise NotRecorded(reason_of(error)) from error
    return await _applied(upstream, session, str(event["studyid"]), str(event["recordid"]))


def reason_of(error: UpstreamError) -> str:
    match error:
        case NotConfirmed():
            return "The password is not right, or the second person’s login or password is not."
        case SamePerson():
            return "The second person must be somebody else."
        case TooManyTries():
            return "Too many wrong passwords. Wait a few minutes and try again."
        case Forbidden():
            return "Your role does not allow it, or the second person is not of the committee."
        case Conflict():
            return "This form was sent before. Look below at what is on record."
        case Refused():
            return "The record was refused: something in it does not keep to the contract."
        case Unavailable():
            return "Not known whether this is on record: the intake did not answer. Look again."
    raise error


async def _applied(upstream: Upstream, session: Session, study: str, recordid: str) -> bool:
    for _ in range(_LOOKS):
        try:
            known = await acts_of(upstream, session, study)
        except Unavailable:
            return False
        if any(act.recordid == recordid for act in known):
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False


def _matching(pattern: re.Pattern[str], fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not pattern.fullmatch(value):
        raise Problem(400, "form-unreadable", "The form cannot be read")
    return value
