"""Grades a measured value by the criteria of one CTCAE version.

The context of a value is read once and its criteria compiled to bands (`compiled`), so that what is
left for each value is to read the number and to find its band.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from shared.clinical.analytes import analyte_of, unit_for
from shared.clinical.ctcae.answers import Graded, NotGradable
from shared.clinical.ctcae.bands import KEPT, Compiled, compiled_in, unusable
from shared.clinical.ctcae.covers import Context
from shared.clinical.ctcae.criteria import Criterion, by_test
from shared.clinical.ctcae.form import Domain
from shared.clinical.ctcae.limits import belongs
from shared.clinical.ctcae.model import Measurement, Multiple
from shared.clinical.ctcae.sample import (
    Range,
    baseline_of,
    range_of,
    span_of_result,
    specimen_of,
)
from shared.contracts.graded import NotGradableReason

_NO_FACTS: Mapping[str, bool] = MappingProxyType({})
_NOTHING_BESIDE: Mapping[str, Measurement] = MappingProxyType({})


def grade(
    value: Measurement,
    *,
    ctcae: str,
    baseline: Measurement | None = None,
    is_baseline: bool = False,
    beside: Mapping[str, Measurement] = _NOTHING_BESIDE,
    facts: Mapping[str, bool] = _NO_FACTS,
    domain: Domain = "lab",
) -> tuple[Graded | NotGradable, ...]:
    """The grades of a value, one per term of ``ctcae`` that names its analyte, both directions.

    ``()`` where no criterion names the test, or names it in another specimen. ``is_baseline``: the
    value is the baseline sample itself and is graded without the baseline branch. ``beside``:
    other measurements of the same time by test code; ``facts``: what no number tells, present
    (True) or absent (False). ValueError for an unknown version.
    """
    result = value.result
    found = compiled(
        ctcae,
        value.testcd,
        value.unit,
        value.range_low,
        value.range_high,
        value.specimen,
        value.fasting,
        baseline,
        is_baseline,
        tuple(sorted(facts.items())) if facts else (),
        tuple(beside.values()) if beside else (),
        domain,
    )
    return tuple([_answered(one, result) for one in found])


def _answered(compiled: Compiled, result: str) -> Graded | NotGradable:
    answer = compiled.at(result)
    kind = Graded if answer.state == "graded" else NotGradable
    return kind(compiled, result, answer)


@lru_cache(maxsize=KEPT)
def compiled(
    ctcae: str,
    testcd: str,
    unit: str | None,
    range_low: str | None,
    range_high: str | None,
    specimen: str | None = None,
    fasting: bool | None = None,
    baseline: Measurement | None = None,
    is_baseline: bool = False,
    facts: tuple[tuple[str, bool], ...] = (),
    beside: tuple[Measurement, ...] = (),
    domain: Domain = "lab",
) -> tuple[Compiled, ...]:
    """The criteria that answer for a test in a context, ready for any number of results: see
    `Compiled.at`. Arguments as in `grade`; kept by context."""
    said = specimen_of(specimen or "")
    known = unit_for(testcd, unit)
    own = known.ucum if known else None
    normal = range_of(range_low, range_high)
    answering = []
    for criterion in _criteria(ctcae, domain, testcd):
        about = _is_about(criterion, said, own, normal)
        if about is None:
            answering.append(unusable(criterion, own or "", "needs_clinical_input"))
        elif about and own is None:
            reason: NotGradableReason = (
                "unit_unknown" if criterion.clauses else "needs_clinical_input"
            )
            answering.append(unusable(criterion, "", reason))
        elif about and own is not None:
            signed = criterion.document.signed
            earlier = None if is_baseline else baseline
            before = baseline_of(earlier, own, normal, criterion.testcd, signed=signed)
            before = before._replace(itself=is_baseline)
            context = Context(own, normal, before, fasting, frozenset(facts), beside)
            answering.append(compiled_in(criterion, context))
    return tuple(answering)


@lru_cache(maxsize=KEPT)
def uses_baseline(ctcae: str, testcd: str, domain: Domain = "lab") -> bool:
    """Whether any criterion of a test compares its values with a baseline."""
    return any("baseline" in one.uses for one in _criteria(ctcae, domain, testcd))


def _criteria(ctcae: str, domain: Domain, testcd: str) -> tuple[Criterion, ...]:
    found = by_test(ctcae, domain)
    analyte = analyte_of(testcd)
    return found.get(testcd) or (found.get(analyte.testcd, ()) if analyte else ())


def _is_about(criterion: Criterion, said: str, unit: str | None, normal: Range) -> bool | None:
    """Whether a criterion speaks of this specimen; None where that is for a person to judge. A
    specimen that is not stated is blood, unless the unit fits a urine criterion or the range is
    none of blood."""
    wanted = criterion.document.specimen
    if wanted is None or said == wanted:
        return True
    if said in ("blood", "urine", "other"):
        return False
    if wanted == "urine" and (unit is None or not belongs(criterion, unit)):
        return False
    least = criterion.document.lln_from
    of_another = normal.lln is not None and least is not None and normal.lln.first[0] < least
    return True if said == "not_stated" and not of_another else None


def multiple_of_uln(value: Measurement) -> Multiple | NotGradableReason:
    """The value as a multiple of its own upper limit of normal (Hy's law), or why there is none.
    The two have the same unit by definition, so that no unit needs to be known. A specimen other
    than blood is for a person to judge."""
    span = span_of_result(value.result)
    uln = range_of(value.range_low, value.range_high).uln
    if specimen_of(value.specimen or "") not in ("blood", "not_stated"):
        return "needs_clinical_input"
    if isinstance(span, str):
        return span
    return Multiple(span, uln) if uln is not None else "no_range"
