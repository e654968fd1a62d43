"""How a view of a study is asked for over HTTP, and what every answer says of how far it goes."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from sqlalchemy import Connection, Engine

from services.dlt_monitor.folding import StillReading
from services.dlt_monitor.freshness import Freshness
from services.dlt_monitor.store import studies
from services.dlt_monitor.store.studies import StudyRow
from services.dlt_monitor.views import NoProtocol, NotYet, NoVersion, View, Views, Work
from shared.runtime.auth import ROLES, require
from shared.runtime.web import Problem
from shared.runtime.worker import Worker

JSON = "application/json"
READERS = [require(*ROLES)]
OVERSEERS = [require("study_admin", "auditor")]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Moment = Annotated[
    str | None,
    Query(max_length=40, description="RFC 3339 instant, or a date: its end in the study's zone"),
]

Version = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="a version of the protocol; else in force"),
]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    engine: Engine
    views: Views
    freshness: Freshness
    worker: Worker


@contextmanager
def view_of(
    parts: Parts,
    study: str,
    as_of: str | None,
    known_at: str | None,
    version: str | None = None,
) -> Iterator[tuple[View, dict[str, str]]]:
    """The view asked for with the headers that say how far it goes, or a problem."""
    asked = _moment("as_of", as_of), _moment("known_at", known_at)
    try:
        with parts.engine.begin() as conn:
            row = studies.study_row(conn, study)
            if row is None:
                raise NoProtocol
            overtaken = False
            if (*asked, version) == (None, None, None):
                view, overtaken = _current(parts, conn, row)
            else:
                view = parts.views.at(conn, row, *asked, version)
            missed = overtaken or _is_missing_something(conn, row, view)
    except NoProtocol:
        raise Problem(
            409, "no-protocol", "The study has no protocol at that time", "see PUT .../protocol"
        ) from None
    except NoVersion:
        raise Problem(404, "no-such-version", "The protocol had no such version then") from None
    except NotYet:
        raise Problem(422, "in-the-future", "A moment in the future cannot be assessed") from None
    yield view, headers_of(parts, view, missed=missed)


def _current(parts: Parts, conn: Connection, row: StudyRow) -> tuple[View, bool]:
    """The study now, and whether a deadline has passed since: then it takes the study's records,
    and while they are being read what was assessed last is better than nothing."""
    try:
        return parts.views.current(conn, row), False
    except StillReading:
        return parts.views.last(conn, row), True


def _is_missing_something(conn: Connection, row: StudyRow, view: View) -> bool:
    """Degraded, but the assessment does not say so: it could not be made again."""
    open_now = bool(studies.degraded_now(conn, [row.study]))
    return open_now and not view.degraded


def answer_to(
    parts: Parts,
    view: View,
    question: Hashable,
    work: Work,
    *,
    about: str | None = None,
) -> str | None:
    """What ``work`` makes of the study for a view: see `Views.answer`."""
    with parts.engine.begin() as conn:
        return parts.views.answer(conn, view, question, work, about=about)


def headers_of(parts: Parts, view: View | None, *, missed: bool = False) -> dict[str, str]:
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
