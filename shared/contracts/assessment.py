"""The assessment: everything the protocol says about a study at one moment, and why.

``GET …/assessment`` and ``vigil replay --json`` return it. What the words mean is stated beside
each field; the numbers obey ``treated = evaluable + pending + not_evaluable`` and
``evaluable = confirmed DLT + completed``.
"""

from __future__ import annotations

import hashlib
import json
import operator
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Action = Literal[
    "enrol", "expand", "escalate", "stay", "deescalate", "wait", "hold", "finish", "stop"
]
SubjectStatus = Literal[
    "not_started",
    "in_window",
    "open",
    "dlt_candidate",
    "dlt",
    "completed",
    "not_evaluable",
    "not_assessed",
]
CriterionResult = Literal["met", "not_met", "open", "needs_review"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(_Part):
    """One version of one record."""

    source: str
    recordid: str
    revision: int | None


class Criterion(_Part):
    """One line of the protocol's DLT definition for one subject; ``onset`` where it is met."""

    id: str
    result: CriterionResult
    onset: date | None = None
    known_at: datetime | None = None
    why: str
    evidence: tuple[Evidence, ...] = ()


class Window(_Part):
    """The DLT window in site-local calendar dates, both ends inclusive; ``day`` 1 is the first
    dose, None outside the window."""

    first: date
    last: date
    day: int | None


class LateToxicity(_Part):
    """A toxicity that would have been a DLT, but after the window: shown, not counted."""

    criterion: str
    onset: date
    why: str
    known_at: datetime
    evidence: tuple[Evidence, ...]


class GradedEvent(_Part):
    """The worst grade of one toxicity of a subject with its date and evidence."""

    term: str
    grade: int
    onset: date
    why: str
    known_at: datetime
    evidence: tuple[Evidence, ...]


ClockStatus = Literal["running", "at_50", "at_80", "overdue", "met", "perhaps_late", "late"]


class ClockView(_Part):
    """A clock that runs towards ``due``, its last moment in time. ``day_0`` and ``last_day`` of one
    that counts calendar days in a ``region``; ``basis``: what it is counted from, in words;
    ``since``: when the status began. ``perhaps_late``: ended, and the dates don't tell whether in
    time."""

    id: str
    text: str
    basis: str
    region: str | None
    day_0: date | None
    last_day: date | None
    started: datetime
    due: datetime
    status: ClockStatus
    since: datetime


class SafetyFinding(_Part):
    """What the safety team is told of beside the DLT status, as the protocol's section ``safety``
    asks for it: ``id`` tells it apart within the subject, ``rule`` names what asked for it, and
    with another ``trigger`` it is another message. ``urgent``: fatal, life-threatening, or as grave
    by its kind."""

    kind: Literal["sae", "aesi", "immune_related", "hys_law"]
    id: str
    rule: str
    trigger: str
    urgent: bool
    onset: date
    text: str
    known_at: datetime
    evidence: tuple[Evidence, ...]
    clocks: tuple[ClockView, ...] = ()


class SubjectAssessment(_Part):
    """One subject's DLT status, line by line.

    ``review``: the standing `dlt_review`, if any. ``severe``: grade 3 and higher, any time.
    ``flags``: doubts that stand beside the status (``provisional``, ``date_uncertain``, …).
    ``safety``: what the section ``safety`` of the protocol asks to be told.
    """

    subject: str
    usubjid: str
    part: str
    dose_level: int | None
    cohort: str | None
    status: SubjectStatus
    why: str
    window: Window | None
    review: Literal["DLT", "NOT_DLT"] | None = None
    criteria: tuple[Criterion, ...] = ()
    severe: tuple[GradedEvent, ...] = ()
    late_toxicity: tuple[LateToxicity, ...] = ()
    flags: tuple[str, ...] = ()
    safety: tuple[SafetyFinding, ...] = Field(default=(), exclude_if=operator.not_)
    known_at: datetime | None = None


class DltCount(_Part):
    """Subjects, not events: confirmed by a person, candidate, and with an open criterion."""

    confirmed: int
    candidate: int
    open: int


class DoseAssessment(_Part):
    """One dose level. ``state``: open, cleared, held or exceeded. ``backfill``: the design fills
    it with further subjects meanwhile."""

    level: int
    label: str
    treated: int
    evaluable: int
    pending: int
    not_evaluable: int
    dlt: DltCount
    late_toxicity: int
    state: Literal["not_open", "open", "cleared", "held", "exceeded"]
    backfill: bool = Field(default=False, exclude_if=operator.not_)


class Reason(_Part):
    """One rule that spoke, with the numbers it saw."""

    rule: str
    text: str
    inputs: dict[str, int | str | bool | None]


class RuleReport(_Part):
    """How a rule came to its answer, as a tree: what spoke last is the root. ``margin`` is how far
    the numbers are from another answer; fractions are written as text."""

    rule: str
    text: str
    inputs: dict[str, int | str | bool | None] = {}
    thresholds: dict[str, int | str | bool | None] = {}
    margin: str | None = None
    source: str = ""
    children: tuple[RuleReport, ...] = ()


class Recommendation(_Part):
    """What the rule allows next; ``dose_level`` is the dose it speaks of. ``known_at`` is when the
    last fact it rests on was known. ``report``: the rule's answer before holds, as a tree."""

    action: Action
    dose_level: int | None
    mtd: int | None
    mtd_status: Literal["undetermined", "none", "found"]
    reasons: tuple[Reason, ...]
    known_at: datetime | None = None
    report: RuleReport | None = Field(default=None, exclude_if=lambda report: report is None)


class StoppingView(_Part):
    """A stopping rule of the protocol: how many of its subjects are ``evaluable``, with ``events``
    (of a two-stage design: responses), ``pending``, and of those to be judged (``candidate``).
    ``margin``: how many events more stop. ``subjects``: those whose event, or missing response,
    speaks for stopping."""

    id: str
    status: Literal["crossed", "near", "open", "clear"]
    text: str
    source: str
    evaluable: int
    events: int
    pending: int
    candidate: int
    margin: int | None
    subjects: tuple[str, ...] = ()
    known_at: datetime | None = None


class DecisionView(_Part):
    """A recorded committee decision; ``basis`` is ``changed`` when what it rested on no longer
    holds. ``countersigned_by``: the second person of one that overrides the design."""

    recordid: str
    action: Action
    dose_level: int
    decided: date
    mtd: int | None
    rp2d: int | None
    lifts_hold: bool
    actor: str | None
    assessment_digest: str
    basis: Literal["stands", "changed"]
    basis_text: str
    known_at: datetime
    countersigned_by: str | None = Field(default=None, exclude_if=lambda name: name is None)


class Query(_Part):
    """A missing or doubtful fact that keeps something from being known; for the site to answer."""

    id: str
    subject: str | None
    kind: Literal["missing", "doubtful", "conflict", "unit", "range", "protocol"]
    text: str
    evidence: tuple[Evidence, ...] = ()
    known_at: datetime | None = None


class Assessment(_Part):
    """A study at one moment. ``digest`` proves it: see `digest_of`. ``stale_since``: from when on
    it was too long that no record of any subject had arrived, where the protocol asks."""

    study: str
    protocol_version: str
    ctcae: str
    as_of: datetime
    known_at: datetime
    applied_through: str | None = None
    engine: str
    digest: str = ""
    status: Literal["open", "on_hold", "finished", "stopped"]
    degraded: bool
    recommendation: Recommendation
    rp2d: int | None
    decisions: tuple[DecisionView, ...]
    queries: tuple[Query, ...]
    doses: tuple[DoseAssessment, ...]
    subjects: tuple[SubjectAssessment, ...]
    stopping: tuple[StoppingView, ...] = Field(default=(), exclude_if=operator.not_)
    stale_since: datetime | None = Field(default=None, exclude_if=lambda since: since is None)


_NOT_IN_DIGEST = frozenset({"digest", "engine", "applied_through", "known_at"})
_BY_PART = {"queries", "subjects"}


def document_of(assessment: Assessment) -> str:
    """The assessment's own ``model_dump_json()``, put together from texts of its parts."""
    written: list[str] = []
    for name in Assessment.model_fields:
        if name in _BY_PART:
            texts = [_texts_of(part).document for part in getattr(assessment, name)]
            written.append(f'"{name}":[{",".join(texts)}]')
        else:
            written.append(assessment.model_dump_json(include={name})[1:-1])
    return f"{{{','.join(filter(None, written))}}}"


def digest_of(assessment: Assessment) -> str:
    """SHA-256 over RFC 8785 JSON without ``digest``, ``engine``, ``applied_through`` and every
    ``known_at``: when something became known does not change what is.

    An assessment holds no floating-point numbers and ASCII keys, for which sorted compact JSON is
    RFC 8785 (a test compares with a reference implementation).
    """
    study = json.loads(assessment.model_dump_json(exclude=_BY_PART), object_hook=_bare)
    members = {name: _canonical(value) for name, value in study.items()}
    for name in _BY_PART:
        texts = [_texts_of(part).digested for part in getattr(assessment, name)]
        members[name] = f"[{','.join(texts)}]"
    text = ",".join(f'"{name}":{members[name]}' for name in sorted(members))
    return "sha256:" + hashlib.sha256(f"{{{text}}}".encode()).hexdigest()


class _Written(NamedTuple):
    """A part as the document has it, and as the digest reads it."""

    part: _Part
    document: str
    digested: str


_MOST_WRITTEN = 4096
_written: dict[int, _Written] = {}
"""By the part's id, which is nobody else's while the part is held here: parts are frozen, and
comparing them costs more than writing them."""


def _texts_of(part: _Part) -> _Written:
    """From one assessment to the next most parts are the same objects."""
    found = _written.get(id(part))
    if found is None:
        document = part.model_dump_json()
        found = _Written(part, document, _canonical(json.loads(document, object_hook=_bare)))
        if len(_written) >= _MOST_WRITTEN:
            _written.clear()
        _written[id(part)] = found
    return found


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _bare(members: dict[str, Any]) -> dict[str, Any]:
    for name in _NOT_IN_DIGEST:
        members.pop(name, None)
    return members
