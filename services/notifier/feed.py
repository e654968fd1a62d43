"""Live changes for browsers: one thread reads the database and feeds every open stream.

A client that names the last change it saw gets everything after it, from the record; so a stream
may be cut at any time, and is cut when the client reads too slowly. Where the record does not hold
the change that was seen last (a backup was restored), what came after it cannot be told: the client
is told to begin afresh.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from services.notifier.store import alerts
from services.notifier.store.alerts import Change, Position
from services.notifier.views import alert_views
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.1
PAGE = 200
CURRENT_SECONDS = 5.0
"""Without a successful look at the database for so long, streams say they are not current."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change as it is sent; `data` is JSON. Or a `reset`: what the client has is of another
    record, and `id` is where it goes on."""

    id: str
    study: str
    data: str
    name: str = "alert"


class Client:
    """An open stream. Filled from the feed's thread, read on the event loop that made it."""

    def __init__(self, studies: Collection[str], after: Position | None, most: int) -> None:
        self.studies = frozenset(studies)
        self.after = after
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._ended = False

    async def next(self, seconds: float) -> Event | None:
        """The next change. Raises TimeoutError after `seconds`; None: the stream ends."""
        return await asyncio.wait_for(self._queue.get(), seconds)

    def offer(self, event: Event | None) -> bool:
        """From any thread: hands over a change, None to end. False if the loop is gone."""
        try:
            self._loop.call_soon_threadsafe(self._put, event)
        except RuntimeError:
            return False
        return True

    def _put(self, event: Event | None) -> None:
        if self._ended:
            return
        self._ended = event is None or self._queue.qsize() >= self._most
        self._queue.put_nowait(None if self._ended else event)


class Feed:
    """The thread. It reads nothing while nobody listens.

    A client with `most_waiting` unread changes is cut; `heartbeat` is in seconds.
    """

    def __init__(
        self, engine: Engine, *, heartbeat: float = 10.0, most_waiting: int = 1000
    ) -> None:
        self.heartbeat = heartbeat
        self._engine = engine
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._clients: list[Client] = []
        self._new: list[Client] = []
        self._position: Position | None = None
        self._closed = False
        self._last_look: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts feeding."""
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Ends every stream and the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        for client in [*self._clients, *self._new]:
            client.offer(None)

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def current(self) -> bool:
        """True if the database has been looked at lately."""
        look = self._last_look
        return look is not None and time.monotonic() - look <= CURRENT_SECONDS

    def join(self, studies: Collection[str], after: Position | None) -> Client:
        """A client fed with the studies' changes after a position, or from now on. To be called
        on the event loop that will read it."""
        client = Client(studies, after, self._most_waiting)
        with self._changed:
            if self._closed:
                client.offer(None)
            else:
                self._new.append(client)
                self._changed.notify_all()
        return client

    def leave(self, client: Client) -> None:
        """Stops feeding the client."""
        with self._changed:
            for group in (self._clients, self._new):
                if client in group:
                    group.remove(client)

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            try:
                with self._engine.connect() as conn:
                    self._begin_afresh(conn)
                    self._welcome(conn)
                    self._advance(conn)
                self._last_look = time.monotonic()
            except SQLAlchemyError as error:
                log.warning("changes cannot be read", exc_info=error)

    def _wait(self) -> bool:
        """Sleeps a poll's length, or as long as nobody listens; False at the end."""
        with self._changed:
            if not self._clients and not self._new:
                self._position = None
                self._changed.wait_for(lambda: self._closed or self._new)
            else:
                self._changed.wait_for(lambda: self._closed or self._new, POLL_SECONDS)
            return not self._closed

    def _begin_afresh(self, conn: Connection) -> None:
        """Tells everybody, where the record does not hold what was read from it last."""
        if self._position is None or alerts.is_change(conn, self._position):
            return
        self._position = alerts.last_change(conn)
        with self._changed:
            clients = list(self._clients)
        for client in clients:
            client.offer(_reset(self._position))

    def _welcome(self, conn: Connection) -> None:
        """Brings new clients up to where everybody else is."""
        with self._changed:
            new = list(self._new)
        if not new:
            return
        if self._position is None:
            self._position = alerts.last_change(conn)
        for client in new:
            self._catch_up(conn, client, self._position)
            with self._changed:
                if client in self._new:
                    self._new.remove(client)
                    self._clients.append(client)

    def _catch_up(self, conn: Connection, client: Client, until: Position) -> None:
        position = client.after or until
        if client.after is not None and not alerts.is_change(conn, position):
            client.offer(_reset(until))
            return
        sent = 0
        while position < until:
            found = [c for c in alerts.changes(conn, position, PAGE) if c.position <= until]
            if not found:
                return
            for event in _events(conn, [c for c in found if c.study in client.studies]):
                client.offer(event)
                sent += 1
            position = client.after = found[-1].position
            if sent > self._most_waiting:
                client.offer(None)
                return

    def _advance(self, conn: Connection) -> None:
        """Hands everything new to everybody whose study it is."""
        if self._position is None:
            return
        while found := alerts.changes(conn, self._position, PAGE):
            with self._changed:
                clients = list(self._clients)
            wanted = frozenset().union(*(client.studies for client in clients))
            for event in _events(conn, [c for c in found if c.study in wanted]):
                self._hand_out(event, clients)
            self._position = found[-1].position

    def _hand_out(self, event: Event, clients: list[Client]) -> None:
        for client in clients:
            if event.study in client.studies and not client.offer(event):
                self.leave(client)


def _reset(until: Position) -> Event:
    return Event(str(until), "", json.dumps({"after": str(until)}), "reset")


def _events(conn: Connection, changes: list[Change]) -> list[Event]:
    """Changes with their alerts as they are now."""
    found = alerts.by_ids(conn, {change.alert for change in changes})
    views = {view.id: view.model_dump(mode="json") for view in alert_views(conn, found)}
    return [
        Event(
            str(change.position),
            change.study,
            json.dumps({"change": change.what, "alert": views[change.alert]}),
        )
        for change in changes
    ]
