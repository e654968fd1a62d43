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


@pytest.mark.parametrize(
    ("allowed", "severity", "details", "words"),
    [
        ("", "critical", {"email": []}, "email says study, severity, link, and nothing else"),
        (
            "details: {email: [subject, chart], webhook: [text]}",
            "critical",
            {"email": ["subject", "chart"]},
            "email says study, severity, link, subject, chart\n",
        ),
        (
            "details: {email: [subject]}\ndigest: {severities: [notice], at: 08:00}",
            "notice",
            {"email": ["subject"]},
            "email says study, severity, link, subject\n",
        ),
    ],
)
def test_what_a_channel_may_say_is_shown(
    routing: str,
    capsys: pytest.CaptureFixture[str],
    allowed: str,
    severity: str,
    details: dict[str, list[str]],
    words: str,
) -> None:
    Path(routing).write_text(f"{ROUTING}{allowed}\n", "utf-8")
    asked = ["route", "test", routing, "--type", "data.query", "--severity", severity]
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["details"] == details
    assert run(asked) == 0
    assert words in capsys.readouterr().out


def test_a_digest_says_nothing_of_its_signals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "routing.yaml"
    ladderless = ROUTING[: ROUTING.index("ladders:")]
    said = "details: {email: [subject]}\ndigest: {severities: [notice], at: 08:00}\n"
    file.write_text(ladderless + said, "utf-8")
    asked = ["route", "test", str(file), "--type", "data.query", "--severity"]
    assert run([*asked, "notice", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["by_digest"], found["details"]) == (True, {})
    assert run([*asked, "warning", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["details"] == {"email": ["subject"]}


@pytest.mark.parametrize("at", ["tomorrow", "2026-06-01T12:00"])
def test_a_moment_without_offset_is_refused(
    routing: str, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    assert run(["route", "test", routing, *DEATH, "--at", at]) == 2
    assert at in capsys.readouterr().err
