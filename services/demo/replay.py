"""The replay as events: what was known when, in that order, with the acts of people in between.

A `Step` is one moment at which something became known, or at which a DLT window closed. The acts
of people cite the digest of the assessment that stood at the step before theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from services.demo import LABEL, STUDY
from services.demo.laboratory import samples
from services.demo.records import WINDOW_DAYS, ZONE, Event, at, event, subject_events, usubjid
from services.demo.table import Row, read_protocol, read_rows, read_stated_labs
from services.demo.toxicity import toxicities
from shared.clinical import Study
from shared.contracts.envelope import Fact, fact_from, read_event

SPONSOR = "urn:vigil:demo-sponsor"
COMMITTEE = "urn:vigil:demo-committee"
ACTS = {SPONSOR: "Sponsor (synthetic demo)", COMMITTEE: "Review committee (synthetic demo)"}
"""Who signs the acts of people, by source; the keys they are posted with carry the same names."""

_REVIEWED = time(17)
_DECIDED = time(18)
_NOT_YET = "sha256:" + "0" * 64

_REVIEWS = (("3-02", "2022-08-23"), ("4-01", "2022-11-09"), ("4-05", "2022-12-28"))
_DECISIONS: tuple[tuple[str, Event], ...] = (
    ("2022-06-16", {"action": "escalate", "dose_level": 2, "rationale": "0/3 at 1 mg/kg"}),
    ("2022-07-28", {"action": "escalate", "dose_level": 3, "rationale": "0/3 at 2 mg/kg"}),
    ("2022-09-08", {"action": "expand", "dose_level": 3, "rationale": "1/3 at 3 mg/kg"}),
    ("2022-10-20", {"action": "escalate", "dose_level": 4, "rationale": "1/6 at 3 mg/kg"}),
    ("2022-12-01", {"action": "expand", "dose_level": 4, "rationale": "1/3 at 4 mg/kg"}),
    (
        "2023-01-12",
        {
            "action": "finish",
            "dose_level": 3,
            "mtd": 3,
            "rp2d": 3,
            "lifts_hold": True,
            "rationale": "2/6 at 4 mg/kg, 1/6 at 3 mg/kg",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A moment (UTC) with what became known then; without events it is the end of a window."""

    at: datetime
    events: tuple[Event, ...]


@lru_cache(maxsize=1)
def steps() -> tuple[Step, ...]:
    """The whole replay in order; the same at every call."""
    return tuple(_cited(_moments(_stated())))


def events() -> list[Event]:
    """All CloudEvents of the replay, ordered by ``knowntime``."""
    return [one for step in steps() for one in step.events]


def ndjson(stated: Iterable[Event]) -> str:
    """One event a line, as `POST /ingest/v1/events` and `vigil replay` read them."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in stated)


def protocol_fact(known_at: datetime) -> Fact:
    """The protocol as the fact it becomes when it is put."""
    document = read_protocol()
    data = {"version": "1", "document": document}
    stated = event("protocol", "urn:vigil:protocol", "protocol", known_at, data)
    return facts_of([stated])[0]


def facts_of(stated: Iterable[Event]) -> list[Fact]:
    """The facts that events become; each known at its ``knowntime``."""
    found = []
    for one in stated:
        checked, _ = read_event(one)
        known = checked.knowntime or checked.time
        found.append(fact_from(checked, known.astimezone(UTC)))
    return found


def window_end(row: Row) -> datetime:
    """The last instant (UTC) of a subject's DLT window."""
    after = row.first_dose + timedelta(days=WINDOW_DAYS)
    return (datetime.combine(after, time.min, ZONE) - timedelta(microseconds=1)).astimezone(UTC)


def _stated() -> list[Event]:
    rows, exact = read_rows(), read_stated_labs()
    happened = toxicities(rows, exact)
    found: list[Event] = []
    for row in rows:
        course = happened[row.subject]
        found += subject_events(row, course, samples(row, course, exact))
    found += [_review(subject, date.fromisoformat(day)) for subject, day in _REVIEWS]
    found += [_decision(date.fromisoformat(day), data) for day, data in _DECISIONS]
    return sorted(found, key=lambda one: (one["knowntime"], one["source"], one["id"]))


def _review(subject: str, day: date) -> Event:
    data = {
        "USUBJID": usubjid(subject),
        "decision": "DLT",
        "decided_dtc": day.isoformat(),
        "criterion_id": "platelets-g4",
        "assessment_digest": _NOT_YET,
        "rationale": f"Grade 4 thrombocytopenia, related ({LABEL})",
    }
    return event("dlt_review", SPONSOR, f"{subject}/DLT", at(day, _REVIEWED), data)


def _decision(day: date, data: Event) -> Event:
    stated = {"decided_dtc": day.isoformat(), "assessment_digest": _NOT_YET, **data}
    return event("decision", COMMITTEE, f"SRC/{day}", at(day, _DECIDED), stated)


def _moments(stated: list[Event]) -> list[Step]:
    by_moment: dict[datetime, list[Event]] = {
        window_end(row): [] for row in read_rows() if row.part == "escalation"
    }
    for one in stated:
        moment = datetime.fromisoformat(one["knowntime"]).astimezone(UTC)
        by_moment.setdefault(moment, []).append(one)
    return [Step(moment, tuple(by_moment[moment])) for moment in sorted(by_moment)]


def _cited(moments: list[Step]) -> Iterator[Step]:
    """Fill in what the acts of people rest on: the assessment as it stood before."""
    study = Study(STUDY)
    study.add([protocol_fact(moments[0].at - timedelta(days=1))])
    before = moments[0].at
    for step in moments:
        stated = step.events
        if any(one["source"] in ACTS for one in stated):
            digest = study.assess(as_of=before, known_at=before).digest
            stated = tuple(_citing(one, digest) for one in stated)
        study.add(facts_of(stated))
        before = step.at
        yield Step(step.at, stated)


def _citing(one: Event, digest: str) -> Event:
    if one["source"] not in ACTS:
        return one
    data = {**one["data"], "assessment_digest": digest}
    return {**one, "actor": ACTS[one["source"]], "data": data}
