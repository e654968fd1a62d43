"""`vigil design table`: what a design says of all counts, to print and sign."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli.design_arguments import More, Named, Plot, Skeleton, Target, read_design
from services.cli.output import USAGE, AsJson, fail, say_json, say_lines

if TYPE_CHECKING:
    from shared.clinical.designs import DecisionTable, Design


def table(
    design: Named,
    target: Target = None,
    skeleton: Skeleton = None,
    more: More = None,
    n_max: Annotated[int, typer.Option("--n-max", help="Patients at a dose.", min=1)] = 12,
    cohorts: Annotated[
        int, typer.Option(help="Every outcome of so many cohorts instead.", min=0, max=6)
    ] = 0,
    doses: Annotated[int, typer.Option(help="Doses, for the pathways of cohorts.", min=1)] = 5,
    cohort_size: Annotated[int, typer.Option("--cohort-size", min=1, max=12)] = 3,
    start: Annotated[int, typer.Option(help="The dose of the first cohort.", min=1)] = 1,
    form: Annotated[
        Literal["text", "json", "csv"], typer.Option("--format", help="text, json or csv.")
    ] = "text",
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Print the decision table of a design.

    Interval designs: the boundaries for every number of patients. 3+3, rolling six and TITE-BOIN:
    every way the patients of a dose can stand. CRM, or --cohorts: every outcome of the next
    cohorts, and the dose it leads to.
    """
    asked = read_design(design, target, skeleton, more)
    try:
        found = _table(asked, n_max, cohorts, doses, cohort_size, start)
    except ValueError as error:
        fail(str(error), USAGE)
    if plot is not None:
        from services.cli.design_charts import save, table_chart

        save(table_chart(found, titled(asked)), plot)
    if as_json or form == "json":
        say_json(
            {
                "design": asked.model_dump(mode="json"),
                "rows": found.as_json(),
                "notes": list(found.notes),
                "source": found.source,
            }
        )
    elif form == "csv":
        say_lines([csv_text(found.columns, found.rows).rstrip("\n")])
    else:
        say_lines([titled(asked), "", *aligned(found.columns, found.rows), "", *found.notes])
        if found.source:
            say_lines([f"Source: {found.source}"])


def _table(
    design: Design, n_max: int, cohorts: int, doses: int, size: int, start: int
) -> DecisionTable:
    from shared.clinical.designs import decision_table, pathways

    number = getattr(design, "num_doses", None) or doses
    if cohorts or hasattr(design, "skeleton"):
        if not 1 <= start <= number:
            fail(f"--start: dose {start} is not among the {number} doses", USAGE)
        return pathways(design, number, cohorts=cohorts or 2, cohort_size=size, start=start)
    return decision_table(design, n_max)


def titled(design: Design) -> str:
    """A design in one line: its kind and what is not as by default."""
    given = design.model_dump(exclude_defaults=True, exclude={"kind", "limits"}, mode="json")
    limits = [f"limit {limit.kind}" for limit in design.limits]
    return ", ".join([design.kind, *(f"{name} {value}" for name, value in given.items()), *limits])


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with a header; empty where there is nothing."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return held.getvalue()


def aligned(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a table: words to the left, numbers to the right, a dash where there is nothing."""
    held = [list(row) for row in rows]
    shown = [["-" if cell is None else str(cell) for cell in row] for row in held]
    widths = [max(map(len, column)) for column in zip(columns, *shown, strict=True)]
    words = [any(isinstance(row[at], str) for row in held) for at in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if word else cell.rjust(width)
            for cell, width, word in zip(cells, widths, words, strict=True)
        )
        return "  ".join(padded).rstrip()

    return [line(columns), *map(line, shown)]
