"""Grades a table of results line by line.

Many results share a context (unit, range, baseline): its criteria are compiled once and what they
can say is written out once, so that a line costs reading its number, finding its band and joining
texts. The answers are those of `shared.clinical.grade`, which the tests hold them to.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Literal

from services.cli.csv_records import Record
from shared.clinical.analytes import is_fasting_loinc, testcd_of_loinc
from shared.clinical.ctcae import Compiled, Measurement, compiled
from shared.clinical.ctcae.bands import plain_number
from shared.clinical.ctcae.grading import uses_baseline
from shared.clinical.ctcae.model import Answer
from shared.clinical.ctcae.sample import specimen_of
from shared.clinical.plausibility import implausible, implausible_normal

ADDED = (
    "row",
    "term",
    "direction",
    "grade",
    "grade_min",
    "grade_max",
    "reason",
    "limit",
    "unit_system",
    "version",
    "doubt",
)
"""The columns that follow those of the input."""

CONTEXTS_KEPT, OUTCOMES_KEPT = 20_000, 200_000
"""How many are kept ready, so that memory does not grow with the table."""

SdtmDomain = Literal["lb", "vs", "eg"]
_DOMAINS: Mapping[SdtmDomain, Literal["lab", "vital", "ecg"]] = {
    "lb": "lab",
    "vs": "vital",
    "eg": "ecg",
}
_NOTHING_READ = frozenset({"unit_unknown", "character_result", "not_done"})
_OWN = (
    "TESTCD", "LOINC", "ORRES", "ORRESU", "ORNRLO", "ORNRHI", "SPEC", "CAT", "FAST",
    "LOBXFL", "BLFL",
)  # fmt: skip
_SHARED = ("TERM", "ABLFL", "BASE", "BASEU", "BNRIND")
_OF_BASELINE = frozenset({"ABLFL", "LOBXFL", "BLFL", "BASE", "BASEU", "BNRIND"})
_NO_DOUBT = ",\n"
_FASTING = {"Y": True, "N": False}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the added columns between ``row`` and ``doubt`` say; ``line`` is them in CSV."""

    values: Mapping[str, str | int | None]
    line: str

    @property
    def reason(self) -> str:
        """Why there is no grade; blank where there is one."""
        return str(self.values["reason"] or "")


_Outcomes = tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A criterion in a context, and its outcome for each place among its cuts."""

    compiled: Compiled
    outcomes: _Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """What was measured, and the criteria that answer for a line, whatever its result."""

    testcd: str
    unit: str | None
    specimen: str | None
    upper: str | None
    criteria: tuple[_Ready, ...]

    def doubt(self, result: str) -> str:
        """Why the result, or its upper limit of normal, cannot be; blank where it can."""
        found = implausible(self.testcd, result, self.unit, self.specimen) or implausible_normal(
            self.testcd, self.upper, self.unit, self.specimen
        )
        return found or ""


_Said = tuple[_Outcomes, str, str]
"""Outcomes, the doubt, and the doubt as the end of a CSV line."""

_Cells = Callable[[list[str]], tuple[str, ...]]
"""Takes some fields of a record, always the same."""

_Contexts = tuple[_Cells, Callable[[tuple[str, ...]], _Context]]
"""What takes the cells a context is made of, and what makes the context of them."""


class Columns:
    """Which columns of a header hold what, by the names of an SDTM domain.

    ValueError in words for a header under which no line can be graded.
    """

    def __init__(self, header: Iterable[str], domain: SdtmDomain) -> None:
        self.header, self.domain, prefix = tuple(header), _DOMAINS[domain], domain.upper()
        known = {prefix + name: name for name in _OWN} | {name: name for name in _SHARED}
        used = [name for name in self.header if name in known]
        if twice := {name for name in used if used.count(name) > 1}:
            raise ValueError(f"two columns are called {min(twice)}")
        self._at = {known[name]: self.header.index(name) for name in used}
        if not {"TESTCD", "LOINC"} & self._at.keys():
            raise ValueError(f"no column {prefix}TESTCD or {prefix}LOINC says what was measured")
        if "ORRES" not in self._at:
            raise ValueError(f"no column {prefix}ORRES holds the results")
        self.test = self._at.get("TESTCD", self._at.get("LOINC", 0))
        self.result = self._at.pop("ORRES")

    def used(self, *, baseline: bool) -> tuple[tuple[str, ...], _Cells]:
        """The domain's names of the columns that a grade hangs on besides the result, with those
        of the baseline or without; and what takes them from a record."""
        names = [name for name in self._at if baseline or name not in _OF_BASELINE]
        if len(names) == 1:  # of which itemgetter would make no tuple
            names *= 2
        return tuple(names), itemgetter(*(self._at[name] for name in names))

    def names(self) -> list[str]:
        """The columns of the output: the input's, with ``in_`` before a name that is added."""
        taken, names = {*ADDED, *self.header}, list[str]()
        for name in self.header:
            free = name
            while name in ADDED and free in taken:
                free = f"in_{free}"
            taken.add(free)
            names.append(free)
        return [*names, *ADDED]


