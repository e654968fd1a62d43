"""The audit page: who did what when, from every service, newest first; and the same as CSV."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.accounts import ROLE_NAMES
from services.console.acts import entry_of, moment_of
from services.console.alerts_answers import AlertRecord, all_alerts
from services.console.asking import Study, day_of, upstream_of
from services.console.guard import SignedIn
from services.console.html import PAGE_HEADERS, page
from services.console.office import Part, get, part
from services.console.recording import Act, Acts
from services.console.sessions import Session
from services.console.upstream import Upstream
from services.console.words import SIGNALS
from shared.charts.blocks import csv_text
from shared.runtime.web import api_router

router = api_router()

PAGE = 100
_MOST_LOG_PAGES = 40

KINDS = {
    "signed_in": "Signed in",
    "sign_in_failed": "Sign-in failed",
    "signed_out": "Signed out",
    "password_changed": "Changed the password",
    "password_reset": "Gave a new password to",
    "account_created": "Made the account of",
    "account_disabled": "Shut the account of",
    "account_enabled": "Opened the account of",
    "account_linked": "Linked to a person at the provider",
    "account_unlinked": "Ended the link to the provider of",
    "role_granted": "Gave a role",
    "role_revoked": "Took a role",
    "confirmed": "Proved again who they are",
    "confirmation_failed": "Failed to prove again who they are",
    "act_confirmed": "Confirmed",
    "key_created": "Made the key of",
    "key_revoked": "Ended the key of",
    "note": "Noted on an alert",
    "seen": "Has seen an alert",
    "handed_over": "Handed an alert over",
    "closed": "Closed an alert",
}
AREAS = {
    "acts": "Reviews and decisions",
    "protocol": "Protocol",
    "alerts": "Alerts",
    "access": "Sign-ins, accounts and keys",
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AccessEntry(_Answer):
    """One line of the intake's own record."""

    at: datetime
    kind: str
    by: str
    about: str


class AccessLog(_Answer):
    """``GET /ingest/v1/studies/{study}/access-log``, newest first."""

    entries: tuple[AccessEntry, ...]
    next: int | None


class Revision(_Answer):
    """A protocol document that was put."""

    revision: int
    version: str | None
    put_by: str | None
    known_at: datetime


