"""Tells an open page that it is out of date; the page then fetches itself anew.

Only that something changed is sent, never what: health data travel in pages alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from services.console.answers import StudyEntry
from services.console.upstream import (
    BEHIND,
    KeyRefused,
    NotFound,
    Unavailable,
    Upstream,
    UpstreamError,
)

ALIVE_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
NEWS = frozenset({"alert", "reset"})
"""What is news on the notifier's stream; its heartbeat is not."""
MISSING = ("lost", "alerts-lost")
"""What an open page is told it cannot count on, the graver first: the monitor, or new alerts."""


EACH_SECONDS = 0.04
"""All open pages together look 25 times a second,"""
LONGEST_SECONDS = 0.5
"""and more often rather than let a page wait longer than this."""


class Pace:
    """How long the open pages of one console wait between two looks: the more of them, the
    longer. ``shortest`` in seconds."""

    def __init__(self, shortest: float, *, each: float = EACH_SECONDS) -> None:
        self._shortest = shortest
        self._each = each
        self._open = 0

    @property
    def seconds(self) -> float:
        """For each of those open now."""
        return max(self._shortest, min(LONGEST_SECONDS, self._open * self._each))

    @contextmanager
    def page(self) -> Iterator[None]:
        """A page that is open meanwhile."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


def event(name: str) -> str:
    """One server-sent event. Browsers drop an event without data."""
    return f"event: {name}\ndata: {{}}\n\n"


class Watch:
    """One open page, about one study or about all. Two tasks watch: the monitor's list of
    studies, by asking, and the notifier's stream of alerts."""

    def __init__(
        self,
        upstream: Upstream,
        key: str,
        study: str | None,
        *,
        pace: Pace,
        signed_in: Callable[[], bool],
    ) -> None:
        self._upstream = upstream
        self._key = key
        self._study = study
        self._pace = pace
        self._signed_in = signed_in
        self._missing: set[str] = set()
        self._events: asyncio.Queue[str] = asyncio.Queue(maxsize=100)

    async def events(self) -> AsyncIterator[str]:
        """Runs until the browser leaves or the session ends."""
        tasks = [
            asyncio.create_task(self._watch_study()),
            asyncio.create_task(self._watch_alerts()),
        ]
        try:
            with self._pace.page():
                yield "retry: 2000\n\n" + event("alive")
                while True:
                    name = await self._next()
                    yield event(name)
                    if name == "signed-out":
                        return
        finally:
            # They close their connections by themselves: whoever is cancelled may not wait here.
            for task in tasks:
                task.cancel()

    async def _next(self) -> str:
        try:
            # Not `wait_for`: until Python 3.12 it loses a cancellation that comes with an event.
            async with asyncio.timeout(ALIVE_SECONDS):
                return await self._events.get()
        except TimeoutError:
            return self._state

    @property
    def _state(self) -> str:
        return next((what for what in MISSING if what in self._missing), "alive")

    async def _found(self, what: str, *, missing: bool) -> None:
        """Tells the page where this changes what it can count on."""
        before = self._state
        (self._missing.add if missing else self._missing.discard)(what)
        if self._state != before:
            await self._events.put(self._state)

    async def _watch_study(self) -> None:
        """Says `changed` when the study's line in the list changes, or any line of the list;
        `lost` while there is none.

        The first look counts as a change: the page may be older than the watch. After a change it
        rests longer: while records come in a flood, no page should be fetched five times a second.
        """
        last: tuple[StudyEntry, ...] | None = None
        while True:
            rest = self._pace.seconds
            try:
                lines = await self._lines()
            except KeyRefused:
                await self._events.put("signed-out")
                return
            except UpstreamError:
                last = None
                await self._found("lost", missing=True)
            else:
                await self._found("lost", missing=False)
                if lines != last:
                    await self._events.put("changed")
                    rest = max(rest, LONGEST_SECONDS)
                last = lines
            if not self._signed_in():
                await self._events.put("signed-out")
                return
            await asyncio.sleep(rest)

    async def _lines(self) -> tuple[StudyEntry, ...]:
        lines = await self._upstream.studies(self._key)
        if self._study is not None:
            lines = tuple(line for line in lines if line.study == self._study)
            if not lines:
                raise NotFound
        return lines

    async def _watch_alerts(self) -> None:
        """Says `changed` at every change of an alert, and where the stream begins or breaks;
        `alerts-lost` while there is none, or the notifier says that it is not looking.

        A stream that ends in order is asked for again at once: whether alerts are missing is not
        known until then.
        """
        clock = asyncio.get_running_loop().time
        answering = True
        while True:
            next_try = clock() + RECONNECT_SECONDS
            try:
                async with self._upstream.alert_stream(self._key, self._study) as stream:
                    answering = True
                    await self._found("alerts-lost", missing=False)
                    await self._events.put("changed")
                    async for name in stream:
                        await self._found("alerts-lost", missing=name == BEHIND)
                        if name in NEWS:
                            await self._events.put("changed")
            except Unavailable:
                await self._found("alerts-lost", missing=True)
                if answering:
                    await self._events.put("changed")
                answering = False
            except UpstreamError:
                return
            await asyncio.sleep(next_try - clock())
