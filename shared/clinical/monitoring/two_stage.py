"""Simon's two-stage design while it runs: may the second stage open, is it futile already.

Read in non-responses it is a boundary like any other: n1 - r1 of them stop the first stage, n - r
the second, and as soon as that many are final nothing that follows can change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

from shared.clinical.designs.model import Report
from shared.clinical.monitoring.boundaries import (
    Number,
    binomial,
    limits_of,
    limits_within_reach,
)
from shared.clinical.monitoring.model import EventCounts, Look, Status, margin_of, status_of
from shared.clinical.monitoring.rules import TwoStage


@dataclass(frozen=True, slots=True)
class TwoStageCharacteristics(Generic[Number]):
    """At a true response rate: P(early stop), P(p0 rejected), expected number of subjects."""

    early_stop: Number
    rejection: Number
    expected_n: Number


def two_stage_characteristics(design: TwoStage, p: Number) -> TwoStageCharacteristics[Number]:
    """Exact for a `Fraction`. Source: Simon R, Control Clin Trials 1989;10:1-10.

    >>> design = TwoStage(r1=4, n1=16, r=11, n=38)
    >>> round(two_stage_characteristics(design, 0.20).expected_n, 2)
    20.44
    """
    first = binomial(design.n1, p)
    second = binomial(design.n - design.n1, p)
    zero = p - p
    early = sum(first[: design.r1 + 1], start=zero)
    rejection = sum(
        (
            mass * sum(second[max(0, design.r + 1 - responses) :], start=zero)
            for responses, mass in enumerate(first)
            if responses > design.r1
        ),
        start=zero,
    )
    expected = design.n1 + (1 - early) * (design.n - design.n1)
    return TwoStageCharacteristics(early, rejection, expected)


@dataclass(frozen=True, slots=True)
class Futility:
    """With `n` responses final, `at_most` responses or fewer stop; None: not even 0 would."""

    n: int
    at_most: int | None


def futility_table(design: TwoStage) -> tuple[Futility, ...]:
    """When futility is certain, for 1 to n subjects.

    >>> [row.at_most for row in futility_table(TwoStage(r1=1, n1=4, r=3, n=8))]
    [None, None, 0, 1, 0, 1, 2, 3]
    """
    limits = limits_of(design, design.n)
    return tuple(
        Futility(n, n - limits[n] if limits[n] <= n else None) for n in range(1, design.n + 1)
    )


def look_at_responses(design: TwoStage, counts: EventCounts) -> Look:
    """The futility look; `counts.events` are confirmed responses.

    An unconfirmed response opens nothing and ends nothing: the subject is pending.

    >>> design = TwoStage(r1=4, n1=16, r=11, n=38)
    >>> print(look_at_responses(design, EventCounts(n=15, events=4, pending=1)).report.text)
    one more non-response stops: 4 responses in 15 subjects, 1 pending; more than 4 of 16 open the \
second stage; accrual waits for the first
    """
    misses = EventCounts(counts.n, counts.n - counts.events, counts.pending)
    margin = margin_of(limits_within_reach(design, misses)[: design.n + 1], misses)
    if counts.n > design.n and counts.n - counts.events >= design.n - design.r:
        margin = 0
    status = status_of(misses, margin)
    report = Report(
        rule=f"two_stage.{status}",
        text="; ".join(_parts(design, counts, status)),
        inputs=counts.as_inputs(),
        thresholds={"r1": design.r1, "n1": design.n1, "r": design.r, "n": design.n},
        margin=margin,
        source=design.source,
    )
    return Look(status, margin, report)


_VERDICT: Mapping[Status, str] = {
    "crossed": "stop for futility",
    "near": "one more non-response stops",
    "open": "may become futile",
    "clear": "not futile",
}


def _parts(design: TwoStage, counts: EventCounts, status: Status) -> Iterator[str]:
    responses, null = counts.events, "p0" if design.p0 is None else f"p0 = {design.p0:g}"
    yield (
        f"{_VERDICT[status]}: {responses} responses in {counts.n} {design.denominator}, "
        f"{counts.pending} pending"
    )
    if responses <= design.r1:
        yield f"more than {design.r1} of {design.n1} open the second stage"
        if status != "crossed" and counts.n + counts.pending >= design.n1:
            yield "accrual waits for the first"
    elif responses > design.r and status != "crossed":
        yield f"more than {design.r} responses reject {null}"
    else:
        yield f"more than {design.r} of {design.n} would reject {null}"
    if counts.n > design.n:
        yield f"beyond the {design.n} subjects of the design the cautious reading is taken"
