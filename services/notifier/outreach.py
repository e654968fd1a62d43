"""Sends what is due, tries again what failed, and writes down every answer.

A try is three steps: claim the delivery in one transaction (a lease and a line in its log), send
outside any transaction, settle in another. A process that dies in between leaves a lease that runs
out, and the delivery is tried again under the same id: at least once, and a repeat can be told.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, Engine

from services.notifier import wording
from services.notifier.channels import Outcome, Sender, shortened
from services.notifier.measures import Measures
from services.notifier.routing import URGENT
from services.notifier.store import alerts, deliveries, routings
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Attempt, Delivery, State
from services.notifier.telling import receipt, urgency_of
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
STOP_SECONDS = 3.0
"""How long a stop waits for tries under way, after open streams were cut: under 10 s in all."""


CANCELLED = "not sent: acknowledged, no longer standing, or outrun by a later reminder"

DAYS: Mapping[str, int] = {"info": 1, "notice": 2, "warning": 5}
"""For how long deliveries of a severity are tried; those of others until they arrive."""

MOST = max(map(urgency_of, URGENT))
LEAST = 9
RESERVE = 2
"""Sends that only urgent and critical deliveries may begin while all others are taken."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a delivery is tried. Defaults: first retry after about 5 s, then
    doubling to at most 15 minutes; `days` by severity, without end for those left out, and never
    fewer than `fewest` tries: a clock that jumps a day ahead has not tried for a day."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=15)
    days: Mapping[str, int] = field(default_factory=lambda: DAYS)
    fewest: int = 20
    lease_seconds: float = 30.0

    def is_over(self, severity: str, tried_for: timedelta, tries: int) -> bool:
        """Whether a delivery that has failed for so long and so often is given up."""
        if severity not in self.days or tries < self.fewest:
            return False
        return tried_for >= timedelta(days=self.days[severity])

    def delay(self, tried: int, fraction: float) -> timedelta:
        """The wait after the `tried`-th failure: half of it fixed, half by `fraction` in [0, 1),
        so that many failures do not come back at once."""
        whole = min(self.longest, self.first * 2.0 ** min(tried - 1, 30))
        return whole * (0.5 + fraction / 2)


