"""`vigil grade`: a table of laboratory results in, the same table with CTCAE grades out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.progress import track

from services.cli.output import (
    UNAVAILABLE,
    USAGE,
    AsJson,
    err,
    fail,
    read_text,
    say_json,
    say_lines,
)
from shared.clinical import grade
from shared.clinical.ctcae import Graded, Measurement, NotGradable, versions

_GRADE_COLUMNS = ("term", "grade_low", "grade_high", "not_gradable", "why")


def grade_results(
    file: Annotated[Path, typer.Argument(help="CSV with SDTM columns of LB.")],
    ctcae: Annotated[str, typer.Option(help="CTCAE version, for example 5.0.")],
    output: Annotated[Path, typer.Option("--out", help="CSV to write; must not exist yet.")],
    as_json: AsJson = False,
) -> None:
    """Grade laboratory results; one line a result and term, against each subject's baseline.

    Reads USUBJID, LBTESTCD, LBORRES, LBORRESU, LBORNRLO, LBORNRHI, LBSPEC, LBFAST and LBLOBXFL
    (Y marks the baseline). All columns are kept.
    """
    if ctcae not in versions():
        fail(f"CTCAE {ctcae} is not known; there are {', '.join(versions())}", USAGE)
    text = read_text(file, "the results")
    rows = list(csv.DictReader(text.splitlines()))
    missing = {"LBTESTCD", "LBORRES"} - set(rows[0] if rows else ())
    if missing:
        fail(f"{file} has no column {', '.join(sorted(missing))}")
    try:
        with output.open("x", encoding="utf-8", newline="") as target:
            counts = _write_grades(target, rows, ctcae)
    except FileExistsError:
        fail(f"{output} exists already; remove it or name another file", USAGE)
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}", UNAVAILABLE)
    if as_json:
        say_json({"out": str(output), "ctcae": ctcae, **counts})
    else:
        say_lines([f"{output}: {counts['graded']} grades, {counts['not_gradable']} not gradable"])


def _write_grades(target: TextIO, rows: list[dict[str, str]], ctcae: str) -> dict[str, int]:
    counts = {"results": len(rows), "graded": 0, "not_gradable": 0}
    names = [*rows[0], "ctcae", *_GRADE_COLUMNS]
    writer = csv.DictWriter(target, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    baselines = {_subject_and_test(row): _value(row) for row in rows if _is_baseline(row)}
    for row in track(rows, "Grading", console=err, transient=True, disable=len(rows) < 5000):
        answers = grade(
            _value(row),
            ctcae=ctcae,
            baseline=None if _is_baseline(row) else baselines.get(_subject_and_test(row)),
            is_baseline=_is_baseline(row),
        )
        for answer in answers or (None,):
            writer.writerow({**row, "ctcae": ctcae, **_columns(answer)})
            counts["graded"] += isinstance(answer, Graded)
            counts["not_gradable"] += isinstance(answer, NotGradable)
    return counts


def _columns(answer: Graded | NotGradable | None) -> dict[str, Any]:
    if answer is None:
        return {"why": "no criterion names this test"}
    if isinstance(answer, Graded):
        return {
            "term": answer.term,
            "grade_low": answer.low,
            "grade_high": answer.high,
            "why": answer.why,
        }
    return {"term": answer.term, "not_gradable": answer.reason, "why": answer.why}


def _value(row: dict[str, str]) -> Measurement:
    return Measurement(
        testcd=row["LBTESTCD"],
        result=row["LBORRES"],
        unit=row.get("LBORRESU") or None,
        range_low=row.get("LBORNRLO") or None,
        range_high=row.get("LBORNRHI") or None,
        specimen=row.get("LBSPEC") or None,
        fasting={"Y": True, "N": False}.get(row.get("LBFAST") or ""),
    )


def _is_baseline(row: dict[str, str]) -> bool:
    return row.get("LBLOBXFL") == "Y"


def _subject_and_test(row: dict[str, str]) -> tuple[str | None, str, str | None]:
    return row.get("USUBJID"), row["LBTESTCD"], row.get("LBSPEC")
