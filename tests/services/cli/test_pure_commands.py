"""The commands that work on files alone: what they print, and how they end."""

import json
from pathlib import Path

import pytest

from services.cli.app import run
from services.demo.replay import events, ndjson
from services.demo.table import FOLDER, read_protocol
from shared.contracts.assessment import Assessment

PROTOCOL = str(FOLDER / "protocol.yaml")


@pytest.fixture(scope="module")
def first_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay up to and including the first candidate."""
    file = tmp_path_factory.mktemp("replay") / "events.ndjson"
    file.write_text(ndjson(one for one in events() if one["knowntime"] < "2022-08-22"), "utf-8")
    return file


def test_a_good_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["protocol", "check", PROTOCOL, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["study"]) == (True, "NCT05301764")


def test_a_bad_protocol_is_told_by_line_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(read_protocol().replace("last_day: 21", "last_day: 0"), "utf-8")
    line = read_protocol().splitlines().index("  last_day: 21") + 1
    assert run(["protocol", "check", str(bad)]) == 1
    assert capsys.readouterr().out.startswith(f"{bad}:{line}: ")
    assert run(["protocol", "check", str(bad), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert found[0]["line"] == line
    assert found[0]["remedy"]


def test_replay_prints_the_published_assessment(
    first_events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", PROTOCOL, str(first_events), "--json"]) == 0
    assessment = Assessment.model_validate_json(capsys.readouterr().out)
    assert assessment.doses[2].dlt.candidate == 1


def test_replay_as_known_the_day_before(
    first_events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", PROTOCOL, str(first_events), "--known-at", "2022-08-20", "--json"]) == 0
    assessment = Assessment.model_validate_json(capsys.readouterr().out)
    assert assessment.doses[2].dlt.candidate == 0
    assert assessment.as_of.isoformat() == "2022-08-20T15:59:59.999999+00:00"


def test_replay_says_that_the_data_are_synthetic(
    first_events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", PROTOCOL, str(first_events)]) == 0
    assert "SYNTHETIC" in capsys.readouterr().out


def test_an_event_without_knowntime_was_known_when_it_was_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = "2022-05-09T20:00:00+08:00"
    stated = [one | {"time": later} for one in events() if one["knowntime"] < "2022-05-09"]
    for one in stated:
        del one["knowntime"]
    file = tmp_path / "events.ndjson"
    file.write_text(ndjson(stated), "utf-8")
    assert run(["replay", PROTOCOL, str(file), "--json"]) == 0
    assessment = Assessment.model_validate_json(capsys.readouterr().out)
    assert assessment.known_at.isoformat() == "2022-05-09T12:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: /: not JSON"),
        ('{"a":1,"a":2}', "line 1: /a: the same key occurs twice"),
        ('{"specversion":"1.0"}', "line 1: /id: "),
    ],
)
def test_a_bad_line_is_named_without_its_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(line + "\n", "utf-8")
    assert run(["replay", PROTOCOL, str(file)]) == 1
    assert told in capsys.readouterr().err


def test_events_of_another_study_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = json.loads(json.dumps(events()[0]).replace("NCT05301764", "OTHER"))
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(other), "utf-8")
    assert run(["replay", PROTOCOL, str(file)]) == 1
    assert "not the study of the protocol" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["replay", PROTOCOL, "no-such-file"], 3),
        (["replay", "no-such-file", "no-such-file"], 3),
        (["replay", PROTOCOL, PROTOCOL, "--as-of"], 2),
        (["no-such-command"], 2),
        (["grade", "x.csv", "--ctcae", "9", "--out", "y.csv"], 2),
    ],
)
def test_errors_have_codes_and_no_traceback(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    told = capsys.readouterr().err
    assert told
    assert "Traceback" not in told


ROUTING = """study: ST-1
recipients:
  - {name: medical-monitor, channel: email, address: monitor@example.org}
rules:
  - {name: stops, severities: [critical], tell: [medical-monitor]}
"""


def test_who_would_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "routing.yaml"
    file.write_text(ROUTING, "utf-8")
    asked = ["route", "test", str(file), "--type", "dose.exceeded", "--json", "--severity"]
    assert run([*asked, "critical"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["subscriber"] for one in told["tellings"][0]["told"]] == ["medical-monitor"]
    assert run([*asked, "info"]) == 1
    assert json.loads(capsys.readouterr().out)["tellings"][0]["told"] == []
    assert run([*asked, "loud"]) == 2


def test_a_bad_routing_is_told_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "routing.yaml"
    file.write_text(ROUTING.replace("severities", "severity"), "utf-8")
    asked = ["route", "test", str(file), "--type", "dose.exceeded", "--severity", "critical"]
    assert run(asked) == 1
    assert f"{file}:5: " in capsys.readouterr().out
