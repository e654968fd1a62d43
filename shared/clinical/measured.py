"""From a subject's records to graded measurements: values, baselines, companions, derived values.

A grade hangs on more than its value: on what was measured before treatment, on the albumin of the
same sample, on the temperature of the same day. All of it is looked up here, from what stands, each
time: a late or corrected record then regrades what depends on it, and the answer cannot depend on
the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, lru_cache
from itertools import product
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.analytes import analyte_of
from shared.clinical.ctcae import Graded, Measurement, NotGradable, grade
from shared.clinical.ctcae.criteria import by_test
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
from shared.clinical.timeline import Entry, Standing
from shared.contracts.facts import Ecg, Lab, Subject, Vital

WorstCase = Literal["query", "counts"]
DOMAINS: tuple[Domain, ...] = ("lab", "vital", "ecg")
Answer = Graded | NotGradable


@dataclass(frozen=True, slots=True)
class FirstDose:
    """The start of treatment, as dates and instants it may be."""

    first: date
    last: date
    moment: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: as a record reports it, or ``derived`` from it and ``others``."""

    entry: Entry
    domain: Domain
    value: Measurement
    derived: Derived | None = None
    others: tuple[Entry, ...] = ()

    @property
    def test(self) -> str:
        """The test code, one for all its spellings; corrected calcium stands for the calcium it
        corrects."""
        code = self.value.testcd
        return "CA" if self.derived and code == "CACORR" else _test_of(code)

    @property
    def flagged(self) -> bool:
        """Whether the source calls it the baseline."""
        return is_flagged(self.entry)


@dataclass(frozen=True, slots=True)
class GradedSample:
    """The answer of one criterion for one sample. ``low`` to ``high`` counts for a DLT, ``worst``
    is the worst case: a symptom or a second finding that nobody reported leaves the numeric minimum
    standing. ``beside`` are the samples of the same time it was graded with, ``baseline`` the one
    it was compared with."""

    sample: Sample
    before: bool
    answer: Answer
    low: int
    high: int
    worst: int
    beside: tuple[Sample, ...]
    baseline: Sample | None

    @property
    def others(self) -> tuple[Entry, ...]:
        """The records of the same time, beside the sample's own, that the answer rests on."""
        return tuple(dict.fromkeys((*self.sample.others, *(one.entry for one in self.beside))))

    @property
    def why(self) -> str:
        """The answer in words, with what it was derived from and graded beside."""
        said = [self.answer.why]
        if isinstance(self.answer, NotGradable):
            said = [f"not gradable: {self.answer.why}"]
        if self.sample.derived is not None:
            said.append(self.sample.derived.formula.name)
        for one in self.beside:
            said.append(f"with {one.test} {one.value.result} {one.value.unit or ''}".strip())
        return "; ".join(said)

    @property
    def series(self) -> tuple[str, tuple[str, ...]]:
        """What the next value of must come, for this one to stand no longer."""
        criterion = self.answer.compiled.criterion.document
        return criterion.direction, criterion.analytes


def measurement_of(entry: Entry) -> Measurement | None:
    """What a record reports, as grading reads it; None where it reports no measurement."""
    return entry.remembered("value", None, lambda: _read(entry))


def _read(entry: Entry) -> Measurement | None:
    match entry.record:
        case Lab() as lab:
            return Measurement(
                testcd=lab.LBTESTCD or "",
                result=lab.LBORRES or "",
                unit=lab.LBORRESU,
                range_low=lab.LBORNRLO,
                range_high=lab.LBORNRHI,
                specimen=lab.LBSPEC,
                fasting=fasting_status(lab.LBFAST, lab.LBLOINC),
                indicator=str(lab.supp.get("LBNRIND") or "") or None,
            )
        case Vital() as vital:
            return Measurement(vital.VSTESTCD, vital.VSORRES, vital.VSORRESU, None, None)
        case Ecg() as ecg:
            return Measurement(ecg.EGTESTCD, ecg.EGORRES, ecg.EGORRESU, None, None)
    return None


