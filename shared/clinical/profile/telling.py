"""How a record is told: what stands of it, what was withdrawn, when it was, and its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Final, Generic, TypeVar

from shared.clinical.person import Person
from shared.clinical.timeline import Entry, Standing
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import KINDS, Record, SubjectRecord
from shared.contracts.profile import On, RecordVersions, State, Version

Kind = TypeVar("Kind", bound=Record)

_SAYS: Final[dict[str, Callable[[Record], tuple[object, ...]]]] = {
    "subject": attrgetter("SUBJID", "RFICDTC", "SEX", "AGE", "SITEID"),
    "cohort_assignment": attrgetter("cohort_id", "part", "dose_level", "assigned_dtc"),
    "dose": attrgetter("ECTRT", "ECSTDTC", "ECOCCUR", "ECDOSE", "ECDOSU", "ECREASOC", "ECADJ"),
    "lab": attrgetter(
        "LBTESTCD", "LBDTC", "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI", "LBREASND"
    ),
    "vital": attrgetter("VSTESTCD", "VSDTC", "VSORRES", "VSORRESU"),
    "ecg": attrgetter("EGTESTCD", "EGDTC", "EGORRES", "EGORRESU", "EGTPT"),
    "adverse_event": attrgetter(
        "AETERM", "AESTDTC", "AEENDTC", "AETOXGR", "AESEV", "AESER", "AEREL"
    ),
    "tumour_response": attrgetter("RSTESTCD", "RSDTC", "RSORRES", "sum_diam"),
    "disposition": attrgetter("DSDECOD", "DSSTDTC", "DSSCAT"),
    "concomitant": attrgetter("CMTRT", "CMSTDTC", "CMENDTC", "category"),
    "review_complete": attrgetter("domain", "complete_through"),
    "dlt_review": attrgetter("decision", "decided_dtc", "criterion_id"),
}
"""What tells one version of a record from another in a line."""


@dataclass(frozen=True, slots=True)
class Told(Generic[Kind]):
    """One content of a record; ``standing`` what stands of the record with it."""

    entry: Entry
    record: Kind
    state: State
    standing: Standing


class Telling:
    """One subject's records as they are told: dates by its site and its first dose."""

    def __init__(
        self, person: Person, records: Sequence[tuple[Standing | None, tuple[Entry, ...]]]
    ) -> None:
        self.person = person
        self.records = records
        self._by_model: dict[type[Record], list[tuple[Standing, State]]] = {}
        for standing, versions in records:
            self._file(standing, versions)

    def of(self, kind: type[Kind]) -> list[Told[Kind]]:
        """Every content that stands or was withdrawn, in the order of time."""
        found = [
            Told(entry, entry.record, state, standing)
            for standing, state in self._by_model.get(kind, ())
            for entry in standing.entries
            if isinstance(entry.record, kind) and entry.seen(self.person.as_of, self.person.zone)
        ]
        return sorted(found, key=lambda one: (self._moment(one.entry), one.entry.fact.fact_id))

    def _file(self, standing: Standing | None, versions: tuple[Entry, ...]) -> None:
        kind = KINDS[versions[0].fact.kind]
        last = next((one for one in reversed(versions) if one.record is not None), None)
        if standing is not None:
            self._by_model.setdefault(kind, []).append((standing, state_of(standing)))
        elif last is not None:
            withdrawn = Standing((last,), versions, None)
            self._by_model.setdefault(kind, []).append((withdrawn, "withdrawn"))

    def _moment(self, entry: Entry) -> object:
        return entry.instants(self.person.zone)

    def on(self, entry: Entry) -> On:
        """When a record with a date of its own was."""
        assert entry.occurred is not None
        return self.between(entry.occurred.text, *entry.dates(self.person.zone))

    def at(self, dtc: str) -> On:
        """When a further date of a record was."""
        return self.between(dtc, *parse_dtc(dtc).local_dates(self.person.zone))

    def between(self, stated: str, first: date, last: date) -> On:
        """A date by the days it may be."""
        start = self.person.start
        day = (first - start.first).days + 1 if start else None
        return On(stated=stated, first=first, last=last, day=day)


def state_of(standing: Standing) -> State:
    return "in_conflict" if len(standing.entries) > 1 else "stands"


def versions_of(telling: Telling) -> Iterator[RecordVersions]:
    """Every record, by kind."""
    for standing, versions in telling.records:
        held = standing.entries if standing else ()
        fact = versions[0].fact
        yield RecordVersions(
            kind=fact.kind,
            source=fact.source,
            recordid=fact.recordid,
            doubt=standing.doubt if standing else None,
            versions=tuple(_versions(versions, held)),
        )


def _versions(versions: Iterable[Entry], held: Sequence[Entry]) -> Iterator[Version]:
    for entry in versions:
        yield Version(
            revision=entry.fact.revision,
            known_at=entry.fact.known_at,
            says=_says(entry),
            deleted=entry.record is None,
            stands=entry in held,
            actor=entry.fact.actor,
            reason=entry.fact.reason,
        )


def _says(entry: Entry) -> str:
    record = entry.record
    if not isinstance(record, SubjectRecord):
        return ""
    said = _SAYS[entry.fact.kind](record)
    return " ".join([str(one) for one in said if one is not None])
