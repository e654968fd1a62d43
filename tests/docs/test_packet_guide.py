"""The guide to the packet: its commands on files run as they are written, save for the form."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from services.cli.app import run
from shared.contracts.packet import Packet

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide" / "packet.md").read_text("utf-8")


def test_the_commands_on_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("studies").symlink_to(ROOT / "studies")
    block = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)[0]
    for line in block.strip().splitlines():
        program, *arguments = shlex.split(line.replace("packet.pdf", "packet.json"))
        assert (program, run(arguments)) == ("vigil", 0)
    packet = Packet.model_validate_json(tmp_path.joinpath("packet.json").read_bytes())
    assert packet.assessment.recommendation.action == "hold"
