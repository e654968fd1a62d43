"""What if: the decision for every outcome of the pending, and what records would change.

A GET answers for those pending. Records that were not sent are supposed by a POST to the same
address: they need a body, since subject codes stay out of addresses, and nothing of it is kept.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import Any

from fastapi import APIRouter, Response
from pydantic_core import to_json

from services.dlt_monitor.asking import JSON, READERS, Parts, answer_to, view_of
from shared.clinical import DocumentError, Study, suppose, what_if
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Event, fact_from, read_event
from shared.contracts.reader import FieldProblem, Refused, refuse
from shared.contracts.signals import Signal
from shared.runtime.web import JsonBody, Problem, problem_of_refusal

MOST_EVENTS = 100


def what_if_routes(router: APIRouter, parts: Parts) -> None:
    """Both questions; neither answer can be cited, and neither is stored."""

    @router.get("/studies/{study}/what-if", dependencies=READERS)
    def pending(study: str) -> Response:
        """For the pending subjects, every number of DLTs at each dose with the decision it would
        give; `certain` says what all of them agree on. `complete` is false where there were too
        many and only none, one and all of a dose were worked out."""
        with view_of(parts, study, None, None) as (view, headers):
            found = answer_to(parts, view, "what-if", _pending)
        return Response(found, media_type=JSON, headers=headers)

    @router.post("/studies/{study}/what-if", dependencies=READERS)
    def supposed(study: str, body: JsonBody, response: Response) -> dict[str, Any]:
        """What records would change if they arrived now: `{"events": [...]}`, each as it would be
        posted to ingest (a review that confirms or rejects, a correction, another event)."""
        events = _events(study, body)
        with view_of(parts, study, None, None) as (view, headers):
            response.headers.update(headers)
            said = view.assessment
        moment = max(parts.views.now().astimezone(UTC), said.as_of)
        facts = [fact_from(event, moment) for event in events]
        try:
            with parts.engine.begin() as conn, parts.views.folded(conn, study) as folded:
                found = suppose(folded, facts, as_of=moment, degraded=said.degraded)
        except DocumentError as error:
            problems = [FieldProblem("/events", "protocol", str(one)) for one in error.findings]
            raise problem_of_refusal(Refused(problems)) from None
        return {
            "study": study,
            "as_of": moment,
            "assessment_digest": said.digest,
            "before": _shown(found.before),
            "after": _shown(found.after),
            "signals": [_signal(one) for one in found.signals],
        }


def _pending(study: Study, said: Assessment) -> str:
    found = what_if(study, as_of=said.as_of, known_at=said.known_at, degraded=said.degraded)
    answer = {
        "study": study.study,
        "as_of": said.as_of,
        "assessment_digest": said.digest,
        "recommendation": said.recommendation,
        **asdict(found),
    }
    return to_json(answer).decode()


def _events(study: str, body: Any) -> list[Event]:
    """The supposed records; Problem where one is not of this study or of the contract."""
    events = body.get("events") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_EVENTS:
        detail = f'send {{"events": [...]}} with 1 to {MOST_EVENTS} events'
        raise Problem(422, "invalid-request", "The request does not have the expected form", detail)
    try:
        return [_event(study, f"/events/{number}", one) for number, one in enumerate(events)]
    except Refused as refused:
        raise problem_of_refusal(refused) from None


def _event(study: str, place: str, document: Any) -> Event:
    try:
        event, _ = read_event(document)
    except Refused as refused:
        raise Refused(
            FieldProblem(f"{place}{one.pointer}", one.code, one.detail) for one in refused.problems
        ) from None
    if event.studyid != study:
        refuse(f"{place}/studyid", "differs", "differs from the study of the address")
    return event


def _shown(assessment: Assessment) -> dict[str, Any]:
    """What a committee compares; without the digest, which only a real assessment has."""
    parts = {"status", "recommendation", "doses", "stopping"}
    shown: dict[str, Any] = assessment.model_dump(mode="json", include=parts)
    people = {one.subject: one.status for one in assessment.subjects}
    return {**shown, "subjects": people}


def _signal(signal: Signal) -> dict[str, Any]:
    shown: dict[str, Any] = signal.model_dump(
        mode="json", include={"type", "severity", "subject", "dose_level", "rule", "text"}
    )
    return shown
