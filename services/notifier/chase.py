"""Chases alerts that nobody acknowledges, sends digests and weekly tests: whatever has a due time.

Each turn takes rows that are due, queues what they stand for and settles them, in one transaction:
a process that is killed has either done a step or left it to the next one. What is late is done
late, once; reminders count from when the one before was queued, so a clock that jumps ahead brings
one of them and not a shower.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from services.notifier.climbing import Climb
from services.notifier.duetimes import arm_digest, arm_weekly_test, step_of
from services.notifier.inforce import in_force
from services.notifier.routing import Told
from services.notifier.store import alerts, dues, notes
from services.notifier.store.alerts import NewAlert
from services.notifier.telling import Telling, fire_test, tell
from services.notifier.watch import Watch
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.5
AUDIT_SECONDS = 30.0
CURRENT_SECONDS = 60.0
BATCH = 500


class Chase:
    """A thread that does what is due, and one more for ladders: while rows of the one are written,
    the other works out its own. Any number of processes may run one."""

    def __init__(
        self,
        *,
        engine: Engine,
        bus: Bus,
        clock: Clock,
        watch: Watch | None = None,
        on_worked: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_worked` is called once steps are committed: there is something to send."""
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._watch = watch
        self._on_worked = on_worked
        self._audited: float | None = None
        self._polling = Polling("chase", self._turn, on_error=_failed)
        self._helping = Polling("chase-helper", self._help, on_error=_failed)

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts chasing."""
        self._polling.start()
        self._helping.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Finishes the transactions under way. False if they did not end within `timeout` each."""
        return all([self._polling.stop(timeout), self._helping.stop(timeout)])

    @property
    def current(self) -> bool:
        """True while both threads run and have lately worked what is due."""
        return all(one.ready(CURRENT_SECONDS) for one in (self._polling, self._helping))

    def _turn(self) -> float:
        if self.run_once():
            return 0.0
        if self._audited is None or time.monotonic() - self._audited >= AUDIT_SECONDS:
            self.audit()
            self._audited = time.monotonic()
        return POLL_SECONDS

    def _help(self) -> float:
        return 0.0 if self._steps() else POLL_SECONDS

    def run_once(self) -> int:
        """One batch of what is due, in the caller's thread; how many rows were worked."""
        return self._steps() or self._digest() or self._weekly_test()

    # -- ladders --------------------------------------------------------------------------------

    def _steps(self) -> int:
        now = self._clock.now()
        with self._engine.begin() as conn:
            taken = dues.take_steps(conn, now, BATCH)
            if taken:
                Climb(conn, self._bus, now).work(taken)
        if taken:
            self._bus.wake()
            self._on_worked()
        return len(taken)

    # -- digests and tests ----------------------------------------------------------------------

    def _digest(self) -> int:
        now = self._clock.now()
        with self._engine.begin() as conn:
            due = dues.take(conn, "digest", now)
            if due is None:
                return 0
            _send_digest(conn, self._bus, due.study, now)
            dues.settle(conn, [due.id], now)
        return 1

    def _weekly_test(self) -> int:
        now = self._clock.now()
        with self._engine.begin() as conn:
            due = dues.take(conn, "weekly_test", now)
            if due is None:
                return 0
            dues.settle(conn, [due.id], now)
            rules = in_force(conn, due.study)
            if rules.routing is not None and rules.routing.weekly_test is not None:
                fire_test(conn, self._bus, rules, now)
                arm_weekly_test(conn, rules.routing, now)
        return 1

    # -- the auditor ----------------------------------------------------------------------------

    def audit(self) -> int:
        """Finds what should wait for its time and does not, and sets it going again; how many."""
        now = self._clock.now()
        with self._engine.begin() as conn:
            found = dues.pull(conn, now)
            stuck = dues.stuck(conn)
            dues.add(
                conn,
                [
                    step_of(alert, stuck[alert.id] + 1, now, timedelta())
                    for alert in alerts.by_ids(conn, stuck)
                ],
            )
            for study in notes.stranded(conn):
                rules = in_force(conn, study)
                if rules.routing is None or rules.routing.digest is None:
                    _send_digest(conn, self._bus, study, now)
                else:
                    arm_digest(conn, rules.routing, now)
            if self._watch is not None:
                self._watch.look(conn, now)
        if found or stuck:
            log.warning("due times mended", pulled=found, stuck=len(stuck))
        return found + len(stuck)


def _failed(error: Exception) -> None:
    log.warning("what is due cannot be worked", exc_info=error)


def _send_digest(conn: Connection, bus: Bus, study: str, now: datetime) -> None:
    """One message to each subscriber and channel about all that was held back."""
    rules = in_force(conn, study)
    name = uuid.uuid4().hex
    (alert,) = alerts.insert(
        conn,
        [
            NewAlert(
                id=name,
                study=study,
                kind="digest",
                signal_id=f"digest-{name}",
                severity="info",
                alias=rules.alias,
                synthetic=rules.synthetic,
                routing_version=rules.version,
                raised_at=now,
            )
        ],
    )
    ways = {
        (one.subscriber, one.channel): Told(one.subscriber, one.channel, one.address, "digest")
        for one in notes.gather(conn, study, alert.id)
    }
    tell(conn, bus, [Telling(alert, list(ways.values()))], now)
