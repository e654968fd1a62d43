"""From a subject's samples to graded measurements, each against its baseline and its companions.

A grade hangs on more than its value: on what was measured before treatment, on the albumin of the
same sample, on the temperature of the same day. All of it is looked up here, from what stands, each
time: a late or corrected record then regrades what depends on it, and the answer cannot depend on
the order of arrival.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from itertools import chain, product
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.clinical.answered import Answer, Answered, WorstCase, answers_to
from shared.clinical.ctcae import NotGradable
from shared.clinical.ctcae.criteria import by_test
from shared.clinical.ctcae.form import Domain
from shared.clinical.ctcae.grading import uses_baseline
from shared.clinical.samples import (
    DOMAINS,
    FirstDose,
    Kind,
    Sample,
    ages_and_sexes,
    belong_together,
    calcium,
    ckd_epi,
    cockcroft,
    derive,
    fridericia,
    is_before,
    is_done,
    is_flagged,
    kind_of,
    may_be_before,
    sample_of,
    testcd_of,
)
from shared.clinical.timeline import Entry, Standing

_Rank = tuple[bool, datetime, str]


class GradedSample(NamedTuple):
    """The answer of one criterion for one sample. ``low`` to ``high`` counts for a DLT, ``worst``
    is the worst case: a symptom or a second finding that nobody reported leaves the numeric minimum
    standing. ``beside`` are the samples of the same time it was graded with, ``baseline`` the one
    it was compared with, ``doubt`` says why it is no proof that there was no toxicity."""

    sample: Sample
    before: bool
    answer: Answer
    low: int
    high: int
    worst: int
    beside: tuple[Sample, ...]
    baseline: Sample | None
    doubt: str | None = None

    @property
    def name(self) -> str:
        """What tells the answers about one record apart."""
        return f"{self.answer.term}|{self.answer.direction}|{self.sample.test}"

    @property
    def others(self) -> tuple[Entry, ...]:
        """The records of the same time, beside the sample's own, that the answer rests on."""
        if not self.beside:
            return self.sample.others
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
        return "; ".join([*said, self.doubt] if self.doubt else said)

    @property
    def series(self) -> tuple[str, tuple[str, ...]]:
        """What the next value of must come, for this one to stand no longer."""
        criterion = self.answer.compiled.criterion.document
        return criterion.direction, criterion.analytes


Content = Sequence[GradedSample] | Sequence[Answered]
"""What the criteria answer to one content of a record, with what it rests on or without."""


