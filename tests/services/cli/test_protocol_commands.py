"""`vigil protocol`: what each command prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.app import run
from shared.clinical import load_protocol

ROOT = Path(__file__).parents[3]
PROTOCOL = ROOT / "studies" / "NCT05301764" / "protocol.yaml"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    assert run(["protocol", *map(str, arguments)]) == code
    return capsys.readouterr().out


def changed(tmp_path: Path, old: str, new: str) -> Path:
    file = tmp_path / "protocol.yaml"
    file.write_text(PROTOCOL.read_text("utf-8").replace(old, new), "utf-8")
    return file


def test_show_prints_what_loads_to_the_same_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_protocol(printed(capsys, "show", PROTOCOL)) == load_protocol(
        PROTOCOL.read_text("utf-8")
    )


def test_explain_is_a_page_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "explain", PROTOCOL)
    assert "- Counts: Platelet count decreased of grade 4 or higher.\n" in page


def test_diff_tells_an_amendment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = changed(tmp_path, "last_day: 21", "last_day: 28")
    assert "must begin by day 28, that" in printed(capsys, "diff", PROTOCOL, new, code=1)
    assert printed(capsys, "diff", PROTOCOL, PROTOCOL) == "The two say the same.\n"


def test_schema_is_one_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(printed(capsys, "schema"))
    assert schema["$id"] == "vigil.protocol_document.v1"
    assert "toxicity" in schema["$defs"]["CriterionRule"]["properties"]


@pytest.mark.parametrize("command", ["show", "explain", "test"])
def test_a_bad_document_is_told_by_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = changed(tmp_path, "last_day: 21", "last_day: 0")
    assert run(["protocol", command, str(bad)]) == 1
    assert f"{bad}:{PROTOCOL.read_text('utf-8').splitlines().index('  last_day: 21') + 1}: " in (
        capsys.readouterr().err
    )


def test_the_cases_beside_a_study(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(printed(capsys, "test", PROTOCOL, "--json"))
    assert told["ok"]
    assert told["cases"]["one_then_two_dlts"] == []


def test_a_case_that_comes_out_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = changed(tmp_path, "", "")
    folder = tmp_path / "cases"
    folder.mkdir()
    good = "title: T\ngiven:\n  - outcomes: 1NNN\nthen:\n  - {at: end, action: escalate}\n"
    (folder / "a_good.yaml").write_text(good, "utf-8")
    (folder / "b_other.yaml").write_text(good.replace("escalate", "stop"), "utf-8")
    (folder / "c_unreadable.yaml").write_text(good.replace("title", "titel"), "utf-8")
    (folder / "d_untold.yaml").write_text(good.replace("outcomes", "results"), "utf-8")
    lines = printed(capsys, "test", file, code=1).splitlines()
    assert lines[0] == "good: a_good"
    assert lines[1:3] == ["otherwise: b_other", "  end: action escalate instead of stop"]
    assert any(line.startswith(f"  {folder}/c_unreadable.yaml:1: titel: ") for line in lines)
    assert any("'results' is none of" in line for line in lines)
    assert lines[-1] == "4 cases, 3 otherwise than expected"


def test_a_study_without_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["protocol", "test", str(changed(tmp_path, "", ""))]) == 3
    assert "no cases" in capsys.readouterr().err
