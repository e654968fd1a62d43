"""A process of its own that sends what is due, to be killed by a test."""

from __future__ import annotations

import os
import threading

from services.notifier.channels.email import EmailSender
from services.notifier.channels.webhook import WebhookSender
from services.notifier.outreach import Outreach, Patience
from shared.runtime.clock import SystemClock
from shared.runtime.db import create_engine
from shared.runtime.postgres_bus import PostgresBus


def main() -> None:
    """Sends until killed."""
    engine = create_engine(os.environ["DATABASE_URL"], application_name="victim")
    clock = SystemClock()
    outreach = Outreach(
        engine=engine,
        bus=PostgresBus(engine),
        clock=clock,
        senders={
            "email": EmailSender(None, sender="vigil@example.org", clock=clock),
            "webhook": WebhookSender(clock=clock, trusted_hosts=("127.0.0.1",), timeout=30),
        },
        public_url="https://vigil.example.org",
        patience=Patience(lease_seconds=2.0),
    )
    outreach.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