def is_flagged(entry: Entry) -> bool:
    """Whether the source calls the value the last one before treatment."""
    record = entry.record
    if isinstance(record, Lab):
        return record.LBLOBXFL == "Y"
    name = "VSLOBXFL" if isinstance(record, Vital) else "EGLOBXFL"
    return isinstance(record, Vital | Ecg) and record.supp.get(name) == "Y"


def is_before(entry: Entry, zone: ZoneInfo, start: FirstDose | None) -> bool:
    """Flagged by the source and not of a later day than the first dose, or certainly taken before
    it. While no dose is on record only the flag says so."""
    if start is None:
        return is_flagged(entry)
    if is_flagged(entry) and entry.dates(zone)[0] <= start.last:
        return True
    return entry.instants(zone)[1] < start.moment[0] and entry.dates(zone)[1] <= start.first


class Measurements:
    """Everything measured of one subject, with what each value is graded against."""

    def __init__(
        self,
        ctcae: str,
        zone: ZoneInfo,
        start: FirstDose | None,
        standing: Mapping[str, Sequence[Standing]],
        worst_case: WorstCase = "query",
    ) -> None:
        self._ctcae, self._zone, self._start, self._worst_case = ctcae, zone, start, worst_case
        self._age, self._sex = _age_and_sex(standing.get("subject", ()))
        self._records = [one for domain in DOMAINS for one in standing.get(domain, ())]
        self._beside: dict[tuple[str, date], list[Sample]] = {}
        self._weights: list[Sample] = []
        for one in self._records:
            for entry in one.entries:
                self._index(entry)
        self._baselines = self._find_baselines()

    def graded(self) -> Iterator[list[tuple[GradedSample, ...]]]:
        """Per record the answers of each content that stands of it."""
        for one in self._records:
            yield [self._graded(entry) for entry in one.entries]

    def _index(self, entry: Entry) -> None:
        sample, (first, last) = _reported(entry), entry.dates(self._zone)
        if first == last and sample.test in _COMPANIONS and _is_done(entry):
            self._beside.setdefault((sample.test, first), []).append(sample)
        if sample.test == "WEIGHT":
            self._weights.append(sample)

    def _find_baselines(self) -> dict[tuple[Domain, str, str | None], Sample]:
        """Per test and specimen the last value before treatment, the flagged one if there is
        one."""
        best: dict[tuple[Domain, str, str | None], tuple[bool, datetime, str]] = {}
        found: dict[tuple[Domain, str, str | None], Sample] = {}
        for one in self._records:
            entry = one.entries[0]
            if not _is_done(entry) or not is_before(entry, self._zone, self._start):
                continue
            rank = (is_flagged(entry), entry.instants(self._zone)[1], entry.fact.fact_id)
            for sample in self._samples(entry):
                key = _kind(sample)
                if key not in best or rank > best[key]:
                    best[key], found[key] = rank, sample
        return found

    def _samples(self, entry: Entry) -> list[Sample]:
        """The record's measurement and those derived from it."""
        sample = _reported(entry)
        if not _is_done(entry):
            return [sample]
        derived = list(self._derived(sample))
        corrected = any(one.value.testcd == "CACORR" for one in derived)
        return derived if corrected else [sample, *derived]

    def _derived(self, sample: Sample) -> Iterator[Sample]:
        """A value the source reports itself is not worked out again."""
        match sample.test:
            case "CA" if not self._same(sample, "CACORR"):
                for albumin in self._same(sample, "ALB"):
                    yield from _derive(sample, _calcium(sample.value, albumin.value), albumin)
            case "QT" if not self._same(sample, "QTCF"):
                for rate in self._same(sample, "RR") or self._same(sample, "HR"):
                    yield from _derive(sample, _fridericia(sample.value, rate.value), rate)
            case "CREAT":
                if not self._same(sample, "EGFR"):
                    yield from _derive(sample, _ckd_epi(sample.value, self._age, self._sex))
                weight = self._weight_at(sample)
                if weight is not None and not self._same(sample, "CREATCLR"):
                    rate_ = _cockcroft(sample.value, weight.value, self._age, self._sex)
                    yield from _derive(sample, rate_, weight)

    def _same(self, sample: Sample, test: str) -> list[Sample]:
        """Values of another test of the same sample or the same ECG."""
        return [one for one in self._same_day(sample, test) if _belong(sample.entry, one.entry)]

    def _same_day(self, sample: Sample, test: str) -> list[Sample]:
        first, last = sample.entry.dates(self._zone)
        return self._beside.get((test, first), []) if first == last else []

    def _weight_at(self, sample: Sample) -> Sample | None:
        """The last body weight that is certainly not of a later day."""
        first = sample.entry.dates(self._zone)[0]
        known = [one for one in self._weights if one.entry.dates(self._zone)[1] <= first]
        return max(known, key=self._taken, default=None)

    def _taken(self, sample: Sample) -> tuple[datetime, str]:
        return sample.entry.instants(self._zone)[1], sample.entry.fact.fact_id

    def _graded(self, entry: Entry) -> tuple[GradedSample, ...]:
        before = is_before(entry, self._zone, self._start)
        basis = tuple(
            (
                sample,
                None if before else self._baselines.get(_kind(sample)),
                tuple(
                    tuple(self._same_day(sample, test))
                    for test in _beside_tests(self._ctcae, sample.domain, sample.value.testcd)
                ),
            )
            for sample in self._samples(entry)
        )
        return entry.remembered(
            "graded",
            (self._ctcae, self._worst_case, before, basis),
            lambda: tuple(answer for given in basis for answer in self._answers(before, *given)),
        )

    def _answers(
        self,
        before: bool,
        sample: Sample,
        baseline: Sample | None,
        beside: tuple[tuple[Sample, ...], ...],
    ) -> Iterable[GradedSample]:
        """One answer per criterion: the worst over the companions that fit."""
        best: dict[int, GradedSample] = {}
        for chosen in product(*(found or (None,) for found in beside)):
            others = {one.test: one for one in chosen if one is not None}
            case = _Case(self._ctcae, before, sample, baseline, others, self._worst_case)
            for place, graded in enumerate(case.graded()):
                if place not in best or _badness(graded) > _badness(best[place]):
                    best[place] = graded
        return best.values()


