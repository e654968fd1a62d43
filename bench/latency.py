"""POST to alert and to webhook: how long they take, at a steady 50 events a second.

Vigil's figures are from the start of the POST to the committed alert at the notifier (door, log,
monitor, log, notifier) and to the body at the receiver of its webhook. The bare pipeline's are from
the start of the POST to the line at its end and at the receiver.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, chain
from statistics import quantiles

from bench.bare import wait_for
from bench.load import Single, chunks, enrolments, singles, visits
from bench.sender import Plan, Wave
from bench.sink import HttpSink, http_sink
from bench.systems import Bare, Ground, Vigil
from bench.throughput import sent, start_sender

RATE = 50
POLL_SECONDS = 0.002
KIND = "dlt.candidate"
ROUTING = """\
study: {study}
recipients: [{{name: desk, channel: webhook, address: "{url}"}}]
rules: [{{name: all, tell: [desk]}}]
details: {{webhook: [type, subject]}}
"""


@dataclass(frozen=True, slots=True)
class Size:
    """`studies` with `history` demo events each (None: all), then `alerts` alerts in each of them,
    every `every` request."""

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
class Way:
    """Until an alert (bare: a line) is seen in the database, and told to the webhook."""

    seen: Waits
    told: Waits


@dataclass(frozen=True, slots=True)
class Result:
    """What one carrier gave; the load beside it is that of the alerts."""

    carrier: str
    events: int
    bare: Way
    vigil: Way


Load = Callable[[str, int, int, datetime], list[Single]]
LOADS: Mapping[str, Load] = {
    "single results of one hour, each by itself": singles,
    "visits one after the other, all results of one in one request": visits,
}


def measure(ground: Ground, carrier: str, size: Size, load: Load = singles) -> Result:
    """Bare first, then Vigil, with the machine's own clock."""
    studies = [f"{carrier}-latency-{number}" for number in range(size.studies)]
    now = datetime.now(UTC)
    columns = [
        [(study, one) for one in load(study, size.alerts, size.every, now)] for study in studies
    ]
    posts = list(chain.from_iterable(zip(*columns, strict=True)))
    with http_sink(keeps=True) as sink, Bare(ground, "latency_bare", webhook=sink.url) as bare:
        lines = {
            line: _name(study, one.alerts if last else None)
            for study, one in posts
            for last, line in _lines(one)
        }
        bare_way = _watch(bare, posts, _lines_out(bare, lines), _told(sink, lines.get))
    with http_sink(keeps=True) as sink, Vigil(ground, "latency_vigil", live=True) as vigil:
        _load(vigil, studies, size, now)
        for study in studies:
            vigil.route(study, ROUTING.format(study=study, url=sink.url))
        vigil_way = _watch(vigil, posts, _alerts_out(vigil), _told(sink, _named_in_webhook))
    return Result(carrier, sum(map(_events, posts)), bare_way, vigil_way)


def _lines(one: Single) -> list[tuple[bool, bytes]]:
    """Each line, and whether it is the last."""
    *before, last = one.body.splitlines()
    return [*((False, line) for line in before), (True, last)]


def _events(post: tuple[str, Single]) -> int:
    return post[1].body.count(b"\n")


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


Arrivals = Callable[[], list[tuple[str, float]]]
"""What has come out since the last look, each named as `_name` does, and when."""


def _watch(
    system: Bare | Vigil, posts: Sequence[tuple[str, Single]], seen: Arrivals, told: Arrivals
) -> Way:
    """Post at the rate and note when each of the marked ones comes out, in both ways."""
    before = accumulate(map(_events, posts), initial=0)
    requests = [
        system.post(study, one.body, events / RATE)
        for (study, one), events in zip(posts, before, strict=False)
    ]
    expected = {_name(study, one.alerts) for study, one in posts if one.alerts}
    outputs = [(seen, dict[str, float]()), (told, dict[str, float]())]
    sender = start_sender(Plan(system.port, [Wave(requests)], connections=16))
    deadline = time.monotonic() + sum(map(_events, posts)) / RATE + 120
    while any(len(came) < len(expected) for _, came in outputs):
        if time.monotonic() > deadline:
            counts = [len(came) for _, came in outputs]
            raise TimeoutError(f"{system.name}: {counts} of {len(expected)} came out")
        for arrivals, came in outputs:
            for name, at in arrivals():
                if name in expected:
                    came.setdefault(name, at)
        time.sleep(POLL_SECONDS)
    times = sent(sender)
    marked = [
        (_name(study, one.alerts), began)
        for (study, one), (began, _) in zip(posts, times, strict=True)
        if one.alerts
    ]
    return Way(
        *(Waits([(came[name] - began) * 1000 for name, began in marked]) for _, came in outputs)
    )


def _name(study: str, subject: str | None) -> str:
    return f"{study}/{subject}"


def _lines_out(bare: Bare, names: Mapping[bytes, str]) -> Arrivals:
    last = 0

    def look() -> list[tuple[str, float]]:
        nonlocal last
        rows = bare.watch.execute(
            "SELECT id, line FROM applied WHERE id > %s ORDER BY id", (last,)
        ).fetchall()
        last = rows[-1][0] if rows else last
        return [(names[line.encode()], time.monotonic()) for _, line in rows]

    return look


def _alerts_out(vigil: Vigil) -> Arrivals:
    last = vigil.count("SELECT coalesce(max(number), 0) FROM notifier.alert")

    def look() -> list[tuple[str, float]]:
        nonlocal last
        rows = vigil.watch.execute(
            "SELECT number, study, signal ->> 'subject', signal ->> 'type' FROM notifier.alert"
            " WHERE number > %s ORDER BY number",
            (last,),
        ).fetchall()
        last = rows[-1][0] if rows else last
        return [
            (_name(study, subject), time.monotonic())
            for _, study, subject, kind in rows
            if kind == KIND
        ]

    return look


def _told(sink: HttpSink, named: Callable[[bytes], str | None]) -> Arrivals:
    read = 0

    def look() -> list[tuple[str, float]]:
        nonlocal read
        first, read = read, len(sink.requests)
        bodies = zip(sink.requests[first:read], sink.arrived[first:read], strict=True)
        return [(name, at) for (_, body), at in bodies if (name := named(body)) is not None]

    return look


def _named_in_webhook(body: bytes) -> str | None:
    data = json.loads(body)["data"]
    details = data.get("details", {})
    return _name(data["study"], details["subject"]) if details.get("type") == KIND else None
