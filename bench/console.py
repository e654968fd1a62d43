"""What a reviewer waits for: the console's pages of a study of 60 subjects and 100,000 facts.

Over HTTP against the whole of Vigil in one process, one request after the other, as one person
reads. The baseline in the same run is the sign-in page: the same framework with nothing to ask.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count, islice
from typing import Any

import httpx2

from bench.large_study import records
from bench.systems import Ground, free_port
from services.demo import STUDY
from services.demo.records import EDC, LABORATORY, event
from services.demo.replay import ACTS, COMMITTEE, SPONSOR
from services.demo.story import DemoKeys, make_keys, post_events
from services.demo.table import read_protocol
from services.embedded import Embedded
from shared.runtime.clock import ManualClock
from shared.runtime.settings import Settings

CHUNK = 5_000
PATIENCE_SECONDS = 1_800.0
BOARD, OUTLOOK = f"/studies/{STUDY}", f"/monitor/v1/studies/{STUDY}/outlook"
NEEDS_ALL = "packet.pdf"
"""The first page for which the monitor must have read the whole study; then the board, which was
opened before, has it begun."""
_SPEAKERS = {"vigil.dlt_review.v1": SPONSOR, "vigil.decision.v1": COMMITTEE}
AIM_PAGE, AIM_LIVE, AIM_PACKET = 150, 1_000, 3_000


@dataclass(frozen=True, slots=True)
class Size:
    """How large the study is, how often each page is read, and how many results arrive live."""

    subjects: int
    facts: int
    reads: int
    results: int


@dataclass(slots=True)
class Found:
    """Milliseconds of the first answer of each page after the loading and after the results
    (``anew``, of what is made of the whole study; ``opened``, of the packet of another moment as
    soon as the committee's page is there), until the monitor had read the whole study (``ready``),
    of each read of the board before that (``meanwhile``) and of each page after it, and of each
    result until an open page is told of it (``live``) and until its new content is
    there (``shown``); how many reads were refused, because a service did not answer in time; how
    many bytes a page has, and how many of them travel."""

    first: dict[str, float] = field(default_factory=dict)
    anew: dict[str, float] = field(default_factory=dict)
    opened: float = 0.0
    ready: float = 0.0
    meanwhile: list[float] = field(default_factory=list)
    pages: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    live: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    weight: dict[str, int] = field(default_factory=dict)
    travels: dict[str, int] = field(default_factory=dict)


def measure(ground: Ground, size: Size) -> Found:
    """Loads the study through the door, then reads."""
    told = records(size.subjects, size.facts)
    clock = ManualClock(datetime.fromisoformat(told[-1]["knowntime"]) + timedelta(minutes=1))
    settings = Settings(database_url=ground.new_database("console"))
    with (
        Embedded(settings, port=free_port(), clock=clock) as vigil,
        _serving(vigil),
        httpx2.Client(base_url=vigil.url, timeout=120, trust_env=False) as client,
    ):
        keys = make_keys(vigil.engine)
        _wait(lambda: client.get("/readyz").status_code == 200)
        _load(client, keys, told)
        client.headers.update({"Accept": "text/html", "Origin": vigil.url})
        assert client.post("/login", data={"key": keys.reader}).status_code == 303
        found, addresses, loaded = Found(), _addresses(client), time.perf_counter()
        bearer = {"Authorization": f"Bearer {keys.reader}"}
        for name, address in addresses.items():
            if name == NEEDS_ALL:
                found.meanwhile = _reads(client, addresses["board"], found, "board", size.reads)
                _wait(lambda: client.get(OUTLOOK, headers=bearer).status_code == 200)
                found.ready = (time.perf_counter() - loaded) * 1e3
            found.first[name] = _first_answer(client, address)
        for name, address in addresses.items():
            found.pages[name] = _reads(client, address, found, name, size.reads)
        results = _told_live(client, keys, clock, told)
        for heard, seen in islice(results, size.results):
            found.live.append(heard)
            found.shown.append(seen)
        for name in ("packet.pdf", "charts"):
            found.anew[name] = _first_answer(client, addresses[name])
        next(results)
        _first_answer(client, addresses["committee"])
        found.opened = _first_answer(client, addresses["packet.pdf"])
        results.close()
        return found


def _addresses(client: httpx2.Client) -> dict[str, str]:
    board = client.get(BOARD).text
    subject = re.search(rf"{BOARD}/subject/[0-9a-f]+", board)
    assert subject is not None, "no subject on the board"
    pages = ("alerts", "adjudication", NEEDS_ALL, "committee", "charts")
    return {
        "sign-in": "/login",
        "board": BOARD,
        "subject": subject[0],
        **{name: f"{BOARD}/{name}" for name in pages},
    }


def _first_answer(client: httpx2.Client, address: str) -> float:
    begun = time.perf_counter()
    _wait(lambda: client.get(address).status_code == 200)
    return (time.perf_counter() - begun) * 1e3


def _reads(client: httpx2.Client, address: str, found: Found, name: str, times: int) -> list[float]:
    reads = [_read(client, address, found, name) for _ in range(times)]
    found.refused[name] = found.refused.get(name, 0) + reads.count(None)
    return [taken for taken in reads if taken is not None]


def _read(client: httpx2.Client, address: str, found: Found, name: str) -> float | None:
    begun = time.perf_counter()
    answer = client.get(address)
    taken = (time.perf_counter() - begun) * 1e3
    if answer.status_code != 200:
        return None
    found.weight[name] = len(answer.content)
    found.travels[name] = answer.num_bytes_downloaded
    return taken


def _told_live(
    client: httpx2.Client,
    keys: DemoKeys,
    clock: ManualClock,
    told: list[dict[str, Any]],
) -> Generator[tuple[float, float]]:
    """One result after the other, from its post to `changed` on the stream of an open page, and to
    the page that is as of the result."""
    sample = next(one for one in reversed(told) if one["type"] == "vigil.lab.v1")
    data = {name: value for name, value in sample["data"].items() if name != "STUDYID"}
    heard: queue.SimpleQueue[float] = queue.SimpleQueue()
    with client.stream("GET", f"{BOARD}/live", timeout=60) as stream:
        listener = threading.Thread(target=_listen, args=(stream, heard), daemon=True)
        listener.start()
        for number in count():
            _settle(heard)
            clock.advance(timedelta(minutes=5))
            posted = event("lab", LABORATORY, f"live/{number}", clock.now(), data)
            begun = time.perf_counter()
            post_events(client, keys.sources[LABORATORY], [posted])
            changed = heard.get(timeout=60)
            _wait(partial(_is_as_of, client, clock.now()), pause=0)
            yield (changed - begun) * 1e3, (time.perf_counter() - begun) * 1e3


def _is_as_of(client: httpx2.Client, moment: datetime) -> bool:
    return moment.isoformat().replace("+00:00", "Z") in client.get(BOARD).text


def _listen(stream: httpx2.Response, heard: queue.SimpleQueue[float]) -> None:
    """The moment of each `changed`, until the stream is closed."""
    with suppress(httpx2.HTTPError, httpx2.StreamError):
        for line in stream.iter_lines():
            if line == "event: changed":
                heard.put(time.perf_counter())


def _settle(heard: queue.SimpleQueue[float]) -> None:
    """One change may nudge a page several times: what follows must not be taken for the next."""
    with suppress(queue.Empty):
        while True:
            heard.get(timeout=2.0)


def _load(client: httpx2.Client, keys: DemoKeys, told: list[dict[str, Any]]) -> None:
    headers = {"Authorization": f"Bearer {keys.admin}", "Content-Type": "application/yaml"}
    path = f"/ingest/v1/studies/{STUDY}/protocol"
    client.put(path, content=read_protocol(), headers=headers).raise_for_status()
    for first in range(0, len(told), CHUNK):
        chunk = told[first : first + CHUNK]
        for source in (EDC, SPONSOR, COMMITTEE):
            stated = [one for one in chunk if _SPEAKERS.get(one["type"], EDC) == source]
            if source in ACTS:
                stated = [{**one, "actor": ACTS[source]} for one in stated]
            post_events(client, keys.sources[source], stated)
    reader = {"Authorization": f"Bearer {keys.reader}"}

    def applied() -> bool:
        line = client.get("/monitor/v1/studies", headers=reader).json()["studies"][0]
        return bool(line["applied_through"] == str(len(told) + 1))

    _wait(applied)


def _wait(done: Callable[[], bool], pause: float = 0.2) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not _is(done):
        if time.monotonic() > until:
            raise TimeoutError("Vigil did not get there")
        time.sleep(pause)


def _is(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except httpx2.TransportError:
        return False


@contextmanager
def _serving(vigil: Embedded) -> Iterator[None]:
    stop = threading.Event()
    server = threading.Thread(target=vigil.serve, args=(stop,), name="vigil-bench")
    server.start()
    try:
        yield
    finally:
        stop.set()
        server.join()


def percentile(values: list[float], number: int) -> float:
    """The value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * number // 100) - 1)]


def lines(found: Found) -> Iterator[str]:
    """What was found, in words."""
    bare = percentile(found.pages["sign-in"], 50)
    for name, taken in found.pages.items():
        missing = found.refused[name]
        if missing:
            yield f"{name:13}{missing} of {missing + len(taken)} reads not answered in time"
        if not taken:
            continue
        p50, p95 = percentile(taken, 50), percentile(taken, 95)
        yield (
            f"{name:13}p50 {p50:5.0f} ms, p95 {p95:5.0f} ms, {p50 / bare:5.0f} times the sign-in"
            f" page; first {found.first[name]:.0f} ms; {found.weight[name] / 1e3:.0f} kB,"
            f" {found.travels[name] / 1e3:.0f} on the way"
        )
    p50, p95 = percentile(found.meanwhile, 50), percentile(found.meanwhile, 95)
    yield f"the whole study is read after {found.ready:.0f} ms; then the packet was asked for"
    yield f"the board until then: p50 {p50:.0f} ms, p95 {p95:.0f} ms"
    for name, once in found.anew.items():
        yield f"{name:13}of the next moment: first {once:.0f} ms"
    yield f"{'packet.pdf':13}as soon as the committee's page is there: {found.opened:.0f} ms"
    for what, taken in (("told", found.live), ("shown", found.shown)):
        p50, worst = percentile(taken, 50), max(taken)
        yield f"a result until an open page is {what}: p50 {p50:.0f} ms, worst {worst:.0f} ms"
    yield f"  aims: board p95 {AIM_PAGE} ms, shown {AIM_LIVE} ms, packet {AIM_PACKET} ms"
