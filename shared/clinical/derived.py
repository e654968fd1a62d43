"""Measurements worked out from others, always labelled as such: the label is the `Formula`.

Nothing is guessed: a missing or unreadable input, a comparator (``<40``), urine for serum or an age
outside the formula's gives no number but a reason.

A derived number must fall on the same side of a limit as the exact one. Where the formula is
rational and terminates the result is exact. Elsewhere it is cut to ``places`` decimals so that the
last digit is 0 or 5 only where the number is exact (the rule of `decimal.ROUND_05UP`): 59.9999 is
never 60.000, and no comparison with a limit of fewer decimals changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import wraps
from typing import Literal, ParamSpec

from shared.clinical.analytes import analyte_of, is_fasting_loinc, unit_for
from shared.clinical.ctcae.model import Measurement
from shared.clinical.ctcae.sample import specimen_of
from shared.clinical.quantity import Unit, factor_between
from shared.contracts.results import Character, parse_result

NotDerivedReason = Literal[
    "missing_input",
    "character_result",
    "comparator",
    "unit_unknown",
    "other_specimen",
    "out_of_validity",
]

PLACES = 3
"""Decimals of a derived number that cannot be exact: CTCAE prints no limit with more than one."""

_FASTING = {"Y": True, "N": False}

Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Formula:
    """How a measurement is derived. ``unit`` None: the unit its first input was reported in;
    ``places`` None: exact, not rounded."""

    testcd: str
    name: str
    expression: str
    inputs: tuple[str, ...]
    unit: str | None
    places: int | None
    valid: str
    source: str


CORRECTED_CALCIUM = Formula(
    testcd="CACORR",
    name="calcium corrected for albumin",
    expression="mg/dL: CA + 0.8 x (4.0 - ALB g/dL); mmol/L: CA + 0.02 x (40 - ALB g/L)",
    inputs=("CA", "ALB"),
    unit=None,
    places=None,
    valid="total calcium and albumin of one blood sample; downward too, where albumin is above 40",
    source="Payne RB et al., Br Med J 1973;4:643-646, slope and mean as commonly rounded",
)
CKD_EPI_2021 = Formula(
    testcd="EGFR",
    name="eGFR, CKD-EPI creatinine equation 2021",
    expression="142 x min(CREAT/k, 1)^a x max(CREAT/k, 1)^-1.200 x 0.9938^AGE [x 1.012 if female];"
    " CREAT in mg/dL; k, a: 0.7, -0.241 female, 0.9, -0.302 male",
    inputs=("CREAT", "AGE", "SEX"),
    unit="mL/min/{1.73_m2}",
    places=PLACES,
    valid="age 18 and above, creatinine traceable to IDMS and in steady state",
    source="Inker LA et al., N Engl J Med 2021;385:1737-1749",
)
COCKCROFT_GAULT = Formula(
    testcd="CREATCLR",
    name="creatinine clearance, Cockcroft-Gault",
    expression="(140 - AGE) x WEIGHT kg / (72 x CREAT mg/dL) [x 0.85 if female]",
    inputs=("CREAT", "WEIGHT", "AGE", "SEX"),
    unit="mL/min",
    places=PLACES,
    valid="age 18 to 139, actual body weight, creatinine in steady state",
    source="Cockcroft DW, Gault MH, Nephron 1976;16:31-41",
)
FRIDERICIA = Formula(
    testcd="QTCF",
    name="QT interval corrected by Fridericia's formula",
    expression="QT / (RR in s)^(1/3); RR = 60 / heart rate per minute",
    inputs=("QT", "RR or HR"),
    unit="ms",
    places=PLACES,
    valid="QT and RR (or heart rate) of one ECG",
    source="Fridericia LS, Acta Med Scand 1920;53:469-486",
)
FORMULAS = (CORRECTED_CALCIUM, CKD_EPI_2021, COCKCROFT_GAULT, FRIDERICIA)


@dataclass(frozen=True, slots=True)
class Derived:
    """A measurement nobody reported: its formula, and what it was worked out from."""

    measurement: Measurement
    formula: Formula
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotDerived:
    """Why there is no derived measurement, and which input is to blame."""

    formula: Formula
    reason: NotDerivedReason
    input: str


class _Refused(Exception):
    def __init__(self, reason: NotDerivedReason, name: str) -> None:
        super().__init__(reason)
        self.reason, self.input = reason, name


def _by(
    formula: Formula,
) -> Callable[[Callable[Given, Derived]], Callable[Given, Derived | NotDerived]]:
    """Makes what is raised on the way to a derived measurement the answer."""

    def decorate(work: Callable[Given, Derived]) -> Callable[Given, Derived | NotDerived]:
        @wraps(work)
        def answer(*given: Given.args, **named: Given.kwargs) -> Derived | NotDerived:
            try:
                return work(*given, **named)
            except _Refused as refused:
                return NotDerived(formula, refused.reason, refused.input)

        return answer

    return decorate


@_by(CORRECTED_CALCIUM)
def corrected_calcium(calcium: Measurement | None, albumin: Measurement | None) -> Derived:
    """Total calcium corrected for albumin, in the calcium's own unit and so against its range."""
    calcium, albumin = _given(calcium, "CA"), _given(albumin, "ALB")
    if _unit(calcium).kind == "mass_concentration":
        unit, protein, slope, mean = "mg/dL", "g/dL", Fraction(8, 10), 4
    else:
        unit, protein, slope, mean = "mmol/L", "g/L", Fraction(2, 100), 40
    corrected = _number(calcium, unit) + slope * (mean - _number(albumin, protein))
    if corrected <= 0:
        raise _Refused("out_of_validity", albumin.testcd)
    result = corrected / _factor(calcium, unit)
    exact = Context(prec=100).divide(Decimal(result.numerator), Decimal(result.denominator))
    measurement = Measurement(
        "CACORR",
        f"{exact:f}",
        calcium.unit,
        calcium.range_low,
        calcium.range_high,
        specimen=calcium.specimen,
    )
    return Derived(measurement, CORRECTED_CALCIUM, (calcium.testcd, albumin.testcd))


