"""The eDISH plot: the highest transaminase and bilirubin of each subject, as multiples of ULN.

Source: FDA, Guidance for Industry, Drug-Induced Liver Injury: Premarketing Clinical Evaluation,
July 2009 (3 x ULN for ALT or AST, 2 x ULN for bilirubin); the plot: Watkins PB et al.,
Hepatology 2011;53:184-192.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from typing import Final, Literal

from shared.clinical.ctcae import Multiple
from shared.clinical.ctcae.sample import specimen_of
from shared.clinical.hys_law import LiverValue, liver_values, rank_before
from shared.clinical.person import Person
from shared.clinical.samples import is_before, sample_of
from shared.contracts.figures import LiverPeak, LiverPoint

TRANSAMINASE_AT_LEAST: Final = 3
BILIRUBIN_AT_LEAST: Final = 2

_Test = Literal["ALT", "AST", "BILI", "ALP"]
_TESTS: Final[tuple[_Test, ...]] = ("ALT", "AST", "BILI", "ALP")
_ENZYMES: Final[tuple[Literal["ALT", "AST"], ...]] = ("ALT", "AST")
_DIGITS: Final = Context(prec=60)

_Top = tuple[Fraction, LiverValue]


def liver_point(person: Person) -> LiverPoint:
    """One subject's point; without the rules of the protocol."""
    found = liver_values(person.of("lab"), person.zone, _TESTS)
    blood = {test: [one for one in values if _is_blood(one)] for test, values in found.items()}
    after = {
        test: [one for one in held if not _before(one, person)] for test, held in blood.items()
    }
    transaminases = [one for test in _ENZYMES for one in after[test]]
    highest = {test: _highest(after[test]) for test in _TESTS}
    tops = [(top[0], test) for test in _ENZYMES if (top := highest[test])]
    return LiverPoint(
        usubjid=person.usubjid,
        transaminase=max(tops)[1] if tops else None,
        transaminase_raised=_any_at_least(transaminases, TRANSAMINASE_AT_LEAST),
        bilirubin_raised=_any_at_least(after["BILI"], BILIRUBIN_AT_LEAST),
        days_apart=_days_apart(transaminases, after["BILI"]),
        peaks=tuple(
            _peak(person, test, blood[test], after[test], highest[test]) for test in _TESTS
        ),
        rules=(),
    )


def _is_blood(value: LiverValue) -> bool:
    specimen = sample_of(value.entry).value.specimen or ""
    return specimen_of(specimen) not in ("urine", "other")


def _before(value: LiverValue, person: Person) -> bool:
    return is_before(value.entry, person.zone, person.start)


def _highest(values: Sequence[LiverValue]) -> _Top | None:
    """The highest multiple certainly reached; a value of which only a ceiling is known has none."""
    known = ((one.multiple.low, one) for one in values if one.multiple)
    return max((found for found in known if found[0] > 0), key=lambda one: one[0], default=None)


def _peak(
    person: Person,
    test: _Test,
    blood: Sequence[LiverValue],
    after: Sequence[LiverValue],
    top: _Top | None,
) -> LiverPeak:
    before = [one for one in blood if _before(one, person)]
    last = max(before, key=lambda one: rank_before(one, person.zone), default=None)
    baseline = last.multiple if last else None
    start = person.start.first if person.start else None
    return LiverPeak(
        test=test,
        peak=rounded_down(top[0]) if top else None,
        on=top[1].first if top else None,
        day=(top[1].first - start).days + 1 if top and start else None,
        open_above=any(_may_exceed(one.multiple, top and top[0]) for one in after),
        not_comparable=sum(one.multiple is None for one in after),
        baseline=rounded_down(baseline.low) if baseline and baseline.low > 0 else None,
        baseline_raised=_raised(baseline),
        why_none=None if top else _why_none(after),
    )


def _may_exceed(multiple: Multiple | None, top: Fraction | None) -> bool:
    """Whether a value may be higher than the highest that is known."""
    if multiple is None or multiple.high is None or top is None:
        return True
    return multiple.high > top


def _raised(baseline: Multiple | None) -> bool | None:
    if baseline is None:
        return None
    if baseline.low > 1:
        return True
    return False if baseline.high is not None and baseline.high <= 1 else None


def _why_none(after: Sequence[LiverValue]) -> str:
    if not after:
        return "no value on treatment"
    if all(one.multiple is None for one in after):
        return "no value on treatment can be compared with an upper limit of normal"
    return "no value on treatment is more than a ceiling"


def _any_at_least(values: Sequence[LiverValue], factor: int) -> bool | None:
    """Whether any value reaches so many times ULN; None where that is not known."""
    answers = [one.at_least(factor) for one in values]
    if True in answers:
        return True
    return None if None in answers or not answers else False


def _days_apart(
    transaminases: Sequence[LiverValue], bilirubins: Sequence[LiverValue]
) -> int | None:
    """The least distance of two values that both reach their limits."""
    high = [one for one in transaminases if one.at_least(TRANSAMINASE_AT_LEAST)]
    yellow = [one for one in bilirubins if one.at_least(BILIRUBIN_AT_LEAST)]
    gaps = (
        max(0, (one.first - other.last).days, (other.first - one.last).days)
        for one in high
        for other in yellow
    )
    return min(gaps, default=None)


def rounded_down(number: Fraction, places: int = 3) -> Decimal:
    """To so many decimals, never up: what is shown reaches no limit the number does not."""
    exact = _DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator))
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
