"""What the designs cost: simulation, one decision, a CRM fit, exact 3+3, a search of Simon designs.

``python -m bench.designs [--quick]``. Each is compared with the same rule in straightforward Python
(`bench.plain_designs`), taking turns with it; both have to give the same answer. The time is CPU
time: one thread computes, and what else runs on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import plain_designs as plain
from bench.machine import machine
from shared.clinical.designs import (
    Boin,
    Characteristics,
    Crm,
    Design,
    Draws,
    I3Plus3,
    Keyboard,
    Mtpi,
    Mtpi2,
    Question,
    RollingSix,
    ThreePlusThree,
    counts_of,
    exact,
    run_trials,
    setting_for,
    simulate,
)
from shared.clinical.designs.crm_model import Curve, Fit, Tally, fit
from shared.clinical.monitoring import simon_designs

RATES = (0.08, 0.15, 0.26, 0.41, 0.60)
SKELETON = (0.04, 0.11, 0.22, 0.37, 0.52)
DESIGNS: tuple[Design, ...] = (
    Boin(target=0.3),
    Mtpi(target=0.3),
    Mtpi2(target=0.3),
    Keyboard(target=0.3),
    I3Plus3(target=0.3),
    ThreePlusThree(),
    RollingSix(),
)
ROUNDS, QUICK_ROUNDS = 7, 1
TRIALS, QUICK_TRIALS = 10_000, 50
SIMON_ALL, QUICK_SIMON_ALL = 25, 20


@dataclass(frozen=True, slots=True)
class Pair:
    """CPU seconds of one piece of work, Vigil's and plain, round by round, and the aim."""

    name: str
    vigil: list[float]
    plain: list[float]
    aim: float

    @property
    def ratio(self) -> float:
        """How many times faster than plain Python."""
        return median(self.plain) / median(self.vigil)


def measure(quick: bool = False) -> Iterator[Pair]:
    """Every comparison in turn; raises AssertionError where the two disagree."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    yield _boin(QUICK_TRIALS if quick else TRIALS, rounds)
    yield from _decisions(rounds)
    yield from _fits(rounds)
    yield _three_plus_three(rounds)
    yield from _simon(QUICK_SIMON_ALL if quick else SIMON_ALL, rounds)


def _taken(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    answer = work()
    return time.process_time() - start, answer


def _turns(
    name: str, aim: float, rounds: int, vigil: Callable[[], Any], other: Callable[[], Any]
) -> Pair:
    found = Pair(name, [], [], aim)
    for _ in range(rounds):
        for times, work in ((found.vigil, vigil), (found.plain, other)):
            times.append(_taken(work)[0])
    return found


def _boin(trials: int, rounds: int) -> Pair:
    """From drawing the patients to the operating characteristics; plain: to the MTDs."""
    design = Boin(target=0.28)
    setting = setting_for(design, RATES)

    def drawn() -> Draws:
        return Draws(trials, setting.max_n, seed=1)

    def at_once() -> Characteristics:
        return simulate(design, RATES, trials=trials, seed=1)

    def one_by_one() -> list[int]:
        return plain.boin_trials(RATES, drawn().tolerances, 0.28)

    assert list(run_trials(design, setting, drawn()).mtd) == one_by_one()
    return _turns(f"{trials} BOIN trials of 30 patients, 5 doses", 0.3, rounds, at_once, one_by_one)


def _decisions(rounds: int) -> Iterator[Pair]:
    """On many counts of a lower dose; posterior tails are remembered from the first time on."""
    asked = [
        Question(counts_of(f"1{'N' * n}{'T' * dlt} 2NNT", 5), 2)
        for n in range(3, 23)
        for dlt in range(5)
    ]

    def steps() -> None:
        for question in asked:
            plain.boin_step(question.here.n, question.here.dlt, 0.3)

    for design in DESIGNS:

        def decisions(design: Design = design) -> None:
            for question in asked:
                design.decide(question)

        found = _turns("", 1e-3, rounds, decisions, steps)
        vigil, bare = ([one / len(asked) for one in times] for times in (found.vigil, found.plain))
        name = f"one {design.kind} decision, with its reasons"
        yield Pair(name, vigil, bare if design.kind == "boin" else [], found.aim)


def _fits(rounds: int) -> Iterator[Pair]:
    n, dlt = (3, 3, 3, 0, 0), (0, 1, 1, 0, 0)
    seen = tuple(Tally(toxic, there - toxic) for there, toxic in zip(n, dlt, strict=True))
    still = (*seen[:2], Tally(0, 0, (20 / 28, 14 / 28, 7 / 28)), *seen[3:])
    unremembered = fit.__wrapped__

    def fitted(curve: Curve, tally: tuple[Tally, ...]) -> Callable[[], Fit]:
        return lambda: unremembered(curve, tally, 1.34**0.5, 0.22)

    def summed() -> float:
        return plain.crm_estimate(SKELETON, dlt, n)

    assert abs(fitted(Curve(SKELETON), seen)().estimate - summed()) < 1e-7
    assert Crm(target=0.22, skeleton=SKELETON).scale == 1.34**0.5
    for name, curve, tally in (
        ("CRM fit, empiric", Curve(SKELETON), seen),
        ("CRM fit, logistic", Curve(SKELETON, "logistic"), seen),
        ("TITE-CRM fit, logistic", Curve(SKELETON, "logistic"), still),
    ):
        yield _turns(name, 2e-3, rounds, fitted(curve, tally), summed)


def _three_plus_three(rounds: int) -> Pair:
    rates = (*RATES, 0.7)

    def short() -> list[float]:
        found = exact(ThreePlusThree(), rates)
        return [one.value for one in (found.none, *found.selected, *found.patients)]

    def walked() -> list[float]:
        return plain.three_plus_three(rates)

    assert max(abs(a - b) for a, b in zip(short(), walked(), strict=True)) < 1e-12
    return _turns("exact 3+3, 6 doses", 20e-3, rounds, short, walked)


def _simon(all_up_to: int, rounds: int) -> Iterator[Pair]:
    """Trying all designs up to 100 subjects takes too long: the ratio is for fewer."""

    def searched() -> tuple[int, ...]:
        found = simon_designs(0.10, 0.40, alpha=0.10, beta=0.10, n_max=all_up_to)
        assert found is not None
        best = found.optimal
        return (best.r1, best.n1, best.r, best.n)

    def tried() -> tuple[int, ...]:
        return plain.simon_optimal(0.10, 0.40, 0.10, 0.10, n_max=all_up_to)

    assert searched() == tried()
    yield _turns(f"Simon search to n = {all_up_to}", 0.5, min(rounds, 3), searched, tried)
    longest = [_taken(lambda: simon_designs(0.20, 0.35, 0.05, 0.20))[0] for _ in range(rounds)]
    yield Pair("Simon search to n = 100", longest, [], 0.5)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each."""
    parser = argparse.ArgumentParser(prog="bench.designs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")
    quick = parser.parse_args(arguments).quick
    print(machine())
    show(quick)


def show(quick: bool) -> None:
    """A line for each comparison."""
    for pair in measure(quick):
        print(f"  {_line(pair)}")


def _line(pair: Pair) -> str:
    spread = (
        f"{_shown(median(pair.vigil))} [{_shown(min(pair.vigil))} to {_shown(max(pair.vigil))}]"
    )
    compared = f", plain {_shown(median(pair.plain))}, ratio {pair.ratio:.3g}" if pair.plain else ""
    return f"{pair.name}: {spread}{compared}; aim {_shown(pair.aim)}"


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


if __name__ == "__main__":
    main()
