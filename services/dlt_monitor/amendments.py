"""The versions of a protocol side by side: what each would make of the same records.

Nothing changes by looking. The version in force is the one a person put last, by name.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from services.dlt_monitor.asking import READERS, Moment, Parts, view_of
from services.dlt_monitor.store import studies
from shared.contracts.assessment import Assessment


def amendment_routes(router: APIRouter, parts: Parts) -> None:
    """The comparison of versions."""

    @router.get("/studies/{study}/versions", dependencies=READERS)
    def side_by_side(
        study: str, response: Response, as_of: Moment = None, known_at: Moment = None
    ) -> dict[str, Any]:
        """The study by each version of its protocol known then, and the subjects on whom they
        differ."""
        with view_of(parts, study, as_of, known_at) as (view, headers):
            response.headers.update(headers)
            in_force = view.assessment
        with parts.engine.connect() as conn:
            row = studies.study_row(conn, study)
            assert row is not None
            names = parts.views.versions(conn, row, in_force.known_at)
        moments = in_force.as_of.isoformat(), in_force.known_at.isoformat()
        found = []
        for name in names:
            with view_of(parts, study, *moments, name) as (view, _):
                found.append(view.assessment)
        return {
            "study": study,
            "as_of": in_force.as_of,
            "known_at": in_force.known_at,
            "in_force": in_force.protocol_version,
            "versions": [_version(one) for one in found],
            "differences": _differences(found),
        }


def _version(assessment: Assessment) -> dict[str, Any]:
    shown = {"protocol_version", "ctcae", "digest", "status", "recommendation", "doses"}
    statuses = {one.subject: one.status for one in assessment.subjects}
    return {**assessment.model_dump(mode="json", include=shown), "subjects": statuses}


def _differences(found: list[Assessment]) -> list[dict[str, Any]]:
    by_subject: dict[str, dict[str, str]] = {}
    for assessment in found:
        for one in assessment.subjects:
            by_subject.setdefault(one.subject, {})[assessment.protocol_version] = one.status
    return [
        {"subject": subject, "statuses": statuses}
        for subject, statuses in by_subject.items()
        if len(set(statuses.values())) > 1
    ]
