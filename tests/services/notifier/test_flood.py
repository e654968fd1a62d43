"""A flood of what is harmless never holds up what is grave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from services.notifier.channels import Outcome, Outgoing
from services.notifier.outreach import Outreach
from shared.contracts.signals import SignalType
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.worker import Worker
from tests.services.notifier.ladder_support import count
from tests.services.notifier.support import (
    FakeSender,
    as_message,
    set_routing,
    signal,
    signals_worker,
    wait_for,
)

FLOOD = 5000
SECONDS = 5.0
ALERTS = "SELECT count(*) FROM notifier.alert"


class _Slow(FakeSender):
    """A mail server that takes its time over everything that is not critical."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def send(self, message: object) -> Outcome:
        outcome = super().send(message)  # type: ignore[arg-type]
        if "CRITICAL" not in self.sent[-1].subject and not self.released.wait(300):
            return Outcome(False, "never released")
        return outcome


def _critical(mail: FakeSender) -> list[Outgoing]:
    return [message for message in mail.sent if message.data["severity"] == "critical"]


def test_after_5000_of_grade_1_a_grade_5_leaves_within_seconds_and_alone(
    engine: Engine,
    bus: PostgresBus,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
) -> None:
    """Everything else hangs: the mail server holds every place that lesser alerts may take."""
    set_routing(engine)
    mail = _Slow()
    sending = outreach(sender=mail)
    with engine.begin() as conn:
        flood = [signal(SignalType.TOXICITY_SEVERE, severity="info") for _ in range(FLOOD)]
        bus.publish(conn, [as_message(one) for one in flood])
    worker: Worker = signals_worker(engine, bus, manual_clock)
    worker.start()
    sending.start()
    try:
        wait_for(lambda: count(engine, ALERTS) == FLOOD, 100)
        wait_for(lambda: len(mail.sent) >= 4)
        began = time.monotonic()
        with engine.begin() as conn:
            bus.publish(conn, [as_message(signal(SignalType.DEATH, severity="critical"))])
        wait_for(lambda: len(_critical(mail)) == 2, 60)
        took = time.monotonic() - began
    finally:
        mail.released.set()
        worker.stop()
        sending.stop()
    assert {m.address for m in _critical(mail)} == {
        "monitor@example.org",
        "https://desk.example.org/hook",
    }
    assert all("CRITICAL safety signal" in m.subject for m in _critical(mail))
    assert took < SECONDS
