"""Tells the replay to a running Vigil over HTTP, as it happened, and repeats what Vigil says.

Each moment of the replay sets the simulated clock, posts what became known then, and waits until
the monitor has applied it. The acts of people are posted with keys of their roles and cite the
assessment that Vigil gives out at that moment.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Protocol

import httpx2
from sqlalchemy import Engine

from services.demo import STUDY
from services.demo.records import EDC, LABORATORY, Event
from services.demo.replay import ACTS, COMMITTEE, SPONSOR, Step, ndjson, steps
from services.demo.table import read_protocol
from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal
from shared.runtime.auth import create_key

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.015


class DemoFailed(RuntimeError):
    """Vigil did not do what the demo expects; the text says what."""


class SettableClock(Protocol):
    """A clock that a story can move."""

    def set(self, instant: datetime) -> None:
        """From now on it is ``instant``."""


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """The keys of the people and systems in the story: by event source, and two more roles."""

    sources: dict[str, str]
    admin: str
    reader: str


def make_keys(engine: Engine) -> DemoKeys:
    """Keys for everybody in the story. The acts of people carry their key's name."""
    with engine.begin() as conn:
        gateway = create_key(conn, "EDC and laboratory gateway (demo)", [(STUDY, "edc_source")])
        return DemoKeys(
            sources={
                EDC: gateway,
                LABORATORY: gateway,
                SPONSOR: create_key(conn, ACTS[SPONSOR], [(STUDY, "medical_monitor")]),
                COMMITTEE: create_key(conn, ACTS[COMMITTEE], [(STUDY, "committee_member")]),
            },
            admin=create_key(conn, "Study administrator (demo)", [(STUDY, "study_admin")]),
            reader=create_key(conn, "Visitor (demo)", [(STUDY, "medical_monitor")]),
        )


class Story:
    """One telling. ``on_progress`` is given how many events a moment had, ``on_signal`` each
    signal as soon as it is raised."""

    def __init__(
        self,
        url: str,
        keys: DemoKeys,
        clock: SettableClock,
        *,
        on_progress: Callable[[int], None] = lambda _events: None,
        on_signal: Callable[[Signal], None] = lambda _signal: None,
    ) -> None:
        self._client = httpx2.Client(base_url=url, timeout=30.0)
        self._keys, self._clock = keys, clock
        self._on_progress, self._on_signal = on_progress, on_signal
        self._posted = 0
        self._heard = 0

    def tell(self, moments: Sequence[Step] | None = None) -> Assessment:
        """Play all moments and return the last assessment. Raises `DemoFailed`."""
        moments = steps() if moments is None else moments
        try:
            with self._client:
                self._clock.set(moments[0].at - timedelta(days=1))
                self._wait("Vigil to be ready", self._is_ready)
                self._put_protocol()
                for moment in quickened(moments):
                    self._play(moment)
                return self._assessment()
        except httpx2.TransportError as error:
            raise DemoFailed(f"Vigil does not answer any more ({error})") from None

    def _play(self, moment: Step) -> None:
        self._clock.set(moment.at)
        if moment.events:
            # One request for each run of events that one key may post: the order is kept.
            for key, stated in groupby(moment.events, key=self._key_of):
                self._post(key, list(stated))
            self._wait("the monitor to apply the events", self._has_applied)
        else:
            self._wait("the monitor to notice the time", lambda: self._has_noticed(moment.at))
        self._on_progress(len(moment.events))
        self._listen()

    def _put_protocol(self) -> None:
        headers = {**_bearer(self._keys.admin), "Content-Type": "application/yaml"}
        path = f"/ingest/v1/studies/{STUDY}/protocol"
        answer = self._client.put(path, content=read_protocol(), headers=headers)
        if answer.status_code not in (200, 202):
            raise DemoFailed(f"the protocol was answered with {answer.status_code}: {answer.text}")
        self._posted += 1
        self._wait("the monitor to apply the protocol", self._has_applied)

    def _key_of(self, one: Event) -> str:
        return self._keys.sources[one["source"]]

    def _post(self, key: str, stated: list[Event]) -> None:
        if stated[0]["source"] in ACTS:
            digest = self._assessment().digest
            stated = [
                {**one, "data": {**one["data"], "assessment_digest": digest}} for one in stated
            ]
        post_events(self._client, key, stated)
        self._posted += len(stated)

    def _listen(self) -> None:
        """Pass on what was raised since; signals are numbered from 1 without gaps."""
        answer = self._get(f"/monitor/v1/studies/{STUDY}/signals", after=self._heard)
        raised = [Signal.model_validate_json(json.dumps(one)) for one in answer.json()["signals"]]
        self._heard += len(raised)
        for signal in raised:
            self._on_signal(signal)

    def _assessment(self) -> Assessment:
        answer = self._get(f"/monitor/v1/studies/{STUDY}/assessment")
        return Assessment.model_validate_json(answer.content)

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx2.ConnectError:
            return False

    def _has_applied(self) -> bool:
        line = self._line()
        return int(line["applied_through"] or 0) >= self._posted

    def _has_noticed(self, moment: datetime) -> bool:
        as_of = self._line().get("as_of")
        return as_of is not None and datetime.fromisoformat(as_of) >= moment

    def _line(self) -> dict[str, Any]:
        lines: list[dict[str, Any]] = self._get("/monitor/v1/studies").json()["studies"]
        return next(line for line in lines if line["study"] == STUDY)

    def _get(self, path: str, **query: Any) -> httpx2.Response:
        answer = self._client.get(path, params=query, headers=_bearer(self._keys.reader))
        if answer.status_code != 200:
            raise DemoFailed(f"{path} was answered with {answer.status_code}: {answer.text}")
        return answer

    @staticmethod
    def _wait(what: str, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > until:
                raise DemoFailed(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
            time.sleep(_LOOK_SECONDS)


def quickened(moments: Sequence[Step]) -> Iterator[Step]:
    """The same events in the same order, but after the committee's last record a month at a time:
    the escalation is over then, and nothing waits for the expansion's records one by one."""
    acts = [number for number, one in enumerate(moments) if _is_act(one)]
    told = acts[-1] + 1 if acts else len(moments)
    yield from moments[:told]
    for _, month in groupby(moments[told:], key=lambda one: (one.at.year, one.at.month)):
        whole = list(month)
        yield Step(whole[-1].at, tuple(one for part in whole for one in part.events))


def _is_act(moment: Step) -> bool:
    return any(one["source"] in ACTS for one in moment.events)


def post_events(client: httpx2.Client, key: str, stated: Iterable[Event]) -> None:
    """Post events as NDJSON; raises `DemoFailed` for the first line that is refused."""
    headers = {**_bearer(key), "Content-Type": "application/x-ndjson"}
    answer = client.post("/ingest/v1/events", content=ndjson(stated), headers=headers)
    if answer.status_code != 200:
        raise DemoFailed(f"the events were answered with {answer.status_code}: {answer.text}")
    for line in answer.text.splitlines():
        if '"status":2' not in line.replace(" ", ""):
            raise DemoFailed(f"an event was refused: {line}")


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
