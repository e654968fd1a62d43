"""POST to alert: how long it takes until an alert row is visible, at a steady 50 events a second.

Vigil's figure is from the start of the POST to the committed alert at the notifier: door, log,
monitor, log, notifier. The bare pipeline's is from the start of the POST to the line at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from statistics import quantiles

from bench.bare import wait_for
from bench.load import Single, chunks, enrolments, singles
from bench.sender import Plan, Wave
from bench.systems import Bare, Ground, Vigil
from bench.throughput import sent, start_sender

RATE = 50
POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Size:
    """`studies` with `history` demo events each (None: all), then `alerts` alerts in each of them,
    every `every` event."""

    studies: int
    history: int | None
    alerts: int
    every: int = 10


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds, one for each alert (bare: for each of the same lines)."""

    milliseconds: list[float]

    def percentile(self, number: int) -> float:
        """The `number`-th percentile."""
        return quantiles(self.milliseconds, n=100, method="inclusive")[number - 1]


@dataclass(frozen=True, slots=True)
class Result:
    """What one carrier gave; the load beside it is that of the alerts."""

    carrier: str
    events: int
    bare: Waits
    vigil: Waits


def measure(ground: Ground, carrier: str, size: Size) -> Result:
    """Bare first, then Vigil, with the machine's own clock."""
    studies = [f"{carrier}-latency-{number}" for number in range(size.studies)]
    now = datetime.now(UTC)
    posts = _interleaved(studies, size, now)
    with Bare(ground, "latency_bare") as bare:
        bare_waits = _watch(bare, posts, _lines_out(bare, posts))
    with Vigil(ground, "latency_vigil", live=True) as vigil:
        _load(vigil, studies, size, now)
        vigil_waits = _watch(vigil, posts, _alerts_out(vigil))
    return Result(carrier, len(posts), bare_waits, vigil_waits)


def _interleaved(studies: Sequence[str], size: Size, now: datetime) -> list[tuple[str, Single]]:
    columns = [
        [(study, one) for one in singles(study, size.alerts, size.every, now)] for study in studies
    ]
    return list(chain.from_iterable(zip(*columns, strict=True)))


def _load(vigil: Vigil, studies: Sequence[str], size: Size, now: datetime) -> None:
    """Give each study its history and the subjects to come; wait for the assessments of both."""
    vigil.prepare(studies)
    before = vigil.applied(studies)
    histories = [
        vigil.post(study, chunk.body)
        for study in studies
        for chunk in chunks(study, limit=size.history, live=True)
    ]
    subjects = [vigil.post(study, enrolments(study, size.alerts, now)) for study in studies]
    sent(start_sender(Plan(vigil.port, [Wave(histories), Wave(subjects)])))
    events = sum(post.body.count(b"\n") for post in [*histories, *subjects])
    wait_for("the histories", lambda: vigil.applied(studies) - before >= events)
    _wait_until_quiet(vigil)


def _wait_until_quiet(vigil: Vigil) -> None:
    """Until the notifier, too, is done with the past: two looks a second apart see the same."""
    last = -1
    while (seen := vigil.count("SELECT count(*) FROM notifier.alert")) != last:
        last = seen
        time.sleep(1.0)


Arrivals = Callable[[], list[str]]
"""What has come out since the last look, each named as `_name` does."""


def _watch(system: Bare | Vigil, posts: Sequence[tuple[str, Single]], arrivals: Arrivals) -> Waits:
    """Post at the rate and note when each of the marked ones comes out."""
    requests = [
        system.post(study, one.body, number / RATE) for number, (study, one) in enumerate(posts)
    ]
    expected = {_name(study, one.alerts) for study, one in posts if one.alerts}
    seen: dict[str, float] = {}
    sender = start_sender(Plan(system.port, [Wave(requests)], connections=16))
    deadline = time.monotonic() + len(posts) / RATE + 120
    while len(seen) < len(expected):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{system.name}: {len(seen)} of {len(expected)} came out")
        for name in arrivals():
            if name in expected:
                seen.setdefault(name, time.monotonic())
        time.sleep(POLL_SECONDS)
    times = sent(sender)
    return Waits(
        [
            (seen[_name(study, one.alerts)] - began) * 1000
            for (study, one), (began, _) in zip(posts, times, strict=True)
            if one.alerts
        ]
    )


def _name(study: str, subject: str | None) -> str:
    return f"{study}/{subject}"


def _lines_out(bare: Bare, posts: Sequence[tuple[str, Single]]) -> Arrivals:
    names = {one.body.strip(): _name(study, one.alerts) for study, one in posts if one.alerts}
    last = 0

    def look() -> list[str]:
        nonlocal last
        rows = bare.watch.execute(
            "SELECT id, line FROM applied WHERE id > %s ORDER BY id", (last,)
        ).fetchall()
        last = rows[-1][0] if rows else last
        return [names[line.encode()] for _, line in rows if line.encode() in names]

    return look


def _alerts_out(vigil: Vigil) -> Arrivals:
    last = vigil.count("SELECT coalesce(max(number), 0) FROM notifier.alert")

    def look() -> list[str]:
        nonlocal last
        rows = vigil.watch.execute(
            "SELECT number, study, signal ->> 'subject', signal ->> 'type' FROM notifier.alert"
            " WHERE number > %s ORDER BY number",
            (last,),
        ).fetchall()
        last = rows[-1][0] if rows else last
        return [
            _name(study, subject) for _, study, subject, kind in rows if kind == "dlt.candidate"
        ]

    return look
