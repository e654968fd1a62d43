"""From facts to one subject's history: versions, conflicts, deletions and partial dates folded in.

A record is the set of its accepted versions. Usually one of them stands: the highest. Two stand
together where they contradict each other at the same revision, and where a correction that would
make things look better names neither a reason nor a person: then the stop side must go on seeing
the worse one, and the go side waits (`Standing.doubt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from shared.clinical.analytes import analyte_of, testcd_of_loinc
from shared.clinical.when import ALWAYS, NEVER, When, as_stated, earliest
from shared.contracts.assessment import Evidence
from shared.contracts.dates import DateInterval, parse_dtc
from shared.contracts.envelope import Fact
from shared.contracts.facts import (
    KINDS,
    AdverseEvent,
    Disposition,
    Ecg,
    Lab,
    Record,
    ReviewComplete,
    Subject,
    SubjectRecord,
    Vital,
)

Found = TypeVar("Found")

_OCCURRED: Final = {
    "subject": "RFICDTC",
    "cohort_assignment": "assigned_dtc",
    "dose": "ECSTDTC",
    "lab": "LBDTC",
    "vital": "VSDTC",
    "ecg": "EGDTC",
    "adverse_event": "AESTDTC",
    "tumour_response": "RSDTC",
    "disposition": "DSSTDTC",
    "concomitant": "CMSTDTC",
    "dlt_review": "decided_dtc",
    "decision": "decided_dtc",
}


class Entry:
    """One accepted version of a record, its data checked and its date read.

    ``record`` is None for a deletion, ``occurred`` for a record without a date of its own.
    ``identity`` tells records apart. ``test`` is the test code as a measurement states it,
    ``flagged`` whether its source calls it the last value before treatment, ``status`` where it
    stands at the source; ``sample`` the measurement it was read as (`samples.sample_of`).
    """

    __slots__ = (
        *("_evidence", "_memory", "_when", "fact", "flagged", "identity", "occurred", "record"),
        *("sample", "status", "test"),
    )

    def __init__(self, fact: Fact, record: Record | None, occurred: DateInterval | None) -> None:
        self.fact = fact
        self.record = record
        self.occurred = occurred
        self.identity = fact.record
        self.test, self.flagged = _measured(record)
        self.status: str | None = getattr(record, "record_status", None)
        self.sample: Any = None
        self._evidence: Evidence | None = None
        self._when: tuple[ZoneInfo, When] | None = None
        self._memory: dict[str, tuple[Any, Any]] = {}

    def __reduce__(self) -> tuple[type[Entry], tuple[Fact, Record | None, DateInterval | None]]:
        """To another process goes the version alone: what was worked out from it does not."""
        return Entry, (self.fact, self.record, self.occurred)

    @property
    def evidence(self) -> Evidence:
        """Which version this is, for whoever asks what an answer rests on."""
        if self._evidence is None:
            fact = self.fact
            self._evidence = Evidence(
                source=fact.source, recordid=fact.recordid, revision=fact.revision
            )
        return self._evidence

    def remembered(self, name: str, basis: object, work: Callable[[], Found]) -> Found:
        """What was worked out from this version, anew where its basis is another one."""
        kept = self._memory.get(name)
        if kept is None or kept[0] != basis:
            kept = self._memory[name] = (basis, work())
        found: Found = kept[1]
        return found

    @property
    def attributed(self) -> bool:
        """Whether the change names a reason or a person."""
        return any((said or "").strip() for said in (self.fact.reason, self.fact.actor))

    def when(self, zone: ZoneInfo) -> When:
        """When this may have happened at a site. Nothing happens after it was known: a date in the
        future is a slip, and the event may have happened on any day until then."""
        if self._when is None or self._when[0] is not zone:
            assert self.occurred is not None
            when = as_stated(self.occurred.text, zone)
            if when.first > self.fact.known_at.astimezone(UTC).date():
                # Only then does it matter which day it was at the site when it was known.
                known = self.fact.known_at.astimezone(zone).date() + timedelta(days=1)
                if when.first > known:
                    when = replace(when, first=known, slipped=True)
            self._when = (zone, when)
        return self._when[1]

    def dates(self, zone: ZoneInfo) -> tuple[date, date]:
        """First and last local date this may have happened."""
        when = self.when(zone)
        return when.first, when.last

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First and last instant (UTC) this may have happened."""
        return self.when(zone).moment

    def seen(self, as_of: datetime, zone: ZoneInfo) -> bool:
        """Whether it had happened by ``as_of``: nothing happens after it is known, a statement
        without a date of its own happens when it is made, and a deletion corrects the past."""
        if self.fact.known_at <= as_of or self.record is None:
            return True
        return self.occurred is not None and self.when(zone).moment[0] <= as_of

    @property
    def earliest(self) -> datetime:
        """From when on it may be `seen` however late it became known, wherever on earth the site
        is."""
        if self.occurred is not None:
            return earliest(self.occurred.text)
        return ALWAYS if self.record is None else NEVER


