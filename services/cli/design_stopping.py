"""`vigil design simon` and `stopping`: two-stage designs, and boundaries that stop a study."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli.design_arguments import More, Plot, numbers, pair
from services.cli.design_tables import aligned, csv_text
from services.cli.output import BAD, USAGE, AsJson, fail, read_text, say_json, say_lines

if TYPE_CHECKING:
    from shared.clinical.monitoring import Rule, SimonDesign, SimonDesigns

Form = Annotated[
    Literal["text", "json", "csv"], typer.Option("--format", help="text, json or csv.")
]


def simon(
    p0: Annotated[float, typer.Option(help="Response rate of no interest.")],
    p1: Annotated[float, typer.Option(help="Response rate of interest.")],
    alpha: Annotated[float, typer.Option(help="P(p0 rejected | p0), at most.")] = 0.05,
    beta: Annotated[float, typer.Option(help="P(p0 not rejected | p1), at most.")] = 0.20,
    n_max: Annotated[int, typer.Option("--n-max", help="Subjects, at most.", min=2)] = 100,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Search Simon's two-stage designs: optimal, minimax, and the admissible between them."""
    from shared.clinical.monitoring import simon_designs

    try:
        found = simon_designs(p0, p1, alpha, beta, n_max)
    except ValueError as error:
        fail(str(error), USAGE)
    if found is None:
        fail(
            f"no two-stage design has {n_max} subjects or fewer: raise --n-max, alpha or beta", BAD
        )
    if plot is not None:
        from services.cli.design_charts import save, two_stage_chart

        save(two_stage_chart([(one.n, one.expected_n) for one in _every(found)]), plot)
    if as_json:
        asked = {"p0": p0, "p1": p1, "alpha": alpha, "beta": beta, "n_max": n_max}
        say_json({"asked": asked, **asdict(found)})
        return
    say_lines(aligned(_COLUMNS, _rows(found)))
    say_lines(["", "Stop after n1 with r1 or fewer responses; reject p0 with more than r of n."])
    say_lines(["Source: Simon R, Control Clin Trials 1989;10:1-10"])


_COLUMNS = ("design", "r1", "n1", "r", "n", "EN(p0)", "PET(p0)", "alpha", "power")


def _rows(found: SimonDesigns) -> Iterator[tuple[Any, ...]]:
    named = {found.optimal: "optimal", found.minimax: "minimax"}
    if found.minimax == found.optimal:
        named[found.optimal] = "optimal, minimax"
    for one in _every(found):
        name = named.get(one, "admissible")
        figures = (one.early_stop, one.alpha, one.power)
        shown = (f"{one.expected_n:.2f}", *(f"{figure:.4f}" for figure in figures))
        yield (name, one.r1, one.n1, one.r, one.n, *shown)


def _every(found: SimonDesigns) -> Iterable[SimonDesign]:
    return dict.fromkeys((found.minimax, *found.admissible, found.optimal))


def stopping(
    rule: Annotated[
        str, typer.Argument(help="A kind, a JSON object with its kind, or a file holding one.")
    ],
    more: More = None,
    n_max: Annotated[int, typer.Option("--n-max", help="Subjects.", min=1, max=500)] = 20,
    rates: Annotated[
        str | None, typer.Option(help="True event rates, with commas: how often it stops.")
    ] = None,
    form: Form = "text",
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """The boundary of a stopping rule, and exactly how often it is crossed at true rates.

    Kinds: any_related_grade_5, n_of_m, beta_binomial, repeated_testing, two_stage.
    """
    asked = _rule(rule, more)
    limits = _limits(asked, n_max)
    if plot is not None:
        from services.cli.design_charts import boundary_chart, save

        save(boundary_chart(limits, asked.kind, asked.event), plot)
    word = "futile_at_most" if asked.kind == "two_stage" else "stop_at"
    crossing = _crossing(asked, n_max, numbers(rates, "--rates") if rates else ())
    if as_json or form == "json":
        boundary = [{"n": n, word: limit} for n, limit in limits]
        named = {"rule": asked.model_dump(mode="json"), "source": asked.source}
        say_json({**named, "boundary": boundary, "characteristics": crossing})
    elif form == "csv":
        say_lines([csv_text(("n", word), limits).rstrip("\n")])
    else:
        say_lines(aligned(("n", word), limits))
        if crossing:
            rows = [tuple(f"{value:.6g}" for value in one.values()) for one in crossing]
            say_lines(["", *aligned(tuple(crossing[0]), rows)])
        say_lines(["", f"Source: {asked.source}"])


def _rule(text: str, more: list[str] | None) -> Rule:
    from pydantic import ValidationError

    from shared.clinical.designs.parameters import faults_of
    from shared.clinical.monitoring import KINDS, rule_of

    members = {"kind": text} if text in KINDS else _members(text)
    try:
        return rule_of({**members, **dict(pair(one) for one in more or ())})
    except ValidationError as error:
        fail(faults_of(error), USAGE)


def _members(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        text = read_text(Path(text), "the rule")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        fail("the rule: not a JSON object", USAGE)
    return found


def _limits(rule: Rule, n_max: int) -> list[tuple[int, int | None]]:
    from shared.clinical.monitoring import TwoStage, boundary_table, futility_table

    if isinstance(rule, TwoStage):
        return [(row.n, row.at_most) for row in futility_table(rule)]
    return [(row.n, row.stop_at) for row in boundary_table(rule, n_max)]


def _crossing(rule: Rule, n_max: int, rates: tuple[float, ...]) -> list[dict[str, Any]]:
    from shared.clinical.monitoring import TwoStage, characteristics, two_stage_characteristics

    if not all(0 <= rate <= 1 for rate in rates):
        fail("--rates: rates lie between 0 and 1", USAGE)
    if isinstance(rule, TwoStage):
        return [{"p": p, **asdict(two_stage_characteristics(rule, p))} for p in rates]
    return [asdict(characteristics(rule, p, n_max)) for p in rates]
