"""Grades a table of results line by line.

Many results share a context (unit, range, baseline): its criteria are compiled once and what they
can say is written out once, so that a line costs reading its number, finding its band and joining
texts. The answers are those of `shared.clinical.grade`, which the tests hold them to.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Literal, TypeVar

from services.cli.csv_records import Record
from shared.clinical.analytes import is_fasting_loinc, testcd_of_loinc
from shared.clinical.ctcae import Compiled, Measurement, compiled
from shared.clinical.ctcae.bands import plain_number
from shared.clinical.ctcae.model import Answer

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
)
"""The columns that follow those of the input."""

KEPT = 50_000

SdtmDomain = Literal["lb", "vs", "eg"]
_DOMAINS: Mapping[SdtmDomain, Literal["lab", "vital", "ecg"]] = {
    "lb": "lab",
    "vs": "vital",
    "eg": "ecg",
}
_NOTHING_READ = frozenset({"unit_unknown", "character_result", "not_done"})
_OWN = (
    "TESTCD", "LOINC", "ORRES", "ORRESU", "ORNRLO", "ORNRHI", "SPEC", "FAST", "LOBXFL", "BLFL"
)  # fmt: skip
_SHARED = ("TERM", "ABLFL", "BASE", "BASEU", "BNRIND")
_OF_BASELINE = frozenset({"ABLFL", "LOBXFL", "BLFL", "BASE", "BASEU", "BNRIND"})
_FASTING = {"Y": True, "N": False}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the added columns after ``row`` say; ``line`` is them as the end of a CSV line."""

    values: Mapping[str, str | int | None]
    line: str

    @property
    def reason(self) -> str:
        """Why there is no grade; blank where there is one."""
        return str(self.values["reason"] or "")


_Outcomes = tuple[Outcome, ...]
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A criterion in a context, and its outcome for each place among its cuts."""

    compiled: Compiled
    outcomes: _Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """The criteria that apply; ``repeats`` where no baseline counts."""

    criteria: tuple[_Ready, ...]
    repeats: bool

    def outcomes(self, result: str) -> _Outcomes:
        """What each criterion says of a result."""
        number = plain_number(result)
        if number is None:
            return tuple(
                [_of_answer(one.compiled, one.compiled.at(result)) for one in self.criteria]
            )
        return tuple([one.outcomes[one.compiled.place_of(number)] for one in self.criteria])


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
        self.result = self._at["ORRES"]
        here = self._at.keys()
        self.apart_from_baseline = self._taking(here - _OF_BASELINE)
        """Takes from a record's fields what a grade hangs on where no baseline counts."""
        self.but_the_result = self._taking(here - {"ORRES"})
        """Takes from a record's fields the context of its result."""

    def by_name(self, fields: list[str]) -> dict[str, str]:
        """A record's cells that are used, by the domain's names, without the blanks around them."""
        return {name: fields[at].strip() for name, at in self._at.items()}

    def _taking(self, names: Iterable[str]) -> Callable[[list[str]], Hashable]:
        return itemgetter(*(self._at[name] for name in names))

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
    """Grades records under one header by one CTCAE version, and counts what it said.

    Where no baseline sets subjects apart results repeat, and their outcomes are kept; elsewhere
    what is kept is the context.
    """

    def __init__(self, columns: Columns, ctcae: str) -> None:
        self._columns, self._ctcae = columns, ctcae
        self._repeated: dict[Hashable, _Outcomes] = {}
        self._contexts: dict[Hashable, _Context] = {}
        self._malformed: _Outcomes = (_outcome(ctcae, None, None, Answer(0, 0), "malformed_line"),)
        self._no_criterion: _Outcomes = (_outcome(ctcae, None, None, Answer(0, 0), "no_criterion"),)
        self.said: Counter[_Outcomes] = Counter()

    def csv_lines(self, records: Iterable[Record]) -> Iterator[str]:
        """Lines of the output below its header."""
        for row, text, fields, outcomes in self._graded(records):
            kept = text if fields else csv_line(self._fitted(text)).rstrip("\n")
            for outcome in outcomes:
                yield f"{kept},{row}{outcome.line}"

    def objects(self, records: Iterable[Record]) -> Iterator[dict[str, str | int | None]]:
        """The same lines by column: the input's columns are text."""
        names = self._columns.names()
        for row, text, fields, outcomes in self._graded(records):
            kept = dict(zip(names, fields or self._fitted(text), strict=False))
            for outcome in outcomes:
                yield {**kept, "row": row, **outcome.values}

    def _graded(
        self, records: Iterable[Record]
    ) -> Iterator[tuple[int, str, list[str] | None, _Outcomes]]:
        """Each record with its number, from 1, and its outcomes."""
        key_of, repeated, said = self._columns.apart_from_baseline, self._repeated, self.said
        for row, (text, fields) in enumerate(records, 1):
            if fields is None:
                found = self._malformed
            else:
                found = repeated.get(key_of(fields)) or self._outcomes(fields)
            said[found] += 1
            yield row, text, fields, found

    def _outcomes(self, fields: list[str]) -> _Outcomes:
        key = self._columns.but_the_result(fields)
        context = self._contexts.get(key)
        if context is None:
            context = self._context(self._columns.by_name(fields))
            _keep(self._contexts, key, context)
        found = context.outcomes(fields[self._columns.result]) or self._no_criterion
        if context.repeats:
            _keep(self._repeated, self._columns.apart_from_baseline(fields), found)
        return found

    def _context(self, cells: Mapping[str, str]) -> _Context:
        term = cells.get("TERM", "").casefold()
        found = _compiled(self._ctcae, cells, self._columns.domain)
        asked = [one for one in found if term in ("", one.criterion.term.casefold())]
        repeats = not any("baseline" in one.criterion.uses for one in asked)
        return _Context(tuple(map(_ready, asked)), repeats)

    def _fitted(self, text: str) -> list[str]:
        """A malformed line in as many fields as the header has; nothing of it is lost."""
        width = len(self._columns.header)
        fields = text.split(",", width - 1)
        return fields + [""] * (width - len(fields))


