"""The committee: the snapshot it decides on, what the design allows, and the record of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from urllib.parse import urlencode

from fastapi import Request, Response

from services.console.accounts import SecondPerson
from services.console.acts import COMMITTEE, entry_of, may, me
from services.console.asking import Study, day_of, go, upstream_of
from services.console.committee_options import (
    DECIDABLE,
    Choice,
    against,
    current_level,
    options_of,
)
from services.console.committee_view import (
    STOPPING,
    dose_lines,
    earlier,
    moved_on,
    outside_table,
    table_lines,
)
from services.console.going import Act
from services.console.guard import SignedIn, check_csrf, form
from services.console.html import page
from services.console.notes import Gap, Note
from services.console.packets import begin_pdf
from services.console.provider import goes_to_provider, to_provider
from services.console.recording import (
    NotRecorded,
    Rules,
    assessment_seen,
    digest_of_form,
    event_of,
    must_be_current,
    new_token,
    now_of,
    put_on_record,
    rules_of,
    text_of,
    token_of,
)
from services.console.sessions import Session
from services.console.upstream import Unavailable, Upstream
from services.console.words import ACTIONS
from shared.contracts.assessment import Assessment
from shared.contracts.packet import StudyOutlook
from shared.runtime.web import api_router

router = api_router()

_NOTES = {
    "recorded": Note("go", "The decision is on record, and the snapshot below rests on it."),
    "recorded-not-applied": Note(
        "warn",
        "The decision is on record. The monitor has not applied it yet: load the page again.",
    ),
}
_NO_OUTLOOK = "What the pending can still change, and the design’s table, are not shown."
_MOVED_ON = Gap("The study changed while this page was made.", f"{_NO_OUTLOOK} Load it again.")
_FIELDS = (
    "choice", "action", "level", "lifts_hold", "mtd", "rp2d", "decided", "rationale",
    "override_reason", "second_login", "members",
)  # fmt: skip
_MOST_MEMBERS = 30


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody was about to put on record, given back where it was not."""

    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    changes: Sequence[str] = ()

    def get(self, name: str, otherwise: str = "") -> str:
        return self.typed.get(name, otherwise)


@router.get("/studies/{study}/committee", include_in_schema=False)
async def committee(
    request: Request,
    session: SignedIn,
    study: Study,
    known_at: str | None = None,
    note: str | None = None,
) -> Response:
    """Everything a dose meeting decides on, at the moment that was chosen."""
    past = day_of(known_at)
    shown = await _page(request, session, study, past, Attempt(), note)
    begin_pdf(request, session.key, study, past)
    return shown


@router.post("/studies/{study}/committee", include_in_schema=False)
async def decide(request: Request, session: SignedIn, study: Study) -> Response:
    """Puts a decision on record, unless what it rests on has moved since the page was made."""
    fields = await form(request)
    check_csrf(session, fields)
    token, digest = token_of(fields), digest_of_form(fields)
    typed = {name: fields.get(name, "") for name in _FIELDS}
    upstream = upstream_of(request)
    assessed = await upstream.assessment(session.key, study, None)
    present = assessed.assessment
    changes = moved_on(await assessment_seen(upstream, session, study, digest), present)
    if changes:
        return await _page(request, session, study, None, Attempt(typed, changes=changes))
    rules = await rules_of(upstream, session, study, present.protocol_version)
    try:
        must_be_current(assessed.stale)
        now = now_of(request)
        data, second = _decision(present, rules, fields, digest, now)
        event = event_of("decision", study, study, token, now, data)
        if goes_to_provider(session, second):
            changed = partial(_changed, upstream, session, study, digest)
            login = second.login if second else None
            act = Act(session, event, f"/studies/{study}/committee", changed, login)
            return await to_provider(request, act)
        applied = await put_on_record(upstream, session, event, fields.get("password", ""), second)
    except NotRecorded as problem:
        return await _page(request, session, study, None, Attempt(typed, str(problem)))
    note = "recorded" if applied else "recorded-not-applied"
    return go(f"/studies/{study}/committee?{urlencode({'note': note})}")


async def _changed(upstream: Upstream, session: Session, study: str, digest: str) -> Sequence[str]:
    """What has moved since the page was made. Raises NotRecorded where nobody can say."""
    assessed = await upstream.assessment(session.key, study, None)
    must_be_current(assessed.stale)
    return moved_on(await assessment_seen(upstream, session, study, digest), assessed.assessment)


