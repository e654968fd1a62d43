"""The guide to designs shows what the commands print, and a picture of every kind."""

from __future__ import annotations

import doctest
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from services.cli.app import run
from shared.clinical.designs import KINDS

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "designs.md"
TEXT = GUIDE.read_text("utf-8")
SHOWN = re.findall(r"```console\n\$ (.*?)\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=[command[:60] for command, _ in SHOWN])
def test_a_command_prints_what_the_guide_shows(
    command: str,
    printed: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, piped, after = command.rpartition(" | ")
    if piped:
        monkeypatch.setattr(sys, "stdin", io.StringIO(shlex.split(before)[1] + "\n"))
    words = shlex.split(after)
    assert words[0] == "vigil"
    assert run(words[1:]) == 0
    assert capsys.readouterr().out.rstrip() == printed.rstrip()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_table_and_its_picture(kind: str) -> None:
    assert f"images/designs/{kind}.svg)" in TEXT
    tables = [command for command, _ in SHOWN if command.startswith("vigil design table")]
    named = (f"table {kind} ", f'"kind": "{kind}"')
    assert any(name in f"{command} " for command in tables for name in named)


def test_the_notebook_runs() -> None:
    assert doctest.testfile(str(GUIDE), module_relative=False).failed == 0
