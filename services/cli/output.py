"""How every command answers: results on stdout, everything else on stderr, and exit codes.

0: done, and the answer is good. 1: done, and the answer is bad (findings, a refused line).
2: called wrongly. 3: something it needs (a database, a broker, a file) is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

BAD, USAGE, UNAVAILABLE = 1, 2, 3

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Failure(Exception):
    """A command ends here: the text says what is wrong and what to do."""

    def __init__(self, text: str, code: int = BAD) -> None:
        super().__init__(text)
        self.code = code


def fail(text: str, code: int = BAD) -> NoReturn:
    """End the command with a sentence and an exit code."""
    raise Failure(text, code)


def say_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def say_lines(lines: Iterable[str]) -> None:
    """Print plain lines, whatever the terminal's width."""
    for line in lines:
        typer.echo(line)


def read_text(path: Path, what: str) -> str:
    """A file's text, or the reason why not in words."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        fail(f"cannot read {what} {path}: {error.strerror}", UNAVAILABLE)
    except UnicodeDecodeError:
        fail(f"{what} {path} is not UTF-8 text", BAD)