class Measurements:
    """Everything measured of one subject, with what each value is graded against."""

    def __init__(
        self,
        ctcae: str,
        zone: ZoneInfo,
        start: FirstDose | None,
        standing: Mapping[str, Sequence[Standing]],
        worst_case: WorstCase = "query",
        plain: Container[Standing] = (),
        doubtful: Container[Entry] = (),
    ) -> None:
        """``plain`` records: see `doubts.is_plain`; ``doubtful`` values may be no baseline."""
        self._ctcae, self._zone, self._start, self._worst_case = ctcae, zone, start, worst_case
        self._about = ages_and_sexes(standing.get("subject", ()))
        self.records = [one for domain in DOMAINS for one in standing.get(domain, ())]
        # By object: as long as these records are kept, no other value takes its place.
        self._said: dict[Domain, dict[int, Content]] = {domain: {} for domain in DOMAINS}
        self._plain, self._doubtful = plain, doubtful

    def content_of(self, one: Standing) -> Content:
        """The answers of a record with one content; of a plain one whose test stands alone only
        what is said of all such values, the same object each time."""
        (entry,) = one.entries
        sample = sample_of(entry)
        if one in self._plain and _stands_alone(self._ctcae, sample.domain, sample.value.testcd):
            baselines = self._baselines.get(kind_of(sample), (None,))
            if len(baselines) == 1:
                return self._answered(sample, baselines[0])
        return self._graded(entry)

    def _answered(self, sample: Sample, baseline: Sample | None) -> Content:
        known, value = self._said[sample.domain], id(sample.value)
        if value not in known:
            case = _Case(self._ctcae, False, sample, baseline, {}, self._worst_case)
            known[value] = case.answers()
        return known[value]

    def graded_of(self, one: Standing) -> list[tuple[GradedSample, ...]]:
        """The answers of each content that stands of a record."""
        return [self._graded(entry) for entry in one.entries]

    def company(self, companions: bool) -> object:
        """All that a grade hangs on beside its own record; without companions the baselines."""
        return self._baselines, (self._beside, self._weights) if companions else None

    def of(self, domain: Domain, test: str) -> Iterator[list[Sample]]:
        """Per record the samples of a test, as reported or derived; none of a record without."""
        for one in self.records:
            if one.entries[0].fact.kind == domain:
                found = [
                    sample
                    for entry in one.entries
                    if is_done(entry)
                    for sample in (sample_of(entry), *self._derived(sample_of(entry)))
                    if testcd_of(sample.value.testcd) == test
                ]
                if found:
                    yield found

    @cached_property
    def _beside(self) -> dict[tuple[str, date], list[Sample]]:
        """By test and day the values that others are graded beside or derived from."""
        found: dict[tuple[str, date], list[Sample]] = {}
        for sample in self._reported_of(COMPANIONS):
            first, last = sample.entry.dates(self._zone)
            if first == last and is_done(sample.entry):
                found.setdefault((sample.test, first), []).append(sample)
        return found

    @cached_property
    def _weights(self) -> list[Sample]:
        return list(self._reported_of({"WEIGHT"}))

    def _reported_of(self, tests: Container[str]) -> Iterator[Sample]:
        samples = (sample_of(entry) for one in self.records for entry in one.entries)
        return (sample for sample in samples if sample.test in tests)

    @cached_property
    def _baselines(self) -> dict[Kind, tuple[Sample | None, ...]]:
        """Per test and specimen the last value before treatment, the flagged one if there is one:
        each that may be it where records contradict themselves or do not say whether they were
        taken before the first dose, the sure one first; None where perhaps none is."""
        found: dict[Kind, list[tuple[_Rank, Sample]]] = {}
        certain: dict[Kind, _Rank] = {}
        for one in self.records:
            if one in self._plain:
                continue
            sure = {entry for entry in one.entries if self._is_sure(entry)}
            for kind, ranked in self._ranked(one).items():
                found.setdefault(kind, []).extend(ranked)
                if {sample.entry for _, sample in ranked} == sure == set(one.entries):
                    least = min(rank for rank, _ in ranked)
                    certain[kind] = max(least, certain.get(kind, least))
        return {
            kind: tuple(
                sample for rank, sample in sorted(ranked, key=_rank) if rank >= certain[kind]
            )
            if kind in certain
            else (None, *(sample for _, sample in ranked))
            for kind, ranked in found.items()
        }

    def _is_sure(self, entry: Entry) -> bool:
        """Whether a value was taken before treatment for certain, and is one to rely on."""
        return entry not in self._doubtful and is_before(entry, self._zone, self._start)

    def unsure_baselines(self) -> set[Entry]:
        """Values that may be a baseline or none, and by which a grade may turn out another."""
        chosen = (sample for found in self._baselines.values() for sample in found if sample)
        return {sample.entry for sample in chosen if not self._is_sure(sample.entry)}

    def _ranked(self, standing: Standing) -> dict[Kind, list[tuple[_Rank, Sample]]]:
        """What a record says of the time before treatment; of two the higher rank is the
        baseline."""
        ranked: dict[Kind, list[tuple[_Rank, Sample]]] = {}
        for entry in standing.entries:
            sure = is_before(entry, self._zone, self._start)
            if is_done(entry) and (sure or may_be_before(entry, self._zone, self._start)):
                rank = (is_flagged(entry), entry.instants(self._zone)[1], entry.fact.fact_id)
                for sample in self._samples(entry):
                    if not sure and not uses_baseline(self._ctcae, sample.test, sample.domain):
                        continue
                    ranked.setdefault(kind_of(sample), []).append((rank, sample))
        return ranked

    def _samples(self, entry: Entry) -> list[Sample]:
        """The record's measurement and those derived from it."""
        sample = sample_of(entry)
        if sample.test not in _DERIVED_FROM or not is_done(entry):
            return [sample]
        derived = list(self._derived(sample))
        corrected = any(one.value.testcd == "CACORR" for one in derived)
        return derived if corrected else [sample, *derived]

    def _derived(self, sample: Sample) -> Iterator[Sample]:
        """A value the source reports itself is not worked out again."""
        match sample.test:
            case "CA" if not self._same(sample, "CACORR"):
                for albumin in self._same(sample, "ALB"):
                    yield from derive(sample, calcium(sample.value, albumin.value), albumin)
            case "QT" if not self._same(sample, "QTCF"):
                for rate in self._same(sample, "RR") or self._same(sample, "HR"):
                    yield from derive(sample, fridericia(sample.value, rate.value), rate)
            case "CREAT":
                for age, sex in self._about:
                    if not self._same(sample, "EGFR"):
                        yield from derive(sample, ckd_epi(sample.value, age, sex))
                    for weight in self._weights_at(sample):
                        clearance = cockcroft(sample.value, weight.value, age, sex)
                        yield from derive(sample, clearance, weight)

    def _same(self, sample: Sample, test: str) -> list[Sample]:
        """Values of another test of the same sample or the same ECG."""
        return [
            one for one in self._same_day(sample, test) if belong_together(sample.entry, one.entry)
        ]

    def _same_day(self, sample: Sample, test: str) -> list[Sample]:
        first, last = sample.entry.dates(self._zone)
        return self._beside.get((test, first), []) if first == last else []

    def _weights_at(self, sample: Sample) -> list[Sample]:
        """The last body weight that is certainly not of a later day, unless the clearance itself
        was reported; each of several of one time."""
        first = sample.entry.dates(self._zone)[0]
        known = [one for one in self._weights if one.entry.dates(self._zone)[1] <= first]
        if not known or self._same(sample, "CREATCLR"):
            return []
        last = max(self._taken(one) for one in known)
        return [one for one in known if self._taken(one) == last]

    def _taken(self, sample: Sample) -> datetime:
        return sample.entry.instants(self._zone)[1]

    def _graded(self, entry: Entry) -> tuple[GradedSample, ...]:
        before = is_before(entry, self._zone, self._start)
        basis = [
            (
                sample,
                () if before else self._baselines.get(kind_of(sample), ()),
                self._companions(sample),
            )
            for sample in self._samples(entry)
        ]
        return entry.remembered(
            "graded",
            (self._ctcae, self._worst_case, before, basis),
            lambda: _worst([case for given in basis for case in self._cases(before, *given)]),
        )

    def _companions(self, sample: Sample) -> tuple[tuple[Sample, ...], ...]:
        """Per test that some criterion asks for, the values of the day."""
        tests = _beside_tests(self._ctcae, sample.domain, sample.value.testcd)
        return tuple([tuple(self._same_day(sample, test)) for test in tests]) if tests else ()

    def _cases(
        self,
        before: bool,
        sample: Sample,
        baselines: tuple[Sample | None, ...],
        beside: tuple[tuple[Sample, ...], ...],
    ) -> Iterator[_Case]:
        """One for each baseline that may be it, and companions that fit."""
        if not beside and len(baselines) < 2:
            baseline = baselines[0] if baselines else None
            yield _Case(self._ctcae, before, sample, baseline, {}, self._worst_case)
            return
        for baseline in baselines or (None,):
            for chosen in product(*map(self._choice, beside)):
                others = {one.test: one for one in chosen if one is not None}
                yield _Case(self._ctcae, before, sample, baseline, others, self._worst_case)

    def _choice(self, found: tuple[Sample, ...]) -> tuple[Sample | None, ...]:
        """The companions there may be: none, too, where one is doubtful."""
        doubtful = not found or any(one.entry in self._doubtful for one in found)
        return (*found, None) if doubtful else found