def _measured(record: Record | None) -> tuple[str, bool]:
    """The test and the baseline flag of a measurement; neither of any other record."""
    # By the very type: `isinstance` is slow where a model is of none of them.
    if type(record) is Lab:
        return record.LBTESTCD or "", record.LBLOBXFL == "Y"
    if type(record) is Vital:
        return record.VSTESTCD, record.supp.get("VSLOBXFL") == "Y"
    if type(record) is Ecg:
        return record.EGTESTCD, record.supp.get("EGLOBXFL") == "Y"
    return "", False


def entry_of(fact: Fact) -> Entry:
    """Read a fact's data; ValueError (pydantic's) where it breaks the contract."""
    if fact.op == "delete":
        return Entry(fact, None, None)
    record = _with_test(KINDS[fact.kind].model_validate(fact.data))
    field = _OCCURRED.get(fact.kind)
    occurred = parse_dtc(getattr(record, field)) if field else None
    return Entry(fact, record, occurred)


def _with_test(record: Record) -> Record:
    """A laboratory record whose test only its LOINC code tells gets the test code."""
    if not isinstance(record, Lab) or record.LBLOINC is None:
        return record
    if record.LBTESTCD is not None and analyte_of(record.LBTESTCD) is not None:
        return record
    testcd = testcd_of_loinc(record.LBLOINC)
    return record.model_copy(update={"LBTESTCD": testcd}) if testcd else record


def latest(entries: Sequence[Entry]) -> datetime | None:
    """When the last of these versions was known."""
    return max((entry.fact.known_at for entry in entries), default=None)


class Standing:
    """What stands of one record: one version, or several where there is a doubt.

    Compared by identity, as what is remembered of records hangs on them and there are many.
    ``versions`` are all visible ones, oldest first: attribution is read from each of them.
    ``known_at``: when the first content was known; ``tests``: of which the contents are;
    ``flagged``: whether one of them is called a baseline.
    """

    __slots__ = ("doubt", "entries", "flagged", "known_at", "tests", "versions")

    def __init__(
        self, entries: tuple[Entry, ...], versions: tuple[Entry, ...], doubt: str | None
    ) -> None:
        self.entries, self.versions, self.doubt = entries, versions, doubt
        first, *others = entries
        self.known_at, self.flagged = first.fact.known_at, first.flagged
        self.tests: tuple[str, ...] = (first.test,)
        if others:
            self.tests = tuple({entry.test: None for entry in entries})
            self.flagged = any(entry.flagged for entry in entries)

    @property
    def let_stand(self) -> bool:
        """Whether what stands was once sent again as it was, with a reason: a person has looked at
        it."""
        current = self.entries[0]
        return len(self.entries) == 1 and any(
            (later.fact.reason or "").strip()
            and later.record is not None
            and later.record == earlier.record
            and current.record is not None
            and not _hidden(later.record, current.record)
            for earlier, later in pairwise(self.versions)
        )


