"""`vigil protocol`: check, read, compare and try out protocol documents; no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import BAD, UNAVAILABLE, AsJson, fail, read_text, say_json, say_lines
from shared.clinical import DocumentError, Finding, Protocol, load_protocol
from shared.clinical.plain import differences, explain, written_out
from shared.clinical.plain.words import counted
from shared.clinical.protocol.schema import document_schema
from shared.clinical.protocol.wording import doubts
from shared.clinical.rehearsal import read_case, rehearse
from shared.document import read_yaml

commands = typer.Typer(help="Work with protocol documents.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The protocol document (YAML).")]


@commands.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """Check a protocol document; each finding has its line and what to do."""
    text = read_text(file, "the protocol")
    try:
        protocol = load_protocol(text)
    except DocumentError as error:
        if as_json:
            say_json({"ok": False, "findings": [asdict(found) for found in error.findings]})
        else:
            say_lines(_findings(file, error))
        raise typer.Exit(BAD) from None
    doubtful = doubts(read_yaml(text), protocol)
    if as_json:
        about = {"study": protocol.study, "version": protocol.version}
        found = [asdict(doubt) for doubt in doubtful]
        say_json({"ok": True, **about, "findings": [], "doubts": found})
    else:
        say_lines(f"doubtful: {line}" for line in _lines(file, doubtful))
        say_lines([f"{file}: good ({protocol.study}, version {protocol.version})"])


@commands.command("show")
def show(file: File) -> None:
    """Print the document with every default written out; it loads to the same rules."""
    typer.echo(written_out(_loaded(file)), nl=False)


@commands.command("explain")
def explain_document(file: File) -> None:
    """Print the document in plain English, for those who sign it."""
    typer.echo(explain(_loaded(file)), nl=False)


@commands.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The document as it was (YAML).")],
    new: Annotated[Path, typer.Argument(help="The document as it is to be (YAML).")],
) -> None:
    """Say in English what an amendment changes; exit code 1 where anything is."""
    changed = differences(_loaded(old), _loaded(new))
    if not changed:
        say_lines(["The two say the same."])
        return
    typer.echo(changed, nl=False)
    raise typer.Exit(BAD)


@commands.command("schema")
def schema() -> None:
    """Print the JSON Schema of the document, for editors that complete and check it."""
    typer.echo(json.dumps(document_schema(), indent=1, ensure_ascii=False))


@commands.command("test")
def run_cases(
    file: File,
    cases: Annotated[
        Path | None, typer.Option(help="Folder of the cases; `cases` beside the document.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the cases beside a protocol; each that comes out otherwise is told."""
    _loaded(file)
    folder = cases or file.parent / "cases"
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        fail(f"no cases (*.yaml) in {folder}", UNAVAILABLE)
    document = read_text(file, "the protocol")
    results = {path.stem: _misses(document, path) for path in paths}
    failed = sum(bool(misses) for misses in results.values())
    if as_json:
        say_json({"ok": not failed, "cases": results})
    else:
        say_lines(line for name, misses in results.items() for line in _told(name, misses))
        say_lines([f"{counted(len(results), 'case')}, {failed} otherwise than expected"])
    if failed:
        raise typer.Exit(BAD)


def _misses(document: str, path: Path) -> list[str]:
    try:
        return rehearse(document, read_case(read_text(path, "the case")))
    except DocumentError as error:
        return list(_findings(path, error))
    except ValueError as wrong:
        return [f"{path}: {wrong}"]


def _told(name: str, misses: list[str]) -> Iterator[str]:
    yield f"{'otherwise' if misses else 'good'}: {name}"
    yield from (f"  {miss}" for miss in misses)


def _loaded(file: Path) -> Protocol:
    try:
        return load_protocol(read_text(file, "the protocol"))
    except DocumentError as error:
        fail("\n".join(_findings(file, error)), BAD)


def _findings(file: Path, error: DocumentError) -> Iterator[str]:
    return _lines(file, error.findings)


def _lines(file: Path, findings: Iterable[Finding]) -> Iterator[str]:
    for found in findings:
        yield f"{file}:{found.line}: {found.path}: {found.problem} ({found.remedy})"
