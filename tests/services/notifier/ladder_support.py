"""A routing with a roster and a ladder, and what the tests of chasing look at."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.chase import Chase
from tests.services.notifier.support import STUDY

LADDERED = f"""\
study: {STUDY}
time_zone: Europe/Berlin
recipients:
  - {{name: dr-a, channel: email, address: a@example.org, deputy: lead}}
  - {{name: dr-b, channel: email, address: b@example.org}}
  - {{name: lead, channel: email, address: lead@example.org}}
  - {{name: safety-desk, channel: webhook, address: "https://desk.example.org/hook"}}
rosters:
  - {{name: monitors, people: [dr-a, dr-b]}}
rules:
  - {{name: all, tell: [monitors]}}
ladders:
  - name: urgent
    severities: [urgent, critical]
    steps:
      - {{after: 15m, tell: repeat}}
      - {{after: 30m, tell: next}}
      - {{after: 45m, tell: deputy}}
      - {{after: 1h, tell: [safety-desk]}}
      - {{after: 90m, tell: everyone}}
    again_every: 4h
"""

CLIMB = [
    (0, {"dr-a"}),
    (15, {"dr-a"}),
    (30, {"dr-b"}),
    (45, {"lead"}),
    (60, {"safety-desk"}),
    (90, {"dr-a", "dr-b", "lead", "safety-desk"}),
    (90 + 240, {"dr-a", "dr-b", "lead", "safety-desk"}),
    (90 + 480, {"dr-a", "dr-b", "lead", "safety-desk"}),
]
"""Minutes after the alert, and who is told then."""


def told(engine: Engine, step: int | None = None) -> set[str]:
    """Who was told, outside the inbox, at a step or at all."""
    query = "SELECT DISTINCT subscriber FROM notifier.delivery WHERE channel <> 'inbox'"
    query += "" if step is None else " AND step = :step"
    with engine.connect() as conn:
        return set(conn.execute(sa.text(query), {"step": step}).scalars())


def count(engine: Engine, query: str) -> int:
    """A number from the database."""
    with engine.connect() as conn:
        number: int = conn.execute(sa.text(query)).scalar_one()
        return number


def last_step(engine: Engine) -> int:
    """The highest step anybody was told at."""
    return count(engine, "SELECT max(step) FROM notifier.delivery")


def drain(chase: Chase) -> int:
    """Works everything that is due; how many rows."""
    worked = 0
    while found := chase.run_once():
        worked += found
    return worked
