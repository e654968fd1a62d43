"""`vigil packet`: from files and from a running Vigil, and how it ends where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from services.cli.app import run
from services.demo.replay import events, ndjson
from services.demo.table import FOLDER
from shared.contracts.packet import Packet
from tests.services.console.neighbours import KEY, Neighbours
from tests.services.console.packet_support import demo_packet, without_charts

PROTOCOL = str(FOLDER / "protocol.yaml")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("packet") / "events.ndjson"
    found.write_text(ndjson(one for one in events() if one["knowntime"] < "2022-08-24"), "utf-8")
    return found


def test_from_files_as_of_a_day(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "packet.json"
    assert run(["packet", PROTOCOL, str(file), "--as-of", "2022-08-22", "--out", str(out)]) == 0
    packet = Packet.model_validate_json(out.read_bytes())
    assert packet.contract == "vigil.packet.v1"
    assert packet.assessment.doses[2].dlt.candidate == 1
    assert packet.assessment.as_of == packet.assessment.known_at
    again = tmp_path / "again.json"
    assert run(["packet", PROTOCOL, str(file), "--as-of", "2022-08-22", "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_from_a_running_vigil(
    tmp_path: Path, live_server: Callable[[FastAPI], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbours = Neighbours(packet=without_charts(demo_packet()))
    url, out = live_server(neighbours.app()), tmp_path / "packet.csv"
    arguments = ["packet", "NCT05301764", "--url", url, "--out", str(out)]
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    assert run(arguments) == 2
    monkeypatch.setenv("VIGIL_KEY", KEY[::-1])
    assert run(arguments) == 1
    monkeypatch.setenv("VIGIL_KEY", KEY)
    assert run(arguments) == 0
    assert out.read_text("utf-8").startswith("soc,term,measure")
    neighbours.stale = True
    assert run(arguments) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["X", "--out", "packet.doc"], 2, "has to end in .pdf, .html, .json, .csv"),
        (["X", "--url", "http://127.0.0.1:9", "--out", "p.json"], 3, "does not answer"),
        ([PROTOCOL, "nowhere.ndjson", "--out", "p.json"], 3, "cannot read the events"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIGIL_KEY", KEY)
    assert run(["packet", *arguments]) == code
    assert told in capsys.readouterr().err