def _worst(cases: Sequence[_Case]) -> tuple[GradedSample, ...]:
    """One answer per criterion and test: the worst of what the records leave possible, up to the
    highest that one of them does not exclude."""
    if len(cases) == 1:
        return tuple(cases[0].graded())
    worst: dict[str, GradedSample] = {}
    for graded in chain.from_iterable(case.graded() for case in cases):
        before = worst.setdefault(graded.name, graded)
        if before is not graded:
            worse = max(before, graded, key=_badness)
            high, most = max(before.high, graded.high), max(before.worst, graded.worst)
            wider = (worse.high, worse.worst) != (high, most)
            worst[graded.name] = worse._replace(high=high, worst=most) if wider else worse
    return tuple(worst.values())


def _rank(ranked: tuple[_Rank, Sample]) -> _Rank:
    return ranked[0]


def _badness(graded: GradedSample) -> tuple[int, int, int]:
    return graded.low, graded.high, graded.worst


class _Case(NamedTuple):
    """A sample with one choice of what it is graded against."""

    ctcae: str
    before: bool
    sample: Sample
    baseline: Sample | None
    beside: Mapping[str, Sample]
    worst_case: WorstCase

    def answers(self) -> tuple[Answered, ...]:
        """The answer of each criterion."""
        return answers_to(
            self.sample.value,
            ctcae=self.ctcae,
            domain=self.sample.domain,
            is_baseline=self.before,
            baseline=self.baseline.value if self.baseline else None,
            beside=tuple([(test, one.value) for test, one in self.beside.items()]),
            worst_case=self.worst_case,
        )

    def graded(self) -> Iterator[GradedSample]:
        for answer, low, high, worst, criterion in self.answers():
            yield GradedSample(
                self.sample,
                self.before,
                answer,
                low,
                high,
                worst,
                self._beside(criterion.beside) if self.beside else (),
                self.baseline if "baseline" in criterion.uses else None,
            )

    def _beside(self, tests: Container[str]) -> tuple[Sample, ...]:
        return tuple(one for test, one in self.beside.items() if test in tests)


_INPUTS = frozenset({"ALB", "CACORR", "RR", "HR", "QTCF", "EGFR", "CREATCLR"})
_DERIVED_FROM = frozenset({"CA", "QT", "CREAT"})
COMPANIONS = _INPUTS | {"TEMP", "SYSBP", "LVEF"}
"""Tests that others are derived from, replaced by or graded beside; the weight, too, makes
clearances."""


@lru_cache(maxsize=4096)
def _stands_alone(ctcae: str, domain: Domain, testcd: str) -> bool:
    """Whether nothing else of the time is asked for with a test's values, or derived from them."""
    return testcd_of(testcd) not in _DERIVED_FROM and not _beside_tests(ctcae, domain, testcd)


@cache
def _beside_tests(ctcae: str, domain: Domain, testcd: str) -> tuple[str, ...]:
    """The tests of which some criterion of this one asks for a value of the same time."""
    found = by_test(ctcae, domain)
    criteria = found.get(testcd) or found.get(testcd_of(testcd), ())
    return tuple(sorted({test for criterion in criteria for test in criterion.beside}))
