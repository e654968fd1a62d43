"""``/monitor/v1``: what committees, monitors and randomisation systems may ask of a study.

Subject codes are in bodies only, never in addresses. An answer that may lack something says so in
``Vigil-Stale``; the question whether a subject may be dosed is then not answered with yes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import Connection, Engine

from services.dlt_monitor.freshness import Freshness
from services.dlt_monitor.monitor import GROUP
from services.dlt_monitor.store import grades, outputs, studies
from services.dlt_monitor.store.studies import StudyRow
from services.dlt_monitor.views import NoProtocol, NotYet, View, Views
from shared.clinical import enrolment
from shared.contracts.assessment import Assessment, DoseAssessment
from shared.runtime import outbox
from shared.runtime.auth import ROLES, AnyKey, require
from shared.runtime.web import Problem, api_router
from shared.runtime.worker import Worker

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_JSON = "application/json"

MOST_SIGNALS = 500
MOST_GRADES = 1000

_READERS = [require(*ROLES)]
_OVERSEERS = [require("study_admin", "auditor")]
_ADMINS = [require("study_admin")]

Moment = Annotated[
    str | None,
    Query(max_length=40, description="RFC 3339 instant, or a date: its end in the study's zone"),
]
Digest = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    engine: Engine
    views: Views
    freshness: Freshness
    worker: Worker


def monitor_router(parts: Parts) -> APIRouter:
    """All routes of the service."""
    router = api_router("/monitor/v1", tags=["monitor"])
    _study_routes(router, parts)
    _record_routes(router, parts)
    _parked_routes(router, parts)
    return router


def _study_routes(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies")
    def list_studies(principal: AnyKey) -> dict[str, Any]:
        """The studies of this key, each in one line."""
        names = sorted(principal.studies())
        with parts.engine.connect() as conn:
            rows = {row.study: row for row in studies.study_rows(conn, names)}
            degraded = studies.degraded_now(conn, names)
        complaint = parts.freshness.complaint()
        return {
            "studies": [
                _line(parts, name, rows.get(name), name in degraded, complaint) for name in names
            ]
        }

    @router.get("/studies/{study}/assessment", response_model=Assessment, dependencies=_READERS)
    def assessment(study: str, as_of: Moment = None, known_at: Moment = None) -> Response:
        """The study now, or at a past moment (`as_of`) by what was known then (`known_at`)."""
        with _view(parts, study, as_of, known_at) as (view, headers):
            return Response(view.document, media_type=_JSON, headers=headers)

    @router.get("/studies/{study}/cohorts", dependencies=_READERS)
    def cohorts(
        study: str,
        response: Response,
        as_of: Moment = None,
        known_at: Moment = None,
    ) -> dict[str, Any]:
        """The doses, who is treated at each, and what the rule allows next."""
        with _view(parts, study, as_of, known_at) as (view, headers):
            response.headers.update(headers)
            return _cohorts(view.assessment)

    @router.get("/studies/{study}/enrolment", dependencies=_READERS)
    def may_enrol(
        study: str, response: Response, dose_level: Annotated[int, Query(ge=1)]
    ) -> dict[str, Any]:
        """Whether a subject may be dosed at this level now, and why not. For IRT systems.

        503 while facts or deadlines may be missing: then nobody knows, and the answer is not yes.
        """
        complaint = parts.freshness.complaint()
        if complaint is not None:
            raise Problem(503, "stale", "The answer is not known now", complaint)
        with _view(parts, study, None, None) as (view, headers):
            if headers.get("Vigil-Stale") == "true":
                raise Problem(503, "stale", "The answer is not known now")
            response.headers.update(headers)
            answer = enrolment(view.assessment, dose_level)
        allowed = answer.allowed and not view.assessment.degraded
        return {**asdict(answer), "allowed": allowed, "study": study}


def _record_routes(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies/{study}/signals", dependencies=_READERS)
    def signals(
        study: str,
        after: Annotated[int, Query(ge=0)] = 0,
        standing: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_SIGNALS)] = MOST_SIGNALS,
    ) -> Response:
        """Signals in the order they were raised; `next` is the `after` of the page to follow."""
        with parts.engine.connect() as conn:
            found = outputs.signals_after(
                conn, study, after=after, standing=standing, limit=limit + 1
            )
        page = found[:limit]
        following = f'"{page[-1].number}"' if len(found) > limit else "null"
        documents = ",".join(signal.document for signal in page)
        stands = ",".join(f'"{signal.id}"' for signal in page if signal.standing)
        body = f'{{"signals":[{documents}],"standing":[{stands}],"next":{following}}}'
        return Response(body, media_type=_JSON, headers=_headers(parts, None))

    @router.get("/studies/{study}/grades", dependencies=_READERS)
    def graded(
        study: str,
        after: Annotated[int, Query(ge=0)] = 0,
        standing: bool = True,
        subject: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_GRADES)] = MOST_GRADES,
    ) -> Response:
        """Each result with its grade and reason, oldest first; `next` is the `after` of the page to
        follow. `subject` is one of the opaque names in `subjects`, which go with the grades in
        order; `standing=false` also gives the versions that were replaced or withdrawn."""
        with parts.engine.connect() as conn:
            found = grades.grades_after(
                conn, study, after=after, standing=standing, subject=subject, limit=limit + 1
            )
        page = found[:limit]
        following = f'"{page[-1].number}"' if len(found) > limit else "null"
        documents = ",".join(one.document for one in page)
        names = ",".join(f'"{one.subject}"' for one in page)
        body = f'{{"grades":[{documents}],"subjects":[{names}],"next":{following}}}'
        return Response(body, media_type=_JSON, headers=_headers(parts, None))

    @router.get(
        "/studies/{study}/assessments/{digest}", response_model=Assessment, dependencies=_READERS
    )
    def assessment_by_digest(study: str, digest: Digest) -> Response:
        """An assessment as it was given out, for instance the one a decision cites."""
        with parts.engine.connect() as conn:
            stored = outputs.assessment_by_digest(conn, study, digest)
        if stored is None:
            raise Problem(
                404, "unknown-digest", "Not Found", "this monitor has not given out that digest"
            )
        return Response(stored.document, media_type=_JSON)

    @router.get("/studies/{study}/decisions", dependencies=_READERS)
    def decisions(study: str, response: Response) -> dict[str, Any]:
        """The committee's decisions; `digest_known` is false where the cited assessment was never
        given out here."""
        with _view(parts, study, None, None) as (view, headers):
            response.headers.update(headers)
            listed = view.assessment.decisions
        cited = {decision.assessment_digest for decision in listed}
        with parts.engine.connect() as conn:
            known = outputs.known_digests(conn, study, cited)
        return {
            "decisions": [
                decision.model_dump(mode="json")
                | {"digest_known": decision.assessment_digest in known}
                for decision in listed
            ]
        }


def _parked_routes(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies/{study}/parked", dependencies=_OVERSEERS)
    def parked(study: str) -> dict[str, Any]:
        """Messages that could not be applied: why, not what is in them."""
        with parts.engine.connect() as conn:
            waiting = outbox.parked(conn, GROUP, study=study)
        return {
            "parked": [
                {
                    "id": row.id,
                    "topic": row.message.topic,
                    "reason": row.reason,
                    "error_class": row.error_class,
                    "parked_at": row.parked_at,
                }
                for row in waiting
            ]
        }

    @router.post("/studies/{study}/parked/{number}/replay", dependencies=_ADMINS)
    def replay(study: str, number: int) -> dict[str, Any]:
        """Try a parked message again, after the cause has been mended."""
        with parts.engine.connect() as conn:
            waiting = outbox.parked_by_id(conn, GROUP, [number])
        if not waiting or waiting[0].message.key != study:
            raise Problem(404, "not-found", "Not Found")
        if not parts.worker.replay_parked([number]):
            raise Problem(
                409, "still-parked", "The message still cannot be applied", waiting[0].reason
            )
        return {"replayed": number}


# -- answers --------------------------------------------------------------------------------------


@contextmanager
def _view(
    parts: Parts, study: str, as_of: str | None, known_at: str | None
) -> Iterator[tuple[View, dict[str, str]]]:
    """The view asked for with the headers that say how far it goes, or a problem."""
    asked = _moment("as_of", as_of), _moment("known_at", known_at)
    try:
        with parts.engine.begin() as conn:
            row = studies.study_row(conn, study)
            if row is None:
                raise NoProtocol
            if asked == (None, None):
                view = parts.views.current(conn, row)
            else:
                view = parts.views.at(conn, row, *asked)
            missed = _is_missing_something(conn, row, view)
    except NoProtocol:
        raise Problem(
            409, "no-protocol", "The study has no protocol at that time", "see PUT .../protocol"
        ) from None
    except NotYet:
        raise Problem(422, "in-the-future", "A moment in the future cannot be assessed") from None
    yield view, _headers(parts, view, missed=missed)


def _is_missing_something(conn: Connection, row: StudyRow, view: View) -> bool:
    """Degraded, but the assessment does not say so: it could not be made again."""
    open_now = bool(studies.degraded_now(conn, [row.study]))
    return open_now and not view.assessment.degraded


def _headers(parts: Parts, view: View | None, *, missed: bool = False) -> dict[str, str]:
    headers = {"Vigil-Lag": str(parts.freshness.lag)}
    if view is not None:
        headers["Vigil-Applied-Through"] = str(view.facts)
    if missed or parts.freshness.complaint() is not None:
        headers["Vigil-Stale"] = "true"
    return headers


def _moment(name: str, text: str | None) -> datetime | date | None:
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        detail = "give an RFC 3339 instant with an offset, or a date (YYYY-MM-DD)"
        raise Problem(
            422,
            "invalid-request",
            "The request does not have the expected form",
            errors=[{"in": "query", "parameter": name, "detail": detail}],
        )
    return moment


def _line(
    parts: Parts, study: str, row: StudyRow | None, degraded: bool, complaint: str | None
) -> dict[str, Any]:
    known: Mapping[str, Any] = (row.summary if row else None) or {
        "status": "no_protocol" if row else "no_facts"
    }
    overdue = row is not None and parts.views.is_overdue(row)
    return {
        **known,
        "study": study,
        "degraded": degraded or known.get("degraded", False),
        "stale": complaint is not None or overdue,
        "applied_through": str(row.facts) if row else None,
        "lag": parts.freshness.lag,
    }


def _cohorts(assessment: Assessment) -> dict[str, Any]:
    whole = assessment.model_dump(
        mode="json",
        include={
            "study", "protocol_version", "ctcae", "as_of", "known_at", "applied_through",
            "digest", "status", "degraded", "recommendation", "rp2d",
        },
    )  # fmt: skip
    return {**whole, "doses": [_cohort(assessment, dose) for dose in assessment.doses]}


def _cohort(assessment: Assessment, dose: DoseAssessment) -> dict[str, Any]:
    fields = {"subject", "part", "cohort", "status", "why", "window", "review", "flags"}
    treated = [
        subject.model_dump(mode="json", include=fields)
        for subject in assessment.subjects
        if subject.dose_level == dose.level and subject.status != "not_assessed"
    ]
    return {**dose.model_dump(mode="json"), "subjects": treated}
