"""A process of its own, to be killed by a test: it sends what is due, or stops within a step."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from services.notifier.channels.email import EmailSender
from services.notifier.channels.webhook import WebhookSender
from services.notifier.chase import Chase
from services.notifier.outreach import Outreach, Patience
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock, SystemClock
from shared.runtime.db import create_engine
from shared.runtime.postgres_bus import PostgresBus


class _Stops(PostgresBus):
    """Publishes, says so, and never comes back."""

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        super().publish(conn, messages)
        sys.stdout.write("within\n")
        sys.stdout.flush()
        threading.Event().wait()


def _send(engine: Engine) -> None:
    clock = SystemClock()
    Outreach(
        engine=engine,
        bus=PostgresBus(engine),
        clock=clock,
        senders={
            "email": EmailSender(None, sender="vigil@example.org", clock=clock),
            "webhook": WebhookSender(clock=clock, trusted_hosts=("127.0.0.1",), timeout=30),
        },
        public_url="https://vigil.example.org",
        patience=Patience(lease_seconds=2.0),
    ).start()
    threading.Event().wait()


def main() -> None:
    """Sends until killed; with a moment as argument, works what is due then and hangs in it."""
    engine = create_engine(os.environ["DATABASE_URL"], application_name="victim")
    if len(sys.argv) > 1:
        clock = ManualClock(datetime.fromisoformat(sys.argv[1]))
        Chase(engine=engine, bus=_Stops(engine), clock=clock).run_once()
    else:
        _send(engine)


if __name__ == "__main__":
    main()
