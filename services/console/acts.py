"""What a signed-in person is and may do in a study, as the pages with forms need to know it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.console.answers import StudyEntry
from services.console.sessions import Session
from services.console.upstream import KeyRefused, NotFound, Upstream, UpstreamError

ACKNOWLEDGERS = frozenset({"medical_monitor", "committee_member"})
SENDERS = frozenset({"medical_monitor", "study_admin"})
JUDGES = frozenset({"medical_monitor"})
COMMITTEE = frozenset({"committee_member"})


class Me(BaseModel):
    """Who is asking, as the intake knows it. A key has no ``login``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    roles: dict[str, frozenset[str]]
    login: str | None = None


async def me(upstream: Upstream, session: Session) -> Me | None:
    """The person who is signed in; None where the intake cannot say. Raises KeyRefused."""
    try:
        response = await upstream.ask("ingest", "GET", "/ingest/v1/sessions/current", session.key)
        return upstream.read("ingest", response, Me)
    except KeyRefused:
        raise
    except UpstreamError:
        return None


def may(person: Me | None, study: str, roles: frozenset[str]) -> bool:
    """Whether to offer what needs one of the roles. True where nobody can say: whoever is asked to
    do it decides in any case."""
    return person is None or bool(person.roles.get(study, frozenset()) & roles)


async def entry_of(upstream: Upstream, session: Session, study: str) -> StudyEntry:
    """The study's line in the list of those this person may see. Raises NotFound."""
    for entry in await upstream.studies(session.key):
        if entry.study == study:
            return entry
    raise NotFound


async def moment_of(
    upstream: Upstream, session: Session, study: str, past: str | None
) -> datetime | None:
    """The instant a past view speaks of; None for the present."""
    if past is None:
        return None
    return (await upstream.assessment(session.key, study, past)).assessment.known_at
