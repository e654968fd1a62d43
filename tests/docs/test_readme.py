"""The shop window tells the truth: its story runs, its addresses and files exist; and so do the
commands of the guides."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from services.cli.app import run
from shared.contracts.envelope import read_event
from shared.contracts.reader import read_json

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_ten_line_story_prints_what_it_says() -> None:
    (story,), expected = blocks("python"), blocks("text")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(story, "README.md", "exec"), {})  # noqa: S102 the README is ours
    assert printed.getvalue() == expected


def test_the_example_event_is_accepted() -> None:
    event, record = read_event(read_json(blocks("json")[0].encode()))
    assert event.kind == "lab"
    assert record is not None


GUIDES = [page.read_text("utf-8") for page in sorted((ROOT / "docs" / "guide").glob("*.md"))]
COMMANDS = {
    tuple(word for word in line.split()[:2] if word.isalpha() and word.islower())
    for page in (README, *GUIDES)
    for line in re.findall(r"(?:^ *(?:\$ )?|`)vigil (\w.*?)(?:`|$)", page, re.MULTILINE)
}


@pytest.mark.parametrize("command", sorted(COMMANDS), ids=" ".join)
def test_every_command_is_one(command: tuple[str, ...]) -> None:
    assert run([*command, "--help"]) == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_it_says_what_it_is_not() -> None:
    assert "not a medical device" in README
    assert "Part 11 compliant" not in README
    assert "synthetic" in README.lower()