def _badness(graded: GradedSample) -> tuple[int, int, int]:
    return graded.low, graded.high, graded.worst


@dataclass(frozen=True, slots=True)
class _Case:
    """A sample with one choice of what it is graded against."""

    ctcae: str
    before: bool
    sample: Sample
    baseline: Sample | None
    beside: Mapping[str, Sample]
    worst_case: WorstCase

    def graded(self) -> Iterator[GradedSample]:
        """The answer of each criterion."""
        for answer in self._grade({}):
            low, high = self._counting(answer)
            criterion = answer.compiled.criterion
            yield GradedSample(
                sample=self.sample,
                before=self.before,
                answer=answer,
                low=low,
                high=high,
                worst=max(answer.high, high),
                beside=tuple(one for test, one in self.beside.items() if test in criterion.beside),
                baseline=self.baseline if "baseline" in criterion.uses else None,
            )

    def _grade(self, facts: Mapping[str, bool]) -> tuple[Answer, ...]:
        return grade(
            self.sample.value,
            ctcae=self.ctcae,
            baseline=self.baseline.value if self.baseline else None,
            is_baseline=self.before,
            beside={test: one.value for test, one in self.beside.items()},
            facts=facts,
            domain=self.sample.domain,
        )

    def _counting(self, answer: Answer) -> tuple[int, int]:
        """What counts: the numeric minimum as far as a symptom or a second finding is not known,
        and a range as far as the value, its range or its baseline are not."""
        criterion = answer.compiled.criterion
        if answer.low == answer.high:
            return answer.low, answer.high
        if isinstance(answer, Graded) and answer.reason == "needs_clinical_input":
            # A diagnosis is not made by nobody denying it: only a grade that is there gets worse.
            worse = self.worst_case == "counts" and answer.low > 0
            return (answer.high, answer.high) if worse else (answer.low, answer.low)
        hanging = [
            clause.needs or (clause.beside and clause.beside.test not in self.beside)
            for _, clause in criterion.clauses
        ]
        if hanging and all(hanging):
            return answer.low, answer.low
        absent = dict.fromkeys(criterion.facts, False)
        again = next(one for one in self._grade(absent) if one.compiled.criterion is criterion)
        return answer.low, max(answer.low, again.high)


