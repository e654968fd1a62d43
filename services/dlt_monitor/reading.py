"""The monitor's answers without HTTP, for another service in the same process.

What is read is what the routes of the same names give; whoever holds this sees every study.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.dlt_monitor.asking import Parts, answer_to, view_of
from services.dlt_monitor.profiles import figures_document, profile_to
from services.dlt_monitor.store import outputs


@dataclass(frozen=True, slots=True)
class Document:
    """A document by its contract, and whether it may lack something."""

    document: bytes
    stale: bool


class Reading:
    """Reads for others in this process. Raises what the routes answer with."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def assessment(self, study: str, digest: str) -> Document | None:
        """An assessment as it was given out."""
        with self._parts.engine.connect() as conn:
            stored = outputs.assessment_by_digest(conn, study, digest)
        return None if stored is None else Document(stored.document.encode(), stale=False)

    def profile(self, study: str, subject: str, known_at: datetime) -> Document | None:
        """Everything about a subject, by its opaque id, as known at a moment."""
        with view_of(self._parts, study, None, known_at.isoformat()) as (view, headers):
            found = profile_to(self._parts, view, subject)
        return None if found is None else Document(found.encode(), "Vigil-Stale" in headers)

    def figures(self, study: str, known_at: datetime) -> Document | None:
        """The numbers behind the charts of the study, as known at a moment."""
        with view_of(self._parts, study, None, known_at.isoformat()) as (view, headers):
            found = answer_to(self._parts, view, "figures", figures_document)
        return None if found is None else Document(found.encode(), "Vigil-Stale" in headers)
