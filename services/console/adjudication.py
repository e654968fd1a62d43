"""Adjudication: which candidates wait for a person, and one case with everything to decide it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Path, Request, Response

from services.console.acts import JUDGES, entry_of, may, me
from services.console.adjudication_view import (
    BITES,
    case_id,
    charts_of,
    criterion_of,
    judged_of,
    known_by,
    moved_on,
    proofs_of,
    roles_for,
    waiting_of,
    waits,
)
from services.console.asking import Study, day_of, go, upstream_of
from services.console.charting import Where, hang, hung_of
from services.console.going import Act
from services.console.guard import SignedIn, check_csrf, form
from services.console.html import page
from services.console.notes import Note
from services.console.provider import goes_to_provider, to_provider
from services.console.recording import (
    NotRecorded,
    Rules,
    acts_of,
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
from services.console.upstream import LONG_TIMEOUT, NotFound, Upstream, is_stale
from services.console.words import CRITERION_RESULTS, SUBJECT_STATES
from shared.charts.drawer import digest_of
from shared.contracts.assessment import Criterion
from shared.contracts.profile import Profile
from shared.runtime.web import api_router

router = api_router()

Case = Annotated[str, Path(pattern=r"^[0-9a-f]{16}\.[a-z0-9][a-z0-9-]{0,80}$")]

_NOTES = {
    "recorded": Note("go", "The judgement is on record, and the assessment below rests on it."),
    "recorded-not-applied": Note(
        "warn",
        "The judgement is on record. The monitor has not applied it yet: load the page again.",
    ),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody was about to put on record, given back where it was not."""

    decision: str = ""
    rationale: str = ""
    role: str = ""
    evaluable: str = ""
    problem: str | None = None
    changes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class _Found:
    """The subject and the criterion of a case. `stale`: the monitor is behind."""

    profile: Profile
    criterion: Criterion
    stale: bool


@router.get("/studies/{study}/adjudication", include_in_schema=False)
async def queue(
    request: Request,
    session: SignedIn,
    study: Study,
    known_at: str | None = None,
    note: str | None = None,
) -> Response:
    """The candidates that wait for a judgement, oldest first, and what was judged."""
    past = day_of(known_at)
    upstream = upstream_of(request)
    entry, assessed, acts = await asyncio.gather(
        entry_of(upstream, session, study),
        upstream.assessment(session.key, study, past),
        acts_of(upstream, session, study),
    )
    found = assessed.assessment
    moment = found.known_at if past else None
    now = moment or max(now_of(request), found.as_of)
    return page(
        "adjudication_queue.html",
        entry=entry,
        here="/adjudication",
        past=past,
        session=session,
        assessed=assessed,
        waiting=waiting_of(found, known_by(acts, moment), now),
        judged=judged_of(found, acts, moment),
        case_id=case_id,
        note=_NOTES.get(note or ""),
    )


@router.get("/studies/{study}/adjudication/{case}", include_in_schema=False)
async def case(
    request: Request, session: SignedIn, study: Study, case: Case, known_at: str | None = None
) -> Response:
    """One criterion of one subject, with everything needed to decide it."""
    return await _case_page(request, session, study, case, day_of(known_at), Attempt())


@router.post("/studies/{study}/adjudication/{case}", include_in_schema=False)
async def judge(request: Request, session: SignedIn, study: Study, case: Case) -> Response:
    """Puts the judgement on record, unless the status has moved on since the page was made."""
    fields = await form(request)
    check_csrf(session, fields)
    token, digest = token_of(fields), digest_of_form(fields)
    names = ("decision", "rationale", "role", "evaluable")
    typed = {name: fields.get(name, "") for name in names}
    upstream = upstream_of(request)
    found = await _subject_of(upstream, session, study, case, None)
    seen = await assessment_seen(upstream, session, study, digest)
    changes = moved_on(seen, found.profile.assessment)
    if changes:
        attempt = Attempt(**typed, changes=changes)
        return await _case_page(request, session, study, case, None, attempt)
    now = now_of(request)
    try:
        must_be_current(found.stale)
        data = _review(found.profile, found.criterion, fields, digest, now)
        event = event_of("dlt_review", study, found.profile.assessment.usubjid, token, now, data)
        if goes_to_provider(session, None):
            changed = partial(_changed, upstream, session, study, case, digest)
            act = Act(session, event, f"/studies/{study}/adjudication", changed)
            return await to_provider(request, act)
        applied = await put_on_record(upstream, session, event, fields.get("password", ""))
    except NotRecorded as problem:
        attempt = Attempt(**typed, problem=str(problem))
        return await _case_page(request, session, study, case, None, attempt)
    note = "recorded" if applied else "recorded-not-applied"
    return go(f"/studies/{study}/adjudication?{urlencode({'note': note})}")


