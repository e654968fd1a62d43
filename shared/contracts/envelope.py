"""The CloudEvents 1.0 envelope an event arrives in, and the `Fact` it becomes once accepted.

An event is identified twice: as a delivery by (``source``, ``id``), and as a version of a record
by (``source``, ``studyid``, kind, ``recordid``) with ``revision`` or ``sourcetime``.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.contracts.facts import KINDS, STUDY_KINDS, Code, Record, Text
from shared.contracts.reader import FieldProblem, Refused, escape_pointer

StudyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256)]
MAX_REVISION = 2**53 - 1

_NO_OFFSET = timedelta()
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _written_out(value: Any) -> Any:
    """Pydantic reads a bare number as seconds since 1970; the contract does not."""
    if not isinstance(value, datetime) and not (
        isinstance(value, str) and _RFC_3339.fullmatch(value)
    ):
        raise PydanticCustomError("not_rfc3339", "write it as RFC 3339, with an offset")
    return value


def _within_utc(moment: datetime) -> datetime:
    """The first and the last day of the calendar may not exist in UTC."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "not an instant of this calendar") from None
    return moment


Instant: TypeAlias = Annotated[
    AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_utc)
]


class Event(BaseModel):
    """The envelope, field by field; ``data`` is checked apart, by kind (`read_event`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    specversion: Literal["1.0"]
    id: Identifier
    source: Identifier
    type: Annotated[str, StringConstraints(pattern=r"^vigil\.[a-z_]+\.v1$")]
    time: Instant
    subject: Identifier
    studyid: StudyId
    recordid: Identifier
    revision: int | None = Field(default=None, ge=1, le=MAX_REVISION, strict=True)
    sourcetime: Instant | None = None
    op: Literal["upsert", "delete"] = "upsert"
    reason: Text | None = None
    actor: Identifier | None = None
    correlationid: Identifier | None = None
    knowntime: Instant | None = None
    datacontenttype: Literal["application/json"] | None = None
    dataschema: Text | None = None
    traceparent: Text | None = None
    tracestate: Text | None = None
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        """The record kind: ``lab`` for ``vigil.lab.v1``."""
        return self.type.split(".")[1]

    @model_validator(mode="after")
    def _versioned(self) -> Event:
        if self.revision is None and self.sourcetime is None:
            raise PydanticCustomError(
                "version_missing", "give revision or sourcetime", {"key": "revision"}
            )
        if self.op == "delete" and not (self.reason or "").strip():
            raise PydanticCustomError(
                "reason_missing", "a deletion needs a reason", {"key": "reason"}
            )
        return self


class _Deleted(BaseModel):
    """What a deletion may carry: whose record, and nothing clinical."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    STUDYID: Code
    USUBJID: Code | None = None


def read_event(document: Any) -> tuple[Event, Record | None]:
    """Check a parsed JSON document against the contract; the record is None for a deletion.

    Raises `Refused` with every problem found and a JSON Pointer to each, never the values.
    """
    try:
        event = Event.model_validate(document)
    except ValidationError as error:
        raise Refused(_problems(error, "", document)) from None
    model = KINDS.get(event.kind)
    if model is None:
        raise Refused([FieldProblem("/type", "unknown-type", "not a type of this contract")])
    try:
        body: Record | _Deleted
        if event.op == "delete":
            body = _Deleted.model_validate(event.data)
        else:
            body = model.model_validate(event.data)
    except ValidationError as error:
        raise Refused(_problems(error, "/data", event.data)) from None
    _check_identity(event, body)
    return event, body if isinstance(body, Record) else None


def _check_identity(event: Event, body: Record | _Deleted) -> None:
    if event.studyid != body.STUDYID:
        raise Refused(
            [FieldProblem("/data/STUDYID", "differs", "differs from the envelope's studyid")]
        )
    about_study = event.kind in STUDY_KINDS
    expected = event.studyid if about_study else getattr(body, "USUBJID", None)
    if event.subject != expected:
        other = "STUDYID" if about_study else "data.USUBJID"
        raise Refused([FieldProblem("/subject", "differs", f"differs from {other}")])


