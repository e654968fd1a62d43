"""`vigil replay`: the pure core on files, with no database."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

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
from services.cli.replay_halves import replayed
from services.cli.replay_signals import raise_signals, steps_of
from services.cli.tables import assessment_view
from shared.clinical import DocumentError, Protocol, Study, load_protocol
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact, fact_from, read_event, sha256
from shared.contracts.facts import Protocol as Amended
from shared.contracts.reader import Refused, read_json
from shared.runtime.heap import uncollected

SYNTHETIC = "SYNTHETIC DATA, not patients"
SLOW_LINES, SLOW_STEPS = 5_000, 50
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
    signals: Annotated[
        bool, typer.Option("--signals", help="Every signal that was raised, in order.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Assess a study from a file of events; nothing is stored and no service is asked.

    Each event is known at its knowntime, or else at its time. Without the options the latest
    moment in the file counts. Amended protocols, decisions and reviews are events like any other.

    With --signals the study is looked at after each instant, all that is known at it together, and
    at every deadline between. What was raised and settled within one instant is not listed; the
    services look once a batch, and may have told it.
    """
    if signals and as_of is not None:
        fail("--signals tells what was raised as it became known: use --known-at", USAGE)
    document, loaded = _read_protocol(protocol)
    known, seen = _moment("--known-at", known_at, loaded), _moment("--as-of", as_of, loaded)
    label = SYNTHETIC if loaded.synthetic else None
    try:
        if signals:
            _tell_signals(_read(document, loaded, events), known, label, as_json)
        else:
            with uncollected():
                assessment = _assessment(document, loaded, events, seen, known)
            _tell_assessment(assessment, label, as_json)
    except ValueError as error:
        fail(f"the events cannot be assessed: {error}")


def facts_and_moment(
    protocol: Path, events: Path, moment: str | None, option: str
) -> tuple[list[Fact], datetime]:
    """What the files hold, and the moment an option names; else the latest in them."""
    document, loaded = _read_protocol(protocol)
    facts = _read(document, loaded, events)
    return facts, _moment(option, moment, loaded) or max(fact.known_at for fact in facts)


def _read_protocol(path: Path) -> tuple[str, Protocol]:
    document = read_text(path, "the protocol")
    try:
        return document, load_protocol(document)
    except DocumentError as error:
        first = error.findings[0]
        fail(f"{path}:{first.line}: {first.problem}; see vigil protocol check {path}")


def _read(document: str, protocol: Protocol, events: Path) -> list[Fact]:
    """The facts of the protocol's study, the protocol's own among them."""
    facts = list(_facts(_lines(events), protocol.study))
    first = min(fact.known_at for fact in facts)
    return [_protocol_fact(protocol, document, first), *facts]


def _assessment(
    document: str,
    protocol: Protocol,
    events: Path,
    as_of: datetime | None,
    known_at: datetime | None,
) -> Assessment:
    def assess(study: Study, first: datetime, last: datetime) -> Assessment:
        study.add([_protocol_fact(protocol, document, first)])
        known = known_at or last
        return study.assess(as_of=as_of or known, known_at=known)

    def read(lines: Sequence[bytes]) -> Iterable[Fact]:
        return _facts(lines, protocol.study)

    return replayed(protocol.study, _lines(events), read, assess)


def _tell_assessment(assessment: Assessment, label: str | None, as_json: bool) -> None:
    if as_json:
        typer.echo(assessment.model_dump_json())
    else:
        out.print(assessment_view(assessment, label))


def _tell_signals(
    facts: Sequence[Fact], known_at: datetime | None, label: str | None, as_json: bool
) -> None:
    """One line a signal: when it was raised, and the signal."""
    until = known_at or max(fact.known_at for fact in facts)
    if label is not None and not as_json:
        typer.echo(label)
    steps = steps_of(facts, until)
    shown = _tracked(steps, "Replaying", len(steps) >= SLOW_STEPS)
    for raised, signal in raise_signals(shown, until):
        if as_json:
            typer.echo(f'{{"raised":"{raised.isoformat()}","signal":{signal.model_dump_json()}}}')
        else:
            typer.echo(f"{raised.isoformat()}  {signal.severity:8}  {signal.type}  {signal.text}")
    together = sum(len(facts) > 1 for _, facts in steps)
    if together:
        instants = "1 instant has" if together == 1 else f"{together} instants have"
        err.print(f"note: {instants} several events; what came and went within one is not listed")


def _tracked(things: Sequence[Any], what: str, slow: bool) -> Iterable[Any]:
    """With a progress bar on a terminal, where it takes long."""
    return track(things, what, console=err, transient=True, disable=not (slow and err.is_terminal))


def _lines(events: Path) -> list[bytes]:
    try:
        content = sys.stdin.buffer.read() if str(events) == "-" else events.read_bytes()
    except OSError as error:
        fail(f"cannot read the events {events}: {error.strerror}", UNAVAILABLE)
    if not content.strip():
        fail(f"{events} holds no events")
    return content.splitlines()


def _facts(lines: Sequence[bytes], study: str) -> Iterator[Fact]:
    shown = _tracked(lines, "Reading events", len(lines) >= SLOW_LINES)
    for number, line in enumerate(shown, start=1):
        if not line.strip():
            continue
        try:
            event, record = read_event(read_json(line))
            if isinstance(record, Amended):
                load_protocol(record.document)
        except Refused as refused:
            first = refused.problems[0]
            fail(f"line {number}: {first.pointer or '/'}: {first.detail}")
        except DocumentError as error:
            found = error.findings[0]
            fail(f"line {number}: /data/document, its line {found.line}: {found.problem}")
        if event.studyid != study:
            fail(f"line {number}: /studyid: not the study of the protocol ({study})")
        yield fact_from(event, (event.knowntime or event.time).astimezone(UTC))


def _protocol_fact(protocol: Protocol, document: str, first: datetime) -> Fact:
    """The document as a fact, known before the ``first`` of the events."""
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
        known_at=first - timedelta(microseconds=1),
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
        known = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        known = None
    if known is None:
        fail(f"{option} wants a date (2026-03-09) or an instant with offset", USAGE)
    return known