class Grader:
    """Grades records under one header by one CTCAE version, and counts what it said."""

    def __init__(self, columns: Columns, ctcae: str) -> None:
        self._columns, self._ctcae = columns, ctcae
        malformed = (_outcome(ctcae, None, None, Answer(0, 0), "malformed_line"),)
        self._malformed: _Said = (malformed, "", _NO_DOUBT)
        self._no_criterion: _Outcomes = (_outcome(ctcae, None, None, Answer(0, 0), "no_criterion"),)
        self.said: Counter[_Outcomes] = Counter()
        self._with_baseline = self._contexts_by(*columns.used(baseline=True))
        self._without_baseline = self._contexts_by(*columns.used(baseline=False))

    def csv_lines(self, records: Iterable[Record]) -> Iterator[str]:
        """Lines of the output below its header."""
        for row, text, fields, (outcomes, _, end) in self._graded(records):
            kept = text if fields else csv_line(self._fitted(text)).rstrip("\n")
            for outcome in outcomes:
                yield f"{kept},{row}{outcome.line}{end}"

    def objects(self, records: Iterable[Record]) -> Iterator[dict[str, str | int | None]]:
        """The same lines by column: the input's columns are text."""
        names = self._columns.names()
        for row, text, fields, (outcomes, doubt, _) in self._graded(records):
            kept = dict(zip(names, fields or self._fitted(text), strict=False))
            for outcome in outcomes:
                yield {**kept, "row": row, **outcome.values, "doubt": doubt or None}

    def _graded(
        self, records: Iterable[Record]
    ) -> Iterator[tuple[int, str, list[str] | None, _Said]]:
        """Each record with its number, from 1, and what is said of it."""
        test, result, said = self._columns.test, self._columns.result, self.said
        contexts_of = lru_cache(CONTEXTS_KEPT)(self._contexts_of)
        said_of = lru_cache(OUTCOMES_KEPT)(self._said_of)
        for row, (text, fields) in enumerate(records, 1):
            if fields is None:
                found = self._malformed
            else:
                cells, context_of = contexts_of(fields[test])
                found = said_of(context_of(cells(fields)), fields[result])
            said[found[0]] += 1
            yield row, text, fields, found

    def _contexts_of(self, test: str) -> _Contexts:
        """How a record of this test is read. Where no criterion of the test asks for a baseline,
        subjects share their contexts."""
        testcd = testcd_of_loinc(test.strip()) or test.strip()
        baseline = not testcd or uses_baseline(self._ctcae, testcd, self._columns.domain)
        return self._with_baseline if baseline else self._without_baseline

    def _contexts_by(self, names: tuple[str, ...], cells_of: _Cells) -> _Contexts:
        def context_of(cells: tuple[str, ...]) -> _Context:
            return self._context(dict(zip(names, map(str.strip, cells), strict=True)))

        return cells_of, lru_cache(CONTEXTS_KEPT)(context_of)

    def _said_of(self, context: _Context, result: str) -> _Said:
        doubt = context.doubt(result)
        end = csv_line(["", doubt]) if doubt else _NO_DOUBT
        return self._outcomes_of(context, result), doubt, end

    def _outcomes_of(self, context: _Context, result: str) -> _Outcomes:
        number = _number(result)
        if number is None:
            said = [_of_answer(one.compiled, one.compiled.at(result)) for one in context.criteria]
        else:
            said = [one.outcomes[one.compiled.place_of(number)] for one in context.criteria]
        return tuple(said) or self._no_criterion

    def _context(self, cells: Mapping[str, str]) -> _Context:
        term = _asked(cells.get("TERM", ""))
        testcd, unit, specimen = _measured(cells)
        found = _compiled(self._ctcae, cells, self._columns.domain)
        asked = [_ready(one) for one in found if term in ("", one.criterion.term.casefold())]
        return _Context(testcd, unit, specimen, cells.get("ORNRHI") or None, tuple(asked))

    def _fitted(self, text: str) -> list[str]:
        """A malformed line in as many fields as the header has; nothing of it is lost."""
        width = len(self._columns.header)
        fields = text.split(",", width - 1)
        return fields + [""] * (width - len(fields))


