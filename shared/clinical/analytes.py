"""What a test code measures: its name, its LOINC codes, its specimen, and the units it can have.

QT in ``mmHg`` occurs in real data, and so does INR with no unit. The unit of a result is therefore
read together with its test: a unit of a kind the test cannot have is as unknown as one misspelt,
and no unit is a unit where the test is a plain number.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from shared.clinical.quantity import Unit, unit_of, units_by_code
from shared.document import build, read_yaml

Found = TypeVar("Found")

_PLAIN_NUMBER = {"ratio": "1", "acidity": "[pH]"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Analyte(_Strict):
    """One test. ``specimen`` is what the CTCAE criteria mean by it; None: not a specimen's."""

    testcd: str
    name: str
    kinds: tuple[str, ...]
    specimen: Literal["blood", "urine", "any"] | None = None
    loinc: tuple[str, ...] = ()
    fasting_loinc: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    unconfirmed: bool = False


class _Table(_Strict):
    analytes: tuple[Analyte, ...]
    not_graded: tuple[str, ...] = ()


def analyte_of(testcd: str) -> Analyte | None:
    """The analyte of an LBTESTCD, VSTESTCD or EGTESTCD; None where the table does not hold it."""
    return _by_testcd().get(testcd)


@lru_cache(maxsize=4096)
def is_known_test(testcd: str) -> bool:
    """Whether the table holds the test, be it as one that no criterion reads."""
    return analyte_of(testcd) is not None or testcd in _table().not_graded


def testcd_of_loinc(code: str) -> str | None:
    """The LBTESTCD a LOINC code stands for, or None where the table does not hold it."""
    return _by_loinc().get(code.strip())


def is_fasting_loinc(code: str) -> bool:
    """Whether the code itself says that the sample was taken fasting."""
    return any(code.strip() in analyte.fasting_loinc for analyte in analytes())


@lru_cache(maxsize=4096)
def unit_for(testcd: str, text: str | None) -> Unit | None:
    """The unit a result of this test was reported in; None where it is unknown or implausible. A
    test the table does not hold may have any unit that is known."""
    analyte = analyte_of(testcd)
    if not (text or "").strip():
        return _unitless(analyte)
    unit = unit_of(text or "")
    plausible = unit is None or analyte is None or unit.kind in analyte.kinds
    return unit if plausible else None


def _unitless(analyte: Analyte | None) -> Unit | None:
    kinds = analyte.kinds if analyte else ()
    return next((units_by_code()[_PLAIN_NUMBER[k]] for k in kinds if k in _PLAIN_NUMBER), None)


def analytes() -> tuple[Analyte, ...]:
    """Every analyte of the table."""
    return _table().analytes


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("analytes.yaml")
    return build(read_yaml(path.read_text(encoding="utf-8")), _Table)


@cache
def _by_testcd() -> dict[str, Analyte]:
    return once((code, item) for item in analytes() for code in (item.testcd, *item.aliases))


@cache
def _by_loinc() -> dict[str, str]:
    return once(
        (code, item.testcd) for item in analytes() for code in (*item.loinc, *item.fasting_loinc)
    )


def once(pairs: Iterable[tuple[str, Found]]) -> dict[str, Found]:
    """The pairs as a dictionary; ValueError where one code is given twice."""
    found: dict[str, Found] = {}
    for code, value in pairs:
        if code in found:
            raise ValueError(f"{code} is given twice")
        found[code] = value
    return found
