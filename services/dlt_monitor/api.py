"""``/monitor/v1``: what committees, monitors and randomisation systems may ask of a study.

Subject codes are in bodies only, never in addresses. An answer that may lack something says so in
``Vigil-Stale``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from services.dlt_monitor.acts import act_routes
from services.dlt_monitor.amendments import amendment_routes
from services.dlt_monitor.asking import (
    JSON,
    READERS,
    Moment,
    Parts,
    Version,
    headers_of,
    view_of,
)
from services.dlt_monitor.gate import gate_routes
from services.dlt_monitor.packet import packet_routes
from services.dlt_monitor.profiles import profile_routes
from services.dlt_monitor.questions import query_routes
from services.dlt_monitor.store import grades, outputs, studies
from services.dlt_monitor.store.studies import StudyRow
from services.dlt_monitor.what_if import what_if_routes
from shared.contracts.assessment import Assessment, DoseAssessment
from shared.runtime.auth import AnyKey, require
from shared.runtime.parked import parked_routes
from shared.runtime.tags import name_of, named_in, tag_of
from shared.runtime.web import Problem, api_router

MOST_SIGNALS = 500
MOST_GRADES = 1000

_ADMINS = [require("study_admin")]

Digest = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$")]


def monitor_router(parts: Parts) -> APIRouter:
    """All routes of the service."""
    router = api_router("/monitor/v1", tags=["monitor"])
    _study_routes(router, parts)
    _record_routes(router, parts)
    parked_routes(router, parts.engine, parts.worker)
    gate_routes(router, parts)
    query_routes(router, parts)
    what_if_routes(router, parts)
    amendment_routes(router, parts)
    act_routes(router, parts)
    packet_routes(router, parts)
    profile_routes(router, parts)
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

    @router.get("/studies/{study}/assessment", response_model=Assessment, dependencies=READERS)
    def assessment(
        study: str,
        as_of: Moment = None,
        known_at: Moment = None,
        protocol_version: Version = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The study now, or at a past moment (`as_of`) by what was known then (`known_at`); by the
        protocol in force then, or by another version known then, which changes nothing. 304 for
        who has it already, by the `ETag` of an earlier answer. With `Vigil-Stale: true` records
        or a deadline may be missing from it."""
        with view_of(parts, study, as_of, known_at, protocol_version) as (view, headers):
            name = name_of(view.document)
            tagged = {**headers, "ETag": tag_of(name)}
            if name == named_in(if_none_match):
                return Response(status_code=304, headers=tagged)
            return Response(view.document, media_type=JSON, headers=tagged)

    @router.get("/studies/{study}/cohorts", dependencies=READERS)
    def cohorts(
        study: str,
        response: Response,
        as_of: Moment = None,
        known_at: Moment = None,
    ) -> dict[str, Any]:
        """The doses, who is treated at each, and what the rule allows next. With
        `Vigil-Stale: true` records or a deadline may be missing from it."""
        with view_of(parts, study, as_of, known_at) as (view, headers):
            response.headers.update(headers)
            return _cohorts(view.assessment)


def _record_routes(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies/{study}/signals", dependencies=READERS)
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
        return Response(body, media_type=JSON, headers=headers_of(parts, None))

    @router.get("/studies/{study}/grades", dependencies=READERS)
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
        return Response(body, media_type=JSON, headers=headers_of(parts, None))

    @router.get(
        "/studies/{study}/assessments/{digest}", response_model=Assessment, dependencies=READERS
    )
    def assessment_by_digest(study: str, digest: Digest) -> Response:
        """An assessment as it was given out, for instance the one a decision cites."""
        with parts.engine.connect() as conn:
            stored = outputs.assessment_by_digest(conn, study, digest)
        if stored is None:
            raise Problem(
                404, "unknown-digest", "Not Found", "this monitor has not given out that digest"
            )
        return Response(stored.document, media_type=JSON)

    @router.get("/studies/{study}/decisions", dependencies=READERS)
    def decisions(study: str, response: Response) -> dict[str, Any]:
        """The committee's decisions; `digest_known` is false where the cited assessment was never
        given out here."""
        with view_of(parts, study, None, None) as (view, headers):
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


# -- answers --------------------------------------------------------------------------------------


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