@_by(CKD_EPI_2021)
def egfr(creatinine: Measurement | None, *, age: int | None, sex: str | None) -> Derived:
    """Estimated GFR for ``age`` in completed years and ``sex`` M or F."""
    creatinine, years, female = _given(creatinine, "CREAT"), _adult(age), _is_female(sex)
    rate = ckd_epi_2021(_number(creatinine, "mg/dL"), years, female=female)
    return _derived(CKD_EPI_2021, _cut(rate), (creatinine.testcd, "AGE", "SEX"))


def ckd_epi_2021(creatinine: Fraction, age: int, *, female: bool) -> Fraction:
    """The equation of 2021 before it is cut, to 50 digits: mg/dL and years to mL/min/1.73 m2."""
    kappa, alpha = (Fraction(7, 10), "-0.241") if female else (Fraction(9, 10), "-0.302")
    ratio = creatinine / kappa
    with localcontext(Context(prec=50)):
        power = Decimal(alpha if ratio <= 1 else "-1.200")
        relative = (Decimal(ratio.numerator) / ratio.denominator) ** power
        of_sex = Decimal("1.012") if female else 1
        return Fraction(142 * relative * Decimal("0.9938") ** age * of_sex)


@_by(COCKCROFT_GAULT)
def creatinine_clearance(
    creatinine: Measurement | None, weight: Measurement | None, *, age: int | None, sex: str | None
) -> Derived:
    """Creatinine clearance by Cockcroft and Gault; inputs as for `egfr`, and the body weight."""
    creatinine, weight = _given(creatinine, "CREAT"), _given(weight, "WEIGHT")
    years, female = _adult(age), _is_female(sex)
    if years >= 140:
        raise _Refused("out_of_validity", "AGE")
    rate = (140 - years) * _number(weight, "kg") / (72 * _number(creatinine, "mg/dL"))
    of_sex = Fraction(85, 100) if female else 1
    inputs = (creatinine.testcd, weight.testcd, "AGE", "SEX")
    return _derived(COCKCROFT_GAULT, _cut(rate * of_sex), inputs)