def stand(versions: Iterable[Entry], known_at: datetime) -> Standing | None:
    """What stands of a record by what was known; None for a deleted or not yet known record."""
    visible = [entry for entry in versions if entry.fact.known_at <= known_at]
    if not visible:
        return None
    if len(visible) == 1:
        only = visible[0]
        return Standing((only,), (only,), None) if only.record is not None else None
    visible.sort(key=lambda entry: (entry.fact.version, entry.fact.content))
    top = visible[-1].fact.version[:2]
    highest = [entry for entry in visible if entry.fact.version[:2] == top]
    upserts = [entry for entry in highest if entry.record is not None]
    if len(highest) > 1 and upserts:
        before = visible[: -len(highest)]
        older = [entry for upsert in upserts for entry in _unexplained(before, upsert)]
        entries = tuple(dict.fromkeys((*upserts, *older)))
        return Standing(entries, tuple(visible), "two contents of one revision")
    current = highest[0]
    if current.record is None:
        return None
    hidden = _unexplained(visible[:-1], current)
    doubt = "a correction without reason or person" if hidden else None
    return Standing((current, *hidden), tuple(visible), doubt)


def _unexplained(older: list[Entry], current: Entry) -> tuple[Entry, ...]:
    """Versions a change without reason or person can't put away. A later version that names one
    puts away what it speaks of: the variables it changes, or the whole record where it lets
    everything stand."""
    kept: list[Entry] = []
    settled: set[str] = set()
    newer = current
    for entry in reversed(older):
        if entry.record is None or (newer.attributed and entry.record == newer.record):
            break
        if newer.attributed:
            settled |= _changed(entry.record, newer.record)
        elif _hidden(entry.record, newer.record) - settled:
            kept.append(entry)
        newer = entry
    return tuple(kept)


def _changed(before: Record, after: Record | None) -> set[str]:
    """The variables in which two versions differ."""
    both = [one for one in (before, after) if isinstance(one, SubjectRecord)]
    names = {name for one in both for name in (*type(one).model_fields, *one.supp)}
    changed = {name for name in names if _said(before, name) != _said(after, name)}
    if isinstance(before, AdverseEvent) and isinstance(after, AdverseEvent):
        graded = not changed.isdisjoint(_GRADE) or is_fatal(before) != is_fatal(after)
        return changed | {"AETOXGR"} if graded else changed
    return changed


_HIDING: Final[dict[str, tuple[str, ...]]] = {
    "Subject": ("AGE", "SEX"),
    "Lab": (
        *("LBTESTCD", "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI", "LBDTC", "LBSPEC"),
        *("LBLOBXFL", "LBLOINC", "LBFAST", "LBREFID", "LBNRIND"),
    ),
    "Vital": ("VSTESTCD", "VSORRES", "VSORRESU", "VSDTC", "VSLOBXFL"),
    "Ecg": ("EGTESTCD", "EGORRES", "EGORRESU", "EGDTC", "EGLOBXFL", "EGTPT", "EGREPNUM"),
    "AdverseEvent": ("AETERM", "AEDECOD", "AESTDTC"),
    "CohortAssignment": ("assigned_dtc", "dose_level", "part"),
    "Dose": (
        *("ECTRT", "ECOCCUR", "ECSTDTC", "cycle"),
        *("ECDOSE", "planned_dose", "planned_dtc", "ECREASOC", "ECADJ"),
    ),
    "Concomitant": ("CMTRT", "CMSTDTC", "category"),
}
"""What a toxicity hangs on, or whether the subject counts: a change of one of these could make it
disappear."""

_ADDED_LATER: Final = frozenset({"ECDOSE", "planned_dose", "planned_dtc", "ECREASOC", "ECADJ"})
"""What says more where nothing was said before."""


