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
from typing import Literal

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

CONTEXTS_KEPT = 20_000

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


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A criterion in a context, and its outcome for each place among its cuts."""

    compiled: Compiled
    outcomes: tuple[Outcome, ...]


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
        self.result = self._at.pop("ORRES")
        self.apart_from_baseline = self._taking(self._at.keys() - _OF_BASELINE)
        """Takes from a record's fields what a grade hangs on, but for result and baseline."""
        self.with_baseline = self._taking(self._at.keys())

    def context(self, fields: list[str]) -> dict[str, str]:
        """What a grade hangs on besides the result, by name, without the blanks around it."""
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
    """Grades records under one header by one CTCAE version, and counts what it said."""

    def __init__(self, columns: Columns, ctcae: str) -> None:
        self._columns, self._ctcae = columns, ctcae
        self._plain: dict[Hashable, tuple[_Ready, ...]] = {}
        self._on_baseline: dict[Hashable, tuple[_Ready, ...]] = {}
        self._malformed = _outcome(ctcae, None, None, Answer(0, 0), "malformed_line")
        self._no_criterion = (_outcome(ctcae, None, None, Answer(0, 0), "no_criterion"),)
        self.rows = 0
        self.said: Counter[Outcome] = Counter()

    def csv_lines(self, records: Iterable[Record]) -> Iterator[str]:
        """Lines of the output below its header."""
        for text, fields, row, outcome in self._outcomes(records):
            kept = text if fields else csv_line(self._fitted(text)).rstrip("\n")
            yield f"{kept},{row}{outcome.line}"

    def objects(self, records: Iterable[Record]) -> Iterator[dict[str, str | int | None]]:
        """The same lines by column: the input's columns are text."""
        names = self._columns.names()
        for text, fields, row, outcome in self._outcomes(records):
            kept = fields or self._fitted(text)
            yield {**dict(zip(names, kept, strict=False)), "row": row, **outcome.values}

    def _outcomes(
        self, records: Iterable[Record]
    ) -> Iterator[tuple[str, list[str] | None, int, Outcome]]:
        """Each record with its number, from 1, and each of its outcomes."""
        said = self.said
        for row, (text, fields) in enumerate(records, self.rows + 1):
            self.rows = row
            for outcome in (self._malformed,) if fields is None else self._graded(fields):
                said[outcome] += 1
                yield text, fields, row, outcome

    def _graded(self, fields: list[str]) -> Iterable[Outcome]:
        ready = self._plain.get(self._columns.apart_from_baseline(fields))
        if ready is None:
            ready = self._on_baseline.get(self._columns.with_baseline(fields))
        if ready is None:
            ready = self._prepared(fields)
        result = fields[self._columns.result]
        number = plain_number(result)
        if number is None:
            found = [_of_answer(one.compiled, one.compiled.at(result)) for one in ready]
        else:
            found = [one.outcomes[one.compiled.place_of(number)] for one in ready]
        return found or self._no_criterion

    def _prepared(self, fields: list[str]) -> tuple[_Ready, ...]:
        context = self._columns.context(fields)
        term = context.get("TERM", "").casefold()
        found = _compiled(self._ctcae, context, self._columns.domain)
        ready = tuple([_ready(one) for one in found if term in ("", one.criterion.term.casefold())])
        if any("baseline" in one.criterion.uses for one in found):
            known, key = self._on_baseline, self._columns.with_baseline(fields)
        else:
            known, key = self._plain, self._columns.apart_from_baseline(fields)
        if len(known) >= CONTEXTS_KEPT:
            known.clear()
        known[key] = ready
        return ready

    def _fitted(self, text: str) -> list[str]:
        """A malformed line in as many fields as the header has; nothing of it is lost."""
        width = len(self._columns.header)
        fields = text.split(",", width - 1)
        return fields + [""] * (width - len(fields))


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


@lru_cache(maxsize=CONTEXTS_KEPT)
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
