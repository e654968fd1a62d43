"""Signals and alerts: the inbox, one alert with everybody who was told, and what people do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from services.console.acts import ACKNOWLEDGERS, SENDERS, entry_of, may, me, moment_of
from services.console.alerts_answers import (
    AlertRecord,
    Subscriptions,
    Telling,
    all_alerts,
    chosen_alerts,
    deliveries_of,
    forecast_of,
    one_alert,
    resend,
    subscriptions_of,
    tell_alert,
)
from services.console.alerts_view import (
    ENDED,
    REMARKS,
    as_known,
    choose,
    inbox_of,
    reach_of,
    row_of,
    steps_to_come,
)
from services.console.asking import AlertId, Study, day_of, go, upstream_of
from services.console.board import subject_page
from services.console.gather import got
from services.console.guard import SignedIn, check_csrf, form
from services.console.html import page
from services.console.notes import NOTES, Note, routing_gap
from services.console.recording import now_of
from services.console.sessions import Session
from services.console.upstream import (
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    Unavailable,
    Upstream,
    UpstreamError,
)
from shared.runtime.web import Problem, api_router

router = api_router()

Filter = Annotated[str | None, Query(pattern=r"^[a-z]{1,20}$")]
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")

_NOTES: Mapping[str, Note] = {
    **NOTES,
    "seen": Note("go", "It is on record that you have seen this alert."),
    "noted": Note("go", "The note is kept with the alert."),
    "handed-over": Note(
        "go", "Handed over and told. It stays unacknowledged until they acknowledge it."
    ),
    "closed": Note("go", "Closed."),
    "resent": Note("go", "It is being sent once more."),
    "not-resent": Note("warn", "Not sent again: it is still being tried, or it has arrived."),
    "moved-on": Note(
        "stop",
        "Nothing was done: the alert had changed since this page was made. Read it again below.",
    ),
    "no-words": Note("warn", "Nothing was done: write a text first (at most 4,000 characters)."),
    "nobody": Note("warn", "Nothing was done: the routing has nobody of that name."),
    "role": Note("warn", "Nothing was done: your role in this study does not allow it."),
    "silent": Note("stop", "Not known whether this was done: the notifier did not answer."),
}


@router.get("/studies/{study}/alerts", include_in_schema=False)
async def inbox(
    request: Request,
    session: SignedIn,
    study: Study,
    state: Filter = None,
    severity: Filter = None,
    number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
    known_at: str | None = None,
) -> Response:
    """The alerts of a study, those that wait for somebody first."""
    past = day_of(known_at)
    upstream = upstream_of(request)
    warnings: tuple[str, ...] = ()
    if past is not None:
        entry = await entry_of(upstream, session, study)
        assessed = await upstream.assessment(session.key, study, past)
        alerts, _ = await all_alerts(upstream, session.key, study)
        shown = inbox_of(as_known(alerts, assessed.assessment.known_at), state, severity, number)
    else:
        line, listed = await asyncio.gather(
            entry_of(upstream, session, study),
            upstream.alerts(session.key, study, beside=False),
            return_exceptions=True,
        )
        # In this order: who may not see the study is told so, whatever else went wrong.
        entry, brief = got(line), got(listed)
        chosen, warnings = choose(brief.alerts, state, severity, number), brief.warnings
        shown = chosen.filled(await chosen_alerts(upstream, session.key, study, chosen.ids))
    return page(
        "alerts_inbox.html",
        entry=entry,
        here="/alerts",
        past=past,
        session=session,
        state=state,
        severity=severity,
        inbox=shown,
        gaps=[routing_gap(warning) for warning in warnings],
    )


@router.get("/studies/{study}/alerts/{alert}", include_in_schema=False)
async def one(
    request: Request,
    session: SignedIn,
    study: Study,
    alert: AlertId,
    known_at: str | None = None,
    note: str | None = None,
) -> Response:
    """One alert: what it says, who was told and when, who knows, and what is still to come."""
    past = day_of(known_at)
    upstream = upstream_of(request)
    entry = await entry_of(upstream, session, study)
    moment = await moment_of(upstream, session, study, past)
    found = await _alert_of(upstream, session, study, alert)
    followed_by = await _neighbour(upstream, session, found.followed_by)
    if moment is not None:
        known = [one for one in (found, followed_by) if one is not None]
        then = {one.id: one for one in as_known(known, moment)}
        if alert not in then:
            raise NotFound
        found, followed_by = then[alert], then.get(followed_by.id) if followed_by else None
    about = await _subject_of(upstream, session, found, past)
    now = now_of(request)
    beside = await _beside(upstream, session, found, now) if moment is None else _Beside()
    person = await me(upstream, session) if moment is None else None
    return page(
        "alerts_one.html",
        entry=entry,
        here=f"/alerts/{alert}",
        past=past,
        session=session,
        row=row_of(found),
        about=about,
        ended=found.state in ENDED,
        followed_by=row_of(followed_by) if followed_by else None,
        follows=await _neighbour(upstream, session, found.follows),
        reach=reach_of(await deliveries_of(upstream, session.key, alert), moment),
        remarks=REMARKS,
        beside=beside,
        may_answer=moment is None and may(person, study, ACKNOWLEDGERS),
        may_send=moment is None and may(person, study, SENDERS),
        gaps=(),
        note=_NOTES.get(note or ""),
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the routing in force adds to an alert. `unknown`: it could not be asked."""

    steps: tuple[Telling, ...] = ()
    again_every: float | None = None
    routing: Subscriptions | None = None
    unknown: bool = False


