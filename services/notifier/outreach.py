"""Sends what is due, tries again what failed, and writes down every answer.

A try is three steps: claim the delivery in one transaction (a lease and a line in its log), send
outside any transaction, settle in another. A process that dies in between leaves a lease that runs
out, and the delivery is tried again under the same id: at least once, and a repeat can be told.

One thread claims and settles, whatever there is together; each send has a thread of its own.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from services.notifier import wording
from services.notifier.channels import Outcome, Sender, shortened
from services.notifier.measures import Measures
from services.notifier.routing import URGENT
from services.notifier.store import alerts, deliveries, pictures, routings
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Delivery, Settlement, State
from services.notifier.store.pictures import Picture
from services.notifier.telling import receipt, shows_chart, urgency_of
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.db import is_outage
from shared.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
STOP_SECONDS = 3.0
"""How long a stop waits for tries under way, after open streams were cut: under 10 s in all."""

POINTLESS = Outcome(
    False, "not sent: acknowledged, no longer standing, or outrun by a later reminder"
)

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


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to try, and what its message is made of. `outdates`: the mail before
    it was to show a chart."""

    delivery: Delivery
    alert: Alert | None
    secrets: tuple[str, ...]
    pointless: bool
    picture: Picture | None
    outdates: bool


class Outreach:
    """A thread that claims and settles, and a few that send. Any number of processes may run it."""

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
        self._finished: deque[tuple[Delivery, Outcome]] = deque()
        self._bell = threading.Event()
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
        self._bell.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.alive

    def wake(self) -> None:
        """Something may be due: look at once. What other processes queue is found by looking."""
        self._bell.set()

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        wait = POLL_SECONDS
        while not self._stopping.is_set() or self._lanes.total():
            self._bell.clear()
            try:
                self._settle_finished()
                while claimed := self._claim():
                    for one in claimed:
                        self._begin(one)
                wait = POLL_SECONDS
            except Exception as error:  # whatever it is, the next turn tries again
                log.warning("deliveries cannot be claimed or settled", exc_info=error)
                wait = min(wait * 2, LONGEST_BACKOFF_SECONDS)
            self._bell.wait(wait)

    def _begin(self, claimed: Claimed) -> None:
        """Tries in a thread of its own. Not a pool's: the interpreter waits for those at its end,
        and a receiver that hangs would decide when this process may stop."""
        threading.Thread(
            target=self._try, args=(claimed,), name="outreach-send", daemon=True
        ).start()

    def run_once(self) -> Delivery | None:
        """One try of one due delivery, in the caller's thread; None if nothing is due."""
        claimed = self._claim(1)
        for one in claimed:
            self._try(one)
            self._settle_finished()
        return claimed[0].delivery if claimed else None

    # -- claiming -------------------------------------------------------------------------------

    def _claim(self, most: int | None = None) -> list[Claimed]:
        """As many due deliveries as there is room for; what is urgent has more."""
        free = self._parallel - self._lanes.total()
        room = free if free > 0 else free + RESERVE
        if self._stopping.is_set() or room <= 0:
            return []
        now = self._clock.now()
        with self._engine.begin() as conn:
            found = deliveries.claim(
                conn,
                now=now,
                lease=uuid.uuid4().hex,
                seconds=self._patience.lease_seconds,
                most=most or room,
                taken=self._lanes,
                per_lane=self._per_lane,
                reserved=MOST,
                least=LEAST if free > 0 else MOST,
            )
            claimed = list(_with_contents(conn, found, now))
        self._lanes.update(one.lane for one in found)
        return claimed

    # -- sending --------------------------------------------------------------------------------

    def _try(self, claimed: Claimed) -> None:
        self._finished.append((claimed.delivery, self._send(claimed)))
        self._bell.set()

    def _send(self, claimed: Claimed) -> Outcome:
        if claimed.alert is None:
            return Outcome(False, "not sent: the alert cannot be read")
        if claimed.pointless:
            return POINTLESS
        channel = claimed.delivery.channel
        try:
            message = wording.outgoing(
                claimed.alert,
                claimed.delivery,
                public_url=self._public_url,
                secrets=claimed.secrets,
                picture=claimed.picture,
                outdates=claimed.outdates,
            )
            return self._senders[channel].send(message)
        except Exception as error:  # a defect in a channel must not end the others' sending
            log.error("channel failed", channel=channel, exc_info=error)
            return Outcome(False, shortened(f"not sent: {describe(error)}"))

    # -- settling -------------------------------------------------------------------------------

    def _settle_finished(self) -> None:
        """Writes outcomes down, together; where that fails, one by one. Those that an outage keeps
        from it are kept for the next turn; one that cannot be written at all is tried again when
        its lease has run out."""
        together = True
        while self._finished:
            tries = list(self._finished) if together else [self._finished[0]]
            try:
                with self._engine.begin() as conn:
                    settled = self._settle(conn, tries)
            except Exception as error:
                if is_outage(error):
                    raise
                if len(tries) > 1:
                    together = False
                    continue
                log.warning("the outcome of a try is not recorded", exc_info=error)
                settled = []
            for one in settled:
                self._measures.tried(one.delivery.channel, one.state)
            for _ in tries:
                self._finished.popleft()
            self._lanes -= Counter(delivery.lane for delivery, _ in tries)
            self._bus.wake()

    def _settle(
        self, conn: Connection, tries: Sequence[tuple[Delivery, Outcome]]
    ) -> list[Settlement]:
        now = self._clock.now()
        settled = [self._settlement(delivery, outcome, now) for delivery, outcome in tries]
        counting = deliveries.settle(conn, settled, now)
        self._announce(conn, [one for one in settled if one.delivery.id in counting], now)
        return settled

    def _settlement(self, delivery: Delivery, outcome: Outcome, now: datetime) -> Settlement:
        state = self._state(delivery, outcome, now - delivery.began_at)
        due_at = now + self._wait(delivery, outcome)
        return Settlement(
            delivery, state, outcome.answer, due_at, None if state == "failed" else now
        )

    def _state(self, delivery: Delivery, outcome: Outcome, tried_for: timedelta) -> State:
        if outcome.delivered:
            return "sent"
        if outcome == POINTLESS:
            return "cancelled"
        is_over = self._patience.is_over(delivery.severity, tried_for, delivery.attempts)
        return "given_up" if is_over else "failed"

    def _announce(self, conn: Connection, settled: Sequence[Settlement], now: datetime) -> None:
        steps = [
            receipt(one.delivery, one.state, one.delivery.attempts, now, one.answer)
            for one in settled
        ]
        self._bus.publish(conn, steps)
        told = [one for one in settled if one.state != "failed" or one.delivery.attempts == 1]
        alerts.note_changes(
            conn,
            [(one.delivery.study, one.delivery.alert, f"delivery.{one.state}") for one in told],
        )
        for one in settled:
            if one.state == "given_up":
                severity = one.delivery.severity
                log.error("delivery given up", delivery=one.delivery.id, severity=severity)

    def _wait(self, delivery: Delivery, outcome: Outcome) -> timedelta:
        asked = timedelta(seconds=outcome.retry_after or 0)
        tried = delivery.attempts - delivery.attempts_before
        return max(asked, self._patience.delay(tried, self._jitter()))