def _asked(term: str) -> str:
    """A term as asked for, without what grading tables add to NCI's name for its branches."""
    return term.casefold().removesuffix(" (ionized)").removesuffix(" (fasting)")


def _compiled(
    ctcae: str, context: Mapping[str, str], domain: Literal["lab", "vital", "ecg"]
) -> tuple[Compiled, ...]:
    said = context.get
    loinc = said("LOINC") or ""
    testcd, unit, specimen = _measured(context)
    fasting = _FASTING.get(said("FAST") or "", True if loinc and is_fasting_loinc(loinc) else None)
    is_baseline = "Y" in (said("ABLFL"), said("LOBXFL"), said("BLFL"))
    return compiled(
        ctcae,
        testcd,
        unit,
        said("ORNRLO") or None,
        said("ORNRHI") or None,
        specimen,
        fasting,
        None if is_baseline else _baseline(testcd, unit, context),
        is_baseline,
        domain=domain,
    )


def _measured(context: Mapping[str, str]) -> tuple[str, str | None, str | None]:
    """Test code, unit and specimen of a line."""
    category = context.get("CAT", "")
    testcd = context.get("TESTCD") or testcd_of_loinc(context.get("LOINC", "")) or ""
    specimen = context.get("SPEC") or (category if specimen_of(category) == "urine" else None)
    return testcd, context.get("ORRESU") or None, specimen


def _baseline(testcd: str, unit: str | None, context: Mapping[str, str]) -> Measurement | None:
    base, indicator = context.get("BASE", ""), context.get("BNRIND")
    if not base and not indicator:
        return None
    base_unit = context.get("BASEU") or unit
    return Measurement(testcd, base, base_unit, None, None, indicator=indicator or None)


@lru_cache(maxsize=CONTEXTS_KEPT)
def _ready(compiled: Compiled) -> _Ready:
    return _Ready(compiled, tuple(_of_answer(compiled, answer) for answer in compiled.answers))


_number = lru_cache(OUTCOMES_KEPT)(plain_number)


def _of_answer(compiled: Compiled, answer: Answer) -> Outcome:
    criterion = compiled.criterion
    return _outcome(
        criterion.ctcae,
        criterion.term,
        criterion.direction,
        answer._replace(words="", cut=None),
        answer.reason or "",
    )


@cache
def _outcome(
    ctcae: str, term: str | None, direction: str | None, answer: Answer, reason: str
) -> Outcome:
    bounded = term is not None and reason not in _NOTHING_READ
    low, high = (answer.low, answer.high) if bounded else (None, None)
    values = {
        "term": term,
        "direction": direction,
        "grade": low if low == high else None,
        "grade_min": low,
        "grade_max": high,
        "reason": reason or None,
        "limit": answer.limit,
        "unit_system": answer.unit_system,
        "version": ctcae,
    }
    return Outcome(values, csv_line(["", *values.values()]).rstrip("\n"))


def csv_line(fields: Iterable[object]) -> str:
    """One line of CSV with its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()
