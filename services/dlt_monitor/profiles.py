"""What the pages of a subject and the study-wide charts read, over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.dlt_monitor.asking import JSON, READERS, Moment, Parts, answer_to, view_of
from services.dlt_monitor.views import View
from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.clinical.profile import profile_of
from shared.contracts.assessment import Assessment
from shared.contracts.figures import Figures
from shared.contracts.profile import Profile, opaque_id
from shared.runtime.web import Problem

OpaqueId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def profile_routes(router: APIRouter, parts: Parts) -> None:
    """The routes of this module."""

    @router.get("/studies/{study}/subjects/{subject}", response_model=Profile, dependencies=READERS)
    def profile(study: str, subject: OpaqueId, known_at: Moment = None) -> Response:
        """Everything about one subject, now or as known at a past moment. The subject is named by
        the first 16 hex digits of SHA-256 of `study|usubjid`."""
        with view_of(parts, study, None, known_at) as (view, headers):
            found = profile_to(parts, view, subject)
        if found is None:
            raise Problem(404, "no-such-subject", "Nothing of such a subject was known then")
        return Response(found, media_type=JSON, headers=headers)

    @router.get("/studies/{study}/figures", response_model=Figures, dependencies=READERS)
    def figures(study: str, known_at: Moment = None) -> Response:
        """The numbers behind the charts of the study, now or as known at a past moment."""
        with view_of(parts, study, None, known_at) as (view, headers):
            found = answer_to(parts, view, "figures", figures_document)
        return Response(found, media_type=JSON, headers=headers)


def profile_to(parts: Parts, view: View, subject: str) -> str | None:
    """The profile of a subject, by its opaque id; None where nothing was known. Does not wait for
    a study that is still being read."""
    said = view.assessment
    ids = (one.usubjid for one in said.subjects if opaque_id(said.study, one.usubjid) == subject)
    usubjid = next(ids, None)
    if usubjid is None:
        return None
    work = partial(profile_document, subject)
    return answer_to(parts, view, ("profile", subject), work, about=usubjid)


def profile_document(subject: str, study: Study, said: Assessment) -> str | None:
    """The profile of a subject, by its opaque id; None where nothing was known."""
    found = profile_of(study, said, subject)
    return None if found is None else found.model_dump_json()


def figures_document(study: Study, said: Assessment) -> str:
    """The figures of a study."""
    return figures_of(study, said).model_dump_json()
