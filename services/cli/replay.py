"""`vigil replay`: the pure core on files, with no database."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from services.cli.output import (
    UNAVAILABLE,
    USAGE,
    AsJson,
    err,
    fail,
    out,
    read_text,
)
from services.cli.tables import assessment_view
from shared.clinical import DocumentError, Protocol, Study, load_protocol
from shared.contracts.envelope import Fact, fact_from, read_event, sha256
from shared.contracts.reader import Refused, read_json

SYNTHETIC = "SYNTHETIC DATA, not patients"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def replay(
    protocol: Annotated[Path, typer.Argument(help="The protocol document (YAML).")],
    events: Annotated[Path, typer.Argument(help="CloudEvents, one a line; - is stdin.")],
    as_of: Annotated[
        str | None, typer.Option(help="What had happened by then (date or RFC 3339).")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(help="What was known by then (date or RFC 3339).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Assess a study from a file of events; nothing is stored and no service is asked.

    Each event is known at its knowntime, or else at its time. Without the options the latest
    moment in the file counts.
    """
    document = read_text(protocol, "the protocol")
    try:
        loaded = load_protocol(document)
    except DocumentError as error:
        first = error.findings[0]
        fail(f"{protocol}:{first.line}: {first.problem}; see vigil protocol check {protocol}")
    facts = list(_facts(_lines(events), loaded.study))
    if not facts:
        fail(f"{events} holds no events")
    known = _moment("--known-at", known_at, loaded) or max(fact.known_at for fact in facts)
    seen = _moment("--as-of", as_of, loaded) or known
    study = Study(loaded.study)
    try:
        study.add([_protocol_fact(loaded, document, min(fact.known_at for fact in facts)), *facts])
        assessment = study.assess(as_of=seen, known_at=known)
    except ValueError as error:
        fail(f"the events cannot be assessed: {error}")
    if as_json:
        typer.echo(assessment.model_dump_json())
    else:
        out.print(assessment_view(assessment, SYNTHETIC if loaded.synthetic else None))


def _lines(events: Path) -> list[bytes]:
    if str(events) == "-":
        return sys.stdin.buffer.read().splitlines()
    try:
        return events.read_bytes().splitlines()
    except OSError as error:
        fail(f"cannot read the events {events}: {error.strerror}", UNAVAILABLE)


def _facts(lines: list[bytes], study: str) -> Iterator[Fact]:
    shown = track(lines, "Reading events", console=err, transient=True, disable=len(lines) < 5000)
    for number, line in enumerate(shown, start=1):
        if not line.strip():
            continue
        try:
            event, _ = read_event(read_json(line))
        except Refused as refused:
            first = refused.problems[0]
            fail(f"line {number}: {first.pointer or '/'}: {first.detail}")
        if event.studyid != study:
            fail(f"line {number}: /studyid: not the study of the protocol ({study})")
        yield fact_from(event, (event.knowntime or event.time).astimezone(UTC))


def _protocol_fact(protocol: Protocol, document: str, known_at: datetime) -> Fact:
    data = {"STUDYID": protocol.study, "version": protocol.version, "document": document}
    return Fact(
        fact_id=sha256(document),
        study=protocol.study,
        kind="protocol",
        subject=protocol.study,
        source="urn:vigil:replay",
        recordid="protocol",
        revision=1,
        sourcetime=None,
        op="upsert",
        reason=None,
        actor=None,
        correlationid=None,
        known_at=known_at,
        content=sha256(document),
        data=data,
    )


def _moment(option: str, text: str | None, protocol: Protocol) -> datetime | None:
    """A bare date means its end in the study's time zone."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return protocol.end_of(date.fromisoformat(text)).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail(f"{option} wants a date (2026-03-09) or an instant with offset", USAGE)
    return moment.astimezone(UTC)
