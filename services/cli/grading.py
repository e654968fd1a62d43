"""`vigil grade`: a table of results in, the same table with CTCAE grades out, of any length."""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.progress import Progress

from services.cli.csv_records import Records
from services.cli.grade_table import ADDED, Columns, Grader, SdtmDomain, csv_line
from services.cli.output import BAD, UNAVAILABLE, USAGE, AsJson, err, fail, say_json
from shared.clinical.ctcae import versions
from shared.clinical.plain.words import counted

_LINES_AT_ONCE = 5000
_STREAM = Path("-")
_AS_IT_IS = "surrogateescape"
"""Bytes that are not UTF-8 go through as they are: no unit or name is guessed from them."""

_Tick = Callable[[], None]


def grade_results(
    ctcae: Annotated[str, typer.Option(help="CTCAE version, for example 5.0.")],
    file: Annotated[Path, typer.Argument(help="CSV with SDTM columns; - is standard input.")] = (
        _STREAM
    ),
    output: Annotated[
        Path, typer.Option("--out", help="CSV to write; - is standard output.")
    ] = _STREAM,
    domain: Annotated[SdtmDomain, typer.Option(help="SDTM domain of the columns.")] = "lb",
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite any file with the output.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Grade results: one line per input line and CTCAE term, all input columns kept.

    Columns read: LBTESTCD (or LBLOINC), LBORRES, LBORRESU, LBORNRLO, LBORNRHI, LBSPEC (LBCAT where
    it says urine), LBFAST, or those of VS or EG; BASE, BASEU and BNRIND of the baseline; ABLFL (or
    LBLOBXFL), Y where the line is the baseline itself; TERM, for one term only.

    With --json standard output gets an array of objects instead of CSV; where --out names a file,
    the counts.
    """
    if ctcae not in versions():
        fail(f"CTCAE {ctcae} is not known; there are {', '.join(versions())}", USAGE)
    to_stdout = output == _STREAM
    if file != _STREAM and output.exists() and output.samefile(file):
        fail(f"{output} is the input itself", USAGE)
    with _source(file) as source:
        records = Records(source)
        try:
            columns = Columns(records.header, domain)
        except ValueError as wrong:
            fail(f"{_named(file)}: {wrong}", BAD)
        grader = Grader(columns, ctcae)
        with _target(output, force=force) as target, _progress(source) as tick:
            if as_json and to_stdout:
                _write_objects(target, grader, records, tick)
            else:
                _write_lines(target, grader, columns, records, tick)
    counts = _counts(grader)
    if as_json and not to_stdout:
        say_json({"out": str(output), "ctcae": ctcae, "domain": domain, **counts})
    else:
        reasons = "".join(f", {number} {reason}" for reason, number in counts["reasons"].items())
        rows, grades = counted(counts["rows"], "row"), counted(counts["graded"], "grade")
        told = f"{rows}, {grades}{reasons}"
        typer.echo(told if to_stdout else f"{output}: {told}", err=to_stdout)


def _write_lines(
    target: TextIO, grader: Grader, columns: Columns, records: Records, tick: _Tick
) -> None:
    target.write(csv_line(columns.names()))
    lines = grader.csv_lines(records)
    while batch := "".join(islice(lines, _LINES_AT_ONCE)):
        target.write(batch)
        tick()


def _write_objects(target: TextIO, grader: Grader, records: Records, tick: _Tick) -> None:
    """A JSON array, an object a line, written as it comes."""
    between = "[\n"
    for number, one in enumerate(grader.objects(records)):
        target.write(f"{between}{json.dumps(one)}")
        between = ",\n"
        if number % _LINES_AT_ONCE == 0:
            tick()
    target.write("[]\n" if between == "[\n" else "\n]\n")


def _counts(grader: Grader) -> dict[str, Any]:
    reasons = Counter[str]()
    for outcomes, number in grader.said.items():
        for outcome in outcomes:
            reasons[outcome.reason] += number
    graded = reasons.pop("", 0)
    return {"rows": grader.said.total(), "graded": graded, "reasons": dict(sorted(reasons.items()))}


def _named(file: Path) -> str:
    return "standard input" if file == _STREAM else str(file)


@contextmanager
def _source(file: Path) -> Iterator[TextIO]:
    if file == _STREAM:
        with _wrapped(sys.stdin) as text:
            yield text
        return
    try:
        opened = file.open(encoding="utf-8", errors=_AS_IT_IS, newline="")
    except OSError as error:
        fail(f"cannot read the results {file}: {error.strerror}", UNAVAILABLE)
    with opened:
        yield opened


@contextmanager
def _target(output: Path, *, force: bool) -> Iterator[TextIO]:
    """The file to write; one that could not be finished is not left behind."""
    if output == _STREAM:
        with _wrapped(sys.stdout) as text:
            yield text
        return
    if output.is_file() and not force and not _is_of_grading(output):
        fail(f"{output} exists already; name another file, or overwrite it with --force", USAGE)
    try:
        opened = output.open("w", encoding="utf-8", errors=_AS_IT_IS, newline="")
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}", UNAVAILABLE)
    try:
        with opened:
            yield opened
    except BaseException:
        if output.is_file():
            output.unlink()
        raise


def _is_of_grading(output: Path) -> bool:
    """Whether a file holds nothing, or what an earlier run wrote."""
    with output.open("rb") as opened:
        header = opened.readline().rstrip()
    return not header or header.endswith(",".join(ADDED).encode())


@contextmanager
def _wrapped(stream: TextIO) -> Iterator[TextIO]:
    text = io.TextIOWrapper(stream.buffer, encoding="utf-8", errors=_AS_IT_IS, newline="")
    try:
        yield text
    finally:
        text.detach()


@contextmanager
def _progress(source: TextIO) -> Iterator[_Tick]:
    """A bar by the bytes read, where a person watches and the size is known."""
    size = os.fstat(source.fileno()).st_size if err.is_terminal and source.seekable() else 0
    with Progress(console=err, transient=True, disable=not size) as progress:
        task = progress.add_task("Grading", total=size)
        yield lambda: progress.update(task, completed=source.buffer.tell()) if size else None
