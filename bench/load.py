"""What is posted: the demo study under other names, and single events that raise alerts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from services.demo import STUDY
from services.demo.laboratory import ASSAYS, Assay
from services.demo.records import EDC, LABORATORY, event, usubjid
from services.demo.replay import events
from services.demo.table import read_protocol

BATCH = 500
"""Events in one NDJSON request."""

PLATELETS = next(assay for assay in ASSAYS if assay.code == "PLAT")
DOSED_BEFORE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One NDJSON request. `known` is when its last event was known in the trial."""

    body: bytes
    events: int
    known: datetime


@dataclass(frozen=True, slots=True)
class Single:
    """One request; `alerts` names the subject whose alert its last event raises."""

    body: bytes
    alerts: str | None


@cache
def demo_lines(limit: int | None = None) -> tuple[tuple[str, datetime], ...]:
    """The demo's events as lines with when they were known, in that order.

    People sign with their own key's name; the benchmark's key signs for everybody, so what names
    another signer is left out.
    """
    return tuple(
        (
            json.dumps({k: v for k, v in one.items() if k != "actor"}, ensure_ascii=False),
            datetime.fromisoformat(one["knowntime"]),
        )
        for one in events()[:limit]
    )


def chunks(study: str, *, limit: int | None = None, live: bool = False) -> list[Chunk]:
    """The demo's first `limit` events (all: None) as another study's, in known order.

    `live` leaves out when they were known: then they are known when they arrive.
    """
    lines = demo_lines(limit)
    found = []
    for start in range(0, len(lines), BATCH):
        part = lines[start : start + BATCH]
        texts = [_without_known_time(text) if live else text for text, _ in part]
        body = "\n".join(texts).replace(STUDY, study).encode() + b"\n"
        found.append(Chunk(body, len(part), part[-1][1]))
    return found


def protocol_of(study: str) -> bytes:
    """The demo's protocol document as another study's."""
    return read_protocol().replace(STUDY, study).encode()


def start_of_trial() -> datetime:
    """Before anything of the demo was known."""
    return demo_lines()[0][1] - timedelta(days=1)


def enrolments(study: str, subjects: int, now: datetime) -> bytes:
    """NDJSON of new subjects, dosed a few days ago at level 1."""
    found: list[dict[str, Any]] = []
    for code in codes(subjects):
        who = {"USUBJID": usubjid(code), "SITEID": "01"}
        day = (now - DOSED_BEFORE).date().isoformat()
        given = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": day, "ECDOSE": "60.0"}
        cohort = {"cohort_id": "1", "assigned_dtc": day, "dose_level": 1, "part": "escalation"}
        found += [
            event("subject", EDC, f"{code}/DM", now, {**who, "SUBJID": code, "RFICDTC": day}),
            event("cohort_assignment", EDC, f"{code}/CO", now, {**who, **cohort}),
            event("dose", EDC, f"{code}/EC", now, {**who, **given, "ECDOSU": "mg"}),
        ]
    return b"".join(_live(one, study) for one in found)


def singles(study: str, subjects: int, every: int, now: datetime) -> list[Single]:
    """Platelet counts, `every` one of grade 4 and of the next subject; one alert a subject.

    All of one hour, and each known at its own moment: harder than life.
    """
    found = []
    for number in range(subjects * every):
        code, raises = _whose(number, subjects, every)
        count = "18" if raises else str(180 + number % 100)
        stated = _result(code, f"LB/{number}", PLATELETS, count, now - timedelta(hours=1), now)
        found.append(Single(_live(stated, study), code if raises else None))
    return found


def visits(study: str, subjects: int, every: int, now: datetime) -> list[Single]:
    """Samples as a laboratory reports them: all results of one in one batch, the platelets last,
    and one sample after the other; `every` one of grade 4 and of the next subject."""
    found = []
    for number in range(subjects * every):
        code, raises = _whose(number, subjects, every)
        taken = now - timedelta(hours=12) + number * timedelta(minutes=1)
        results = [
            _result(code, f"LB/{number}/{assay.code}", assay, assay.usual[0], taken, now)
            for assay in ASSAYS
            if assay is not PLATELETS
        ]
        count = "18" if raises else PLATELETS.usual[0]
        results.append(_result(code, f"LB/{number}", PLATELETS, count, taken, now))
        body = b"".join(_live(one, study) for one in results)
        found.append(Single(body, code if raises else None))
    return found


def _whose(number: int, subjects: int, every: int) -> tuple[str, bool]:
    """The subject of a sample, and whether it is the one that raises its alert."""
    turn, place = divmod(number, every)
    raises = place == every - 1
    return codes(subjects)[turn if raises else number % subjects], raises


def _result(
    code: str, record: str, assay: Assay, result: str, taken: datetime, now: datetime
) -> dict[str, Any]:
    data = {
        "USUBJID": usubjid(code),
        "SITEID": "01",
        "LBTESTCD": assay.code,
        "LBSPEC": assay.specimen,
        "LBDTC": taken.isoformat(timespec="minutes"),
        "LBORRES": result,
        "LBORRESU": assay.unit,
        "LBORNRLO": assay.low,
        "LBORNRHI": assay.high,
    }
    return event("lab", LABORATORY, f"{code}/{record}", now, data)


def codes(subjects: int) -> Sequence[str]:
    """Subject codes that the demo does not use."""
    return [f"9-{number:03d}" for number in range(1, subjects + 1)]


def _live(stated: dict[str, Any], study: str) -> bytes:
    text = json.dumps({k: v for k, v in stated.items() if k != "knowntime"})
    return text.replace(STUDY, study).encode() + b"\n"


def _without_known_time(text: str) -> str:
    stated = json.loads(text)
    del stated["knowntime"]
    # Sent now: an event cannot have been recorded after it is known.
    return json.dumps({**stated, "time": datetime.now(UTC).isoformat()}, ensure_ascii=False)