@_by(FRIDERICIA)
def qtcf(qt: Measurement | None, rr: Measurement | None) -> Derived:
    """QTcF in ms, from the RR interval or from the heart rate: the unit of ``rr`` tells which."""
    qt, rr = _given(qt, "QT"), _given(rr, "RR", "HR")
    by_rate = _unit(rr).kind == "frequency"
    seconds = 60 / _number(rr, "/min") if by_rate else _number(rr, "s")
    cube = (_number(qt, "ms") * 10**PLACES) ** 3 / seconds
    root = cube_root(int(cube))
    corrected = _last_digit(root, is_exact=root**3 == cube)
    return _derived(FRIDERICIA, corrected, (qt.testcd, rr.testcd))


def fasting_status(lbfast: str | None, loinc: str | None) -> bool | None:
    """Whether a sample was fasting, from ``LBFAST`` (Y, N) and from a LOINC code that says so; None
    where neither tells or the two contradict each other."""
    said = _FASTING.get(lbfast.strip().upper()) if lbfast else None
    if loinc is None or not is_fasting_loinc(loinc):
        return said
    return None if said is False else True


def cube_root(number: int) -> int:
    """The largest whole number whose cube is at most ``number``, which is not negative (Newton)."""
    root = 1 << -(-number.bit_length() // 3)
    while (lower := (2 * root + number // root**2) // 3) < root:
        if not lower:
            return 0
        root = lower
    return root


def _cut(value: Fraction) -> Decimal:
    scaled = value * 10**PLACES
    return _last_digit(int(scaled), is_exact=scaled.denominator == 1)


def _last_digit(cut: int, *, is_exact: bool) -> Decimal:
    """``cut`` counts the last place; moved up by one where a 0 or 5 at the end would be untrue."""
    return Decimal(f"{cut + (not is_exact and cut % 5 == 0)}E-{PLACES}")


def _given(measurement: Measurement | None, *tests: str) -> Measurement:
    analyte = analyte_of(measurement.testcd) if measurement else None
    if measurement is None or analyte is None or analyte.testcd not in tests:
        raise _Refused("missing_input", tests[0])
    if specimen_of(measurement.specimen or "") not in ("blood", "not_stated"):
        raise _Refused("other_specimen", measurement.testcd)
    return measurement


def _unit(measurement: Measurement) -> Unit:
    unit = unit_for(measurement.testcd, measurement.unit)
    if unit is None:
        raise _Refused("unit_unknown", measurement.testcd)
    return unit


def _factor(measurement: Measurement, target: str) -> Fraction:
    factor = factor_between(_unit(measurement).ucum, target, measurement.testcd)
    assert factor is not None, "whatever an input may plausibly be reported in converts"
    return factor


def _number(measurement: Measurement, target: str) -> Fraction:
    """The result in the target unit; above 0."""
    result = parse_result(measurement.result)
    if isinstance(result, Character):
        raise _Refused("character_result", measurement.testcd)
    if result.comparator:
        raise _Refused("comparator", measurement.testcd)
    if result.value <= 0:
        raise _Refused("out_of_validity", measurement.testcd)
    return Fraction(result.value) * _factor(measurement, target)


def _adult(age: int | None) -> int:
    if age is None:
        raise _Refused("missing_input", "AGE")
    if age < 18:
        raise _Refused("out_of_validity", "AGE")
    return age


def _is_female(sex: str | None) -> bool:
    if sex not in ("F", "M"):
        raise _Refused("missing_input", "SEX")
    return sex == "F"


def _derived(formula: Formula, value: Decimal, inputs: tuple[str, ...]) -> Derived:
    measurement = Measurement(formula.testcd, f"{value:f}", formula.unit, None, None)
    return Derived(measurement, formula, inputs)