class Revisions(_Answer):
    """``GET /ingest/v1/studies/{study}/protocol/revisions``, newest first."""

    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that somebody did. `about` holds no health data beyond what its act names."""

    at: datetime
    who: str
    what: str
    about: str
    area: str


@dataclass(frozen=True, slots=True)
class Trail:
    """All lines, newest first, and what could not be had."""

    lines: Sequence[Line]
    missing: Sequence[tuple[str, str]]


@router.get("/studies/{study}/audit", include_in_schema=False)
async def audit(
    request: Request,
    session: SignedIn,
    study: Study,
    known_at: str | None = None,
    area: str | None = None,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """One page of what was done."""
    past, upstream = day_of(known_at), upstream_of(request)
    entry, trail = await asyncio.gather(
        entry_of(upstream, session, study), trail_of(upstream, session, study, past)
    )
    wanted = [line for line in trail.lines if area in (None, line.area)]
    last = max(1, -(-len(wanted) // PAGE))
    number = min(number, last)
    return page(
        "audit_page.html",
        entry=entry,
        here="/audit",
        past=past,
        session=session,
        lines=wanted[(number - 1) * PAGE : number * PAGE],
        total=len(wanted),
        lacking=[(AREAS[name], why) for name, why in trail.missing],
        area=area if area in AREAS else None,
        areas=AREAS,
        number=number,
        last=last,
    )


@router.get("/studies/{study}/audit.csv", include_in_schema=False)
async def as_csv(
    request: Request, session: SignedIn, study: Study, known_at: str | None = None
) -> Response:
    """Everything as CSV; what could not be had is a line of its own."""
    upstream = upstream_of(request)
    await entry_of(upstream, session, study)
    trail = await trail_of(upstream, session, study, day_of(known_at))
    rows = [("at_utc", "who", "what", "about", "area")]
    rows += [("", "", "NOT KNOWN", why, AREAS[name]) for name, why in trail.missing]
    rows += [
        (line.at.isoformat(), line.who, line.what, line.about, AREAS[line.area])
        for line in trail.lines
    ]
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="audit-{study}.csv"'}
    return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)


async def trail_of(upstream: Upstream, session: Session, study: str, past: str | None) -> Trail:
    """What was done by the moment, from all services."""
    key, quoted = session.key, quote(study, safe="")
    moment, acts, revisions, alerts, access = await asyncio.gather(
        moment_of(upstream, session, study, past),
        part(get(upstream, "monitor", key, f"/monitor/v1/studies/{quoted}/acts", Acts)),
        part(
            get(
                upstream,
                "ingest",
                key,
                f"/ingest/v1/studies/{quoted}/protocol/revisions",
                Revisions,
            )
        ),
        part(all_alerts(upstream, key, study)),
        part(_access_log(upstream, key, f"/ingest/v1/studies/{quoted}/access-log")),
    )
    lines = [
        *_of_acts(acts.found.acts if acts.found else ()),
        *_of_revisions(revisions.found.revisions if revisions.found else ()),
        *_of_alerts(alerts.found[0] if alerts.found else ()),
        *_of_access(access.found or ()),
    ]
    parts: dict[str, Part[object]] = {
        "acts": Part(None, acts.missing),
        "protocol": Part(None, revisions.missing),
        "alerts": Part(None, alerts.missing),
        "access": Part(None, access.missing),
    }
    known = [line for line in lines if moment is None or line.at <= moment]
    known.sort(key=lambda line: line.at, reverse=True)
    return Trail(known, [(name, one.missing) for name, one in parts.items() if one.missing])


async def _access_log(upstream: Upstream, key: str, path: str) -> tuple[AccessEntry, ...]:
    found: list[AccessEntry] = []
    params = {"limit": "500"}
    for _ in range(_MOST_LOG_PAGES):
        answer = await get(upstream, "ingest", key, path, AccessLog, **params)
        found += answer.entries
        if answer.next is None:
            return tuple(found)
        params = {**params, "before": str(answer.next)}
    raise upstream.unavailable("ingest", "has more lines than a page can show")


def _of_acts(acts: Iterable[Act]) -> Iterator[Line]:
    for act in acts:
        kind = "Judged" if act.kind == "dlt_review" else "Decided"
        what = f"Took back: {act.kind.replace('_', ' ')}" if act.withdrawn else kind
        told = [_said(act), act.criterion_id, _rests_on(act), f"record {act.recordid}"]
        about = ", ".join(filter(None, told))
        yield Line(act.known_at, act.actor or "nobody named", what, about, "acts")


def _said(act: Act) -> str:
    """What was decided, and at or to which dose level."""
    said = (act.decision or "").replace("_", " ")
    if act.dose_level is None:
        return said
    between = "to" if act.decision in ("escalate", "deescalate") else "at"
    return f"{said} {between} dose level {act.dose_level}"


def _rests_on(act: Act) -> str:
    """What was wrong with the assessment that an act names, if anything."""
    if act.cites == "unknown":
        return "names an assessment that was never given out here"
    if act.cites == "superseded":
        since = "1 record" if act.facts_since == 1 else f"{act.facts_since} records"
        return f"{since} had come in since the assessment it names"
    return ""


def _of_revisions(revisions: Iterable[Revision]) -> Iterator[Line]:
    for one in revisions:
        what = "Put a protocol" if one.version else "Deleted the protocol"
        about = f"version {one.version}, revision {one.revision}" if one.version else ""
        yield Line(one.known_at, one.put_by or "nobody named", what, about, "protocol")


def _of_alerts(alerts: Iterable[AlertRecord]) -> Iterator[Line]:
    for alert in alerts:
        kind = SIGNALS[alert.signal.type] if alert.signal else alert.kind
        for one in alert.acknowledgements:
            about = f"{kind}, version {one.version}"
            yield Line(one.at, one.name, "Acknowledged an alert", about, "alerts")
        for remark in alert.notes:
            what = KINDS.get(remark.kind, remark.kind)
            yield Line(remark.at, remark.name, what, f"{kind}: {remark.text}", "alerts")


def _of_access(entries: Iterable[AccessEntry]) -> Iterator[Line]:
    for one in entries:
        whom, colon, role = one.about.rpartition(": ")
        about = f"{whom}: {ROLE_NAMES.get(role, role)}" if colon else one.about
        yield Line(one.at, one.by, KINDS.get(one.kind, one.kind), about, "access")
