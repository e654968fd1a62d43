"""The enrolment gate: may one more subject be dosed at a level now? Asked by the IRT system.

Never yes while facts or deadlines may be missing, and no answer is given that is not kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services.dlt_monitor.asking import JSON, OVERSEERS, Parts, view_of
from services.dlt_monitor.store import gate
from shared.clinical import enrolment
from shared.runtime.auth import ROLES, Principal, require
from shared.runtime.web import Problem

MOST_ANSWERS = 500


def gate_routes(router: APIRouter, parts: Parts) -> None:
    """The question, and the answers that were given."""

    @router.get("/studies/{study}/enrolment")
    def may_enrol(
        study: str,
        dose_level: Annotated[int, Query(ge=1, le=1_000)],
        principal: Annotated[Principal, require(*ROLES)],
    ) -> Response:
        """Whether a subject may be dosed at this level now, and why not. For IRT systems.

        503 while facts or deadlines may be missing: then nobody knows, and the answer is not yes.
        """
        complaint = parts.freshness.complaint()
        if complaint is not None:
            raise Problem(503, "stale", "The answer is not known now", complaint)
        with view_of(parts, study, None, None) as (view, headers):
            if headers.get("Vigil-Stale") == "true":
                raise Problem(503, "stale", "The answer is not known now")
        behind = parts.freshness.lag > 0
        with parts.engine.begin() as conn:
            room = parts.views.room(conn, study, view, dose_level)
            answer = enrolment(view.assessment, dose_level, room, behind=behind)
            document = json.dumps(asdict(answer) | {"study": study}, default=_text)
            gate.add_gate_answer(
                conn,
                study,
                asked_at=parts.views.now(),
                asked_by=principal.name,
                dose_level=dose_level,
                facts=view.facts,
                document=document,
            )
        return Response(document, media_type=JSON, headers=headers)

    @router.get("/studies/{study}/enrolment/answers", dependencies=OVERSEERS)
    def answers(
        study: str,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ANSWERS)] = MOST_ANSWERS,
    ) -> dict[str, Any]:
        """Every answer that was given, oldest first; `next` is the `after` of the page to
        follow."""
        with parts.engine.connect() as conn:
            found = gate.gate_answers_after(conn, study, after=after, limit=limit + 1)
        page = found[:limit]
        return {
            "answers": [
                json.loads(one.document)
                | {
                    "asked_at": one.asked_at,
                    "asked_by": one.asked_by,
                    "applied_through": str(one.facts),
                }
                for one in page
            ],
            "next": str(page[-1].number) if len(found) > limit else None,
        }


def _text(moment: date | datetime) -> str:
    return moment.isoformat()
