"""A subject's records as samples: what each reports, what can be derived from it, and when.

A value nobody reported (calcium corrected by the albumin of the same sample, QTcF, a clearance) is
a sample like any other and says from which records it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.clinical.analytes import analyte_of
from shared.clinical.ctcae import Measurement
from shared.clinical.ctcae.form import Domain
from shared.clinical.derived import (
    Derived,
    NotDerived,
    corrected_calcium,
    creatinine_clearance,
    egfr,
    fasting_status,
    qtcf,
)
from shared.clinical.plausibility import (
    contradicted,
    contradicts,
    implausible,
    implausible_normal,
)
from shared.clinical.timeline import Entry, Standing
from shared.contracts.facts import Ecg, Lab, Record, Subject, Vital

DOMAINS: tuple[Domain, ...] = ("lab", "vital", "ecg")
_DOMAIN_OF: dict[str, Domain] = {domain: domain for domain in DOMAINS}
Kind = tuple[Domain, str, str | None]


@dataclass(frozen=True, slots=True)
class FirstDose:
    """The start of treatment, as dates and instants it may be."""

    first: date
    last: date
    moment: tuple[datetime, datetime]


class Sample(NamedTuple):
    """One measurement: as a record reports it, or ``derived`` from it and ``others``. ``test`` is
    the test code, one for all its spellings; corrected calcium stands for the calcium it
    corrects. ``doubt``: why it cannot be as it is reported."""

    entry: Entry
    domain: Domain
    test: str
    value: Measurement
    derived: Derived | None = None
    others: tuple[Entry, ...] = ()
    doubt: str | None = None


def is_flagged(entry: Entry) -> bool:
    """Whether the source calls the value the last one before treatment."""
    return entry.flagged


def is_before(entry: Entry, zone: ZoneInfo, start: FirstDose | None) -> bool:
    """Flagged by the source and not of a later day than the first dose, or certainly taken before
    it. While no dose is on record only the flag says so."""
    if start is None:
        return is_flagged(entry)
    if is_flagged(entry) and entry.dates(zone)[0] <= start.last:
        return True
    return entry.instants(zone)[1] < start.moment[0] and entry.dates(zone)[1] <= start.first


def may_be_before(entry: Entry, zone: ZoneInfo, start: FirstDose | None) -> bool:
    """Whether it may have been taken before the first dose, for all that date and time say."""
    return start is not None and entry.instants(zone)[0] < start.moment[1]


def a_year_early(entry: Entry, zone: ZoneInfo, start: FirstDose) -> tuple[date, date] | None:
    """The days a year after the stated ones, where these lie before treatment, and those on it and
    not after it was known: the year may be a slip."""
    first, last = (_a_year_on(day) for day in entry.dates(zone))
    known = entry.fact.known_at.astimezone(zone).date()
    before = entry.dates(zone)[1] < start.first
    return (first, last) if before and start.first <= last and first <= known else None


def _a_year_on(day: date) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + 1, day=28 if leap else day.day)


def sample_of(entry: Entry) -> Sample:
    """A measurement record as it was reported."""
    found: Sample | None = entry.sample
    if found is None:
        found = entry.sample = _sample(entry)
    return found


def _sample(entry: Entry) -> Sample:
    record = entry.record
    value, test, doubt = _measurement(record)
    if isinstance(record, Lab):
        doubt = doubt or contradicted(value, record.LBSTRESN, record.LBSTRESU)
    return Sample(entry, _DOMAIN_OF[entry.fact.kind], test, value, None, (), doubt)


def _measurement(record: Record | None) -> tuple[Measurement, str, str | None]:
    if isinstance(record, Lab):
        return _read(
            record.LBTESTCD or "",
            record.LBORRES or "",
            record.LBORRESU,
            record.LBORNRLO,
            record.LBORNRHI,
            record.LBSPEC,
            fasting_status(record.LBFAST, record.LBLOINC),
            str(record.supp.get("LBNRIND") or "") or None,
        )
    if isinstance(record, Vital):
        return _read(record.VSTESTCD, record.VSORRES, record.VSORRESU, None, None)
    assert isinstance(record, Ecg)
    return _read(record.EGTESTCD, record.EGORRES, record.EGORRESU, None, None)


@lru_cache(maxsize=65536)
def _read(
    testcd: str,
    result: str,
    unit: str | None,
    range_low: str | None,
    range_high: str | None,
    specimen: str | None = None,
    fasting: bool | None = None,
    indicator: str | None = None,
) -> tuple[Measurement, str, str | None]:
    """The measurement, its test (`testcd_of`), and why it cannot be as it is reported. A laboratory
    says the same of many samples, and all that say it share one."""
    doubt = implausible(testcd, result, unit, specimen)
    doubt = doubt or implausible_normal(testcd, range_high, unit, specimen)
    if contradicts(testcd, specimen):
        # It counts as what the test means, until the site says which of the two is wrong.
        specimen = None
    normal = (range_low, range_high)
    value = Measurement(testcd, result, unit, *normal, specimen, fasting, indicator)
    return value, testcd_of(testcd), doubt


def is_done(entry: Entry) -> bool:
    """Whether there is a result (LBSTAT says NOT DONE where there is none)."""
    return not (isinstance(entry.record, Lab) and entry.record.LBORRES is None)


def kind_of(sample: Sample) -> Kind:
    """Domain, test and specimen: samples alike in them may be compared."""
    return sample.domain, sample.test, sample.value.specimen


@lru_cache(maxsize=4096)
def testcd_of(testcd: str) -> str:
    """The test code that stands for all spellings of one test."""
    analyte = analyte_of(testcd)
    return analyte.testcd if analyte else testcd


def belong_together(one: Entry, other: Entry) -> bool:
    """Whether two records are of one blood sample (LBREFID, else the same time) or of one ECG."""
    match one.record, other.record:
        case Lab() as a, Lab() as b:
            if a.LBREFID and b.LBREFID:
                return a.LBREFID == b.LBREFID
            return a.LBDTC == b.LBDTC
        case Ecg() as c, Ecg() as d:
            return (c.EGDTC, c.EGTPT, c.EGREPNUM) == (d.EGDTC, d.EGTPT, d.EGREPNUM)
    return False


def derive(sample: Sample, found: Derived | NotDerived, *inputs: Sample) -> Iterator[Sample]:
    """The derived value as a sample; nothing where it could not be worked out."""
    if isinstance(found, Derived):
        code = found.measurement.testcd
        yield Sample(
            entry=sample.entry,
            domain=sample.domain,
            test=sample.test if code == "CACORR" else code,
            value=found.measurement,
            derived=found,
            others=tuple(one.entry for one in inputs),
        )


def ages_and_sexes(subjects: Sequence[Standing]) -> tuple[tuple[int | None, str | None], ...]:
    """Age and sex, or each that stands where a record contradicts itself."""
    entries = (entry for one in subjects for entry in one.entries)
    said = ((one.record.AGE, one.record.SEX) for one in entries if isinstance(one.record, Subject))
    return tuple(dict.fromkeys(said))


calcium = lru_cache(maxsize=65536)(corrected_calcium)
fridericia = lru_cache(maxsize=65536)(qtcf)


@lru_cache(maxsize=65536)
def ckd_epi(creatinine: Measurement, age: int | None, sex: str | None) -> Derived | NotDerived:
    return egfr(creatinine, age=age, sex=sex)


@lru_cache(maxsize=65536)
def cockcroft(
    creatinine: Measurement, weight: Measurement, age: int | None, sex: str | None
) -> Derived | NotDerived:
    return creatinine_clearance(creatinine, weight, age=age, sex=sex)