def _with_contents(conn: Connection, found: Sequence[Delivery], now: datetime) -> Iterator[Claimed]:
    if not found:
        return
    told = {alert.id: alert for alert in alerts.by_ids(conn, {one.alert for one in found})}
    keys = routings.secrets_of(conn, {(one.study, one.subscriber) for one in found})
    mailed = {one.alert for one in found if one.channel == "email"}
    shown, outdated = _charts(conn, [told[name] for name in mailed if name in told], now)
    for one in found:
        alert, key = told.get(one.alert), keys.get((one.study, one.subscriber))
        secrets = () if key is None else tuple(k for k in (key.secret, key.previous) if k)
        yield Claimed(
            delivery=one,
            alert=alert,
            secrets=secrets,
            pointless=_is_pointless(conn, alert, one),
            picture=shown.get(one.alert) if one.channel == "email" else None,
            outdates=one.channel == "email" and one.alert in outdated,
        )


def _charts(
    conn: Connection, mailed: Sequence[Alert], now: datetime
) -> tuple[dict[str, Picture], set[str]]:
    """What mails show, by alert; and those alerts that follow up one whose mail was to show it."""
    showing = [one.id for one in mailed if shows_chart(one)]
    followed = {one.supersedes for one in mailed if one.supersedes is not None}
    shown = pictures.settled(conn, showing, now) if showing else {}
    outdated = pictures.earlier(conn, followed) if followed else set()
    return shown, {one.id for one in mailed if one.supersedes in outdated}


def _is_pointless(conn: Connection, alert: Alert | None, delivery: Delivery) -> bool:
    """Somebody has taken the alert on; or a reminder that keeps failing is outrun by the next, so
    that a server that comes back is not met by a day's worth of them."""
    if alert is None or not delivery.chases:
        return False
    failed_before = delivery.attempts > delivery.attempts_before + 1
    return alert.state != "open" or (failed_before and deliveries.is_outrun(conn, delivery))
