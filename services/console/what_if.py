"""What each outcome of the pending would decide, as a page that the board also loads by itself.

It is apart from the board because working it out takes longer than a board may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.answers import Assessed
from services.console.asking import Study, upstream_of
from services.console.board import dose_name, subject_page
from services.console.gather import line_of
from services.console.guard import SignedIn
from services.console.html import page
from services.console.upstream import LONG_TIMEOUT, Upstream
from services.console.words import ACTIONS, DOSE_STATES, MTD_STATES, STUDY_STATES, UNKNOWN, Word
from shared.contracts.assessment import Action
from shared.runtime.web import api_router

router = api_router()


class Branch(BaseModel):
    """One outcome; doses by their level."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dlts: dict[int, int]
    action: Action
    dose_level: int | None
    mtd: int | None
    mtd_status: str
    status: str
    doses: dict[int, str]


class WhatIf(BaseModel):
    """``GET …/what-if`` of the monitor."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    as_of: datetime
    assessment_digest: str
    pending: dict[int, tuple[str, ...]]
    branches: tuple[Branch, ...]
    complete: bool
    certain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One outcome in words; `doses` in the order of `Shown.doses`."""

    dlts: str
    word: Word
    dose: str | None
    mtd: str
    status: Word
    doses: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The table of outcomes, ready to be written."""

    digest: str
    pending: tuple[tuple[str, tuple[str, ...]], ...]
    certain: tuple[str, ...]
    complete: bool
    doses: tuple[str, ...]
    branches: tuple[Line, ...]
    pages: Mapping[str, str]


@router.get("/studies/{study}/what-if", include_in_schema=False)
async def what_if(request: Request, session: SignedIn, study: Study) -> Response:
    """The decision for every number of DLTs among those pending now."""
    upstream = upstream_of(request)
    entry = line_of(study, await upstream.studies(session.key))
    assessed = await upstream.assessment(session.key, study, None)
    found = await what_if_of(upstream, session.key, study)
    return page(
        "what_if.html",
        session=session,
        entry=entry,
        here="/what-if",
        past=None,
        degraded=assessed.assessment.degraded,
        stale=assessed.stale,
        as_of=found.as_of,
        shown=shown_of(found, assessed),
    )


async def what_if_of(upstream: Upstream, key: str, study: str) -> WhatIf:
    """The monitor's answer."""
    path = f"/monitor/v1/studies/{quote(study, safe='')}/what-if"
    response = await upstream.ask("monitor", "GET", path, key, seconds=LONG_TIMEOUT)
    return upstream.read("monitor", response, WhatIf)


def shown_of(found: WhatIf, assessed: Assessed) -> Shown:
    """The outcomes in the words of the study."""
    said = assessed.assessment
    labels = {dose.level: dose.label for dose in said.doses}
    return Shown(
        digest=found.assessment_digest,
        pending=tuple(
            (dose_name(level, labels) or "", codes)
            for level, codes in sorted(found.pending.items())
        ),
        certain=found.certain,
        complete=found.complete,
        doses=tuple(labels[level] for level in sorted(labels)),
        branches=tuple(_line(branch, labels) for branch in found.branches),
        pages={one.subject: subject_page(said.study, one.usubjid, None) for one in said.subjects},
    )


def _line(branch: Branch, labels: dict[int, str]) -> Line:
    return Line(
        dlts=", ".join(
            f"{count} at {dose_name(level, labels)}" for level, count in sorted(branch.dlts.items())
        ),
        word=ACTIONS[branch.action],
        dose=dose_name(branch.dose_level, labels),
        mtd=dose_name(branch.mtd, labels) or MTD_STATES.get(branch.mtd_status, branch.mtd_status),
        status=STUDY_STATES.get(branch.status, UNKNOWN),
        doses=tuple(
            DOSE_STATES.get(branch.doses.get(level, ""), UNKNOWN) for level in sorted(labels)
        ),
    )
