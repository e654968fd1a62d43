"""Pages about the CTCAE criteria, printed from them, for readers who compare versions.

``python -m tests.docs.criteria_pages`` writes them; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from shared.clinical.ctcae.criteria import Criterion, criterion_of, documents
from shared.clinical.ctcae.limits import ScaledClause, scaled
from shared.clinical.ctcae.terms import renamed
from tests.clinical.ctcae.grading_support import NCI

DATA = Path(__file__).parents[2] / "docs" / "data"
DOSE_LIMITING = (3, 4)
"""The grades most DLT criteria ask for."""

_PRINTED = "This page is printed by `python -m tests.docs.criteria_pages`, and a test compares."

_VERSIONS = f"""# What moves between CTCAE versions

Every limit of grades 3 and 4 that is not the same in all versions, in the unit CTCAE prints first.
What is not listed is the same in all three. "-" is: no number gives this grade in that version.
What has to be known besides the number stands with it. Of an ejection fraction "- 20 %" is
percentage points, of fibrinogen "- 50 %" is half. Where a version has its own name for a term, both
names are given.

{_PRINTED}
"""

_READINGS = f"""# Readings of single terms

What a criterion has to be told apart by, and how the text was read where it leaves a choice: the
`notes` of the criteria. What holds for all terms is in [Grading](../guide/grading.md).

{_PRINTED}
"""

Row = tuple[str, ...]
_SHORT = re.compile(r"\b(lln|mi|tls|uln|vt)\b")


def criteria() -> Iterator[Criterion]:
    """Every criterion of every version, for the first of its analytes."""
    for ctcae in NCI:
        for document in documents(ctcae):
            for one in document.criteria:
                if one.analytes:
                    yield criterion_of(one, ctcae, one.analytes[0], document.domain)


def versions_page() -> str:
    """Where grades 3 and 4 differ, version beside version."""
    head = ("Term", "Test", "Grade", *(f"v{ctcae}" for ctcae in NCI))
    return f"{_VERSIONS}\n{_table(head, sorted(_moved()))}"


def _moved() -> Iterator[Row]:
    found: dict[tuple[str, str], dict[str, Criterion]] = {}
    for one in criteria():
        found.setdefault((_first_name(one), one.testcd), {})[one.ctcae] = one
    for (_, test), by_version in found.items():
        names = " / ".join(dict.fromkeys(one.term for one in by_version.values()))
        for grade in DOSE_LIMITING:
            limits = [_limits(by_version.get(ctcae), grade) for ctcae in NCI]
            if len(set(limits)) > 1:
                yield names, f"`{test}`", str(grade), *limits


def _first_name(criterion: Criterion) -> str:
    """What the oldest version that has the term calls it."""
    names = (renamed(criterion.term, criterion.ctcae, ctcae) for ctcae in NCI)
    return next(filter(None, names))


def _limits(criterion: Criterion | None, grade: int) -> str:
    unit = criterion and criterion.document.unit
    found = scaled(criterion, unit, unit) if criterion and unit else None
    clauses = [clause for clause in found.clauses if clause.grade == grade] if found else []
    return "; or ".join(sorted(map(_clause, clauses))) or "-"


def _clause(clause: ScaledClause) -> str:
    conditions = [
        *([_words(clause.when)] if clause.when else []),
        *(f"with {_words(fact)}" for fact in clause.needs),
        *(f"without {_words(fact)}" for fact in clause.without),
        *(["fasting"] if clause.fasting else []),
    ]
    return ", ".join((clause.text.removesuffix(" 1"), *conditions))


def _words(name: str) -> str:
    return _SHORT.sub(lambda found: found[0].upper(), name.replace("_", " "))


def readings_page() -> str:
    """The notes of all criteria, each once with the versions it holds for."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for one in criteria():
        for note in one.document.notes:
            key = one.term, " ".join(note.split())
            found.setdefault(key, {})[one.ctcae] = None
    rows = [(term, ", ".join(held), note) for (term, note), held in sorted(found.items())]
    return f"{_READINGS}\n{_table(('Term', 'CTCAE', 'Reading'), rows)}"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("*", r"\*")


PAGES: Mapping[Path, Callable[[], str]] = {
    DATA / "ctcae-versions.md": versions_page,
    DATA / "ctcae-readings.md": readings_page,
}

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")
