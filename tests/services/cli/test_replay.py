"""`vigil replay`: amended protocols, judgements and bad lines; the signals, and the stored past."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from services.cli.app import run
from services.demo.records import event
from services.demo.replay import events, facts_of, ndjson, protocol_fact
from services.demo.table import FOLDER, read_protocol
from shared.contracts.signals import read_signal
from shared.runtime.clock import ManualClock
from tests.services.dlt_monitor.station import Station

PROTOCOL = str(FOLDER / "protocol.yaml")
THROUGH = "2022-08-24"
"""The first candidate, its confirmation, and the committee's first two decisions."""


@pytest.fixture(scope="module")
def stated() -> list[dict[str, Any]]:
    return [one for one in events() if one["knowntime"] < THROUGH]


@pytest.fixture(scope="module")
def file(stated: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("replay") / "events.ndjson"
    found.write_text(ndjson(stated), "utf-8")
    return found


def _signals(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert run(["replay", PROTOCOL, *arguments, "--signals", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_is_replayed_is_what_the_monitor_stored_and_sent(
    file: Path,
    stated: list[dict[str, Any]],
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = facts_of(stated)
    before = facts[0].known_at - timedelta(microseconds=1)
    station = Station(engine, ManualClock(before))
    try:
        station.feed([protocol_fact(before)])
        for moment in sorted({fact.known_at for fact in facts}):
            station.clock.set(moment)
            station.feed([fact for fact in facts if fact.known_at == moment])
        stored, sent = station.assessments(), station.signals()
    finally:
        station.close()
    told = _signals(capsys, str(file))
    assert [read_signal(json.dumps(one["signal"])) for one in told] == sent
    assert {one["signal"]["type"] for one in told} >= {"dlt.candidate", "dlt.confirmed"}
    assert all(one.site for one in sent if one.subject)
    raised = [one["raised"] for one in told]
    assert raised == sorted(raised)
    for past in stored[len(stored) // 3 :: len(stored) // 3]:
        known = past.as_of.isoformat()
        assert run(["replay", PROTOCOL, str(file), "--known-at", known, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["digest"] == past.digest


def test_signals_end_where_knowledge_ends(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _signals(capsys, str(file), "--known-at", "2022-08-20")
    assert told
    assert not any(one["signal"]["type"] == "dlt.candidate" for one in told)
    assert max(one["raised"] for one in told) <= "2022-08-20T15:59:59.999999+00:00"


def test_signals_read_as_lines_with_their_date(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", PROTOCOL, str(file), "--signals"]) == 0
    label, *lines = capsys.readouterr().out.splitlines()
    assert "SYNTHETIC" in label
    assert any(line.startswith("2022-08-2") and "dlt.candidate" in line for line in lines)


def test_signals_know_no_as_of(file: Path) -> None:
    assert run(["replay", PROTOCOL, str(file), "--signals", "--as-of", "2022-08-20"]) == 2


@pytest.mark.parametrize("moment", ["9999-12-31", "0001-01-01T00:00:00+14:00", "2022-08-20T12:00"])
def test_a_moment_beyond_the_calendar_is_refused(
    file: Path, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", PROTOCOL, str(file), "--known-at", moment]) == 2
    assert "wants a date" in capsys.readouterr().err


def _amendment(document: str) -> dict[str, Any]:
    known = datetime(2022, 8, 1, tzinfo=UTC)
    data = {"version": "2", "document": document}
    return event("protocol", "urn:vigil:protocol", "protocol", known, data) | {"actor": "sponsor"}


def test_an_amended_protocol_is_an_event_like_any_other(
    stated: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amended = read_protocol().replace('version: "1"', 'version: "2"')
    file = tmp_path / "events.ndjson"
    file.write_text(ndjson([_amendment(amended), *stated]), "utf-8")
    for known, version in (("2022-07-20", "1"), ("2022-08-20", "2")):
        assert run(["replay", PROTOCOL, str(file), "--known-at", known, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["protocol_version"] == version


def test_a_bad_protocol_in_the_file_is_told_by_both_lines(
    stated: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.ndjson"
    bad = read_protocol().replace("last_day: 21", "last_day: 0")
    file.write_text(ndjson([stated[0], _amendment(bad)]), "utf-8")
    line = read_protocol().splitlines().index("  last_day: 21") + 1
    assert run(["replay", PROTOCOL, str(file)]) == 1
    assert f"line 2: /data/document, its line {line}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "vigil.nonsense.v1"}, "line 2: /type: not a type of this contract"),
        ({"op": "delete"}, "line 2: /reason: a deletion needs a reason"),
        ({"revision": None}, "line 2: /revision: give revision or sourcetime"),
        ({"knowntime": "2022-08-24"}, "line 2: /knowntime: write it as RFC 3339"),
    ],
)
def test_what_ingest_would_refuse_is_refused_by_line(
    stated: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    told: str,
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(ndjson([stated[0], stated[1] | change]), "utf-8")
    assert run(["replay", PROTOCOL, str(file)]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "holds no events"), (b'{"a": "\xff"}\n', "line 1: /: byte 7 is not UTF-8")],
)
def test_a_file_that_holds_nothing_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(content)
    assert run(["replay", PROTOCOL, str(file)]) == 1
    assert told in capsys.readouterr().err


def test_what_a_step_is_is_said_where_several_events_are_one(
    stated: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, instants = tmp_path / "events.ndjson", sorted({one["knowntime"] for one in stated})
    several = sum(sum(one["knowntime"] == at for one in stated) > 1 for at in instants)
    file.write_text(ndjson(stated), "utf-8")
    assert run(["replay", PROTOCOL, str(file), "--signals", "--json"]) == 0
    assert f"note: {several} instants have several events" in capsys.readouterr().err
    first = [one for one in stated if one["knowntime"] == instants[0]][:1]
    file.write_text(ndjson(first), "utf-8")
    assert run(["replay", PROTOCOL, str(file), "--signals"]) == 0
    assert capsys.readouterr().err == ""
