"""`vigil route test` shows the ladder, and when: for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.app import run

ROUTING = """study: ST-1
time_zone: Europe/Berlin
recipients:
  - {name: dr-a, channel: email, address: a@example.org}
  - {name: dr-b, channel: email, address: b@example.org}
rosters:
  - {name: duty, people: [dr-a, dr-b]}
absences:
  - {name: dr-a, first: 2026-12-24, last: 2026-12-26}
rules:
  - {name: all, tell: [duty]}
ladders:
  - {name: all, steps: [{after: 15m, tell: everyone}], again_every: 1h}
"""
DEATH = ["--type", "death", "--severity", "critical"]


@pytest.fixture
def routing(tmp_path: Path) -> str:
    file = tmp_path / "routing.yaml"
    file.write_text(ROUTING, "utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("at", "first"),
    [("2026-12-23T23:59+01:00", "dr-a"), ("2026-12-24T00:00+01:00", "dr-b")],
)
def test_who_is_told_when(
    routing: str, capsys: pytest.CaptureFixture[str], at: str, first: str
) -> None:
    assert run(["route", "test", routing, *DEATH, "--at", at, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = [[way["subscriber"] for way in one["told"]] for one in found["tellings"]]
    assert told == [[first], ["dr-a", "dr-b"]]
    assert found["ladder"] == "all"


def test_a_person_sees_the_steps_and_the_gaps(
    routing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["route", "test", routing, *DEATH, "--at", "2026-06-01T12:00Z"]) == 0
    said = capsys.readouterr().out
    assert "at once" in said
    assert "after 15m" in said
    assert "then everybody again every 1h, until acknowledged" in said
    assert "note:" not in said


@pytest.mark.parametrize("at", ["tomorrow", "2026-06-01T12:00"])
def test_a_moment_without_offset_is_refused(
    routing: str, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    assert run(["route", "test", routing, *DEATH, "--at", at]) == 2
    assert at in capsys.readouterr().err
