"""How the design commands take a design, its true rates and the way trials are run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import USAGE, fail, read_text

if TYPE_CHECKING:
    from shared.clinical.designs import Design

Named = Annotated[
    str,
    typer.Argument(help="A kind (see `vigil design kinds`), a JSON object, or a file holding one."),
]
Target = Annotated[
    float | None,
    typer.Option(help="Target DLT rate; judges designs that have none, such as 3+3 (then 0.30)."),
]
Skeleton = Annotated[str | None, typer.Option(help="Skeleton of a CRM: rates, with commas.")]
More = Annotated[
    list[str] | None,
    typer.Option("--set", help="Another parameter, NAME=VALUE; the value as JSON. May repeat."),
]
Rates = Annotated[
    str,
    typer.Option(help="True DLT rates, with commas; rows of two drugs with semicolons between."),
]
Seed = Annotated[int, typer.Option(help="The same seed treats the same patients.")]
Size = Annotated[int | None, typer.Option("--cohort-size", help="Patients a cohort.", min=1)]
Most = Annotated[
    int | None, typer.Option("--max-n", help="Patients a trial; by default six a dose.", min=1)
]
Start = Annotated[int, typer.Option(help="The first dose.", min=1)]
Window = Annotated[float, typer.Option(help="Days until a patient without DLT is final.")]
Gap = Annotated[float, typer.Option(help="Days from one patient to the next.", min=0)]
Responses = Annotated[
    str | None, typer.Option(help="True response rates, for backfill; as many as --rates.")
]
Plot = Annotated[
    Path | None, typer.Option(help="Draw it: a file that ends in .svg, .png or .json (Vega-Lite).")
]


def read_designs(
    named: list[str], target: float | None, skeleton: str | None, more: list[str] | None
) -> list[Design]:
    """The designs named; a target or skeleton goes to each that has one."""
    from shared.clinical.designs import KINDS, DesignError, design_of

    extra = dict(pair(one) for one in more or ())
    shared = {"target": target, "skeleton": numbers(skeleton, "--skeleton") if skeleton else None}
    found = []
    for one in named:
        members = _members(one)
        kind = KINDS.get(str(members.get("kind")))
        has = kind.model_fields if kind else {}
        told = {name: value for name, value in shared.items() if value is not None and name in has}
        try:
            found.append(design_of({**told, **members, **extra}))
        except DesignError as error:
            fail(f"{one}: {error}", USAGE)
    if skeleton and not any(hasattr(design, "skeleton") for design in found):
        fail("--skeleton: no design here has one", USAGE)
    return found


def read_design(
    named: str, target: float | None, skeleton: str | None, more: list[str] | None
) -> Design:
    """One design."""
    return read_designs([named], target, skeleton, more)[0]


def numbers(text: str, what: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError:
        fail(f"{what}: write numbers with commas, like 0.05,0.12,0.25", USAGE)


def read_rates(text: str) -> tuple[tuple[float, ...], int | None]:
    """All true rates, and for two drugs how many a row."""
    rows = [numbers(row, "--rates") for row in text.split(";")]
    if len({len(row) for row in rows}) > 1:
        fail("--rates: every row needs as many rates", USAGE)
    return sum(rows, ()), len(rows[0]) if len(rows) > 1 else None


def _members(named: str) -> dict[str, Any]:
    text = named
    if not named.startswith("{"):
        if not named.endswith(".json"):
            return {"kind": named}
        text = read_text(Path(named), "the design")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        fail(f"{named[:40]}: not a JSON object", USAGE)
    return found


def pair(text: str) -> tuple[str, Any]:
    """A parameter written NAME=VALUE; what is no JSON is a word."""
    name, found, value = text.partition("=")
    if not found:
        fail(f"--set {text}: write NAME=VALUE", USAGE)
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
