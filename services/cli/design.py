"""`vigil design`: dose-escalation designs and stopping rules from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.design_stopping import simon, stopping
from services.cli.design_tables import table
from services.cli.design_trials import compare, simulate
from services.cli.output import BAD, AsJson, read_text, say_json, say_lines

commands = typer.Typer(help="Ask dose-escalation designs.", no_args_is_help=True)

for command in (table, simulate, compare, simon, stopping):
    commands.command(command.__name__)(command)

MOST_LINE = 1_000_000
"""Characters of one request; a longer line is refused before it is parsed."""


@commands.command("decide")
def decide(
    file: Annotated[
        Path, typer.Argument(help="Requests, a JSON object a line; - or nothing for stdin.")
    ] = Path("-"),
) -> None:
    """Answer each request with what the design allows next, in the same order, a line a request.

    A request: {"design": {"kind": "boin", "target": 0.3}, "doses": [{"n": 3, "dlt": 0}, {}],
    "current": 1}. Instead of doses: "outcomes" ("1NNN 2NNT", with "num_doses") or "patients".
    "final": true asks for the MTD. A request that cannot be answered gives a line with "error";
    the exit code is then 1.
    """
    bad = 0
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        answer = _answer(line)
        if "error" in answer:
            bad += 1
            answer = {"line": number, **answer}
        say_json(answer)
    if bad:
        raise typer.Exit(BAD)


@commands.command("kinds")
def kinds(as_json: AsJson = False) -> None:
    """List every kind of design with its parameters and their defaults."""
    from shared.clinical import designs

    found = {kind: _parameters(design) for kind, design in designs.KINDS.items()}
    if as_json:
        say_json(found)
        return
    for kind, parameters in found.items():
        said = ", ".join(
            name if about.get("required") else f"{name}={json.dumps(about['default'])}"
            for name, about in parameters.items()
        )
        say_lines([f"{kind}: {said}"])


def _lines(file: Path) -> Iterator[str]:
    if str(file) == "-":
        yield from sys.stdin
    else:
        yield from read_text(file, "the requests").split("\n")


def _answer(line: str) -> dict[str, Any]:
    from shared.clinical import designs

    if len(line) > MOST_LINE:
        return {"error": f"a request has at most {MOST_LINE} characters"}
    try:
        members = json.loads(line, parse_constant=_refused, object_pairs_hook=_members)
    except json.JSONDecodeError:
        return {"error": "not a JSON object"}
    except (ValueError, RecursionError) as error:
        return {"error": str(error)}
    if not isinstance(members, dict):
        return {"error": "not a JSON object"}
    try:
        design, question = designs.read_request(members)
        return designs.as_json(design.decide(question), question.columns)
    except ValueError as error:
        return {"error": str(error)}


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is there twice")
    return found


def _parameters(design: Any) -> dict[str, dict[str, Any]]:
    schema = design.model_json_schema()
    required = set(schema.get("required", ()))
    return {
        name: {"required": True} if name in required else {"default": about.get("default")}
        for name, about in schema["properties"].items()
        if name != "kind"
    }