async def _beside(
    upstream: Upstream, session: Session, alert: AlertRecord, now: datetime
) -> _Beside:
    try:
        routing = await subscriptions_of(upstream, session.key, alert.study)
        if alert.signal is None:
            return _Beside(routing=routing)
        forecast = await forecast_of(upstream, session.key, alert)
    except NotFound:
        return _Beside()
    except UpstreamError:
        return _Beside(unknown=True)
    return _Beside(steps_to_come(alert, forecast, now), forecast.again_every, routing)


async def _subject_of(
    upstream: Upstream, session: Session, alert: AlertRecord, past: str | None
) -> str | None:
    """The page of the subject that an alert is about; None where the monitor cannot say which."""
    if alert.signal is None or alert.signal.subject is None:
        return None
    try:
        assessed = await upstream.assessment(session.key, alert.study, past)
    except UpstreamError:
        return None
    named = {
        one.usubjid for one in assessed.assessment.subjects if one.subject == alert.signal.subject
    }
    return subject_page(alert.study, named.pop(), past) if len(named) == 1 else None


async def _alert_of(upstream: Upstream, session: Session, study: str, alert: str) -> AlertRecord:
    found = await one_alert(upstream, session.key, alert)
    if found.study != study:
        raise NotFound
    return found


async def _neighbour(upstream: Upstream, session: Session, alert: str | None) -> AlertRecord | None:
    return await one_alert(upstream, session.key, alert) if alert else None


@router.post("/studies/{study}/alerts/{alert}", include_in_schema=False)
async def act(request: Request, session: SignedIn, study: Study, alert: AlertId) -> Response:
    """What somebody does about an alert; the field ``act`` says what."""
    fields = await form(request)
    check_csrf(session, fields)
    upstream = upstream_of(request)
    await _alert_of(upstream, session, study, alert)
    note = await _done(upstream, session, alert, fields)
    return go(f"/studies/{study}/alerts/{alert}?{urlencode({'note': note})}")


async def _done(upstream: Upstream, session: Session, alert: str, fields: dict[str, str]) -> str:
    """Does it; the word of the note that says how it went."""
    wanted = fields.get("act", "")
    try:
        if wanted == "resend":
            return await _resent(upstream, session, fields.get("delivery", ""))
        done, body = _asked(wanted, fields)
        await tell_alert(upstream, session.key, alert, wanted, body)
    except Conflict:
        return "moved-on"
    except Forbidden:
        return "role"
    except Refused:
        return "nobody" if wanted == "hand-over" else "no-words"
    except Unavailable:
        return "silent"
    return done


async def _resent(upstream: Upstream, session: Session, delivery: str) -> str:
    if not _ID.fullmatch(delivery):
        raise _unreadable()
    try:
        await resend(upstream, session.key, delivery)
    except Conflict:
        return "not-resent"
    return "resent"


def _asked(wanted: str, fields: dict[str, str]) -> tuple[str, dict[str, object] | None]:
    """The note after it was done, and the body of the request. Problem for what no page sends."""
    text = fields.get("text", "").strip()
    match wanted:
        case "acknowledge":
            return "acknowledged", {"version": _version(fields)}
        case "seen":
            return "seen", None
        case "notes":
            return "noted", {"text": text}
        case "close":
            return "closed", {"version": _version(fields), "reason": text}
        case "hand-over":
            if not _NAME.fullmatch(fields.get("to", "")):
                raise Refused
            return "handed-over", {"to": fields["to"], "text": text}
    raise _unreadable()


def _version(fields: dict[str, str]) -> int:
    version = fields.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise _unreadable()
    return int(version)


def _unreadable() -> Problem:
    return Problem(400, "form-unreadable", "The form cannot be read")