class Outreach:
    """A thread that claims and a few that send. Any number of processes may run one."""

    def __init__(
        self,
        *,
        engine: Engine,
        bus: Bus,
        clock: Clock,
        senders: Mapping[str, Sender],
        public_url: str,
        patience: Patience | None = None,
        measures: Measures | None = None,
        jitter: Callable[[], float] = random.random,
        parallel: int = 8,
        per_lane: int = 4,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._senders = senders
        self._public_url = public_url
        self._patience = patience or Patience()
        self._measures = measures or Measures()
        self._jitter = jitter
        self._parallel = parallel
        self._per_lane = per_lane
        self._lanes: Counter[str] = Counter()
        self._guard = threading.Condition()
        self._finished = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts sending."""
        self._thread = threading.Thread(target=self._run, name="outreach", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Lets the tries under way finish. False if they did not within `timeout`: then they end
        with the process, and their leases run out."""
        self._stopping.set()
        self._finished.set()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._guard:
            idle = self._guard.wait_for(lambda: not self._lanes.total(), timeout)
        return idle and not self.alive

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        wait = POLL_SECONDS
        while not self._stopping.is_set():
            self._finished.clear()
            try:
                while (delivery := self._claim()) is not None:
                    self._begin(delivery)
                wait = POLL_SECONDS
            except Exception as error:  # whatever it is, the next turn tries again
                log.warning("deliveries cannot be claimed", exc_info=error)
                wait = min(wait * 2, LONGEST_BACKOFF_SECONDS)
            self._finished.wait(wait)

    def _begin(self, delivery: Delivery) -> None:
        """Tries in a thread of its own. Not a pool's: the interpreter waits for those at its end,
        and a receiver that hangs would decide when this process may stop."""
        threading.Thread(
            target=self._try_and_report, args=(delivery,), name="outreach-send", daemon=True
        ).start()

    def _try_and_report(self, delivery: Delivery) -> None:
        """A try whose outcome cannot be written: its lease runs out and it is tried again."""
        try:
            self._try(delivery)
        except Exception as error:
            log.warning("the outcome of a try is not recorded", exc_info=error)

    def _room(self) -> int:
        """The least urgent delivery there is room for: 0 where there is none."""
        with self._guard:
            free = self._parallel - self._lanes.total()
        if self._stopping.is_set() or free <= -RESERVE:
            return 0
        return LEAST if free > 0 else MOST

    def run_once(self) -> Delivery | None:
        """One try of one due delivery, in the caller's thread; None if nothing is due."""
        delivery = self._claim()
        if delivery is not None:
            self._try(delivery)
        return delivery

    # -- one try --------------------------------------------------------------------------------

    def _claim(self) -> Delivery | None:
        least = self._room()
        if not least:
            return None
        now = self._clock.now()
        with self._guard:
            taken = dict(self._lanes)
        with self._engine.begin() as conn:
            delivery = deliveries.claim(
                conn,
                now=now,
                lease=uuid.uuid4().hex,
                seconds=self._patience.lease_seconds,
                busy=[lane for lane, n in taken.items() if n >= self._per_lane],
                full=[lane for lane, n in taken.items() if n > self._per_lane],
                reserved=MOST,
                least=least,
            )
        if delivery is not None:
            with self._guard:
                self._lanes[delivery.lane] += 1
        return delivery

    def _try(self, delivery: Delivery) -> None:
        try:
            outcome = self._send(delivery)
            with self._engine.begin() as conn:
                self._settle(conn, delivery, outcome)
            self._bus.wake()
        finally:
            with self._guard:
                self._lanes[delivery.lane] -= 1
                self._guard.notify_all()
            self._finished.set()

    def _send(self, delivery: Delivery) -> Outcome | None:
        """None: it has become pointless."""
        with self._engine.connect() as conn:
            alert = alerts.by_id(conn, delivery.alert)
            key = routings.secret_of(conn, delivery.study, delivery.subscriber)
            if alert is None:
                return Outcome(False, "not sent: the alert cannot be read")
            if delivery.chases and _is_pointless(conn, alert, delivery):
                return None
        keys = () if key is None else tuple(k for k in (key.secret, key.previous) if k)
        message = wording.outgoing(alert, delivery, public_url=self._public_url, secrets=keys)
        try:
            return self._senders[delivery.channel].send(message)
        except Exception as error:  # a defect in a channel must not end the others' sending
            log.error("channel failed", channel=delivery.channel, exc_info=error)
            return Outcome(False, shortened(f"not sent: {describe(error)}"))

    def _settle(self, conn: Connection, delivery: Delivery, outcome: Outcome | None) -> None:
        now = self._clock.now()
        outcome = outcome or Outcome(False, CANCELLED)
        state = self._state(delivery, outcome, now - delivery.began_at)
        settled_at = None if state == "failed" else now
        due_at = now + self._wait(delivery, outcome)
        counts = deliveries.settle(conn, delivery, state, due_at=due_at, at=settled_at)
        step = "sent" if outcome.delivered else "failed"
        deliveries.log_attempt(
            conn, delivery.id, Attempt(delivery.attempts, step, outcome.answer, now)
        )
        self._measures.tried(delivery.channel, state)
        if counts:
            self._announce(conn, delivery, state, outcome)

    def _state(self, delivery: Delivery, outcome: Outcome, tried_for: timedelta) -> State:
        if outcome.delivered:
            return "sent"
        if outcome.answer == CANCELLED:
            return "cancelled"
        is_over = self._patience.is_over(delivery.severity, tried_for, delivery.attempts)
        return "given_up" if is_over else "failed"

    def _announce(
        self, conn: Connection, delivery: Delivery, state: State, outcome: Outcome
    ) -> None:
        now = self._clock.now()
        self._bus.publish(conn, [receipt(delivery, state, delivery.attempts, now, outcome.answer)])
        if state != "failed" or delivery.attempts == 1:
            alerts.note_change(conn, delivery.study, delivery.alert, f"delivery.{state}")
        if state == "given_up":
            log.error("delivery given up", delivery=delivery.id, severity=delivery.severity)

    def _wait(self, delivery: Delivery, outcome: Outcome) -> timedelta:
        asked = timedelta(seconds=outcome.retry_after or 0)
        tried = delivery.attempts - delivery.attempts_before
        return max(asked, self._patience.delay(tried, self._jitter()))


def _is_pointless(conn: Connection, alert: Alert, delivery: Delivery) -> bool:
    """Somebody has taken the alert on; or a reminder that keeps failing is outrun by the next, so
    that a server that comes back is not met by a day's worth of them."""
    failed_before = delivery.attempts > delivery.attempts_before + 1
    return alert.state != "open" or (failed_before and deliveries.is_outrun(conn, delivery))
