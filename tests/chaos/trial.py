"""The study that is running while things die: the dose escalation of the demo, and its sender.

The sender behaves as an EDC does: it sends lines in the order in which they were known, and sends
them again until every one of them has been acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, NullPool

from services.demo import STUDY
from services.demo.records import Event, usubjid
from services.demo.replay import ACTS, facts_of, ndjson, protocol_fact, steps
from services.demo.story import DemoKeys, make_keys
from services.demo.table import read_protocol, read_rows
from shared.clinical import Study
from shared.contracts.envelope import Fact
from shared.runtime.db import create_engine
from tests.chaos.harness import Installation, wait_for

LAST_DAY = "2023-01-13"
"""After the committee's last decision; the months of treatment that follow change no dose."""

MOST_AHEAD = 60
"""Facts acknowledged but not yet applied; beyond it the sender waits, so that all parts always
have work when one of them is killed."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One post: what one source states about one moment or a few."""

    at: datetime
    source: str
    events: tuple[Event, ...]


@cache
def chunks() -> tuple[Chunk, ...]:
    """The escalation as posts, oldest first."""
    runs = groupby(_events(), key=lambda one: str(one["source"]))
    return tuple(_chunk(source, tuple(run)) for source, run in runs)


def subject_codes() -> set[str]:
    """What must never be in a log."""
    return {usubjid(row.subject) for row in read_rows()}


@cache
def pure_study() -> Study:
    """The same facts in the pure core, which knows of no processes."""
    study = Study(STUDY)
    study.add([protocol_fact(beginning())])
    study.add(stated_facts())
    return study


@cache
def stated_facts() -> list[Fact]:
    """The facts that the posts become."""
    return facts_of(one for chunk in chunks() for one in chunk.events)


def _events() -> Iterator[Event]:
    escalation = {usubjid(row.subject) for row in read_rows() if row.part == "escalation"}
    for step in steps():
        for one in step.events:
            if one["knowntime"] < LAST_DAY and (
                one["subject"] in escalation or one["source"] in ACTS
            ):
                yield one


def _chunk(source: str, run: tuple[Event, ...]) -> Chunk:
    return Chunk(datetime.fromisoformat(run[-1]["knowntime"]), source, run)


def beginning() -> datetime:
    """A day before the first post: when the protocol is put."""
    return chunks()[0].at - timedelta(days=1)


@dataclass
class Sender:
    """Posts the study; `receipts` holds what was acknowledged, by source and event id."""

    vigil: Installation
    keys: DemoKeys
    receipts: dict[tuple[str, str], str] = field(default_factory=dict)
    resent: int = 0

    def begin(self, sink_url: str) -> None:
        """Puts the protocol, and has every signal told to the sink."""
        yaml = {"Content-Type": "application/yaml"}
        for path, body in (
            (f"/ingest/v1/studies/{STUDY}/protocol", read_protocol()),
            (f"/notifier/v1/studies/{STUDY}/routing", _routing(sink_url)),
        ):
            answer = self.vigil.ask("PUT", path, self.keys.admin, content=body, headers=yaml)
            assert answer is not None, f"{path} was not answered"

    def send_all(self, before: Callable[[int], None] = lambda _number: None) -> None:
        """Posts everything; `before` is told each chunk's number when its turn has come."""
        for number, chunk in enumerate(chunks()):
            before(number)
            self.send(chunk)
            wait_for("the monitor to keep up", self._monitor_keeps_up)

    def send(self, chunk: Chunk) -> None:
        """Posts a chunk until every line of it is acknowledged."""
        self.vigil.clock.set(chunk.at)
        if not self._post(chunk):
            self.resent += 1
            wait_for("every line to be acknowledged", lambda: self._post(chunk))

    def applied(self) -> int | None:
        """How many facts the monitor says it has applied; None while it says nothing."""
        answer = self.vigil.ask("GET", "/monitor/v1/studies", self.keys.reader)
        if answer is None:
            return None
        (line,) = answer.json()["studies"]
        return int(line["applied_through"] or 0)

    def _monitor_keeps_up(self) -> bool:
        applied = self.applied()
        return applied is not None and len(self.receipts) - applied < MOST_AHEAD

    def _post(self, chunk: Chunk) -> bool:
        answer = self.vigil.ask(
            "POST",
            "/ingest/v1/events",
            self.keys.sources[chunk.source],
            content=ndjson(chunk.events),
            headers={"Content-Type": "application/x-ndjson"},
        )
        return answer is not None and self._note(chunk, answer.text.splitlines())

    def _note(self, chunk: Chunk, lines: list[str]) -> bool:
        """Keeps the receipts of acknowledged lines. False if one has to be sent again."""
        assert len(lines) == len(chunk.events)
        results: list[dict[str, Any]] = [json.loads(line) for line in lines]
        for one, result in zip(chunk.events, results, strict=True):
            if result["status"] in (200, 202):
                name = (chunk.source, str(one["id"]))
                before = self.receipts.setdefault(name, result["receipt"])
                assert before == result["receipt"], "a line sent again got another receipt"
            else:
                assert result["status"] == 503, result
        return all(result["status"] != 503 for result in results)


def new_sender(vigil: Installation) -> Sender:
    """A sender with keys for everybody in the study."""
    engine = create_engine(_known(vigil.database_url()), application_name="tests", pool_size=1)
    try:
        return Sender(vigil, make_keys(engine))
    finally:
        engine.dispose()


def connected(url: str | None) -> Connection:
    """A connection of its own to a database that may be killed at any time. Close it."""
    return sa.create_engine(_known(url), poolclass=NullPool).connect()


def _known(url: str | None) -> str:
    assert url is not None, "the database is not running"
    return url


def _routing(sink_url: str) -> str:
    return (
        f"study: {STUDY}\nsynthetic: true\n"
        f"recipients:\n  - name: desk\n    channel: webhook\n    address: {sink_url}\n"
        "rules:\n  - name: everything\n    tell: [desk]\n"
    )
