"""Takes a request apart: bytes to candidates and refusals, one for each event, in order.

Nothing here stops at the first bad event, and nothing repeats what was sent: a refusal says where
and why.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.ingest.intake.documents import faults
from services.ingest.intake.items import Candidate, Item, Refusal
from services.ingest.intake.permission import forbidden, own_study, signed
from shared.contracts.envelope import Event, body_hash, canonical, read_event
from shared.contracts.facts import KINDS, Protocol
from shared.contracts.reader import FieldProblem, Refused, read_json, refuse
from shared.runtime.auth import Principal
from shared.runtime.settings import Limits

MOST_PROBLEMS = 20
LONGEST_POINTER = 512
_UNREADABLE = {"not-json": 400, "not-utf8": 400, "too-large": 413}
_TYPES = frozenset(f"vigil.{kind}.v1" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads events as one service accepts them. `replaying`: the clock is simulated."""

    limits: Limits
    replaying: bool

    def line(self, raw: bytes, principal: Principal) -> Item:
        """One event from its bytes."""
        try:
            document = read_json(
                raw, max_bytes=self.limits.max_line_bytes, max_depth=self.limits.max_json_depth
            )
        except Refused as refused:
            return self._refusal(raw, principal, None, refused.problems)
        return self._document(document, raw, principal)

    def batch(self, body: bytes, principal: Principal) -> list[Item]:
        """The events of a JSON array. Raises Refused where it is not one, or holds too many."""
        documents = read_json(body, max_depth=self.limits.max_json_depth + 1)
        if not isinstance(documents, list):
            refuse("", "not-an-array", "a batch is an array of events")
        if len(documents) > self.limits.max_lines:
            refuse("", "too-large", f"at most {self.limits.max_lines} events are taken at once")
        return [self._element(document, principal) for document in documents]

    def lines(self, body: bytes, principal: Principal) -> tuple[list[int], list[Item]]:
        """The events of NDJSON with their line numbers, blank lines left out.

        Raises Refused where there are too many.
        """
        numbered = list(_lines(body))
        if len(numbered) > self.limits.max_lines:
            refuse("", "too-large", f"at most {self.limits.max_lines} lines are taken at once")
        return (
            [number for number, _ in numbered],
            [self.line(raw, principal) for _, raw in numbered],
        )

    def refused(
        self, body: bytes, principal: Principal, problems: tuple[FieldProblem, ...]
    ) -> Refusal:
        """A whole request that cannot be taken apart, kept like a refused event."""
        return self._refusal(body, principal, None, problems)

    def _element(self, document: Any, principal: Principal) -> Item:
        raw = canonical(document).encode()
        if len(raw) > self.limits.max_line_bytes:
            problem = FieldProblem(
                "", "too-large", f"larger than {self.limits.max_line_bytes} bytes"
            )
            return self._refusal(raw, principal, document, (problem,))
        return self._document(document, raw, principal)

    def _document(self, document: Any, raw: bytes, principal: Principal) -> Item:
        claimed = document.get("studyid") if isinstance(document, dict) else None
        if isinstance(claimed, str) and not own_study(principal, claimed):
            problem = FieldProblem("/studyid", "not-found", "not a study of this key")
            return self._refusal(raw, principal, document, (problem,), 404)
        try:
            event, record = read_event(document)
        except Refused as refused:
            return self._refusal(raw, principal, document, refused.problems)
        problem_of_sender = forbidden(principal, event)
        if problem_of_sender is not None:
            return self._refusal(raw, principal, document, (problem_of_sender,), 403)
        problems = self._beyond_the_shape(event, record)
        if problems:
            return self._refusal(raw, principal, document, problems)
        return Candidate(signed(principal, event), body_hash(document), raw)

    def _beyond_the_shape(self, event: Event, record: object) -> tuple[FieldProblem, ...]:
        if event.knowntime is not None and not self.replaying:
            detail = "live events are known when they arrive; knowntime is for a simulated clock"
            return (FieldProblem("/knowntime", "live", detail),)
        if isinstance(record, Protocol):
            return faults(record)
        return ()

    def _refusal(
        self,
        raw: bytes,
        principal: Principal,
        document: Any,
        problems: tuple[FieldProblem, ...],
        status: int | None = None,
    ) -> Refusal:
        return Refusal(
            status=status or _UNREADABLE.get(problems[0].code, 422),
            problems=tuple(map(_short, problems[:MOST_PROBLEMS])),
            body_hash=hashlib.sha256(raw).hexdigest(),
            study=_study_concerned(document, principal),
            type=_type_claimed(document),
            raw=raw if len(raw) <= self.limits.max_line_bytes else None,
        )


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(body.split(b"\n"), start=1):
        stripped = line.strip(b" \t\r")
        if stripped:
            yield number, stripped


def _study_concerned(document: Any, principal: Principal) -> str | None:
    """Whose administrator should see a refusal: an own study's, or that of the key's only one."""
    claimed = document.get("studyid") if isinstance(document, dict) else None
    if isinstance(claimed, str) and own_study(principal, claimed):
        return claimed
    studies = principal.studies()
    return next(iter(studies)) if len(studies) == 1 else None


def _type_claimed(document: Any) -> str | None:
    claimed = document.get("type") if isinstance(document, dict) else None
    return claimed if isinstance(claimed, str) and claimed in _TYPES else None


def _short(problem: FieldProblem) -> FieldProblem:
    """A key of the sender's own making can be as long as the event."""
    if len(problem.pointer) <= LONGEST_POINTER:
        return problem
    return FieldProblem(problem.pointer[:LONGEST_POINTER], problem.code, problem.detail)
