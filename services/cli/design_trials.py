"""`vigil design simulate` and `compare`: what designs do at true rates a statistician assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.progress import Progress

from services.cli.design_arguments import (
    Gap,
    More,
    Most,
    Named,
    Plot,
    Rates,
    Responses,
    Seed,
    Size,
    Skeleton,
    Start,
    Target,
    Window,
    numbers,
    read_design,
    read_designs,
    read_rates,
)
from services.cli.design_tables import aligned, titled
from services.cli.output import USAGE, AsJson, err, fail, say_json, say_lines

if TYPE_CHECKING:
    from pathlib import Path

    from shared.clinical.designs import Characteristics, Comparison, Design, Estimate

Found = TypeVar("Found")
TRIALS = 1000
Number = Annotated[int | None, typer.Option(help="Trials to simulate.", min=1, max=1_000_000)]


def simulate(
    design: Named,
    rates: Rates,
    target: Target = None,
    skeleton: Skeleton = None,
    more: More = None,
    trials: Number = None,
    seed: Seed = 0,
    exactly: Annotated[
        bool,
        typer.Option("--exact", help="Enumerate every trial; 3+3 always is, without --trials."),
    ] = False,
    cohort_size: Size = None,
    max_n: Most = None,
    start: Start = 1,
    window: Window = 28,
    gap: Gap = 7,
    responses: Responses = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Operating characteristics of a design: selection, patients and DLTs per dose, overdosing,
    underdosing, length; with the Monte Carlo error of each number, or exact."""
    asked = read_design(design, target, skeleton, more)
    given, columns = read_rates(rates)
    how = _how(asked, target, cohort_size, max_n, start, window, gap, responses, columns)
    if exactly and trials is not None:
        fail("--exact and --trials: say one of them", USAGE)
    if exactly or (asked.kind == "3+3" and trials is None):
        from shared.clinical.designs import exact

        found = _tried(lambda: exact(asked, given, **how))
    else:
        found = _simulated(asked, given, trials or TRIALS, seed, how)
    _draw({titled(asked): found}, plot)
    if as_json:
        say_json({"design": _dumped(asked), "seed": seed, **found.as_json()})
    else:
        say_lines(_described(titled(asked), found, how, seed))


def _simulated(
    design: Design, rates: tuple[float, ...], trials: int, seed: int, how: dict[str, Any]
) -> Characteristics:
    from shared.clinical import designs

    with _progress(trials) as progress:
        return _tried(
            lambda: designs.simulate(
                design, rates, trials=trials, seed=seed, progress=progress, **how
            )
        )


def compare(
    first: Named,
    second: Named,
    rates: Rates,
    target: Target = None,
    skeleton: Skeleton = None,
    trials: Number = TRIALS,
    seed: Seed = 0,
    cohort_size: Size = None,
    max_n: Most = None,
    start: Start = 1,
    window: Window = 28,
    gap: Gap = 7,
    responses: Responses = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Two designs on common random patients: the same tolerances in the same order, so that
    differences are free of the chance they share."""
    from shared.clinical import designs

    asked = read_designs([first, second], target, skeleton, None)
    one, other = asked
    given, columns = read_rates(rates)
    how = _how(one, target, cohort_size, max_n, start, window, gap, responses, columns)
    number = trials or TRIALS
    with _progress(2 * number) as progress:
        found = _tried(
            lambda: designs.compare(
                one, other, given, trials=number, seed=seed, progress=progress, **how
            )
        )
    names = [f"{letter}: {titled(one)}" for letter, one in zip("AB", asked, strict=True)]
    both = {names[0]: found.first, names[1]: found.second}
    _draw(both, plot)
    if as_json:
        say_json({"designs": list(map(_dumped, asked)), "seed": seed, **found.as_json()})
        return
    for name, told in both.items():
        say_lines([*_described(name, told, how, seed), ""])
    say_lines(_differences(found))


def _how(
    design: Design,
    target: float | None,
    cohort_size: int | None,
    max_n: int | None,
    start: int,
    window: float,
    gap: float,
    responses: str | None,
    columns: int | None,
) -> dict[str, Any]:
    """The setting, and the target that judges a design without one."""
    return {
        "target": target if not hasattr(design, "target") else None,
        "cohort_size": cohort_size,
        "max_n": max_n,
        "start": start,
        "window": window,
        "gap": gap,
        "response_rates": numbers(responses, "--responses") if responses else None,
        "columns": columns,
    }


def _tried(work: Callable[[], Found]) -> Found:
    """What the library refuses is said as a sentence."""
    try:
        return work()
    except ValueError as error:
        fail(str(error), USAGE)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Trials", total=total)
        yield lambda number: bar.update(task, advance=number)


def _draw(found: dict[str, Characteristics], plot: Path | None) -> None:
    if plot is not None:
        from services.cli.design_charts import characteristics_chart, save

        save(characteristics_chart(found), plot)


def _dumped(design: Design) -> dict[str, Any]:
    return design.model_dump(mode="json")


def _described(name: str, found: Characteristics, how: dict[str, Any], seed: int) -> list[str]:
    """The characteristics as a table and sentences."""
    doses = [*(str(dose) for dose in range(1, len(found.rates) + 1)), "none"]
    cells = [
        ["true DLT rate", *(f"{rate:g}" for rate in found.rates), ""],
        ["selected, %", *(_shown(one, 100) for one in (*found.selected, found.none))],
        ["patients", *map(_shown, found.patients), ""],
        ["DLTs", *map(_shown, found.dlts), ""],
    ]
    way = (
        "exact"
        if found.trials is None
        else f"{found.trials} trials, seed {seed}; ± one standard error"
    )
    return [
        name,
        f"({way})",
        "",
        *aligned(["dose", *doses], cells),
        "",
        *_sentences(found, how),
    ]


def _sentences(found: Characteristics, how: dict[str, Any]) -> Iterator[str]:
    right, rate = found.right_dose, found.rates[found.right_dose - 1]
    yield f"Right dose: {right}, its rate {rate:g} is the nearest to the target {found.target:g}."
    yield f"Patients above it: {found.above:.1%}; below it: {found.below:.1%}."
    if found.overdosed is not None and found.underdosed is not None:
        yield (
            f"Trials with more than 60 % of patients above it: {_shown(found.overdosed, 100)} %; "
            f"below it: {_shown(found.underdosed, 100)} %."
        )
    yield (
        f"A trial has {found.total_patients:.2f} patients and {found.total_dlts:.2f} DLTs "
        f"and takes {_shown(found.days)} days (window {how['window']:g} days, a patient every "
        f"{how['gap']:g} days)."
    )


def _shown(estimate: Estimate, scale: int = 1) -> str:
    value = f"{estimate.value * scale:.2f}"
    return value if not estimate.se else f"{value} ±{estimate.se * scale:.2f}"


def _differences(found: Comparison) -> Iterator[str]:
    yield f"Same MTD, or both none: {_shown(found.same_mtd, 100)} % of trials."
    yield (
        f"B minus A, trial by trial: {_shown(found.right_selected, 100)} points in selecting the "
        f"right dose, patients {_shown(found.patients)}, DLTs {_shown(found.dlts)}, "
        f"days {_shown(found.days)}."
    )