def _decision(
    present: Assessment, rules: Rules, fields: Mapping[str, str], digest: str, now: datetime
) -> tuple[dict[str, object], SecondPerson | None]:
    """The data of the record, and who signs it besides. Raises NotRecorded."""
    choice = _choice(present, fields)
    rationale, reason = text_of(fields, "rationale"), text_of(fields, "override_reason")
    if not rationale:
        raise NotRecorded("Give the rationale: it is read long after.")
    second = _second(against(present, choice), reason, fields)
    data: dict[str, object] = {
        "action": choice.action,
        "decided_dtc": _decided(rules, fields, now),
        "dose_level": choice.dose_level,
        "assessment_digest": digest,
        "mtd": choice.mtd,
        "rp2d": choice.rp2d,
        "lifts_hold": choice.lifts_hold,
        "rationale": rationale,
        "override_reason": reason or None,
        "members": _members(fields) or None,
    }
    return data, second


def _choice(present: Assessment, fields: Mapping[str, str]) -> Choice:
    levels = {str(dose.level): dose.level for dose in present.doses}
    wanted = fields.get("choice", "")
    if wanted == "other":
        wanted = f"{fields.get('action', '')}.{fields.get('level', '')}"
    action, _, level = wanted.partition(".")
    found = next((one for one in DECIDABLE if one == action), None)
    if found is None or level not in levels:
        raise NotRecorded("Choose a decision.")
    lifts = fields.get("lifts_hold") == "yes"
    if lifts and found == "hold":
        raise NotRecorded("One record cannot hold enrolment and lift the hold.")
    if lifts and present.status != "on_hold":
        raise NotRecorded("There is no hold to lift.")
    return Choice(
        action=found,
        dose_level=levels[level],
        lifts_hold=lifts,
        mtd=levels.get(fields.get("mtd", "")),
        rp2d=levels.get(fields.get("rp2d", "")),
    )


def _second(
    objections: Sequence[str], reason: str, fields: Mapping[str, str]
) -> SecondPerson | None:
    """The second person, who is asked for where and only where the design does not allow it."""
    login = fields.get("second_login", "").strip()
    if not objections:
        if reason or login:
            raise NotRecorded(
                "The design allows this decision: leave the fields of the override empty."
            )
        return None
    if not reason or not login:
        said = " ".join(objections)
        raise NotRecorded(f"{said} This is an override: give its reason, and a second person.")
    return SecondPerson(login, fields.get("second_password", ""))


def _decided(rules: Rules, fields: Mapping[str, str], now: datetime) -> str:
    today = now.astimezone(rules.zone()).date()
    try:
        decided = date.fromisoformat(fields.get("decided", "") or today.isoformat())
    except ValueError:
        raise NotRecorded("The date of the meeting is no date.") from None
    if decided > today:
        raise NotRecorded("The date of the meeting lies in the future.")
    return decided.isoformat()


def _members(fields: Mapping[str, str]) -> list[str]:
    names = [name.strip() for name in text_of(fields, "members").split(",")]
    found = [name for name in names if name]
    if len(found) > _MOST_MEMBERS or any(len(name) > 200 for name in found):
        raise NotRecorded("Name up to 30 members, separated by commas.")
    return found


async def _outlook(
    upstream: Upstream, session: Session, study: str, past: str | None
) -> tuple[StudyOutlook | None, tuple[Gap, ...]]:
    """The part that takes long to work out: the page can do without."""
    try:
        return await upstream.outlook(session.key, study, past), ()
    except Unavailable as problem:
        return None, (Gap(f"The monitor {problem.how}.", _NO_OUTLOOK),)


async def _page(
    request: Request,
    session: Session,
    study: str,
    past: str | None,
    attempt: Attempt,
    note: str | None = None,
) -> Response:
    upstream = upstream_of(request)
    entry, assessed, (told, gaps), person = await asyncio.gather(
        entry_of(upstream, session, study),
        upstream.assessment(session.key, study, past),
        _outlook(upstream, session, study, past),
        me(upstream, session),
    )
    found = assessed.assessment
    if told is not None and told.assessment_digest != found.digest:
        told, gaps = None, (_MOVED_ON,)
    table = told.table if told else None
    wanted = past is None and may(person, study, COMMITTEE)
    rules = await rules_of(upstream, session, study, found.protocol_version)
    failed = attempt.problem is not None or bool(attempt.changes)
    return page(
        "committee_page.html",
        409 if failed else 200,
        entry=entry,
        here="/committee",
        past=past,
        session=session,
        assessment=found,
        stale=assessed.stale,
        gaps=gaps,
        word=ACTIONS[found.recommendation.action],
        labels={dose.level: dose.label for dose in found.doses},
        lines=dose_lines(found),
        stopping=STOPPING,
        told=told,
        table=table,
        table_lines=table_lines(table) if table else (),
        outside=outside_table(table, found) if table else (),
        earlier=earlier(found),
        options=options_of(found),
        current=current_level(found),
        actions=[(name, ACTIONS[name].text) for name in DECIDABLE],
        today=now_of(request).astimezone(rules.zone()).date(),
        may_decide=wanted and not assessed.stale,
        waits=wanted and assessed.stale,
        attempt=attempt,
        note=_NOTES.get(note or ""),
        token=new_token(),
    )
