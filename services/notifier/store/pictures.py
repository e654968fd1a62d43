"""The chart of an alert's mails: wanted with the first of them, then drawn or missed for ever.

One for each alert, so that everybody who is told sees the same. What is settled never changes: the
first try of a mail settles it, and every later try and reminder says what that one said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

Why = Literal["late", "nothing", "no-key", "refused", "failed", "too-large"]
"""Why there is none: it did not come in time, there is nothing to draw, the notifier has no key to
the monitor or one that does not let it read the study, something failed, or it is too large."""

MANY_LATE = 3
"""So many that came too late, and none in time, are somebody's matter."""

_WANT = sa.text(
    "INSERT INTO notifier.picture (alert, urgency, wanted_at)"
    " SELECT alert, urgency, :now FROM unnest(CAST(:alerts AS text[]), CAST(:urgencies AS int[]))"
    " AS wanted (alert, urgency) ON CONFLICT (alert) DO NOTHING"
)
_WAITING = sa.text(
    "SELECT alert FROM notifier.picture WHERE alert = ANY(:alerts) AND state = 'wanted'"
)
# The lease runs on the database's clock, which moves even while the service's stands still.
_TAKE = sa.text(
    "UPDATE notifier.picture SET lease_until = clock_timestamp() + make_interval(secs => :seconds)"
    " WHERE alert = (SELECT alert FROM notifier.picture WHERE state = 'wanted'"
    " AND (lease_until IS NULL OR lease_until < clock_timestamp())"
    " ORDER BY urgency, wanted_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING alert"
)
# In the order in which a claim takes them, deliveries before pictures, so that neither waits for
# the other; a mail that has been tried already is not told apart here but by the picture's state.
_LOCK = sa.text(
    "SELECT id FROM notifier.delivery WHERE alert = :alert AND channel = 'email'"
    " AND state = 'pending' AND due_at > :now ORDER BY id FOR UPDATE"
)
_SETTLE = sa.text(
    "UPDATE notifier.picture SET state = :state, why = :why, settled_at = :now, png = :png,"
    " words = :words, digest = :digest WHERE alert = :alert AND state = 'wanted'"
)
_RELEASE = sa.text("UPDATE notifier.delivery SET due_at = :now WHERE id = ANY(:ids)")
_FREEZE = sa.text(
    "WITH late AS (SELECT alert FROM notifier.picture WHERE alert = ANY(:alerts)"
    " AND state = 'wanted' ORDER BY alert FOR UPDATE)"
    " UPDATE notifier.picture SET state = 'missed', why = 'late', settled_at = :now"
    " FROM late WHERE picture.alert = late.alert"
)
_OF = sa.text(
    "SELECT alert, why, png, words FROM notifier.picture"
    " WHERE alert = ANY(:alerts) AND state <> 'wanted'"
)
_EARLIER = sa.text(
    "SELECT signal_id FROM notifier.alert JOIN notifier.picture ON picture.alert = alert.id"
    " WHERE signal_id = ANY(:signals)"
)
# Some that came too late are what a start or a flood of alerts leaves.
_MISSED = sa.text(
    "WITH lately AS (SELECT study, why, picture.state FROM notifier.picture JOIN notifier.alert"
    " ON alert.id = picture.alert WHERE settled_at > :since AND study = ANY(:studies))"
    " SELECT study, why, count(*) AS n FROM lately WHERE state = 'missed' AND why <> 'nothing'"
    " AND (why <> 'late' OR NOT EXISTS (SELECT FROM lately AS other"
    " WHERE other.study = lately.study AND other.state = 'drawn'))"
    " GROUP BY study, why HAVING why <> 'late' OR count(*) >= :many ORDER BY study, why"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is of it: a PNG and what it shows in words, or why there is none."""

    why: Why | None
    png: bytes | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture to be kept; `digest` names the specification of each chart in it, as its page draws
    it."""

    png: bytes
    words: str
    digest: str


def want(conn: Connection, alerts: Sequence[tuple[str, int]], now: datetime) -> set[str]:
    """Asks for the pictures of alerts, each with its urgency; those that are not settled yet."""
    names = [alert for alert, _ in alerts]
    urgencies = [urgency for _, urgency in alerts]
    conn.execute(_WANT, {"alerts": names, "urgencies": urgencies, "now": now})
    return set(conn.execute(_WAITING, {"alerts": names}).scalars())


def take(conn: Connection, seconds: float) -> str | None:
    """The most urgent alert that waits for its picture, for `seconds` nobody else's."""
    found: str | None = conn.execute(_TAKE, {"seconds": seconds}).scalar_one_or_none()
    return found


def settle(conn: Connection, alert: str, outcome: Drawn | Why, now: datetime) -> bool:
    """Keeps the picture, or why there is none, and lets the mails leave that waited for it; False
    where one has left already, without."""
    waiting = conn.execute(_LOCK, {"alert": alert, "now": now}).scalars().all()
    values: dict[str, object] = {"png": None, "words": None, "digest": None, "why": None}
    if isinstance(outcome, Drawn):
        values |= {"png": outcome.png, "words": outcome.words, "digest": outcome.digest}
    else:
        values["why"] = outcome
    values["state"] = "drawn" if isinstance(outcome, Drawn) else "missed"
    settled = conn.execute(_SETTLE, {**values, "alert": alert, "now": now}).rowcount == 1
    conn.execute(_RELEASE, {"ids": waiting, "now": now})
    return settled


def settled(conn: Connection, alerts: Collection[str], now: datetime) -> dict[str, Picture]:
    """What the mails of these alerts show, from now on: a picture that is not there yet is missed.

    The caller's transaction must not be forgotten then, or the next try could say something else.
    """
    names = {"alerts": list(alerts)}
    if conn.execute(_FREEZE, {**names, "now": now}).rowcount:
        conn.execute(sa.text("SET LOCAL synchronous_commit TO DEFAULT"))
    rows = conn.execute(_OF, names)
    return {row.alert: Picture(row.why, row.png, row.words or "") for row in rows}


def earlier(conn: Connection, signals: Collection[str]) -> set[str]:
    """Those of the signals whose mails were to show a chart."""
    return set(conn.execute(_EARLIER, {"signals": list(signals)}).scalars())


def missed(conn: Connection, studies: Sequence[str], since: datetime) -> dict[tuple[str, str], int]:
    """How many alerts' pictures were missed since a moment, by study and reason, as far as somebody
    should look into it."""
    rows = conn.execute(_MISSED, {"studies": list(studies), "since": since, "many": MANY_LATE})
    return {(row.study, row.why): row.n for row in rows}