def _problems(error: ValidationError, prefix: str, document: Any) -> list[FieldProblem]:
    """Pydantic's findings as pointers and words; input and context values are left behind."""
    found: dict[FieldProblem, None] = {}
    for item in error.errors(include_url=False, include_input=False):
        tokens = _place(item["loc"], document)
        custom = item.get("ctx", {}).get("key")
        if custom is not None:
            tokens.append(str(custom))
        pointer = prefix + "".join("/" + escape_pointer(token) for token in tokens)
        code = item["type"].replace("_", "-")
        found[FieldProblem(pointer, code, _words(item["type"], item["msg"]))] = None
    return list(found)


def _place(location: tuple[int | str, ...], document: Any) -> list[str]:
    """The part of a location that is in the document: pydantic adds which alternative it tried."""
    tokens = []
    for part in location:
        if isinstance(document, dict):
            document = document.get(part, {})
        elif isinstance(document, list) and isinstance(part, int):
            document = document[part] if part < len(document) else {}
        else:
            break
        tokens.append(str(part))
    return tokens


def _words(kind: str, message: str) -> str:
    """Pydantic's sentence, except where it may quote what was sent."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return "not a field of this contract"
    return message


def canonical(value: Any) -> str:
    """One text for equal JSON values: sorted keys, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hex SHA-256 of a text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


_NOT_CONTENT = frozenset({"time", "traceparent", "tracestate"})


def body_hash(document: dict[str, Any]) -> str:
    """What a retry repeats: the whole event but the sending time and the trace.

    A sender that stamps each attempt anew still repeats the same statement.
    """
    return sha256(
        canonical({key: value for key, value in document.items() if key not in _NOT_CONTENT})
    )


def content_hash(event: Event) -> str:
    """What a revision states: the operation and the data, whoever delivered it."""
    return sha256(canonical([event.op, event.data]))


def _plain_utc(moment: datetime) -> datetime:
    """The same moment with Python's own UTC instead of pydantic's: such times are compared and
    hashed twenty times as fast, and a study compares its facts' times all the time."""
    if moment.tzinfo is not UTC and moment.utcoffset() == _NO_OFFSET:
        return moment.replace(tzinfo=UTC)
    return moment


Moment = Annotated[datetime, AfterValidator(_plain_utc)]


class Fact(BaseModel):
    """One accepted version of a record, as it travels on ``vigil.facts.v1``; never edited.

    ``known_at`` is when Vigil knew it (UTC). Two facts of one record with the same revision and
    different content are both kept: `shared.clinical` sees the conflict and errs on the safe side.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal["vigil.fact.v1"] = "vigil.fact.v1"
    fact_id: str
    study: str
    kind: str
    subject: str
    source: str
    recordid: str
    revision: int | None
    sourcetime: Moment | None
    op: Literal["upsert", "delete"]
    reason: str | None
    actor: str | None
    correlationid: str | None
    known_at: Moment
    content: str
    data: dict[str, Any]

    @property
    def record(self) -> tuple[str, str, str, str]:
        """The record's identity: source, study, kind, recordid."""
        return (self.source, self.study, self.kind, self.recordid)

    @property
    def version(self) -> tuple[int, str, str]:
        """Orders a record's versions: by revision; without one by source time, then content."""
        if self.revision is not None:
            return (self.revision, "", "")
        moment = self.sourcetime.isoformat() if self.sourcetime else ""
        return (0, moment, self.content)


_FACT = TypeAdapter(Fact)


def fact_from(event: Event, known_at: datetime) -> Fact:
    """The fact an accepted event becomes; its id depends on the version alone, so that a second
    delivery of the same version is the same fact."""
    content = content_hash(event)
    sourcetime = _utc(event.sourcetime)
    version = event.revision if event.revision is not None else str(sourcetime)
    identity = [event.source, event.studyid, event.kind, event.recordid, version, content]
    return Fact(
        fact_id=sha256(canonical(identity)),
        study=event.studyid,
        kind=event.kind,
        subject=event.subject,
        source=event.source,
        recordid=event.recordid,
        revision=event.revision,
        sourcetime=sourcetime,
        op=event.op,
        reason=event.reason,
        actor=event.actor,
        correlationid=event.correlationid,
        known_at=known_at,
        content=content,
        data=event.data,
    )


def read_fact(value: bytes | str) -> Fact:
    """Read a message of ``vigil.facts.v1``; ValueError (pydantic's) where it is not one."""
    return _FACT.validate_json(value)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