def _reported(entry: Entry) -> Sample:
    value = measurement_of(entry)
    assert value is not None
    domain = next(name for name in DOMAINS if name == entry.fact.kind)
    return Sample(entry, domain, value)


def _is_done(entry: Entry) -> bool:
    return not (isinstance(entry.record, Lab) and entry.record.LBORRES is None)


def _kind(sample: Sample) -> tuple[Domain, str, str | None]:
    return sample.domain, sample.test, sample.value.specimen


@lru_cache(maxsize=4096)
def _test_of(testcd: str) -> str:
    analyte = analyte_of(testcd)
    return analyte.testcd if analyte else testcd


_INPUTS = frozenset({"ALB", "CACORR", "RR", "HR", "QTCF", "EGFR", "CREATCLR"})
_COMPANIONS = _INPUTS | {"TEMP", "SYSBP", "LVEF"}
"""Tests that others are derived from, replaced by or graded beside."""


@cache
def _beside_tests(ctcae: str, domain: Domain, testcd: str) -> tuple[str, ...]:
    """The tests of which some criterion of this one asks for a value of the same time."""
    found = by_test(ctcae, domain)
    criteria = found.get(testcd) or found.get(_test_of(testcd), ())
    return tuple(sorted({test for criterion in criteria for test in criterion.beside}))


def _belong(one: Entry, other: Entry) -> bool:
    """Whether two records are of one blood sample (LBREFID, else the same time) or of one ECG."""
    match one.record, other.record:
        case Lab() as a, Lab() as b:
            if a.LBREFID and b.LBREFID:
                return a.LBREFID == b.LBREFID
            return a.LBDTC == b.LBDTC
        case Ecg() as c, Ecg() as d:
            return (c.EGDTC, c.EGTPT, c.EGREPNUM) == (d.EGDTC, d.EGTPT, d.EGREPNUM)
    return False


def _derive(sample: Sample, found: Derived | NotDerived, *inputs: Sample) -> Iterator[Sample]:
    if isinstance(found, Derived):
        others = tuple(one.entry for one in inputs)
        yield replace(sample, value=found.measurement, derived=found, others=others)


def _age_and_sex(subjects: Sequence[Standing]) -> tuple[int | None, str | None]:
    """Age and sex, where all that stands agrees on both."""
    said = {
        (entry.record.AGE, entry.record.SEX)
        for one in subjects
        for entry in one.entries
        if isinstance(entry.record, Subject)
    }
    return said.pop() if len(said) == 1 else (None, None)


_calcium = lru_cache(maxsize=65536)(corrected_calcium)
_fridericia = lru_cache(maxsize=65536)(qtcf)


@lru_cache(maxsize=65536)
def _ckd_epi(creatinine: Measurement, age: int | None, sex: str | None) -> Derived | NotDerived:
    return egfr(creatinine, age=age, sex=sex)


@lru_cache(maxsize=65536)
def _cockcroft(
    creatinine: Measurement, weight: Measurement, age: int | None, sex: str | None
) -> Derived | NotDerived:
    return creatinine_clearance(creatinine, weight, age=age, sex=sex)