async def _changed(
    upstream: Upstream, session: Session, study: str, case: str, digest: str
) -> Sequence[str]:
    """What has moved since the page was made. Raises NotRecorded where nobody can say."""
    found = await _subject_of(upstream, session, study, case, None)
    must_be_current(found.stale)
    seen = await assessment_seen(upstream, session, study, digest)
    return moved_on(seen, found.profile.assessment)


def _review(
    profile: Profile, criterion: Criterion, fields: dict[str, str], digest: str, now: datetime
) -> dict[str, object]:
    """The data of the record. Raises NotRecorded for what is missing."""
    decision, rationale = fields.get("decision", ""), text_of(fields, "rationale")
    role = fields.get("role") or None
    if role is not None and (len(role) > 200 or "\x00" in role):
        raise NotRecorded("Choose the role in which you judge.")
    if decision not in ("DLT", "NOT_DLT"):
        raise NotRecorded("Say whether it is a DLT.")
    if not rationale:
        raise NotRecorded("Give the rationale: it is read long after.")
    evaluable = {"": None, "yes": True, "no": False}.get(fields.get("evaluable", ""))
    return {
        "USUBJID": profile.assessment.usubjid,
        "decision": decision,
        "decided_dtc": now.astimezone(ZoneInfo(profile.zone)).date().isoformat(),
        "criterion_id": criterion.id,
        "assessment_digest": digest,
        "evaluable": evaluable,
        "role": role,
        "linked_recordids": [one.recordid for one in criterion.evidence] or None,
        "rationale": rationale,
    }


async def _case_page(
    request: Request, session: Session, study: str, case: str, past: str | None, attempt: Attempt
) -> Response:
    upstream = upstream_of(request)
    entry, found, person = await asyncio.gather(
        entry_of(upstream, session, study),
        _subject_of(upstream, session, study, case, past),
        me(upstream, session),
    )
    profile, criterion = found.profile, found.criterion
    rules = await rules_of(upstream, session, study, profile.protocol_version)
    where, hung = Where(study, profile.id, past), await hung_of(profile, found.stale)
    hang(request, session, where, hung)
    shown = charts_of(profile, criterion)
    moment = profile.known_at if past else max(now_of(request), profile.as_of)
    wanted = past is None and may(person, study, JUDGES)
    failed = attempt.problem is not None or bool(attempt.changes)
    return page(
        "adjudication_case.html",
        409 if failed else 200,
        entry=entry,
        here=f"/adjudication/{case}",
        past=past,
        session=session,
        profile=profile,
        subject=profile.assessment,
        standing=SUBJECT_STATES[profile.assessment.status],
        criterion=criterion,
        dose=_dose(rules, profile.assessment.dose_level),
        word=CRITERION_RESULTS[criterion.result],
        results=CRITERION_RESULTS,
        rule=_rule(rules, criterion.id),
        waits=waits(criterion.known_at, moment) if criterion.result in BITES else "",
        proofs=proofs_of(profile, criterion),
        hung=hung,
        where=where,
        charts=[chart for chart in hung.charts if chart.name in shown],
        digest_of=digest_of,
        roles=roles_for(rules.protocol, criterion.id),
        case_id=case_id,
        may_judge=wanted and not found.stale,
        behind=wanted and found.stale,
        attempt=attempt,
        token=new_token(),
    )


def _rule(rules: Rules, criterion: str) -> object | None:
    """The criterion as the protocol states it; None where the document could not be had."""
    if rules.protocol is None:
        return None
    return next((rule for rule in rules.protocol.dlt.criteria if rule.id == criterion), None)


def _dose(rules: Rules, level: int | None) -> str | None:
    """A dose level in the protocol's words, where it could be had."""
    if level is None:
        return None
    return rules.protocol.label(level) if rules.protocol else f"level {level}"


async def _subject_of(
    upstream: Upstream, session: Session, study: str, case: str, past: str | None
) -> _Found:
    """The subject and the criterion that a case names. Raises NotFound."""
    subject, _, name = case.partition(".")
    path = f"/monitor/v1/studies/{quote(study, safe='')}/subjects/{subject}"
    params = {"known_at": past} if past else {}
    response = await upstream.ask(
        "monitor", "GET", path, session.key, params=params, seconds=LONG_TIMEOUT
    )
    profile = upstream.read("monitor", response, Profile)
    criterion = criterion_of(profile.assessment, name)
    if criterion is None:
        raise NotFound
    return _Found(profile, criterion, is_stale(response))
