"""What both files of outreach tests use: how deliveries stand, and a channel that says no."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.channels import Outcome
from services.notifier.outreach import Outreach, Patience
from services.notifier.store import deliveries
from services.notifier.store.deliveries import Attempt, Delivery

NO = Outcome(False, "500 not now")
QUICK = Patience(first=timedelta(seconds=10), longest=timedelta(seconds=60))


def the_delivery(engine: Engine, channel: str = "email") -> Delivery:
    """The only delivery of a channel."""
    with engine.connect() as conn:
        found = conn.execute(
            sa.text("SELECT id FROM notifier.delivery WHERE channel = :channel"),
            {"channel": channel},
        ).scalar_one()
        delivery = deliveries.by_id(conn, found)
        assert delivery is not None
        return delivery


def log_of(engine: Engine, delivery: Delivery) -> list[Attempt]:
    """The delivery's log."""
    with engine.connect() as conn:
        return deliveries.log_of(conn, [delivery.id])[delivery.id]


def send_all(sending: Outreach) -> None:
    """Tries everything that is due, in the caller's thread."""
    while sending.run_once():
        continue