def _keep(kept: dict[Hashable, Kept], key: Hashable, value: Kept) -> None:
    """Keep a bounded number, so that memory does not grow with the table."""
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = value


def _compiled(
    ctcae: str, context: Mapping[str, str], domain: Literal["lab", "vital", "ecg"]
) -> tuple[Compiled, ...]:
    said = context.get
    loinc = said("LOINC") or ""
    testcd = said("TESTCD") or testcd_of_loinc(loinc) or ""
    fasting = _FASTING.get(said("FAST") or "", True if loinc and is_fasting_loinc(loinc) else None)
    unit, base, indicator = said("ORRESU") or None, said("BASE"), said("BNRIND")
    baseline = None
    if base or indicator:
        base_unit = said("BASEU") or unit
        baseline = Measurement(
            testcd, base or "", base_unit, None, None, indicator=indicator or None
        )
    is_baseline = "Y" in (said("ABLFL"), said("LOBXFL"), said("BLFL"))
    return compiled(
        ctcae,
        testcd,
        unit,
        said("ORNRLO") or None,
        said("ORNRHI") or None,
        said("SPEC") or None,
        fasting,
        baseline,
        is_baseline,
        domain=domain,
    )


@lru_cache(maxsize=KEPT)
def _ready(compiled: Compiled) -> _Ready:
    return _Ready(compiled, tuple(_of_answer(compiled, answer) for answer in compiled.answers))


def _of_answer(compiled: Compiled, answer: Answer) -> Outcome:
    criterion = compiled.criterion
    return _outcome(
        criterion.ctcae,
        criterion.term,
        criterion.direction,
        answer._replace(words="", cut=None),
        answer.reason or "",
    )


@lru_cache(maxsize=4096)
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
    return Outcome(values, csv_line(["", *values.values()]))


def csv_line(fields: Iterable[object]) -> str:
    """One line of CSV with its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()
