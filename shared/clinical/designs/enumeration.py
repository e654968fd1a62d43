"""Operating characteristics without chance: every outcome of every cohort with its probability.

3+3 has a short way: its cohorts are independent, so that the probabilities to pass a dose multiply.
Any other design that decides on counts is enumerated, equal counts counted once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import comb, fsum
from typing import Any

from shared.clinical.designs.characteristics import (
    MOSTLY,
    Characteristics,
    Estimate,
    right_dose,
    sides,
)
from shared.clinical.designs.design import Design
from shared.clinical.designs.limits import NoEscalationAfterDlt
from shared.clinical.designs.model import DoseCounts, Question
from shared.clinical.designs.parameters import DesignError
from shared.clinical.designs.simulation import setting_for, target_of
from shared.clinical.designs.three_plus_three import ThreePlusThree
from shared.clinical.designs.trial import Setting

MOST_STATES = 200_000
Ends = dict[tuple[tuple[DoseCounts, ...], int, int], float]
"""The probability of the final counts, the MTD (0: none) and the number of cohorts."""


def exact(
    design: Design, rates: Sequence[float], *, target: float | None = None, **setting: Any
) -> Characteristics:
    """Operating characteristics by enumeration; ``setting`` as in `trial.Setting`.

    >>> found = exact(ThreePlusThree(), [0.08, 0.15, 0.26, 0.41, 0.60])
    >>> [round(one.value, 8) for one in (found.none, *found.selected)]
    [0.06313243, 0.17445187, 0.32150573, 0.3115846, 0.11866482, 0.01066055]
    """
    how = setting_for(design, rates, **setting)
    judged = target or target_of(design)
    usual = how.cohort_size == 3 and how.max_n >= 6 * len(how.rates) and how.start == 1
    if isinstance(design, ThreePlusThree) and usual and not design.limits:
        return _three_plus_three(design, how, judged)
    return summarise_ends(enumerate_trials(design, how), how, judged)


# -------------------------------------------------------------------------------------- 3+3


def _three_plus_three(design: ThreePlusThree, how: Setting, target: float) -> Characteristics:
    """The MTD is the last dose passed before one is exceeded; where the variant fills the dose
    below, that dose may be exceeded in turn."""
    n, selected = [0.0] * len(how.rates), [0.0] * (len(how.rates) + 1)
    fills, reached = design.variant != "plain", 1.0
    ways = [
        _ways(rate, design.variant == "confirm6" and rate_at == len(how.rates))
        for rate_at, rate in enumerate(how.rates, start=1)
    ]
    for place, (with_three, with_six, expanded) in enumerate(ways):
        n[place] += reached * (3 + 3 * expanded)
        exceeded = reached * (1 - with_three - with_six)
        reached *= with_three + with_six
        _descend(how.rates, ways, place, exceeded, fills, n, selected)
    selected[-1] += reached
    return _described(how, target, selected, n)


def _ways(rate: float, confirms: bool) -> tuple[float, float, float]:
    """P(passed on three), P(passed on six), P(three more are treated)."""
    none, one = (1 - rate) ** 3, 3 * rate * (1 - rate) ** 2
    if confirms:
        return 0.0, none * (none + one) + one * none, none + one
    return none, one * none, one


def _descend(
    rates: Sequence[float],
    ways: Sequence[tuple[float, float, float]],
    exceeded_at: int,
    probability: float,
    fills: bool,
    n: list[float],
    selected: list[float],
) -> None:
    """From an exceeded dose down to the MTD; adds to ``n`` and ``selected`` (from none up)."""
    for place in range(exceeded_at - 1, -1, -1):
        if not probability:
            return
        with_three, with_six, _ = ways[place]
        filling = probability * with_three / (with_three + with_six) if fills else 0.0
        n[place] += 3 * filling
        kept = (1 - rates[place]) ** 2 * (1 + 2 * rates[place])
        selected[place + 1] += probability - filling * (1 - kept)
        probability = filling * (1 - kept)
    selected[0] += probability


def _described(
    how: Setting, target: float, selected: list[float], n: list[float]
) -> Characteristics:
    """DLTs by Wald's identity: nobody's outcome decides whether they are treated."""
    right = right_dose(how.rates, target)
    above, below = sides(how.rates, right)
    total = fsum(n)
    cohorts = total / how.cohort_size
    days = cohorts * how.window + (total - cohorts) * how.gap
    return Characteristics(
        method="exact",
        rates=how.rates,
        target=target,
        right_dose=right,
        selected=tuple(map(Estimate, selected[1:])),
        none=Estimate(selected[0]),
        patients=tuple(map(Estimate, n)),
        dlts=tuple(Estimate(some * rate) for some, rate in zip(n, how.rates, strict=True)),
        above=fsum(n[place] for place in above) / total,
        below=fsum(n[place] for place in below) / total,
        overdosed=None,
        underdosed=None,
        days=Estimate(days),
    )


# ------------------------------------------------------------------------------ any design


def enumerate_trials(design: Design, how: Setting) -> Ends:
    """Every way a trial can end. Raises `DesignError` where there are too many, or where the design
    looks at more than counts."""
    single = any(isinstance(limit, NoEscalationAfterDlt) for limit in design.limits)
    if not how.waits or how.response_rates is not None or single:
        raise DesignError(f"{design.kind}: only decisions on final counts can be enumerated")
    ends: Ends = defaultdict(float)
    first = Question(
        (DoseCounts(),) * len(how.rates), how.start, start=how.start, columns=how.columns
    )
    open_to, used, cohorts = {first: 1.0}, 0, 0
    while open_to:
        size = min(how.cohort_size, how.max_n - used)
        used, cohorts = used + size, cohorts + 1
        reached: dict[Question, float] = defaultdict(float)
        for question, probability in open_to.items():
            for after, share in _outcomes(question, how.rates[question.current - 1], size):
                reached[after] += probability * share
        if len(reached) > MOST_STATES:
            raise DesignError(f"more than {MOST_STATES} different trials: simulate them")
        open_to = _asked(design, reached, used >= how.max_n, cohorts, ends)
    return ends


def _outcomes(question: Question, rate: float, size: int) -> list[tuple[Question, float]]:
    at, here = question.current - 1, question.here
    return [
        (
            replace(
                question,
                doses=(
                    *question.doses[:at],
                    DoseCounts(here.n + size, here.dlt + dlts),
                    *question.doses[at + 1 :],
                ),
            ),
            comb(size, dlts) * rate**dlts * (1 - rate) ** (size - dlts),
        )
        for dlts in range(size + 1)
    ]


def _asked(
    design: Design, reached: dict[Question, float], full: bool, cohorts: int, ends: Ends
) -> dict[Question, float]:
    """The trials that go on, each at its next dose; the others are added to ``ends``."""
    going: dict[Question, float] = defaultdict(float)
    for question, probability in reached.items():
        answer = design.decide(question)
        if full and answer.action != "stop":
            answer = design.decide(replace(question, final=True))
        if answer.action == "stop" or answer.next_dose is None:
            ends[question.doses, answer.mtd or 0, cohorts] += probability
            continue
        known = replace(
            question,
            current=answer.next_dose,
            eliminated_from=answer.eliminated_from,
            eliminated=answer.eliminated,
        )
        going[known] += probability
    return going


def summarise_ends(ends: Ends, how: Setting, target: float) -> Characteristics:
    """The characteristics of all trials, weighted by their probability."""
    places = range(len(how.rates))
    selected = [0.0] * (len(how.rates) + 1)
    n = [0.0] * len(how.rates)
    above, below = sides(how.rates, right_dose(how.rates, target))
    overdosed = underdosed = days = 0.0
    for (doses, mtd, cohorts), probability in ends.items():
        selected[mtd] += probability
        counts = [one.n for one in doses]
        for place in places:
            n[place] += probability * counts[place]
        total = sum(counts)
        overdosed += probability * (sum(counts[place] for place in above) > MOSTLY * total)
        underdosed += probability * (sum(counts[place] for place in below) > MOSTLY * total)
        days += probability * (cohorts * how.window + (total - cohorts) * how.gap)
    return replace(
        _described(how, target, selected, n),
        overdosed=Estimate(overdosed),
        underdosed=Estimate(underdosed),
        days=Estimate(days),
    )