def _hidden(before: Record, after: Record | None) -> set[str]:
    """The variables by which going from ``before`` to ``after`` could make a toxicity disappear, or
    a subject count as followed who was not."""
    hidden = set()
    for name in _HIDING.get(type(before).__name__, ()):
        was = _said(before, name)
        added = was is None and (isinstance(before, Subject) or name in _ADDED_LATER)
        if was != _said(after, name) and not added:
            hidden.add(name)
    if isinstance(before, AdverseEvent) and isinstance(after, AdverseEvent):
        hidden |= _hidden_of_event(before, after)
    if isinstance(before, Disposition) and before.DSDECOD.strip().upper() != "COMPLETED":
        hidden |= _changed(before, after) & {"DSDECOD", "DSSTDTC", "DSSCAT"}
    if isinstance(before, ReviewComplete) and before.evaluable is False:
        hidden |= _changed(before, after) & {"evaluable"}
    return hidden


def _hidden_of_event(before: AdverseEvent, after: AdverseEvent) -> set[str]:
    ends = before.AEENDTC, after.AEENDTC
    hidden = {name for name in _GRAVE if _said_yes(before, name) > _said_yes(after, name)}
    if None not in ends and ends[0] != ends[1]:
        hidden.add("AEENDTC")
    if any(change not in after.grade_changes for change in before.grade_changes):
        hidden.add("grade_changes")
    if worst_reported(before) > worst_reported(after):
        hidden.add("AETOXGR")
    return hidden


_GRAVE: Final = ("AESLIFE", "AEDLT")
"""What a report says of an event beside its grade."""

_GRADE: Final = frozenset({"AETOXGR", "AESEV", "grade_changes"})
"""What states the grade of a report."""


def _said_yes(event: AdverseEvent, name: str) -> bool:
    return bool(getattr(event, name) == "Y")


def _said(record: Record | None, name: str) -> object:
    """A variable of a record, be it one the contract does not name."""
    found = getattr(record, name, None)
    return record.supp.get(name) if found is None and isinstance(record, SubjectRecord) else found


def is_death(record: Record | None) -> bool:
    """Whether a disposition says that the subject died."""
    return isinstance(record, Disposition) and record.DSDECOD.strip().upper() == "DEATH"


def is_fatal(event: AdverseEvent) -> bool:
    """Whether a report says that the event ended in death."""
    return event.AESDTH == "Y" or (event.AEOUT or "").strip().upper() == "FATAL"


_SEVERITY_AT_LEAST = {"MILD": 1, "MODERATE": 2, "SEVERE": 3}


def worst_reported(event: AdverseEvent) -> int:
    """The highest grade the report states; death is grade 5. A bare severity gives the lowest grade
    it may mean (`highest_possible` gives the highest)."""
    grades = [int(change.grade) for change in event.grade_changes]
    if event.AETOXGR is not None:
        grades.append(int(event.AETOXGR))
    else:
        assert event.AESEV is not None
        grades.append(_SEVERITY_AT_LEAST[event.AESEV])
    if is_fatal(event):
        grades.append(5)
    return max(grades)


def highest_possible(event: AdverseEvent) -> int:
    """The highest grade the report may mean: the one of its severity where that is higher; "severe"
    alone does not tell grade 3 from grade 4; and what threatened life is of grade 4 (CTCAE 5.0,
    page 1), whatever grade stands beside it."""
    stated = max(worst_reported(event), _SEVERITY_AT_LEAST.get(event.AESEV or "", 0))
    severe = event.AETOXGR is None and stated == _SEVERITY_AT_LEAST["SEVERE"]
    return max(4, stated) if severe or is_life_threatening(event) else stated


def is_life_threatening(event: AdverseEvent) -> bool:
    """Whether a report says that the event threatened life when it happened (ICH E2A)."""
    return event.AESLIFE == "Y"
